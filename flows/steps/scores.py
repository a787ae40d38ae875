"""The steps that score wrong captions, and the edited pictures that there are."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from filters.alignment import Alignment
from filters.embeddings import Encoder
from filters.plausibility import Plausibility
from filters.words import Words
from flows import models
from flows.groups import Inputs
from flows.rows import both_captions, group_vectors, scored, usable, with_pictures
from flows.steps.step import Step
from schemas import config as settings
from schemas.roles import numbered
from schemas.stage import unknown_entries, with_ledger
from schemas.tables import LEXICON
from storage.dataset import Dataset


@dataclass(frozen=True)
class Align(Step):
    """Score with a dual encoder; each picture and caption is encoded once, for all builds."""

    role: str
    clip: settings.Clip
    compute: settings.Compute
    table: ClassVar = "scores"
    takes: ClassVar[tuple[str, ...]] = ("negatives", "pairs", "pictures")
    gives: ClassVar = "scores"

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"align with {self.role}"

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        return [Alignment(self.role, self.clip.model).identity, Encoder(self.clip, self.compute).identity]

    def check(self) -> None:
        Encoder(self.clip, self.compute).check()

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        encoder = models.loaded(Encoder, self.clip, self.compute)
        rows = usable(dataset, inputs.one("negatives"), inputs.one("pairs"))
        rows = with_pictures(dataset, rows, inputs.all("pictures"))
        scores = self._scored(dataset, inputs, rows, encoder)
        unknown = pc.or_(pc.is_null(scores["s00"]), pc.is_null(scores["s01"]))
        unknown = pc.or_(unknown, pc.and_(pc.is_valid(scores["image_negative_id"]), pc.is_null(scores["s11"])))
        return with_ledger(scores, unknown_entries(self.clip.model, pc.sum(unknown).as_py() or 0))

    def _scored(self, dataset: Dataset, inputs: Inputs, rows: pa.Table, encoder: Encoder) -> pa.Table:
        vectors = group_vectors(dataset, encoder, inputs)
        return scored(rows, vectors, Alignment(self.role, self.clip.model), encoder)


@dataclass(frozen=True)
class WeighPlausibility(Step):
    """Score captions with a language model that never sees the image; `place` is its place in the config's list."""

    place: int
    plausibility: settings.Plausibility
    compute: settings.Compute
    table: ClassVar = "scores"
    takes: ClassVar = ("negatives", "pairs")
    gives: ClassVar = "scores"

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"plausibility {self.place + 1}" if self.place else "plausibility"

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        return self._stage().identity

    def check(self) -> None:
        self._stage().check()

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        stage = models.loaded(self._stage)
        return stage(both_captions(dataset, inputs.one("negatives"), inputs.one("pairs")))

    def _stage(self) -> Plausibility:
        return Plausibility(self.plausibility, self.compute, numbered("language", self.place))


@dataclass(frozen=True)
class WeighWords(Step):
    """Score captions by how common their words are in this corpus."""

    name: ClassVar = "words"
    table: ClassVar = "scores"
    takes: ClassVar = ("negatives", "pairs", "lexicon")
    gives: ClassVar = "scores"

    @cached_property
    def identity(self) -> list[Any]:
        return Words(LEXICON.empty_table(), "").identity

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        stage = models.loaded(_words, dataset, inputs.one("lexicon"))
        return stage(both_captions(dataset, inputs.one("negatives"), inputs.one("pairs")))


def _words(dataset: Dataset, lexicon: str) -> Words:
    return Words(dataset.read("lexicon", lexicon), lexicon)
