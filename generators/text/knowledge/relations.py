"""Where things are with respect to each other: which relations exclude each other, and before what."""

from collections.abc import Iterable
from typing import NamedTuple

# Where a thing is with respect to another; prepositions of one region say much the same.
_REGIONS: dict[str, tuple[str, ...]] = {
    "in": ("in", "inside", "into", "within", "inside of"),
    "out": ("outside", "out of", "outside of"),
    "on": ("on", "onto", "atop", "on top of", "upon"),
    "off": ("off",),
    "over": ("over", "above"),
    "under": ("under", "underneath", "beneath", "below"),
    "front": ("in front of",),
    "behind": ("behind",),
    "near": ("near", "next to", "beside", "by", "close to", "alongside"),
    "up": ("up",),
    "down": ("down",),
    "toward": ("towards", "toward"),
    "away": ("away from",),
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
}
_REGION_OF = {words: region for region, several in _REGIONS.items() for words in several}
_EXCLUSIVE_REGIONS = frozenset(
    frozenset(pair)
    for pair in (
        ("in", "out"),
        ("in", "under"),
        ("in", "behind"),
        ("in", "front"),
        ("in", "near"),
        ("on", "under"),
        ("on", "behind"),
        ("on", "front"),
        ("on", "near"),
        ("on", "off"),
        ("over", "under"),
        ("under", "near"),
        ("front", "behind"),
        ("up", "down"),
        ("toward", "away"),
        ("left", "right"),
    )
)


def region_of(preposition: str) -> str | None:
    """Name the region that a preposition speaks of; none for those that are not about place."""
    return _REGION_OF.get(preposition)


def relations_exclude(first: str, second: str) -> bool:
    """Tell whether two prepositions cannot both hold: "on" and "under", "in front of" and "behind"."""
    return frozenset({region_of(first), region_of(second)}) in _EXCLUSIVE_REGIONS


def are_directions(first: str, second: str) -> bool:
    """Tell whether two prepositions say different directions, which may both hold: "left of" and "above"."""
    regions = {region_of(first), region_of(second)}
    return len(regions) == 2 and regions <= {"left", "right", "over", "under"}


class _Turn(NamedTuple):
    """What a relation to certain things is put for, and what somebody does there."""

    old: frozenset[str]
    new: tuple[str, ...]
    deeds: frozenset[str]
    things: frozenset[str]


_STAYING = frozenset(
    {"be", "crouch", "hide", "kneel", "lie", "lay", "perch", "play", "pose", "relax", "rest", "sit", "sleep", "stand",
     "wait", "work"}
)  # fmt: skip
_GOING = frozenset(
    {"climb", "crawl", "go", "hike", "jog", "jump", "leap", "move", "run", "skateboard", "slide", "sprint", "step",
     "stroll", "trot", "walk"}
)  # fmt: skip
_NEXT_TO = ("near", "next to", "beside", "by", "close to")
_OPEN = "boat canoe kayak raft wagon cart stroller tub bathtub basket crate box bucket cage wheelbarrow"
_CLOSED = "car truck van bus taxi jeep tent"
_SEATS = "bench chair couch sofa bed table desk trampoline picnic-table park-bench"
_RIDDEN = (
    "bike bicycle motorcycle motorbike dirt-bike scooter tricycle skateboard sled tractor horse pony camel elephant"
)


def _read(rows: Iterable[tuple[tuple[str, ...], tuple[str, ...], frozenset[str], str]]) -> tuple[_Turn, ...]:
    """Read rows of relations, what is put for them, deeds and things; "-" stands for a blank in these."""
    return tuple(
        _Turn(frozenset(old), new, deeds, frozenset(word.replace("-", " ") for word in things.split()))
        for old, new, deeds, things in rows
    )


