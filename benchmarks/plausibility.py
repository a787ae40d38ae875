"""Captions scored a second, as a ratio to a bare loop of the model's forward pass over the same captions.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/plausibility.py [--model package:gemma3-270m] [--repeats 5]

The bare loop reads a caption a row, sorted by length and padded, in batches of as many tokens as the scorer's; it gets
its captions tokenised and throws the logits away. The scorer tokenises, reads what captions share once, and turns
logits into log-probabilities. Two sets: captions with their negatives, and one caption of each photo.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import pyarrow as pa
import torch
from text_negatives import PARSER, read_pairs

from devices.scoring import _MOST_LOGITS, Scorer
from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from schemas.config import Compute, Describe, Text


def main() -> None:
    """Time both ways in turn and print the median ratio and its range."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", default="package:gemma3-270m")
    arguments.add_argument("--captions", type=int, default=300)
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--batch-tokens", type=int, default=2048)
    arguments.add_argument("--sets", nargs="+", default=["negatives", "unrelated"], choices=["negatives", "unrelated"])
    given = arguments.parse_args()
    scorer = Scorer(given.model, None, Compute(), given.batch_tokens)
    pairs = read_pairs(None)
    trees = "trees" if scorer.reads_trees else "rows"  # loads the model
    print(f"{given.model}, {scorer.identity[1]}, {torch.get_num_threads()} threads, read in {trees}")
    for name in given.sets:
        captions = with_negatives(pairs.slice(0, given.captions)) if name == "negatives" else unrelated(pairs)
        report(name, scorer, captions, given.repeats)


def with_negatives(pairs: pa.Table) -> list[str]:
    """Make the usable negatives of captions, up to four of an operation; returns both."""
    parses = Parsing(Describe(parser=PARSER))(pairs)
    describing = Describing(Describe())
    describing.add(parses)
    stage = TextNegatives(Text(per_operation=4), 0, describing.table(), "benchmark", PARSER)
    made = [row["caption"] for row in stage(parses).to_pylist() if row["failed_check"] is None]
    return sorted({*pairs["caption"].to_pylist(), *made})


def unrelated(pairs: pa.Table) -> list[str]:
    """Take the first caption of each image."""
    first: dict[str, str] = {}
    for image, caption in zip(pairs["image_id"].to_pylist(), pairs["caption"].to_pylist(), strict=True):
        first.setdefault(image, caption)
    return sorted(set(first.values()))


def report(name: str, scorer: Scorer, captions: list[str], repeats: int) -> None:
    """Score captions both ways, several times."""
    batches = padded(scorer, captions)
    ratios, ours, theirs = [], [], []
    for _ in range(repeats):
        theirs.append(seconds(lambda: bare(scorer, batches)))
        ours.append(seconds(lambda: scorer.score(captions)))
        ratios.append(theirs[-1] / ours[-1])
    print(
        f"{name}: {len(captions):,} captions, scorer {len(captions) / statistics.median(ours):.1f}/s, "
        f"bare loop {len(captions) / statistics.median(theirs):.1f}/s; "
        f"median ratio {statistics.median(ratios):.2f} of {' '.join(f'{ratio:.2f}' for ratio in ratios)}",
        flush=True,
    )


def padded(scorer: Scorer, captions: list[str]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Tokenise captions and batch them, short ones first; returns token ids and attention masks."""
    rows = sorted(scorer._tokens(captions), key=len)
    most = min(scorer.batch_tokens, _MOST_LOGITS // scorer._vocabulary)  # the loop has all logits of a batch
    batches = []
    while rows:
        size = next((n for n in range(1, len(rows)) if (n + 1) * len(rows[n]) > most), len(rows))
        batch, rows = rows[:size], rows[size:]
        longest = len(batch[-1])
        ids = torch.tensor([[*row, *[row[0]] * (longest - len(row))] for row in batch])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in batch])
        batches.append((ids.to(scorer._loaded.device), mask.to(scorer._loaded.device)))
    return batches


@torch.inference_mode()
def bare(scorer: Scorer, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Run the model over the batches and wait for its last logit."""
    for ids, mask in batches:
        scorer._loaded.model(input_ids=ids, attention_mask=mask, use_cache=False).logits[-1, -1, -1].item()


def seconds(work: Callable[[], object]) -> float:
    """Measure the wall time of one run."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
