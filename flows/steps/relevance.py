"""The step that asks whether a model prefers edited pictures as such."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.embeddings import Encoder
from filters.relevance import ABOUT, Relevance
from flows import models
from flows.groups import Inputs
from flows.rows import group_vectors, usable, with_pictures
from flows.steps.step import Step
from schemas import config as settings
from schemas.tables import RELEVANCE
from storage.dataset import Dataset


@dataclass(frozen=True)
class MeasureRelevance(Step):
    """Compare how edited pictures and their originals fit captions of other pictures, by the vectors that are kept."""

    role: str
    clip: settings.Clip
    compute: settings.Compute
    table: ClassVar = "relevance"
    takes: ClassVar = ("negatives", "pairs", "pictures", "scores")
    gives: ClassVar = "relevance"
    kinds: ClassVar = ("rules", "rewrites")  # mined pictures are no edits

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"relevance to {self.role}"

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        stage = Relevance(self.role, self.clip.model, (), np.empty((0, 0), np.float32))
        return [stage.identity, Encoder(self.clip, self.compute).identity]

    def sources(self, inputs: Inputs) -> list[Any]:
        # Of the scores nothing counts but that they are there: then the vectors are.
        return [inputs.all(field) for field in self.takes[:3]]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        rows = usable(dataset, inputs.one("negatives"), inputs.one("pairs"), ABOUT)
        rows = with_pictures(dataset, rows, inputs.all("pictures"))
        rows = rows.filter(pc.and_(pc.equal(rows["rank"], 0), pc.is_valid(rows["edited_image_id"])))
        if rows.num_rows == 0:
            return RELEVANCE.empty_table()
        encoder = models.loaded(Encoder, self.clip, self.compute)
        vectors = group_vectors(dataset, encoder, inputs)
        pairs = dataset.read("pairs", inputs.one("pairs"), ["image_id", "caption"])
        captions = list(zip(pairs["image_id"].to_pylist(), pairs["caption"].to_pylist(), strict=True))
        pool = np.array([vectors.get(caption) for _, caption in captions], np.float32)
        pictures = {"untouched": "image_id", "remade": "reconstruction_id", "edited": "edited_image_id"}
        shown = {
            name: pa.array([vectors.get(picture) for picture in rows[column].to_pylist()], pa.list_(pa.float32()))
            for name, column in pictures.items()
        }
        known = ("text_negative_id", "image_negative_id", "image_id", *ABOUT)
        table = pa.table({name: rows[name] for name in known} | shown)
        return Relevance(self.role, self.clip.model, captions, pool)(table)
