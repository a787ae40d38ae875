"""Asking a language model about captions, round after round, until there is enough that passes its checks."""

import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar

import pyarrow as pa

from devices.revision import libraries
from generators.text.corpus.facts import Facts
from generators.text.language.parsing import Parsing
from generators.text.language.sentence import Sentence
from generators.text.llm.prompts import Place, leaks
from generators.text.llm.writers.base import Answer, Prompt, Writer
from schemas.config import Asked
from schemas.ids import row_seed
from schemas.stage import with_ledger

METHOD = "rewrite"


@dataclass(slots=True)
class Job:
    """One operation on one caption."""

    operation: str
    pair: str
    image: str
    sentence: Sentence
    facts: Facts
    places: list[Place]  # to ask about, one after the other
    said: set[str]  # what need not be said again
    usable: int = 0


@dataclass(slots=True)
class _Cost:
    """What the work on one operation cost."""

    jobs: int = 0
    asked: int = 0
    tokens: int = 0
    seconds: float = 0.0
    usable: int = 0
    failed: Counter[str] = field(default_factory=Counter)


class Asking(ABC):
    """A stage that asks a language model and trusts no answer: what fails a check is asked for again.

    Rows that come out have all columns of `schema`; `failed_check` is null where an answer may be used.
    """

    version: ClassVar[int]
    schema: ClassVar[pa.Schema]

    def __init__(self, config: Asked, operations: tuple[str, ...], seed: int, parsing: Parsing, writer: Writer) -> None:
        self.config, self.operations, self.seed = config, operations, seed
        self.parsing, self.writer = parsing, writer

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, what is asked for, seed, parser, writer, and what knows the forms of words."""
        config = self.config
        asked = [self.operations, config.share, config.wanted, config.tries]
        words = libraries("inflect", "lemminflect", "wn")
        return [
            type(self).__name__, self.version, asked, self.seed, self.parsing.identity, self.writer.identity, *words
        ]  # fmt: skip

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights or asking a server."""
        self.writer.check()

    @abstractmethod
    def places(self, operation: str, sentence: Sentence, facts: Facts) -> list[Place]:
        """List what can be asked of a caption."""

    @abstractmethod
    def prompt(self, place: Place, seed: int) -> Prompt:
        """Ask."""

    @abstractmethod
    def row(self, job: Job, place: Place, text: str, answer: Sentence | None) -> dict[str, Any]:
        """Judge an answer; its parse is None where it has words of the prompt in it.

        Returns the columns of the schema that depend on it, `caption` and `failed_check` at least.
        """

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of PARSES with `said`, the captions that need not be made again, into rows of the schema.

        Captions of an image must be neighbours. Raises InputError where the writer can do nothing.
        """
        jobs = list(self._jobs(table))
        costs = {operation: _Cost() for operation in self.operations}
        for job in jobs:
            costs[job.operation].jobs += 1
        made: list[dict[str, Any]] = []
        for attempt in range(self.config.tries):
            made += self._ask([job for job in jobs if job.usable < self.config.wanted], attempt, costs)
        order = {pair: at for at, pair in enumerate(table["pair_id"].to_pylist())}
        made.sort(key=lambda row: order[row["pair_id"]])  # stable: else in the order they came
        return with_ledger(pa.Table.from_pylist(made, self.schema), list(self._ledger(costs)))

    def _jobs(self, table: pa.Table) -> Iterator[Job]:
        names = ("image_id", "pair_id", "caption", "tokens", "said")
        rows = zip(*(table[name].to_pylist() for name in names), strict=True)
        for image, captions in groupby(rows, key=lambda row: row[0]):
            pairs = [(pair, Sentence.from_row(caption, tokens), said) for _, pair, caption, tokens, said in captions]
            facts = Facts([sentence for _, sentence, _ in pairs], [pair for pair, _, _ in pairs])
            for pair, sentence, said in pairs:
                known = set(said or ())
                for operation in self.operations:
                    places = self.places(operation, sentence, facts) if self._takes(pair, operation) else []
                    random.Random(row_seed(pair, self.seed, METHOD, operation)).shuffle(places)
                    if places:
                        yield Job(operation, pair, image, sentence, facts, places, known)

    def _takes(self, pair: str, operation: str) -> bool:
        return row_seed(pair, 0, "rewrite share", operation) / 2**63 < self.config.share

    def _ask(self, jobs: list[Job], attempt: int, costs: dict[str, _Cost]) -> Iterator[dict[str, Any]]:
        started = time.perf_counter()
        chosen = [job.places[attempt % len(job.places)] for job in jobs]
        seeds = [row_seed(job.pair, self.seed, METHOD, job.operation, str(attempt)) for job in jobs]
        answers = self.writer.write([self.prompt(*asked) for asked in zip(chosen, seeds, strict=True)])
        sentences = self._parsed(answers)
        for job, place, seed, answer in zip(jobs, chosen, seeds, answers, strict=True):
            cost = costs[job.operation]
            cost.asked += 1
            cost.tokens += answer.tokens
            if answer.text is None:
                cost.failed["no_answer"] += 1
                continue
            row = self.row(job, place, answer.text, sentences.get(answer.text))
            if row["caption"] in job.said:
                cost.failed["repeated"] += 1
                continue
            job.said.add(row["caption"])
            if row["failed_check"] is None:
                job.usable += 1
                cost.usable += 1
            else:
                cost.failed[row["failed_check"]] += 1
            yield {**row, "pair_id": job.pair, "image_id": job.image, "method": METHOD, "model": self.config.model,
                   "seed": seed, "tries": attempt + 1}  # fmt: skip
        seconds = time.perf_counter() - started
        for operation, n in Counter(job.operation for job in jobs).items():
            costs[operation].seconds += seconds * n / len(jobs)

    def _parsed(self, answers: Sequence[Answer]) -> dict[str, Sentence]:
        texts = sorted({answer.text for answer in answers if answer.text is not None and not leaks(answer.text)})
        captions = pa.array(texts, pa.string())
        parses = self.parsing(pa.table(dict.fromkeys(("pair_id", "image_id", "caption"), captions)))
        tokens = parses["tokens"].to_pylist()
        return {text: Sentence.from_row(text, row) for text, row in zip(texts, tokens, strict=True)}

    def _ledger(self, costs: dict[str, _Cost]) -> Iterator[dict[str, Any]]:
        for operation, cost in costs.items():
            known = {"operation": operation, "method": METHOD, "model": self.config.model}
            yield {**known, "rows_in": cost.jobs, "rows_out": cost.usable, "tries": cost.asked, "tokens": cost.tokens,
                   "seconds": cost.seconds}  # fmt: skip
            for check, n in sorted(cost.failed.items()):
                yield {**known, "check_name": check, "rows_out": n}
