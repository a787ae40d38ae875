"""What the small inpainting model is taught: pictures with a part to fill in, and what is said of the whole."""

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from generators.shapes.changes import changed_things
from generators.shapes.claims import Claim, Description, Mention
from generators.shapes.drawing import draw
from generators.shapes.sampling import draw_scene
from generators.shapes.world import ATTRIBUTES, CANVAS, Scene, Thing
from generators.shapes.writing import claim_about, write
from models.lessons import SIZE, kept, minimal_pair, patch_labels

# How often each operation is taught.
_SHARES = {
    "replace_object": 4, "replace_attribute": 6, "replace_relation": 3, "replace_count": 3, "swap_object": 3,
    "swap_attribute": 4, "swap_relation": 1, "add_object": 2, "add_attribute": 2, "negate": 1,
}  # fmt: skip


@dataclass
class Edits:
    """Arrays of one length: a picture, the part of it that is to be filled in, and a caption that is true of it."""

    pictures: npt.NDArray[np.uint8]  # rows, SIZE, SIZE, 3
    masks: npt.NDArray[np.bool_]  # rows, SIZE, SIZE: True where the picture is to be made
    captions: npt.NDArray[np.str_]  # rows
    patches: npt.NDArray[np.uint8]  # rows, patches, attributes: as in Lessons

    def __len__(self) -> int:
        return len(self.captions)


def kept_edits(folder: Path, rows: int, seed: int) -> Edits:
    """Make edits, or read them where they were made before; the same arguments give the same rows."""
    return kept(folder / f"edits-{rows}-{seed}.npz", Edits, lambda: make_edits(rows, seed))


def make_edits(rows: int, seed: int, chunk: int = 500) -> Edits:
    """Draw edits of minimal pairs, and of scenes as they are."""
    with ProcessPoolExecutor(2) as pool:
        parts = list(pool.map(partial(_chunk, seed=seed, rows=rows, chunk=chunk), range(0, rows, chunk)))
    columns = zip(*(row for part in parts for row in part), strict=True)
    return Edits(*(np.array(column) for column in columns))


def _chunk(start: int, seed: int, rows: int, chunk: int) -> list[tuple[Any, ...]]:
    return [_row(random.Random(f"edit {seed} {row}")) for row in range(start, min(start + chunk, rows))]


def _row(rng: random.Random) -> tuple[Any, ...]:
    scene, mask, caption = _edit_of_pair(rng) if rng.random() < 0.75 else _as_it_is(rng)
    return draw(scene, SIZE), mask, caption, patch_labels(scene)


def _edit_of_pair(rng: random.Random) -> tuple[Scene, npt.NDArray[np.bool_], str]:
    """Either picture of a minimal pair: the original, which a build has filled in too, a third of the time."""
    operation = rng.choices(list(_SHARES), list(_SHARES.values()))[0]
    scenes, claims = minimal_pair(rng, operation)
    side = int(rng.random() < 0.67)
    return scenes[side], blurred_mask(changed_things(*scenes), rng), write(claims[side], rng)


def _as_it_is(rng: random.Random) -> tuple[Scene, npt.NDArray[np.bool_], str]:
    """A scene with some of its things hidden, and often nothing said but what they are."""
    scene = draw_scene(rng)
    hidden = tuple(rng.sample(scene.things, rng.randint(1, min(2, len(scene.things)))))
    if rng.random() < 0.4:
        return scene, blurred_mask(hidden, rng), write(claim_about(scene, rng), rng)
    seen = {thing.look(): _mention(thing, hidden, rng) for thing in hidden}
    return scene, blurred_mask(hidden, rng), write(Claim(tuple(seen.values())), rng)


def _mention(thing: Thing, among: tuple[Thing, ...], rng: random.Random) -> Mention:
    said = {name: getattr(thing, name) for name in ATTRIBUTES if name == "shape" or rng.random() < 0.7}
    alike = sum(other.look() == thing.look() for other in among)
    return Mention(Description.of(**said), alike if alike > 1 else None)


def blurred_mask(things: tuple[Thing, ...], rng: random.Random) -> npt.NDArray[np.bool_]:
    """Hide things behind boxes or blobs that do not tell their shape; everything where there are none."""
    if not things:
        return np.ones((SIZE, SIZE), bool)
    unit = CANVAS // SIZE
    at = np.arange(unit // 2, CANVAS, unit)
    covered = np.zeros((SIZE, SIZE), bool)
    round_ = rng.random() < 0.3
    for thing in things:
        left, right, up, down = (thing.radius + rng.randint(4, 24) for _ in range(4))
        dx, dy = (at - thing.x)[None, :], (at - thing.y)[:, None]
        if round_:
            reach = thing.radius * rng.uniform(1.2, 1.6)
            covered |= (dx / (reach + rng.randint(0, 12))) ** 2 + (dy / (reach + rng.randint(0, 12))) ** 2 <= 1
        else:
            covered |= (dx >= -left) & (dx <= right) & (dy >= -up) & (dy <= down)
    return covered
