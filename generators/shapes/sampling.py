"""Draw scenes at random: the same seed gives the same scene anywhere."""

import random
from collections.abc import Sequence

from generators.shapes.world import (
    BACKGROUNDS,
    CANVAS,
    COLOURS,
    PATTERNS,
    RADII,
    SHAPES,
    SIZES,
    TEXTURES,
    Scene,
    Thing,
    gap,
)

MARGIN = 4  # units that things keep from the edge
APART = 8  # units between two things, along at least one axis
# Along the other axis they are as clearly apart or as clearly not, so that no relation is a matter of a pixel.
UNCLEAR = 6
_MANY = ((1, 8), (2, 44), (3, 30), (4, 18))  # number of things, weight


def draw_scene(rng: random.Random, without: frozenset[tuple[str, str]] = frozenset()) -> Scene:
    """Draw a scene of one to four things, none with a (colour, shape) of `without`.

    About one scene in three has several things of one look, so that there is something to count; in others
    things often share an attribute, so that naming one attribute is not enough.
    """
    while True:
        looks = _looks(rng, without)
        placed = place(rng, looks)
        if placed is not None:
            background, texture = rng.choice(BACKGROUNDS), rng.choice(TEXTURES)
            return Scene(placed, background, texture, rng.getrandbits(16))


Look = tuple[str, str, str, str]


def _looks(rng: random.Random, without: frozenset[tuple[str, str]]) -> list[Look]:
    [many] = rng.choices([n for n, _ in _MANY], [weight for _, weight in _MANY])
    looks = [_look(rng, without) for _ in range(many)]
    if many > 1 and rng.random() < 0.34:  # a group that can be counted
        group = rng.randint(2, many)
        looks[1:group] = [looks[0]] * (group - 1)
    elif many > 1 and rng.random() < 0.5:  # two that share a shape, or all but the shape
        shape, colour, size, pattern = looks[0]
        other = looks[1]
        twin = (shape, *other[1:]) if rng.random() < 0.5 else (other[0], colour, size, pattern)
        if (twin[1], twin[0]) not in without:
            looks[1] = twin
    rng.shuffle(looks)
    return looks


def _look(rng: random.Random, without: frozenset[tuple[str, str]]) -> Look:
    while True:
        shape, colour = rng.choice(SHAPES), rng.choice(COLOURS)
        if (colour, shape) not in without:
            pattern = "plain" if rng.random() < 0.4 else rng.choice(PATTERNS[1:])
            return shape, colour, rng.choice(SIZES), pattern


def place(
    rng: random.Random, looks: Sequence[Look], beside: Sequence[Thing] = (), tries: int = 200
) -> tuple[Thing, ...] | None:
    """Find places for things, beside others that stay; nothing when there is no room after some tries."""
    for _ in range(tries):
        things: list[Thing] = list(beside)
        for shape, colour, size, pattern in looks:
            radius = rng.randint(*RADII[size])
            low, high = radius + MARGIN, CANVAS - radius - MARGIN
            thing = Thing(shape, colour, size, pattern, rng.randint(low, high), rng.randint(low, high), radius)
            if not all(are_clear(thing, other) for other in things):
                break
            things.append(thing)
        else:
            return tuple(things)
    return None


def are_clear(first: Thing, second: Thing) -> bool:
    """Tell whether two things are apart, and all their relations plain to see."""
    gaps = [gap(first, second, axis) for axis in "xy"]
    return max(gaps) >= APART and all(abs(between) >= UNCLEAR for between in gaps)


def is_clear(scene: Scene) -> bool:
    """Tell whether all things of a scene lie inside the canvas and are clear of one another."""
    things = scene.things
    inside = all(
        thing.radius + MARGIN <= at <= CANVAS - thing.radius - MARGIN for thing in things for at in (thing.x, thing.y)
    )
    return inside and all(are_clear(a, b) for i, a in enumerate(things) for b in things[:i])