_TURNS = _read(
    (
        # Not "behind": where there is a row of benches, or of rocks, who sits on one sits behind another.
        (("on", "on top of", "atop"), ("under",), _STAYING, f"{_SEATS} bridge"),
        (("on", "over", "across"), ("under",), _GOING, "bridge"),
        (("under", "underneath", "beneath", "below"), ("on",), _STAYING, f"{_SEATS} bridge"),
        (
            ("in front of",),
            ("behind",),
            _STAYING | _GOING,
            f"building house church store shop wall tree statue monument bus car truck van {_SEATS}",
        ),
        (
            ("behind",),
            ("in front of",),
            _STAYING | _GOING,
            f"building house wall tree statue bus car truck van {_SEATS}",
        ),
        (_NEXT_TO, ("on top of",), _STAYING, "car truck van bus table bench piano bed couch sofa"),
        (_NEXT_TO, ("under",), _STAYING, "table desk bed"),
        (("in", "inside"), ("next to",), _STAYING, f"{_OPEN} {_CLOSED}"),
        (("in", "inside"), ("behind",), _STAYING, _CLOSED),
        (("in", "inside"), ("on top of",), _STAYING, _CLOSED),
        (("inside", "inside of"), ("outside",), _STAYING, "building house store shop restaurant church cafe tent car"),
        (("outside", "outside of"), ("inside",), _STAYING, "building house store shop restaurant church cafe tent"),
        # Not into water and out of it: a picture of splashing shows no direction.
        (("into",), ("out of",), _GOING, "car tunnel box house"),
        (("out of",), ("into",), _GOING, "car tunnel box house"),
        (
            ("up",),
            ("down",),
            _GOING,
            "stairs step staircase stairway hill slope ladder ramp slide mountain hillside escalator wall cliff",
        ),
        (
            ("down",),
            ("up",),
            _GOING - {"slide"},
            "stairs step staircase stairway hill slope ladder ramp slide mountain hillside escalator",
        ),
        (("towards", "toward"), ("away from",), _GOING, "ball man woman boy girl dog water ocean house car tree"),
        (("away from",), ("towards",), _GOING, "man woman boy girl dog water ocean house car tree"),
        (("off", "off of"), ("onto",), _GOING, "rock wall dock bed bench log boat ledge"),
        (("onto",), ("off",), _GOING, "rock wall dock bed bench log boat ledge"),
        (("through",), ("over",), _GOING, "hoop tire tunnel tube"),
        (("through",), ("past",), _GOING, "tunnel gate"),
        # Not of those who walk: who is behind a man as one sees it may go in front of him.
        (("in front of",), ("behind",), _STAYING, "audience crowd group man woman boy girl dog"),
        (("behind",), ("in front of",), _STAYING, "audience crowd group man woman boy girl dog"),
    )
)
# The same where a picture has one such thing: who sits on one bed may sit next to another.
_TURNS_OF_ONE = _read(
    (
        (
            ("on", "on top of", "atop"),
            ("next to",),
            _STAYING - {"play"},
            f"{_RIDDEN} bed couch sofa boat raft stage trampoline bus train truck",
        ),
        (("on",), ("next to", "under"), _STAYING, "ladder slide"),
        (("in",), ("next to",), _STAYING, "pool swimming-pool kiddie-pool hot-tub hammock"),
        (("at",), ("under",), _STAYING, "table desk picnic-table"),
    )
)


def turned(words: str, deed: str, thing: str, *, alone: bool = False) -> tuple[str, ...]:
    """List relations that surely do not hold where somebody does something in this relation to a thing, and read well.

    A deed is a verb; "be" where none is said. A thing is `alone` where a picture, as far as captions tell, has one.
    """
    return tuple(
        dict.fromkeys(
            new
            for turn in (*_TURNS, *(_TURNS_OF_ONE if alone else ()))
            if words in turn.old and deed in turn.deeds and thing in turn.things
            for new in turn.new
        )
    )


# On these one is, or beside them, and sees which.
_ON_OR_BY = frozenset(
    {
        "bed", "bench", "block", "blanket", "boulder", "box", "car", "chair", "couch", "curb", "dock", "jeep", "log",
        "mat", "park bench", "pier", "rock", "rug", "sidewalk", "sofa", "stool", "street", "table", "towel",
        "trampoline", "truck", "wall",
    }
)  # fmt: skip
_GROUNDS = frozenset({"beach", "grass", "sidewalk", "street"})


def may_change_places(first: str, first_thing: str, second: str, second_thing: str) -> bool:
    """Tell whether two relations may change things: "on a bench next to a wall", "next to a bench on a wall"."""
    regions = {region_of(first), region_of(second)}
    if "on" not in regions or not regions & {"near", "front", "behind"} or first_thing == second_thing:
        return False
    by = first_thing if region_of(second) == "on" else second_thing
    on = second_thing if by == first_thing else first_thing
    return on in _ON_OR_BY and by in (_ON_OR_BY | _GROUNDS if "near" in regions else _ON_OR_BY)


def stays(deed: str) -> bool:
    """Tell whether somebody stays where he is who does something."""
    return deed in _STAYING
