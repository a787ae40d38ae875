"""Scenes for tests: by seed for hypothesis, and one drawn by hand."""

import random

from hypothesis import strategies as st

from generators.shapes.sampling import draw_scene
from generators.shapes.world import Scene, Thing

seeds = st.integers(0, 2**32 - 1)


def scene_of(seed: int) -> Scene:
    return draw_scene(random.Random(seed))


# A large plain red circle left of a small striped blue square; below both two small plain green stars.
HAND = Scene(
    (
        Thing("circle", "red", "large", "plain", 60, 70, 44),
        Thing("square", "blue", "small", "striped", 190, 60, 28),
        Thing("star", "green", "small", "plain", 60, 200, 28),
        Thing("star", "green", "small", "plain", 190, 200, 28),
    ),
    "grey",
)
