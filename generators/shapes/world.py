"""What there is in the shapes world: things on a background, as plain values.

Lengths are in units: the canvas is 256 units wide and high, x grows to the right and y downward.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

CANVAS = 256

SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "crescent", "diamond")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "black", "white")
SIZES = ("small", "large")
PATTERNS = ("plain", "striped", "spotted", "checkered")
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": COLOURS,
    "size": SIZES,
    "pattern": PATTERNS,
}
BACKGROUNDS = ("grey", "tan", "pink")
TEXTURES = ("flat", "gradient", "grain")
# Half the width of a thing's bounding square, smallest and largest, in units.
RADII = {"small": (26, 30), "large": (41, 47)}
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
RELATIONS = tuple(OPPOSITE)


@dataclass(frozen=True, slots=True)
class Thing:
    """One drawn figure; `x` and `y` are the centre of its bounding square, `radius` half its width."""

    shape: str
    colour: str
    size: str
    pattern: str
    x: int
    y: int
    radius: int

    def look(self) -> tuple[str, str, str, str]:
        """Everything but the place."""
        return self.shape, self.colour, self.size, self.pattern

    def at(self, x: int, y: int) -> "Thing":
        """The same thing elsewhere."""
        return replace(self, x=x, y=y)


@dataclass(frozen=True, slots=True)
class Scene:
    """Things on a background."""

    things: tuple[Thing, ...]
    background: str
    texture: str = "flat"
    seed: int = 0  # of the grain and the shade of the background

    def with_things(self, things: tuple[Thing, ...]) -> "Scene":
        """The same background with other things."""
        return replace(self, things=things)

    def to_json(self) -> str:
        """Write the scene down, as the `scene` column of `pairs` has it."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Scene":
        """Read what `to_json` wrote.

        Raises ValueError for anything else.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            return cls(**{**data, "things": tuple(Thing(**thing) for thing in data["things"])})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a scene of the shapes world: {text[:80]}") from error


def gap(first: Thing, second: Thing, axis: str) -> int:
    """Units between the bounding squares of two things along "x" or "y"; negative where they overlap."""
    between: int = abs(getattr(first, axis) - getattr(second, axis))
    return between - first.radius - second.radius


def holds(relation: str, first: Thing, second: Thing) -> bool:
    """Tell whether the first thing is left of, right of, above or below the second.

    It is where their bounding squares do not overlap along that axis (CounterCurate's rule: the right edge
    of the one is not beyond the left edge of the other), so a thing may be left of another and above it.
    """
    if relation in {"right", "below"}:
        return holds(OPPOSITE[relation], second, first)
    axis = "x" if relation == "left" else "y"
    reach: int = getattr(first, axis) + first.radius
    return reach <= int(getattr(second, axis)) - second.radius
