"""Read a picture that a model drew inside a mask: which scene comes nearest to it, pixel by pixel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from generators.shapes.claims import Claim, is_true
from generators.shapes.drawing import INKS, SAMPLES, Pixels, counted, coverage, draw
from generators.shapes.drawing import mask as mask_of
from generators.shapes.world import BACKGROUNDS, CANVAS, COLOURS, PATTERNS, RADII, SHAPES, Scene, Thing

Mask = npt.NDArray[np.bool_]
_Reals = npt.NDArray[np.float32]

_GRID = 64  # pixels that pictures are compared at, at most
_TRIED = 12  # things that are fitted exactly, the likeliest ones
_MOST = 8  # things that are found in one mask
# Part of a thing's bounding square that is in the mask. Masks may be ellipses, and drawings run over their edge.
_WITHIN = 0.75
# A thing drawn fainter than it is looks like itself down to this strength,
_STRONG = 0.75
# and is there at all at this strength or more, where it also explains as much of the squared error around it.
_FAINT, _EXPLAINED = 0.45, 0.6

# Drawings of a model are soft: pictures are compared a little out of focus, or a blurred pattern would be nearer to
# none than to itself.
_BLUR = np.array([1, 4, 6, 4, 1], np.float32) / 16
_EDGE = len(_BLUR) // 2

_FIGURES = tuple(product(SHAPES, PATTERNS))
_INKS = np.array([INKS[colour] for colour in COLOURS], np.float32) / 255  # colour, first and second, channel


@dataclass(frozen=True, slots=True)
class Nearest:
    """The scene that a picture shows, and how far off it is: root mean square inside the mask, 0 to 1."""

    scene: Scene
    error: float


def nearest_scene(picture: Pixels, scene: Scene, mask: Mask) -> Nearest:
    """Find the scene nearest to a picture that is that of `scene` wherever `mask` is False.

    Things of which most is outside the mask stay; any others may be there inside it. The background stays too,
    unless the mask is the whole picture.
    """
    if mask.all():
        scene = replace(scene, background=_background(picture, scene))
    kept = tuple(thing for thing in scene.things if mask[mask_of((thing,), len(mask)) > 0].mean() <= 0.5)
    found = _found(picture, scene.with_things(kept), mask)
    nearest = scene.with_things((*kept, *found))
    off = (picture.astype(np.float32) - draw(nearest, len(picture)))[mask] / 255
    return Nearest(nearest, float(np.sqrt(np.square(off).mean())) if off.size else 0.0)


def shows(picture: Pixels, scene: Scene, mask: Mask, claim: Claim) -> bool:
    """Tell whether a claim is true of what a picture shows, one that was `scene` and was edited inside a mask."""
    return is_true(claim, nearest_scene(picture, scene, mask).scene)


def _background(picture: Pixels, scene: Scene) -> str:
    """The ground that most of the picture is near to: things never cover half of it."""
    grounds = {name: draw(replace(scene, things=(), background=name), len(picture)) for name in BACKGROUNDS}
    off = {name: np.median(abs(picture.astype(np.int64) - ground).sum(2)) for name, ground in grounds.items()}
    return min(off, key=lambda name: off[name])


def _found(picture: Pixels, scene: Scene, mask: Mask) -> list[Thing]:
    """Add the thing that brings the drawing nearest to the picture, until none is there any more."""
    seen, under = (_blurred(_reduced(pixels), "edge") for pixels in (picture, draw(scene, len(picture))))
    inside = _reduced(mask[:, :, None] * np.uint8(255))[:, :, 0]
    searches = [_Search(seen, under, inside, size) for size in RADII]
    taken, found = list(scene.things), list[Thing]()
    while len(found) < _MOST:
        likely = sorted((pair for search in searches for pair in search.likely(taken)), key=lambda pair: -pair[0])
        fits = (_fitted(seen, under, thing) for _, thing in likely[:_TRIED])
        best = max((fit for fit in fits if fit.there), key=lambda fit: fit.nearer, default=None)
        if best is None:
            break
        found.append(best.thing)
        taken.append(best.thing)
        rows, columns, drawn = _drawn(under, best.thing)
        under[rows, columns] = drawn
    return found


def _reduced(pixels: Pixels) -> _Reals:
    """Values from 0 to 1; of large pictures the means of blocks: what is looked for can be told from them."""
    block = max(1, len(pixels) // _GRID)
    size = len(pixels) // block
    means: _Reals = pixels.reshape(size, block, size, block, -1).mean((1, 3), dtype=np.float32) / 255
    return means


def _blurred(pixels: _Reals, beyond: Literal["edge", "constant"]) -> _Reals:
    """The same out of focus, _EDGE pixels wider on each side; beyond its border is more of the same, or nothing."""
    wide = np.pad(pixels, ((2 * _EDGE, 2 * _EDGE), (2 * _EDGE, 2 * _EDGE), (0, 0)), beyond)
    for axis in (0, 1):
        wide = np.asarray(sliding_window_view(wide, len(_BLUR), axis) @ _BLUR, np.float32)
    return wide


class _Search:
    """How much nearer each thing of one size brings the drawing at each place: coarse, and all of them at once.

    A thing adds two inks and covers what is under it. So how much that is like what is missing, and how much it changes
    at all, are made of its inks and of sums over its window that are the same for all colours.
    """

    def __init__(self, seen: _Reals, under: _Reals, inside: _Reals, size: str) -> None:
        self.size, self.radius = size, sum(RADII[size]) // 2
        pixels = len(inside)
        half = -(-self.radius * pixels // CANVAS)
        within = sliding_window_view(inside, (2 * half, 2 * half)).mean((2, 3))
        rows, columns = np.nonzero(within >= _WITHIN)
        self.centres = np.stack([columns + half, rows + half], 1) * (CANVAS // pixels)
        side = 2 * (half + _EDGE)
        off = seen - under
        maps = np.concatenate(
            [np.square(under).sum(2, keepdims=True), (off * under).sum(2, keepdims=True), off, under], 2
        )
        windows = sliding_window_view(maps, (side, side), (0, 1))[rows, columns].reshape(len(rows), 8, side * side)
        flat = np.moveaxis(windows, 1, 0)
        parts = _parts(self.radius, half, pixels)  # ink, pixel, figure
        covered = parts.sum(0)
        added = np.stack([flat[2:5] @ part for part in parts])  # ink, channel, place, figure
        mixed = np.stack([flat[5:] @ (part * covered) for part in parts])
        inks = np.einsum("aic,ajc,ipf,jpf->af", _INKS, _INKS, parts, parts, optimize=True)
        # colour, place, figure
        alike = np.tensordot(_INKS, added, 2) - flat[1] @ covered
        contrast = np.tensordot(_INKS, mixed, 2) * -2 + flat[0] @ np.square(covered) + inks[:, None]
        self.nearer = _nearer(alike, contrast)

    def likely(self, taken: Sequence[Thing]) -> Iterator[tuple[float, Thing]]:
        """The best place of each look, clear of what is there already, and how much nearer it is."""
        free = np.ones(len(self.centres), bool)
        for thing in taken:
            free &= abs(self.centres - (thing.x, thing.y)).max(1) >= thing.radius + self.radius
        if not free.any():
            return
        nearer, centres = self.nearer[:, free], self.centres[free]
        best = nearer.argmax(1)  # colour, figure
        most = np.take_along_axis(nearer, best[:, None], 1)[:, 0]
        for colour, figure in np.argwhere(most > 0):
            shape, pattern = _FIGURES[figure]
            x, y = map(int, centres[best[colour, figure]])
            thing = Thing(shape, COLOURS[colour], self.size, pattern, x, y, self.radius)
            yield float(most[colour, figure]), thing


@cache
def _parts(radius: int, half: int, pixels: int) -> _Reals:
    """How much of each pixel of a window is in the first ink and in the second: of all figures, blurred."""
    side = 2 * (half + _EDGE)
    parts = np.zeros((2, side, side, len(_FIGURES)), np.float32)
    start = pixels // 2 - half
    for number, (shape, pattern) in enumerate(_FIGURES):
        rows, columns, first, second = _stamp(shape, pattern, radius, 0, 0, pixels)
        for part, of in zip(parts, (first, second), strict=True):
            part[_shifted(rows, -start), _shifted(columns, -start), number] = of[:, :, 0]
    return parts.reshape(2, side * side, len(_FIGURES))


@dataclass(frozen=True, slots=True)
class _Fit:
    """A thing, how much it takes away from the squared error, and whether it is there at all."""

    thing: Thing
    nearer: float
    there: bool


def _fitted(seen: _Reals, under: _Reals, thing: Thing) -> _Fit:
    """Move and resize a thing as long as that brings the drawing nearer."""
    best = _fit(seen, under, thing)
    for step in (2, 1):
        while True:
            moved = max((_fit(seen, under, near) for near in _near(best.thing, step)), key=lambda fit: fit.nearer)
            if moved.nearer <= best.nearer:
                break
            best = moved
    return best


def _near(thing: Thing, step: int) -> Iterator[Thing]:
    least, most = RADII[thing.size]
    for way in (-step, step):
        for x, y, radius in ((way, 0, 0), (0, way, 0), (0, 0, way)):
            radius = min(max(thing.radius + radius, least), most)
            x, y = (min(max(at, radius), CANVAS - radius) for at in (thing.x + x, thing.y + y))
            yield replace(thing, x=x, y=y, radius=radius)


def _fit(seen: _Reals, under: _Reals, thing: Thing) -> _Fit:
    rows, columns, drawn = _drawn(under, thing)
    change, wanted = (pixels.ravel() - under[rows, columns].ravel() for pixels in (drawn, seen[rows, columns]))
    alike, contrast, off = float(change @ wanted), float(change @ change), float(wanted @ wanted)
    there = alike >= _FAINT * contrast and alike * alike >= _EXPLAINED * contrast * off
    return _Fit(thing, float(_nearer(alike, contrast)), there)


def _nearer(alike: Any, contrast: Any) -> Any:
    """What a thing takes away from the squared error, at the strength at which that is most.

    At full strength alone a faint thing would look most like a smaller one.
    """
    strength = np.clip(alike / contrast, _STRONG, 1)
    return strength * (2 * alike - strength * contrast)


def _drawn(under: _Reals, thing: Thing) -> tuple[slice, slice, _Reals]:
    """Draw a thing over what is under it, both blurred."""
    pixels = len(under) - 2 * _EDGE
    unit = CANVAS // pixels
    rows, columns, first, second = _stamp(
        thing.shape, thing.pattern, thing.radius, thing.x % unit, thing.y % unit, pixels
    )
    rows, columns = _shifted(rows, thing.y // unit - pixels // 2), _shifted(columns, thing.x // unit - pixels // 2)
    inks = _INKS[COLOURS.index(thing.colour)]
    return rows, columns, under[rows, columns] * (1 - first - second) + first * inks[0] + second * inks[1]


@cache
def _stamp(shape: str, pattern: str, radius: int, x: int, y: int, pixels: int) -> tuple[slice, slice, _Reals, _Reals]:
    """A thing in the middle of a picture: where, and how much of each pixel is in its first and its second ink."""
    middle = CANVAS // 2
    thing = Thing(shape, "", "", pattern, middle + x, middle + y, radius)
    rows, columns, inside, marks = coverage(thing, pixels)
    full = np.float32(SAMPLES**2)
    covered, marked = (counted(part).astype(np.float32)[:, :, None] / full for part in (inside, inside & marks))
    first, second = (_blurred(part, "constant") for part in (covered - marked, marked))
    return _wider(rows), _wider(columns), first, second


def _wider(pixels: slice) -> slice:
    """The same pixels and the blur's edge, in a picture that has that edge too."""
    return slice(pixels.start, pixels.stop + 2 * _EDGE)


def _shifted(pixels: slice, by: int) -> slice:
    return slice(pixels.start + by, pixels.stop + by)
