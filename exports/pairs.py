"""A minimal pair on its way out: what an export knows of one accepted negative, and its pictures."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from PIL import Image, ImageOps

from generators.text.differences import Said, difference, difference_back

Span = dict[str, int]  # start and end, in code points of the caption
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}  # what every loader opens, by Pillow's names
_ORIENTATION = 0x0112  # EXIF tag: 1 is upright


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture, in a form that every loader opens and shows upright."""

    picture_id: str  # sha256 of the bytes in the dataset
    data: bytes
    ending: str

    @property
    def name(self) -> str:
        """Return the name of its file."""
        return f"{self.picture_id}.{self.ending}"

    @property
    def size(self) -> tuple[int, int]:
        """Tell width and height in pixels."""
        with Image.open(io.BytesIO(self.data)) as image:
            return image.size

    def as_png(self) -> "Picture":
        """Return the same pixels as PNG."""
        return self if self.ending == "png" else replace(self, data=_png(self.data), ending="png")


def picture_of(picture_id: str, data: bytes) -> Picture:
    """Take a picture's bytes as they are; what some loaders cannot open, or would show turned, becomes PNG.

    One picture of a pair that lies on its side would give the pair away.
    """
    with Image.open(io.BytesIO(data)) as image:
        ending = _ENDINGS.get(image.format or "")
        upright = image.getexif().get(_ORIENTATION, 1) == 1
    if ending is None or not upright:
        return Picture(picture_id, _png(data), "png")
    return Picture(picture_id, data, ending)


def _png(data: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode not in {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}:  # what PNG has no form for
            upright = upright.convert("RGB")
        upright.save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class Pair:
    """One accepted negative: a right and a wrong caption, the picture, and where there is one the edited picture."""

    text_negative_id: str
    image_negative_id: str | None
    pair_id: str
    image_id: str
    operation: str
    method: str
    original: str  # the right caption that the wrong one is told from; of an addition not the pair's own
    negative: str
    original_phrase: str | None
    negative_phrase: str | None
    unit: str | None  # of the right caption, what the change is about
    foil: str | None  # what it became
    original_spans: list[Span] | None
    negative_spans: list[Span] | None
    original_still_true: bool | None  # whether the right caption is true of the edited picture too; None: unknown
    image_method: str | None
    instruction: str | None
    validity: float | None
    difficulty: float | None
    pair_weight: float | None  # how far picture and right caption are trusted to belong together; None: not measured
    source: str | None
    source_key: str | None
    url: str | None
    license: str | None
    split: str
    paraphrases: list[str]  # of `original`
    picture: Picture
    negative_picture: Picture | None
    mask: Picture | None

    @property
    def whole(self) -> bool:
        """Whether each caption is true of its own picture alone: a 2x2 item."""
        return self.negative_picture is not None and self.original_still_true is not True

    @property
    def difference(self) -> str | None:
        """Say what the wrong caption's picture has that the right one's has not; None where no form is sure."""
        return difference(self.operation, *self._sides)

    @property
    def difference_back(self) -> str | None:
        """Say the same from the wrong caption's picture to the right one's."""
        return difference_back(self.operation, *self._sides)

    @property
    def _sides(self) -> tuple[Said, Said]:
        return (
            Said(self.original, self.original_phrase, self.unit),
            Said(self.negative, self.negative_phrase, self.foil),
        )

    @property
    def pictures(self) -> tuple[Picture, Picture]:
        """Return both pictures; raises ValueError of a pair that has one."""
        if self.negative_picture is None:
            raise ValueError(f"{self.text_negative_id} has no edited picture")
        return self.picture, self.negative_picture

    @property
    def told(self) -> dict[str, Any]:
        """Return where it comes from and what it is: beside the columns of a format, where that has room."""
        names = ("text_negative_id", "operation", "source", "source_key", "url", "license", "split")
        return {name: getattr(self, name) for name in names}


def by_split(pairs: Iterable[Pair]) -> Iterator[tuple[str, Iterator[Pair]]]:
    """Group pairs by split, as they come."""
    return groupby(pairs, key=lambda pair: pair.split)


def by_caption(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    """Group pairs that have picture and right caption in common, as they come."""
    for _, several in groupby(pairs, key=lambda pair: (pair.picture.picture_id, pair.original)):
        yield list(several)
