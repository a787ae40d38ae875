"""What the small CLIP models are taught: minimal pairs of the shapes world, drawn, said and labelled."""

import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from generators.shapes.changes import minimal_change
from generators.shapes.claims import Claim, is_true
from generators.shapes.drawing import draw
from generators.shapes.sampling import draw_scene
from generators.shapes.world import ATTRIBUTES, CANVAS, COLOURS, SHAPES, Scene
from generators.shapes.writing import claim_about, write
from generators.shapes.wrongs import wrong_claim
from models.facts import facts_of_claim, facts_of_scene, slots_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Arrays = TypeVar("Arrays", bound="DataclassInstance")
SIZE = 64  # pixels
PATCH = 8  # pixels
# Combinations of colour and shape that are never shown nor spoken of in training.
HELD_OUT = frozenset((colour, SHAPES[(3 * i + 1) % len(SHAPES)]) for i, colour in enumerate(COLOURS))
# How often each operation is taught: what has to be bound to a place is learned last, and gets more.
_SHARES = {
    "replace_object": 2, "replace_attribute": 3, "replace_relation": 4, "replace_count": 3, "swap_object": 4,
    "swap_attribute": 4, "swap_relation": 4, "add_object": 2, "add_attribute": 2, "negate": 2,
}  # fmt: skip
OPERATION_NAMES = tuple(_SHARES)


@dataclass
class Lessons:
    """Arrays of one length: a row is a minimal pair of images, and captions of both."""

    images: npt.NDArray[np.uint8]  # rows, 2, SIZE, SIZE, 3
    captions: npt.NDArray[np.object_]  # rows, 2: the minimal pair's captions
    patches: npt.NDArray[np.uint8]  # rows, 2, patches, attributes: 1 + index of the value, 0 where nothing is
    shown: npt.NDArray[np.uint8]  # rows, 2, bytes: the facts of each scene, in packed bits
    said: npt.NDArray[np.uint8]  # rows, 2, 2, bytes: what the minimal pair's captions say, and what they deny
    slots: npt.NDArray[np.uint8]  # rows, 2, slots: the minimal pair's captions, read
    operation: npt.NDArray[np.int64]  # rows: index in OPERATION_NAMES
    entailed: npt.NDArray[np.bool_]  # rows: caption 0 is true of image 1 too ("a circle", "a red circle")

    def __len__(self) -> int:
        return len(self.operation)


def make_lessons(rows: int, seed: int, held_out: bool = False, workers: int = 2, chunk: int = 500) -> Lessons:
    """Draw minimal pairs, each operation by its share; the same arguments give the same lessons.

    With `held_out`, every scene has a thing of HELD_OUT; without, neither scenes nor captions have one.
    """
    starts = range(0, rows, chunk)
    make = partial(_chunk, seed=seed, held_out=held_out, rows=rows, chunk=chunk)
    if workers == 1:
        parts = [make(start) for start in starts]
    else:
        with ProcessPoolExecutor(workers) as pool:
            parts = list(pool.map(make, starts))
    return joined(parts)


def joined(parts: Sequence[Lessons]) -> Lessons:
    """Put lessons one behind the other."""
    return Lessons(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Lessons)})


def as_lessons(rows: Iterable[tuple[Any, ...]]) -> Lessons:
    """Make arrays of what `lesson` returned; at least one row."""
    return Lessons(*(np.array(column) for column in zip(*rows, strict=True)))


def kept_lessons(folder: Path, rows: int, seed: int, held_out: bool = False) -> Lessons:
    """Make lessons, or read them where they were made before."""
    file = folder / f"lessons-{rows}-{seed}{'-held-out' if held_out else ''}.npz"
    return kept(file, Lessons, lambda: make_lessons(rows, seed, held_out))


