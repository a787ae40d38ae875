"""The language model as a generator: asked for one change of one caption, and never trusted."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pyarrow as pa

from generators.text.answers import candidate_of
from generators.text.asking import Place, leaks, places, prompt
from generators.text.checks import Facts, failed_check
from generators.text.edits import apply, columns_of
from generators.text.lexicon import Lexicon
from generators.text.parsing import Parsing
from generators.text.sentence import Sentence
from generators.text.writing.base import Answer, Writer
from schemas.config import Rewrite
from schemas.ids import row_seed, text_negative_id
from schemas.stage import with_ledger
from schemas.tables import TEXT_NEGATIVES

_METHOD = "rewrite"


@dataclass(slots=True)
class _Job:
    """One operation on one caption."""

    operation: str
    pair: str
    image: str
    sentence: Sentence
    facts: Facts
    places: list[Place]
    said: set[str]  # wrong captions that there are already
    usable: int = 0


@dataclass(slots=True)
class _Cost:
    """What the work on one operation cost."""

    jobs: int = 0
    asked: int = 0
    tokens: int = 0
    seconds: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)
    usable: int = 0


class Rewriting:
    """Make wrong captions by asking a language model; each answer is checked, and asked for again where it fails."""

    version = 1

    def __init__(
        self, config: Rewrite, seed: int, lexicon: pa.Table, lexicon_id: str, parsing: Parsing, writer: Writer
    ) -> None:
        self.config, self.seed, self.lexicon_id, self.parsing, self.writer = config, seed, lexicon_id, parsing, writer
        self.lexicon = Lexicon(lexicon)

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, what is asked for, seed, lexicon, parser and writer."""
        asked = [self.config.operations, self.config.share, self.config.per_operation, self.config.tries]
        return [
            "rewriting", self.version, asked, self.seed, self.lexicon_id, self.parsing.identity, self.writer.identity
        ]  # fmt: skip

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights or asking a server."""
        self.writer.check()

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of PARSES with `said`, the wrong captions that a pair has already, into TEXT_NEGATIVES.

        Captions of an image must be neighbours. Raises InputError where the writer can do nothing.
        """
        jobs = list(self._jobs(table))
        costs = {operation: _Cost() for operation in self.config.operations}
        for job in jobs:
            costs[job.operation].jobs += 1
        made: list[dict[str, Any]] = []
        for attempt in range(self.config.tries):
            waiting = [job for job in jobs if job.usable < self.config.per_operation]
            made += self._asked(waiting, attempt, costs)
        order = {job.pair: at for at, job in enumerate(jobs)}
        made.sort(key=lambda row: order[row["pair_id"]])  # stable: in the order they came
        return with_ledger(pa.Table.from_pylist(made, TEXT_NEGATIVES), list(self._ledger(costs)))

    def _jobs(self, table: pa.Table) -> Iterator[_Job]:
        names = ("image_id", "pair_id", "caption", "tokens", "said")
        rows = zip(*(table[name].to_pylist() for name in names), strict=True)
        for image, captions in groupby(rows, key=lambda row: row[0]):
            pairs = [(pair, Sentence.from_row(caption, tokens), said) for _, pair, caption, tokens, said in captions]
            facts = Facts([sentence for _, sentence, _ in pairs], [pair for pair, _, _ in pairs])
            for pair, sentence, said in pairs:
                known = set(said or ())
                for operation in self.config.operations:
                    if self._takes(pair, operation):
                        found = places(operation, sentence, facts)
                        random.Random(row_seed(pair, self.seed, _METHOD, operation)).shuffle(found)
                        if found:
                            yield _Job(operation, pair, image, sentence, facts, found, known)

    def _takes(self, pair: str, operation: str) -> bool:
        return row_seed(pair, 0, "rewrite share", operation) / 2**63 < self.config.share

    def _asked(self, jobs: list[_Job], attempt: int, costs: dict[str, _Cost]) -> Iterator[dict[str, Any]]:
        started = time.perf_counter()
        chosen = [job.places[attempt % len(job.places)] for job in jobs]
        seeds = [row_seed(job.pair, self.seed, _METHOD, job.operation, str(attempt)) for job in jobs]
        answers = self.writer.write([prompt(place, seed) for place, seed in zip(chosen, seeds, strict=True)])
        sentences = self._parsed(answers)
        for job, place, seed, answer in zip(jobs, chosen, seeds, answers, strict=True):
            cost = costs[job.operation]
            cost.asked += 1
            cost.tokens += answer.tokens
            if answer.text is None:
                cost.failed["no_answer"] += 1
                continue
            row = self._row(job, place, answer.text, sentences.get(answer.text))
            if row["caption"] in job.said:
                cost.failed["repeated"] += 1
                continue
            job.said.add(row["caption"])
            check = row["failed_check"]
            if check is None:
                job.usable += 1
                cost.usable += 1
            else:
                cost.failed[check] += 1
            key = text_negative_id(job.pair, job.operation, _METHOD, row["caption"])
            yield {**row, "text_negative_id": key, "pair_id": job.pair, "image_id": job.image,
                   "operation": job.operation, "method": _METHOD, "model": self.config.model, "seed": seed,
                   "tries": attempt + 1}  # fmt: skip
        self._share_out(time.perf_counter() - started, jobs, costs)

    def _parsed(self, answers: Sequence[Answer]) -> dict[str, Sentence]:
        texts = sorted({answer.text for answer in answers if answer.text is not None and not leaks(answer.text)})
        columns = {name: pa.array(texts, pa.string()) for name in ("pair_id", "image_id", "caption")}
        rows = self.parsing(pa.table(columns))
        return {text: Sentence.from_row(text, tokens) for text, tokens in zip(texts, rows["tokens"].to_pylist(),
                                                                             strict=True)}  # fmt: skip

    def _row(self, job: _Job, place: Place, text: str, answer: Sentence | None) -> dict[str, Any]:
        found = candidate_of(job.operation, place, answer, self.lexicon) if answer is not None else "leaked"
        vouched_by = place.vouched_by and job.facts.pair_of(place.vouched_by)
        if isinstance(found, str):
            return {
                "original": place.sentence.caption,
                "vouched_by": vouched_by,
                "caption": text,
                "failed_check": found,
            }
        applied = apply(place.sentence.caption, found.edits)
        check = failed_check(found, applied, job.sentence, job.facts, self.lexicon)
        changed = columns_of(found, applied, job.sentence.caption)
        return {**changed, "vouched_by": vouched_by, "failed_check": check}

    def _share_out(self, seconds: float, jobs: list[_Job], costs: dict[str, _Cost]) -> None:
        asked = Counter(job.operation for job in jobs)
        for operation, n in asked.items():
            costs[operation].seconds += seconds * n / len(jobs)

    def _ledger(self, costs: dict[str, _Cost]) -> Iterator[dict[str, Any]]:
        for operation, cost in costs.items():
            known = {"operation": operation, "method": _METHOD, "model": self.config.model}
            yield {**known, "rows_in": cost.jobs, "rows_out": cost.usable, "tries": cost.asked, "tokens": cost.tokens,
                   "seconds": cost.seconds}  # fmt: skip
            for check, n in sorted(cost.failed.items()):
                yield {**known, "check_name": check, "rows_out": n}
