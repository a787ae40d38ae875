"""The steps that decide: verdicts, the balance of blind signals, and what the whole still gives away."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters import balance, duplicates
from filters.balance import Refinement, balanced
from filters.duplicates import groups_of, near_duplicates
from filters.embeddings import Encoder
from filters.selection import Selection
from filters.text_probe import TextProbe
from flows import models
from flows.groups import Inputs
from flows.rows import beside, both_captions, embeddings_of, read_all
from flows.steps.step import Step
from schemas import config as settings
from schemas.errors import InputError
from schemas.ids import embedding_key
from schemas.tables import ALIGNMENT, NEAR_DUPLICATES
from storage.catalog import candidates_of
from storage.dataset import Dataset
from storage.kept import kept


def _candidates(dataset: Dataset, inputs: Inputs) -> pa.Table:
    aligned = models.loaded(read_all, dataset, "alignment", inputs.all("alignment"), tuple(ALIGNMENT.names))
    pictures, scores, leaks = (inputs.all(field) for field in ("pictures", "scores", "leaks"))
    return candidates_of(dataset, inputs.one("negatives"), inputs.one("pairs"), pictures, scores, leaks, aligned)


_KNOWN = ("negatives", "pairs", "alignment", "pictures", "scores", "leaks")  # of candidates


@dataclass(frozen=True)
class Select(Step):
    """Give every negative its verdict by the rules."""

    select: settings.Select
    choice: int  # how many candidates of an operation on a caption there may be, where targets choose; else 0
    published: bool = True
    name: ClassVar = "select"
    table: ClassVar = "verdicts"
    takes: ClassVar = _KNOWN

    @property
    def gives(self) -> str:  # type: ignore[override]
        return "verdicts" if self.published else "judged"

    @cached_property
    def identity(self) -> list[Any]:
        return Selection(self.select).identity

    def check(self) -> None:
        Selection(self.select).check()
        if self.select.hardest and not self.choice:
            raise InputError("select.hardest: no target says which is hardest; name one, or several")
        if self.select.hardest and self.choice == 1:
            raise InputError("select.hardest: of one candidate there is nothing to choose; set text.per_operation to 4")

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        return Selection(self.select)(_candidates(dataset, inputs))


@dataclass(frozen=True)
class Refine(Step):
    """Choose, among all that the rules accept, a part that blind signals do not tell from the originals."""

    refine: settings.Refine
    name: ClassVar = "refine"
    table: ClassVar = "refinements"
    takes: ClassVar = (*_KNOWN, "judged", "near_duplicates")
    gives: ClassVar = "refinement"
    over: ClassVar = "corpus"

    @cached_property
    def identity(self) -> list[Any]:
        return Refinement(self.refine).identity

    def check(self) -> None:
        Refinement(self.refine).check()

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        stage = Refinement(self.refine, _alike(dataset, inputs))
        for group in inputs.groups:
            accepted = dataset.read("verdicts", group.one("judged"), ["accepted"])["accepted"]
            stage.add(_candidates(dataset, group).filter(accepted))
        return stage.table()


@dataclass(frozen=True)
class Balance(Step):
    """Take back the acceptance of what the refinement did not keep."""

    name: ClassVar = "balance"
    table: ClassVar = "verdicts"
    takes: ClassVar = ("judged", "refinement")
    gives: ClassVar = "verdicts"

    @cached_property
    def identity(self) -> list[Any]:
        return ["balance", balance.VERSION]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        refined = models.loaded(_refined, dataset, inputs.one("refinement"))
        return balanced(dataset.read("verdicts", inputs.one("judged")), refined)


def _refined(dataset: Dataset, refinement: str) -> pa.Table:
    return dataset.read("refinements", refinement, ["text_negative_id", "kept", "balanced"])


@dataclass(frozen=True)
class MarkNearDuplicates(Step):
    """Mark the images that look alike."""

    distance: int
    name: ClassVar = "near duplicates"
    table: ClassVar = "near_duplicates"
    takes: ClassVar = ("pairs",)
    gives: ClassVar = "near_duplicates"
    over: ClassVar = "corpus"
    kinds: ClassVar = ("rules",)

    @cached_property
    def identity(self) -> list[Any]:
        return ["near duplicates", duplicates.VERSION, self.distance]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        hashes = [dataset.read("images", group.one("images"), ["image_id", "phash"]) for group in inputs.groups]
        return near_duplicates(pa.concat_tables(hashes), self.distance) if hashes else NEAR_DUPLICATES.empty_table()


@dataclass(frozen=True)
class ProbeCaptions(Step):
    """Measure whether a caption alone gives away that it is the wrong one."""

    judge: settings.Clip | None
    compute: settings.Compute
    name: ClassVar = "text probes"
    table: ClassVar = "probes"
    takes: ClassVar = ("negatives", "pairs", "verdicts", "near_duplicates", "scores")
    gives: ClassVar = "probes"
    over: ClassVar = "corpus"

    @cached_property
    def identity(self) -> list[Any]:
        encoder = self._encoder()
        return [*TextProbe.identity(), encoder.identity if encoder is not None else None]

    def sources(self, inputs: Inputs) -> list[Any]:
        # Of the scores nothing counts but that the judge's are there: then its vectors are.
        return [[group.all(field) for field in self.takes[:4]] for group in inputs.groups]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        encoder = self._encoder()
        encode = partial(_vectors, dataset, encoder, inputs) if encoder is not None else None
        stage = TextProbe(encode, _alike(dataset, inputs))
        for rows in _judged(dataset, inputs):
            stage.add(rows)
        stage.fit()
        for rows in _judged(dataset, inputs):
            stage.score(rows)
        return stage.table()

    def _encoder(self) -> Encoder | None:
        return models.loaded(Encoder, self.judge, self.compute) if self.judge is not None else None


def _alike(dataset: Dataset, inputs: Inputs) -> dict[str, str]:
    """Name, of each image that is nearly another, the group that they are: classifiers take them for one image."""
    if not inputs.groups:
        return {}
    return groups_of(dataset.read("near_duplicates", inputs.groups[0].one("near_duplicates")))


def _judged(dataset: Dataset, inputs: Inputs) -> Iterator[pa.Table]:
    for group in inputs.groups:
        accepted = dataset.read("verdicts", group.one("verdicts"), ["text_negative_id", "accepted"])
        rows = both_captions(dataset, group.one("negatives"), group.one("pairs"))
        yield beside(rows, "text_negative_id", accepted)


def _vectors(dataset: Dataset, encoder: Encoder, inputs: Inputs, captions: list[str]) -> npt.NDArray[np.float32]:
    """Look up the vectors of captions of the corpus, which aligning has left: captions x dimensions."""
    shards = {f"{group.one('pairs')}-captions" for group in inputs.groups}
    shards |= {group.one("negatives") for group in inputs.groups}
    keys = [embedding_key(encoder.fingerprint, caption) for caption in captions]
    wanted = pa.table({"key": pa.array(sorted(set(keys)), pa.binary(16))})
    found = kept(dataset, "embeddings", sorted(embeddings_of(encoder, shard) for shard in shards), wanted)
    vectors = dict(zip(found["key"].to_pylist(), found["embedding"].to_pylist(), strict=True))
    # Of a caption whose vector is no number the probe is told nothing.
    nothing = [0.0] * max((len(one) for one in vectors.values() if one is not None), default=0)
    return np.array([vectors[key] or nothing for key in keys], np.float32)
