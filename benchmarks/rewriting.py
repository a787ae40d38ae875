"""Answers a second of the local writer, as a ratio to transformers' `generate` on the same prompts, and their yield.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/rewriting.py [--model package:smollm2-135m] [--captions 40]

Both are asked for the same changes of captions, in batches of as many, by length, with the same temperature and top_p,
and stop at the end of the line. The writer reads what prompts share once, leaves rows out that have ended, draws each
row from its own seed, and bars the words to change.
"""

import argparse
import statistics

import pyarrow as pa
import torch
from plausibility import seconds
from text_negatives import PARSER, read_pairs
from transformers import StoppingCriteria, StoppingCriteriaList

from devices.language_model import load_language_model
from generators.text.corpus.describing import Describing
from generators.text.corpus.facts import Facts
from generators.text.language.parsing import Parsing
from generators.text.language.sentence import Sentence
from generators.text.llm.prompts import places, prompt
from generators.text.llm.rewriting import Rewriting
from generators.text.llm.writers.base import Prompt
from generators.text.llm.writers.local import LocalWriter
from schemas.config import REWRITABLE, Compute, Describe, Rewrite, Writer
from schemas.stage import ledger_of


def main() -> None:
    """Time both ways in turn, print the median ratio and its range, then what came of the answers."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", default="package:smollm2-135m")
    arguments.add_argument("--captions", type=int, default=40)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--max-tokens", type=int, default=40)
    given = arguments.parse_args()
    settings = {"model": given.model, "max_tokens": given.max_tokens}
    writer = LocalWriter(Writer(**settings), Compute())
    parses = Parsing(Describe(parser=PARSER))(read_pairs(None).slice(0, given.captions))
    prompts = prompts_of(parses)
    writer.write(prompts[:2])  # loads the model
    print(f"{given.model}, {writer.identity[3]}, {torch.get_num_threads()} threads, {len(prompts)} prompts")
    ratios, ours, theirs = [], [], []
    for _ in range(given.repeats):
        theirs.append(seconds(lambda: generate(writer, prompts)))
        ours.append(seconds(lambda: writer.write(prompts)))
        ratios.append(theirs[-1] / ours[-1])
    print(
        f"writer {len(prompts) / statistics.median(ours):.1f} answers/s, generate "
        f"{len(prompts) / statistics.median(theirs):.1f}/s; median ratio {statistics.median(ratios):.2f} of "
        f"{' '.join(f'{ratio:.2f}' for ratio in ratios)}"
    )
    yields(writer, parses, Rewrite(**settings))


def prompts_of(parses: pa.Table) -> list[Prompt]:
    """Ask for one change of each kind in each caption."""
    asked = []
    for row in parses.to_pylist():
        sentence = Sentence.from_row(row["caption"], row["tokens"])
        for operation in REWRITABLE:
            found = places(operation, sentence, Facts([sentence]))
            asked += [prompt(place, 1) for place in found[:1]]
    return asked


class _LineEnds(StoppingCriteria):
    """Stops a row where its line ends."""

    def __init__(self, writer: LocalWriter) -> None:
        self.ends = torch.from_numpy(writer._vocabulary.ends)

    def __call__(self, input_ids: torch.Tensor, _scores: torch.Tensor, **_: object) -> torch.Tensor:
        return self.ends[input_ids[:, -1]]


def generate(writer: LocalWriter, prompts: list[Prompt]) -> None:
    """Answer by the library alone."""
    loaded, config = writer._loaded, writer.config
    # As the library has it: the writer's own attends in another way.
    model = load_language_model(config.model, config.gguf_file, loaded.device, loaded.model.dtype).model
    tokens = [writer._telling.tokens(one) for one in prompts]
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
    for at in range(0, len(order), config.batch_size):
        rows = [tokens[index] for index in order[at : at + config.batch_size]]
        widest = max(map(len, rows))
        ids = torch.tensor([[row[-1]] * (widest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (widest - len(row)) + [1] * len(row) for row in rows])
        model.generate(
            ids, attention_mask=mask, do_sample=True, temperature=config.temperature, top_p=config.top_p, top_k=128,
            max_new_tokens=config.max_tokens, stopping_criteria=StoppingCriteriaList([_LineEnds(writer)]),
            pad_token_id=rows[0][-1],
        )  # fmt: skip


def yields(writer: LocalWriter, parses: pa.Table, config: Rewrite) -> None:
    """Say how many answers are what they were to be."""
    describing = Describing(Describe())
    describing.add(parses)
    stage = Rewriting(config, 0, describing.table(), "benchmark", Parsing(Describe(parser=PARSER)), writer)
    made = stage(parses.append_column("said", pa.array([[]] * parses.num_rows, pa.list_(pa.string()))))
    for row in ledger_of(made, "rewriting", "benchmark").to_pylist():
        if row["check_name"] is None and row["tries"]:
            print(f"{row['operation']}: {row['rows_out']} of {row['rows_in']} captions, {row['tries']} answers, "
                  f"{row['tokens'] / row['tries']:.0f} tokens each")  # fmt: skip


if __name__ == "__main__":
    main()
