"""The step that scores with a dual encoder by the parts of pictures and captions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from devices.pictures import decoded
from filters.alignment import Alignment
from filters.attribution import Attribution
from filters.composition import Composition, Mask, Vector, best_of, cut_out
from filters.embeddings import Encoder
from filters.embeddings import Vectors as Matrix
from flows import models
from flows.groups import Inputs
from flows.rows import Vectors, group_vectors, read_all, scored, stored_pictures
from flows.steps.scores import Align
from flows.steps.step import Step
from generators.images.regions import Regions, Sight, Words, words_of
from generators.images.segmenter import Segmenter
from generators.text.language.parsing import Parsing
from generators.text.language.sentence import Sentence
from schemas import config as settings
from schemas.regions import Regions as Settings
from schemas.stage import Stage
from schemas.tables import PAIRS
from storage.dataset import Dataset

_AT_A_TIME = 64  # pairs of a picture and a caption: of each some regions are cut out of the picture
_NODES = 4  # of the attribution's integrals, as for masks
_CELLS = {"s00": ("image0", "original"), "s01": ("image0", "caption"), "s10": ("image1", "original"),
          "s11": ("image1", "caption")}  # fmt: skip
_PAIR = ("text_negative_id", "image_negative_id")
Cell = tuple[str, str]  # the id of a picture, a caption


@dataclass(frozen=True)
class AlignRegions(Align):
    """Score with a dual encoder by phrases and regions; writes what aligning whole pictures writes."""

    regions: Settings
    describe: settings.Describe
    takes: ClassVar = ("negatives", "pairs", "parses", "pictures")

    @cached_property
    def identity(self) -> list[Any]:
        parts = [Composition(self.regions).identity, self._finder().identity, Parsing(self.describe).identity]
        return ["regions", 1, Alignment(self.role, self.clip.model).identity, self._encoder().identity, *parts]

    def check(self) -> None:
        self._encoder().check()
        if "segmenter" in self.regions.makers:
            models.loaded(Segmenter, self.regions.segmenter_model, self.compute).check()

    def _scored(self, dataset: Dataset, inputs: Inputs, rows: pa.Table, encoder: Encoder) -> pa.Table:
        vectors = group_vectors(dataset, encoder, inputs)
        table = scored(rows, vectors, Alignment(self.role, self.clip.model), encoder)
        composed = self._composed(dataset, inputs, rows, vectors, encoder)
        pairs = list(zip(*(table[name].to_pylist() for name in _PAIR), strict=True))
        for name in _CELLS:
            values = pa.array([composed.get((*pair, name)) for pair in pairs], pa.float32())
            table = table.set_column(table.column_names.index(name), table.schema.field(name), values)
        return table

    def _composed(
        self, dataset: Dataset, inputs: Inputs, rows: pa.Table, vectors: Vectors, encoder: Encoder
    ) -> dict[tuple[Any, ...], float]:
        """Score all cells by the ids of their negative and edited picture, and their name."""
        scenes = self._edited_scenes(dataset, inputs)
        wanted: dict[Cell, dict[str, Any]] = {}
        places: list[tuple[tuple[Any, ...], Cell]] = []
        for row in rows.to_pylist():
            # Where an edit has no scene of its own, things stand where they stood.
            edited = row["edited_image_id"]
            shown = {
                "image0": (row["reconstruction_id"] or row["image_id"], row["scene"]),
                "image1": (edited, scenes.get(edited) or row["scene"]),
            }
            for name, (image, caption) in _CELLS.items():
                picture, scene = shown[image]
                if picture is not None and vectors.get(picture) is not None:
                    cell = (picture, row[caption])
                    wanted.setdefault(cell, {"scene": scene, "given": row["regions"]})
                    places.append(((row["text_negative_id"], row["image_negative_id"], name), cell))
        scores = dict(zip(wanted, self._scores(dataset, inputs, wanted, vectors, encoder), strict=True))
        return {place: scores[cell] for place, cell in places}

    def _scores(
        self,
        dataset: Dataset,
        inputs: Inputs,
        wanted: dict[Cell, dict[str, Any]],
        vectors: Vectors,
        encoder: Encoder,
    ) -> Iterator[float]:
        words = self._words(dataset, inputs, {caption for _, caption in wanted})
        finder, composition = self._finder(), Composition(self.regions)
        for cells in _batches(wanted, _AT_A_TIME):
            pictures = stored_pictures(dataset, inputs.one("images"), inputs.all("pictures"), [one for one, _ in cells])
            sights = [Sight(pictures[one], said, words[said], **wanted[one, said]) for one, said in cells]
            finder.find(sights)
            parts = _Parts(encoder, sights, self.regions.match == "comclip")
            for place, cell in enumerate(cells):
                whole, read = (np.array(vectors.get(one), np.float32) for one in cell)
                yield composition(whole, read, *parts.of(place, whole))

    def _words(self, dataset: Dataset, inputs: Inputs, captions: set[str]) -> dict[str, Words]:
        """Read what captions name, by the parses that there are, and for the others by new ones."""
        known = dataset.read("parses", inputs.one("parses"), ["caption", "tokens"])
        tokens = dict(zip(known["caption"].to_pylist(), known["tokens"].to_pylist(), strict=True))
        new = sorted(captions - tokens.keys())
        if new:
            told = dict.fromkeys(("pair_id", "image_id", "caption"), pa.array(new, pa.string()))
            rows = pa.table([told.get(name, pa.nulls(len(new), pa.string())) for name in PAIRS.names], schema=PAIRS)
            tokens |= zip(new, models.loaded(Parsing, self.describe)(rows)["tokens"].to_pylist(), strict=True)
        return {caption: words_of(Sentence.from_row(caption, tokens[caption])) for caption in captions}

    def _edited_scenes(self, dataset: Dataset, inputs: Inputs) -> dict[str, str | None]:
        edits = read_all(dataset, "image_negatives", inputs.all("pictures"), ["edited_image_id", "scene"])
        return dict(zip(edits["edited_image_id"].to_pylist(), edits["scene"].to_pylist(), strict=True))

    def _encoder(self) -> Encoder:
        return models.loaded(Encoder, self.clip, self.compute)

    def _finder(self) -> Regions:
        makers = dict[str, Stage]()
        if "attribution" in self.regions.makers:
            makers["attribution"] = Attribution(self._encoder(), _NODES)
        if "segmenter" in self.regions.makers:
            makers["segmenter"] = models.loaded(Segmenter, self.regions.segmenter_model, self.compute)
        return Regions(self.regions, makers)


def align(role: str, clip: settings.Clip, compute: settings.Compute, describe: settings.Describe) -> Step:
    """Choose how a dual encoder scores: whole pictures and captions, or their parts too."""
    if clip.regions is None:
        return Align(role, clip, compute)
    return AlignRegions(role, clip, compute, clip.regions, describe)


class _Parts:
    """Vectors of the words and regions of some pictures and captions, each encoded once."""

    def __init__(self, encoder: Encoder, sights: list[Sight], predicates: bool) -> None:
        self._encoder, self._sights, self._predicates = encoder, sights, predicates
        self._pictures = {sight.image: decoded(sight.image) for sight in sights}
        self._texts = [self._read(sight) for sight in sights]
        texts = sorted({text for several in self._texts for text in several})
        self._said = dict(zip(texts, encoder.captions(texts), strict=True))
        self._seen: dict[tuple[bytes, bytes], Any] = {}
        self._see((sight.image, mask) for sight in sights for several in sight.regions for mask in several)
        self._chosen = [self._choose(*both) for both in zip(sights, self._texts, strict=True)]
        self._see((sight.image, mask) for sight, masks in zip(sights, self._chosen, strict=True) for mask in masks)

    def of(self, place: int, whole: Vector) -> tuple[Matrix, Matrix]:
        """Return words and the regions that fit them best, a row each; where there is none, the whole picture's."""
        sight, nothing = self._sights[place], np.empty((0, len(whole)), np.float32)
        words = [self._said[text] for text in self._texts[place]]
        regions = [whole if mask is None else self._seen[_key(sight.image, mask)] for mask in self._chosen[place]]
        return (np.stack(words), np.stack(regions)) if words else (nothing, nothing)

    def _read(self, sight: Sight) -> list[str]:
        phrases = [sight.caption[start:end] for start, end, _ in sight.words.phrases]
        return phrases + ([text for text, _, _ in sight.words.predicates] if self._predicates else [])

    def _choose(self, sight: Sight, texts: list[str]) -> list[Mask | None]:
        """Choose a region for each phrase, and for each predicate those of its subject and its object together."""
        chosen: list[Mask | None] = []
        for text, masks in zip(texts, sight.regions, strict=False):
            found = np.array([self._seen[_key(sight.image, mask)] for mask in masks])
            chosen.append(masks[best_of(self._said[text], found)] if masks else None)
        joined = [(chosen[one], chosen[other]) for _, one, other in sight.words.predicates if self._predicates]
        return chosen + [None if one is None or other is None else one | other for one, other in joined]

    def _see(self, cuts: Iterable[tuple[bytes, Mask | None]]) -> None:
        keyed = {_key(image, mask): (image, mask) for image, mask in cuts if mask is not None}
        new = {
            key: cut_out(self._pictures[image], mask) for key, (image, mask) in keyed.items() if key not in self._seen
        }
        self._seen |= zip(new, self._encoder.pictures(list(new.values())), strict=True)


def _key(image: bytes, mask: Mask) -> tuple[bytes, bytes]:
    return image, mask.tobytes()


def _batches(things: Iterable[Cell], size: int) -> Iterator[list[Cell]]:
    walking = iter(things)
    while some := list(islice(walking, size)):
        yield some
