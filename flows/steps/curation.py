"""The step that looks at pairs before anything is made of them: whether each caption stands with its own picture."""

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from filters.assignment import Assignment, Corpus, Shelf
from filters.embeddings import Encoder
from flows import models
from flows.groups import Inputs
from flows.rows import pair_vectors
from flows.steps.step import Step
from schemas import config as settings
from schemas.curate import Curate
from schemas.tables import PAIRS
from storage.dataset import Dataset

_SEEN = ["pair_id", "image_id", "caption"]


@dataclass(frozen=True)
class AlignPairs(Step):
    """Compare every caption of the source with every picture; what was not encoded yet is encoded, and kept."""

    curate: Curate
    judge: settings.Clip
    compute: settings.Compute
    name: ClassVar = "align pairs"
    table: ClassVar = "alignment"
    takes: ClassVar = ("pairs",)
    gives: ClassVar = "alignment"
    over: ClassVar = "corpus"
    kinds: ClassVar = ("rules",)

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        return [*self._stage().identity, Encoder(self.judge, self.compute).identity]

    def check(self) -> None:
        Encoder(self.judge, self.compute).check()

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        encoder = models.loaded(Encoder, self.judge, self.compute)
        with tempfile.TemporaryDirectory() as folder:
            return self._stage()(_corpus(dataset, encoder, inputs, Path(folder)))

    def _stage(self) -> Assignment:
        return Assignment(self.curate, self.compute)


def _corpus(dataset: Dataset, encoder: Encoder, inputs: Inputs, folder: Path) -> Corpus:
    """Put the vectors of all pictures and captions on the disk, each once, in the order of the source."""
    pictures, captions = Shelf(folder / "pictures"), Shelf(folder / "captions")
    rows = {"image_id": dict[str, int](), "caption": dict[str, int]()}
    parts, places = [PAIRS.empty_table().select(_SEEN)], {"image_id": [_NONE], "caption": [_NONE]}
    for group in inputs.groups:
        pairs = dataset.read("pairs", group.one("pairs"), _SEEN)
        vectors = pair_vectors(dataset, encoder, group)
        for shelf, name in ((pictures, "image_id"), (captions, "caption")):
            known, said = rows[name], pairs[name].to_pylist()
            fresh = [one for one in dict.fromkeys(said) if one not in known]
            shelf.add(np.array([vectors.get(one) for one in fresh], np.float32))
            known.update(zip(fresh, range(len(known), len(known) + len(fresh)), strict=True))
            places[name].append(np.array([known[one] for one in said], np.int64))
        parts.append(pairs)
        models.advanced(group.captions)
    of = {name: np.concatenate(several) for name, several in places.items()}
    seen = (pictures.matrix(), captions.matrix())
    return Corpus(pa.concat_tables(parts), of["image_id"], of["caption"], list(rows["image_id"]), *seen)


_NONE = np.zeros(0, np.int64)
