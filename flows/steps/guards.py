"""The steps that look for what must not come in: fingerprints of benchmarks, and what the corpus shares with them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa

from evaluation.prints import benchmarks_of, contents, prints
from filters.leakage import Leakage
from flows import models
from flows.groups import Inputs
from flows.rows import beside, read_all
from flows.steps.step import Step
from schemas.guards import Held
from schemas.ids import fingerprint
from schemas.tables import PRINTS
from storage.dataset import Dataset


@dataclass(frozen=True)
class FingerprintBenchmark(Step):
    """Fingerprint a benchmark's folder: once, however many builds of a dataset are guarded by it."""

    held: Held
    which: int
    table: ClassVar = "prints"
    takes: ClassVar = ()
    gives: ClassVar = "prints"
    over: ClassVar = "corpus"
    kinds: ClassVar = ("rules",)
    unit: ClassVar = "benchmarks"

    @property
    def name(self) -> str:  # type: ignore[override]
        return "benchmark prints" if self.which == 0 else f"benchmark prints {self.which + 1}"

    @cached_property
    def identity(self) -> list[Any]:
        return ["benchmark prints", contents(self.held.path, self.held.benchmark)]

    def check(self) -> None:
        benchmarks_of(self.held.path, self.held.benchmark)

    def sources(self, inputs: Inputs) -> list[Any]:  # noqa: ARG002
        return []

    def size(self, inputs: Inputs) -> int:  # noqa: ARG002
        return 1

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:  # noqa: ARG002
        return prints(self.held.path, self.held.benchmark)


@dataclass(frozen=True)
class FindLeaks(Step):
    """Mark the pairs whose picture or caption a benchmark holds."""

    distance: int
    name: ClassVar = "leakage"
    table: ClassVar = "leaks"
    takes: ClassVar = ("pairs", "prints")
    gives: ClassVar = "leaks"
    kinds: ClassVar = ("rules",)

    @cached_property
    def identity(self) -> list[Any]:
        # Of the prints their names alone count, and those are among what the rows depend on anyway.
        return Leakage(PRINTS.empty_table(), "", self.distance).identity

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        stage = models.loaded(self._stage, dataset, inputs.all("prints"))
        pairs = dataset.read("pairs", inputs.one("pairs"), ["pair_id", "image_id", "caption"])
        return stage(beside(pairs, "image_id", dataset.read("images", inputs.one("images"), ["image_id", "phash"])))

    def _stage(self, dataset: Dataset, names: tuple[str, ...]) -> Leakage:
        return Leakage(read_all(dataset, "prints", names, PRINTS.names), fingerprint(names), self.distance)
