"""Is it worth while to compute the prefix that originals and negatives share only once?

    python benchmarks/plausibility.py [--model package:gemma3-270m] [--repeats 9]

Plain batching against one row per original that holds all its negatives' suffixes behind it, each of them
seeing its own prefix through a 4-D attention mask. The filter batches plainly: the packed rows were 13%
faster (median of 9; Gemma 3 270M, bfloat16, two cores), which does not pay for masks and positions that
not every architecture honours. Measure again before changing that.
"""

import argparse
import time

import pyarrow as pa
import torch
from text_negatives import PARSER, read_pairs

from filters.plausibility import Plausibility, _chosen
from generators.text.lexicon import Describing
from generators.text.negatives import TextNegatives
from generators.text.parsing import Parsing
from schemas.config import Compute, Describe, Text
from schemas.config import Plausibility as Settings

MOST_TOKENS = 512
Group = tuple[str, list[int], list[tuple[str, int, list[int]]]]  # original, its tokens, (negative, shared, tokens)


def main() -> None:
    """Score 60 captions and their negatives both ways, in turn."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", default="package:gemma3-270m")
    arguments.add_argument("--repeats", type=int, default=9)
    given = arguments.parse_args()
    stage = Plausibility(Settings(model=given.model, batch_tokens=MOST_TOKENS), Compute())
    groups = tokenised(stage, negatives_of(read_pairs(None).slice(0, 60)))
    captions = sorted({caption for original, _, others in groups for caption in (original, *(o[0] for o in others))})
    stage.score(captions[:4])  # loads the model
    ratios = []
    for _ in range(given.repeats):
        started = time.perf_counter()
        plain = stage.score(captions)
        between = time.perf_counter()
        packed = score_packed(stage, groups)
        ratios.append((between - started) / (time.perf_counter() - between))
        worst = max(abs(plain[caption][0] - packed[caption]) for caption in captions)
    print(f"{len(captions)} captions; packed rows are {sorted(ratios)[len(ratios) // 2]:.2f} times as fast (median), ")
    print(f"from {min(ratios):.2f} to {max(ratios):.2f}; largest difference {worst:.4f} nats")


def negatives_of(pairs: pa.Table) -> dict[str, list[str]]:
    """Make the usable negatives of each caption."""
    parses = Parsing(Describe(parser=PARSER))(pairs)
    describing = Describing(Describe())
    describing.add(parses)
    made = TextNegatives(Text(), 0, describing.table(), "benchmark", PARSER)(parses).to_pylist()
    originals = dict(zip(pairs["pair_id"].to_pylist(), pairs["caption"].to_pylist(), strict=True))
    found: dict[str, list[str]] = {}
    for row in made:
        if row["failed_check"] is None:
            found.setdefault(originals[row["pair_id"]], []).append(row["caption"])
    return found


def tokenised(stage: Plausibility, negatives: dict[str, list[str]]) -> list[Group]:
    """Tokenise and find how much each negative shares with its original."""
    groups: list[Group] = []
    for original, others in negatives.items():
        ours, *theirs = stage._tokens([original, *others])
        several = []
        for caption, tokens in zip(others, theirs, strict=True):
            pairs = zip(ours, tokens, strict=False)
            shared = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(tokens)))
            several.append((caption, max(1, min(shared, len(tokens) - 1)), tokens))
        groups.append((original, ours, several))
    return sorted(groups, key=_length)


def _length(group: Group) -> int:
    return len(group[1]) + sum(len(tokens) - shared for _, shared, tokens in group[2])


def score_packed(stage: Plausibility, groups: list[Group]) -> dict[str, float]:
    """Score all groups in batches of packed rows."""
    scores: dict[str, float] = {}
    batch: list[Group] = []
    for group in groups:
        if batch and (len(batch) + 1) * _length(group) > MOST_TOKENS:
            _score_batch(stage, batch, scores)
            batch = []
        batch.append(group)
    _score_batch(stage, batch, scores)
    return scores


def _score_batch(stage: Plausibility, batch: list[Group], scores: dict[str, float]) -> None:
    longest = max(map(_length, batch))
    ids, positions = (torch.zeros(len(batch), longest, dtype=torch.long) for _ in range(2))
    seen = torch.eye(longest, dtype=torch.bool).repeat(len(batch), 1, 1)
    starts: list[list[int]] = []
    for row, (_, ours, others) in enumerate(batch):
        at = len(ours)
        ids[row, :at], positions[row, :at] = torch.tensor(ours), torch.arange(at)
        seen[row, :at, :at] |= torch.ones(at, at, dtype=torch.bool).tril()
        starts.append([])
        for _, shared, tokens in others:
            end = at + len(tokens) - shared
            ids[row, at:end], positions[row, at:end] = torch.tensor(tokens[shared:]), torch.arange(shared, len(tokens))
            seen[row, at:end, :shared] = True
            seen[row, at:end, at:end] |= torch.ones(end - at, end - at, dtype=torch.bool).tril()
            starts[-1].append(at)
            at = end
    model = stage._loaded.model
    mask = torch.zeros(seen.shape, dtype=model.dtype).masked_fill(~seen, torch.finfo(model.dtype).min)[:, None]
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False).logits
    for row, (original, ours, others) in enumerate(batch):
        own = _chosen(logits[row, : len(ours) - 1], ids[row, 1 : len(ours)])
        scores[original] = float(own.sum())
        for (caption, shared, tokens), at in zip(others, starts[row], strict=True):
            end = at + len(tokens) - shared
            before = [shared - 1, *range(at, end - 1)]
            scores[caption] = float(own[: shared - 1].sum() + _chosen(logits[row, before], ids[row, at:end]).sum())


if __name__ == "__main__":
    main()
