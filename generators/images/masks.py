"""Where in a picture an edit may happen: masks of what a caption's changed words name."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import lemminflect
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, zoom

from devices.pictures import as_png, size_of
from devices.revision import libraries
from generators.images.phrases import Phrase, changed_phrases
from generators.shapes.changes import changed_things
from generators.shapes.render import Edited, edited_scene
from generators.shapes.world import CANVAS
from generators.text.language.sentence import Sentence
from schemas.config import Masks as Settings
from schemas.ids import image_id
from schemas.stage import Stage
from schemas.tables import MASKS, SPAN

Mask = npt.NDArray[np.bool_]


class Masks:
    """Turn wrong captions into masks, by the first maker in the settings' order that finds the thing.

    Heat maps come from other stages (attribution, segmenter), one for each phrase of a row: they take rows of key,
    image, caption and spans, and return key, heat, rows and columns.
    """

    version = 1

    def __init__(self, settings: Settings, seed: int, heat_makers: dict[str, Stage] | None = None) -> None:
        self.settings, self.seed, self.heat_makers = settings, seed, heat_makers or {}

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, settings, seed, what makes heat maps, and what reads words and grows masks."""
        makers = {name: stage.identity for name, stage in sorted(self.heat_makers.items())}
        known = libraries("lemminflect", "scipy")
        return ["masks", self.version, self.settings.model_dump(mode="json"), self.seed, makers, *known]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, image_id, original, caption, original_spans, negative_spans, tokens, image
        (encoded), scene and regions into rows of MASKS, in the same order."""
        rows = [_Row(row) for row in table.to_pylist()]
        for maker in self.settings.makers:
            without = [row for row in rows if row.mask is None]
            if maker in self.heat_makers:
                self._by_heat(maker, [row for row in without if row.phrases])
            elif maker in {"given", "scene"}:
                for row in without:
                    row.take(row.given() if maker == "given" else row.drawn(self.seed), maker)
        return pa.Table.from_pylist([self._made(row) for row in rows], MASKS)

    def _by_heat(self, maker: str, rows: list["_Row"]) -> None:
        keyed = {f"{number} {part}": (row, phrase) for number, row in enumerate(rows)
                 for part, phrase in enumerate(row.phrases)}  # fmt: skip
        if not keyed:
            return
        spans = [[{"start": phrase.start, "end": phrase.end}] for _, phrase in keyed.values()]
        given = {
            "key": pa.array(keyed, pa.string()),
            "image": pa.array([row.data["image"] for row, _ in keyed.values()], pa.binary()),
            "caption": pa.array([row.data["original"] for row, _ in keyed.values()], pa.string()),
            "spans": pa.array(spans, pa.list_(SPAN)),
        }
        for found in self.heat_makers[maker](pa.table(given)).to_pylist():
            if found["heat"] is not None:
                row, _ = keyed[found["key"]]
                heat = np.array(found["heat"], np.float32).reshape(found["rows"], found["columns"])
                row.take(mask_of_heat(heat, row.size, self.settings.threshold), maker)

    def _made(self, row: "_Row") -> dict[str, Any]:
        known = {name: row.data[name] for name in ("text_negative_id", "image_id")}
        known |= {"maker": row.maker, "phrase": _listed(phrase.text for phrase in row.phrases)}
        known |= {"negative_phrase": _listed(phrase.negative for phrase in row.phrases)}
        if row.mask is None:
            return {**known, "failed_check": row.failed_check}
        grown = grow(row.mask, round(self.settings.grow * min(row.size)))
        covered = float(grown.mean())
        if covered > self.settings.most:
            return {**known, "covered": covered, "failed_check": "mask_too_large"}
        data = encoded(grown)
        return {**known, "covered": covered, "mask": {"bytes": data, "path": f"{image_id(data)}.png"}}


class _Row:
    """A wrong caption on its way to a mask."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.mask: Mask | None = None
        self.maker: str | None = None
        self.unreadable = False  # the source's regions
        width, height = size_of(data["image"])
        self.size = (height, width)
        sentence = Sentence.from_row(data["original"], data["tokens"])
        spans = (data["original_spans"], data["negative_spans"])
        self.phrases: list[Phrase] = changed_phrases(sentence, data["caption"], *spans)

    @property
    def failed_check(self) -> str:
        """Why there is no mask."""
        if not self.phrases:
            return "no_phrase"
        return "bad_regions" if self.unreadable else "no_mask"

    def take(self, mask: Mask | None, maker: str) -> None:
        """Add a mask to what there is of this maker."""
        if mask is not None and mask.any():
            self.mask = mask if self.mask is None else self.mask | mask
            self.maker = maker

    def given(self) -> Mask | None:
        """Draw the source's regions of the things that the phrases name; nothing unless each has one."""
        mask = np.zeros(self.size, bool)
        try:
            regions = json.loads(self.data["regions"] or "[]")
            for phrase in self.phrases:
                named = [region for region in regions if _names(region["phrase"], phrase.text)]
                if not named:
                    return None
                for region in named:
                    mask |= region_of(region, self.size)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.unreadable = True
            return None
        return mask

    def drawn(self, seed: int) -> Mask | None:
        """Cover the things that the smallest change of the scene changes, as boxes, which do not tell shapes."""
        edited = edited_scene(self.data, seed) if self.data["scene"] else None
        if not isinstance(edited, Edited):
            return None
        return boxes(changed_things(edited.before, edited.after), self.size)