def kept(file: Path, kind: type[Arrays], make: Callable[[], Arrays]) -> Arrays:
    """Make a dataclass of arrays, or read it where it was made before."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = make()
        partial_file = file.with_suffix(".partial.npz")
        arrays = {f.name: getattr(made, f.name) for f in fields(made)}
        np.savez(partial_file, **{n: a.astype(str) if a.dtype == object else a for n, a in arrays.items()})
        partial_file.rename(file)
    with np.load(file) as stored:
        return kind(**{name: stored[name] for name in stored.files})


def _chunk(start: int, seed: int, held_out: bool, rows: int, chunk: int) -> Lessons:
    return as_lessons(_row(random.Random(f"{seed} {row}"), held_out) for row in range(start, min(start + chunk, rows)))


def _row(rng: random.Random, held_out: bool) -> tuple[Any, ...]:
    operation = rng.choices(OPERATION_NAMES, list(_SHARES.values()))[0]
    scenes, claims = minimal_pair(rng, operation, held_out)
    wording = rng.getrandbits(48)
    captions = [write(claim, random.Random(wording)) for claim in claims]
    return lesson(scenes, claims, captions, operation)


def lesson(
    scenes: Sequence[Scene], claims: Sequence[Claim], captions: Sequence[str], operation: str
) -> tuple[Any, ...]:
    """Draw and label a minimal pair: one row of each array of Lessons, in their order."""
    return (
        np.stack([draw(scene, SIZE) for scene in scenes]),
        list(captions),
        np.stack([patch_labels(scene) for scene in scenes]),
        np.packbits([facts_of_scene(scene) for scene in scenes], axis=-1),
        np.packbits([facts_of_claim(claim) for claim in claims], axis=-1),
        np.array([slots_of(caption) for caption in captions], np.uint8),
        OPERATION_NAMES.index(operation),
        is_true(claims[0], scenes[1]),
    )


def minimal_pair(
    rng: random.Random, operation: str, held_out: bool | None = None
) -> tuple[tuple[Scene, Scene], tuple[Claim, Claim]]:
    """Draw two scenes that differ by one operation, and what is said of each.

    With `held_out` the first has a thing of HELD_OUT; with False nothing shown or said is of it; with None it may.
    """
    while True:
        scene = draw_scene(rng, HELD_OUT if held_out is False else frozenset())
        if held_out and not _has_held_out(scene):
            continue
        claim = claim_about(scene, rng)
        wrong = wrong_claim(claim, operation, scene, rng)
        if wrong is None or (held_out is False and not is_allowed((claim, wrong), ())):
            continue
        other = minimal_change(scene, claim, wrong, rng)
        if other is not None and (held_out is not False or is_allowed((), (other,))):
            return (scene, other), (claim, wrong)


def _has_held_out(scene: Scene) -> bool:
    return any((thing.colour, thing.shape) in HELD_OUT for thing in scene.things)


def is_allowed(claims: Sequence[Claim], scenes: Sequence[Scene]) -> bool:
    """Tell whether nothing of HELD_OUT is said or shown."""
    said = ((m.what.value("colour"), m.what.value("shape")) for claim in claims for m in claim.mentions)
    return not any(_has_held_out(scene) for scene in scenes) and not any(pair in HELD_OUT for pair in said)


def patch_labels(scene: Scene) -> npt.NDArray[np.uint8]:
    """Say for each patch of the picture what thing its centre is in: patches x attributes, 0 for nothing."""
    pitch = CANVAS * PATCH // SIZE
    centres = np.arange(pitch // 2, CANVAS, pitch)
    labels = np.zeros((len(centres), len(centres), len(ATTRIBUTES)), np.uint8)
    for thing in scene.things:
        rows, columns = (abs(centres - at) <= thing.radius for at in (thing.y, thing.x))
        labels[np.ix_(rows, columns)] = [1 + values.index(getattr(thing, name)) for name, values in ATTRIBUTES.items()]
    return labels.reshape(-1, len(ATTRIBUTES))
