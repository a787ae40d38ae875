"""Bring pictures of any size to what a diffusion model takes, and its result back, pixel for pixel."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

_CLOSE = 1.1  # a picture whose side is within this factor of the right one is not resampled, which would blur it

Bits = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Fit:
    """How a picture was made to fit; sizes are width and height in pixels."""

    original: tuple[int, int]
    scaled: tuple[int, int]
    padded: tuple[int, int]


def fit(width: int, height: int, size: int, multiple: int) -> Fit:
    """Find the scale at which a picture has about size x size pixels, and the padding to multiples of `multiple`."""
    scale = size / math.sqrt(width * height)
    if 1 / _CLOSE <= scale <= _CLOSE:
        scale = 1.0
    scaled = max(1, round(width * scale)), max(1, round(height * scale))
    padded = scaled[0] + -scaled[0] % multiple, scaled[1] + -scaled[1] % multiple
    return Fit((width, height), scaled, padded)


def fit_picture(picture: Image.Image, to: Fit) -> Image.Image:
    """Scale an RGB picture, and pad it on the right and below by its mirror image."""
    if to.scaled != to.original:
        picture = picture.resize(to.scaled, Image.Resampling.LANCZOS)
    return picture if to.padded == to.scaled else Image.fromarray(_padded(np.asarray(picture), to))


def fit_mask(mask: Image.Image, to: Fit) -> Image.Image:
    """Scale and pad a mask alike, to black and white; what shows any pixel of its white (above half) is white.

    Mirrored like the picture, so that no copy of a thing to be replaced is left to see in the padding.
    """
    white = white_of(mask)
    height, width = white.shape
    columns, rows = _places(width, to.scaled[0]), _places(height, to.scaled[1])
    scaled = white[_places(to.scaled[1], height)][:, _places(to.scaled[0], width)]
    y, x = np.nonzero(white)
    scaled[rows[y], columns[x]] = True  # what a nearest pixel alone would miss when there are fewer
    return Image.fromarray(_padded(scaled, to).astype(np.uint8) * 255)


def undo(picture: Image.Image, to: Fit) -> Image.Image:
    """Turn a model's result, of any size, back into one of the original's size."""
    if picture.size != to.padded:
        picture = picture.resize(to.padded, Image.Resampling.LANCZOS)
    if to.padded != to.scaled:
        picture = picture.crop((0, 0, *to.scaled))
    return picture if to.scaled == to.original else picture.resize(to.original, Image.Resampling.LANCZOS)


def put_back(original: Image.Image, edited: Image.Image, mask: Image.Image, feather_pixels: float) -> Image.Image:
    """Take the edited picture inside the mask and the original outside of it, where not a bit changes.

    All three have one size. Along the inner side of the mask's edge, over `feather_pixels`, one turns into the
    other; where the mask reaches the picture's border there is no edge.
    """
    from scipy.ndimage import distance_transform_edt

    white = white_of(mask)
    before, after = np.asarray(original), np.asarray(edited)
    if white.all():  # then there is no edge to take a distance from
        return edited
    share = np.minimum(1, distance_transform_edt(white) / max(1.0, feather_pixels))[..., None]
    blended = np.rint(before + share * (after.astype(np.float64) - before)).astype(np.uint8)
    return Image.fromarray(np.where(white[..., None], blended, before))


def white_of(mask: Image.Image) -> Bits:
    """Tell of each pixel, height x width, whether the mask allows an edit there."""
    return np.asarray(mask.convert("L")) > 127


def _places(count: int, others: int) -> Any:
    """Tell which of `others` pixels along a side covers the middle of each of `count` pixels."""
    return (2 * np.arange(count) + 1) * others // (2 * count)


def _padded(pixels: "np.ndarray[Any, Any]", to: Fit) -> "np.ndarray[Any, Any]":
    right, below = to.padded[0] - to.scaled[0], to.padded[1] - to.scaled[1]
    return np.pad(pixels, [(0, below), (0, right), (0, 0)][: pixels.ndim], mode="symmetric")