def boxes(things: Sequence[Any], size: tuple[int, int]) -> Mask:
    """Cover the bounding squares of things of the shapes world in a picture of `size` (height, width); all of it where
    there are none, since then the background changes."""
    mask = np.full(size, not things)
    height, width = size
    for thing in things:
        up, down = (thing.y - thing.radius) * height // CANVAS, -(-(thing.y + thing.radius) * height // CANVAS)
        left, right = (thing.x - thing.radius) * width // CANVAS, -(-(thing.x + thing.radius) * width // CANVAS)
        mask[max(0, up) : down, max(0, left) : right] = True
    return mask


def mask_of_heat(heat: npt.NDArray[np.float32], size: tuple[int, int], threshold: float) -> Mask | None:
    """Cut a heat map (patch rows x patch columns) into a mask of `size` (height, width): where it is above a share of
    its peak. Nothing where the peak is not above 0."""
    peak = float(heat.max())
    if not peak > 0:
        return None
    smooth = zoom(heat, (size[0] / heat.shape[0], size[1] / heat.shape[1]), order=1, grid_mode=True, mode="nearest")
    mask: Mask = smooth >= threshold * float(smooth.max())
    return mask


def grow(mask: Mask, pixels: int) -> Mask:
    """Widen a mask by so many pixels to all sides."""
    if pixels < 1:
        return mask
    grown: Mask = binary_dilation(mask, np.ones((3, 3), bool), iterations=pixels)
    return grown


def encoded(mask: Mask) -> bytes:
    """Encode a mask as PNG: 255 where the edit may happen, 0 elsewhere."""
    return as_png(Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)))


def _listed(phrases: Iterable[str]) -> str | None:
    return " and ".join(dict.fromkeys(phrases)) or None


def _names(region: str, phrase: str) -> bool:
    """Tell whether a region's phrase speaks of the same thing: the last words, the nouns, have one lemma."""
    ours, theirs = (_last_lemma(text) for text in (phrase, region))
    return ours is not None and ours == theirs


def _last_lemma(phrase: str) -> str | None:
    words = phrase.lower().split()
    if not words:
        return None
    lemma: str = lemminflect.getAllLemmas(words[-1]).get("NOUN", words[-1:])[0]
    return lemma


def region_of(region: dict[str, Any], size: tuple[int, int]) -> Mask:
    canvas = Image.new("1", (size[1], size[0]))
    if "polygon" in region:
        ImageDraw.Draw(canvas).polygon([tuple(corner) for corner in region["polygon"]], fill=1)
    else:
        left, top, right, bottom = region["box"]
        ImageDraw.Draw(canvas).rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=1)
    return np.asarray(canvas)
