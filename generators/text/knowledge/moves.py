"""What somebody does at a place in place of what a verb with its preposition says: "runs through", "sits in"."""

from functools import cache
from typing import NamedTuple

from generators.text.knowledge.deeds import deed_of


class Move(NamedTuple):
    """A verb and the preposition behind it; none where a thing is."""

    verb: str
    preposition: str


class _Change(NamedTuple):
    verbs: frozenset[str]
    prepositions: frozenset[str]
    places: frozenset[str]
    moves: tuple[Move, ...]


_DRY = "field forest grass hay lawn leaf meadow mud park sand snow woods yard"
_WAYS = "alley bridge dirt-road highway path road sidewalk street track trail"
_HIGH = (
    "bed bench boat boulder bridge cliff couch deck diving-board dock ledge log pier ramp rock stage table trampoline "
    "wall"
)
_POOLS = "lake ocean pond pool river sea swimming-pool water"
_GOING, _SPRINGING, _CLIMBING = "run walk race", "jump dive", "climb"
# Verbs (by what they are ways of), prepositions, places, and what is seen not to be done by who does that. Not standing
# for running: of who runs a picture may show one foot on the ground.
_CHANGES: tuple[_Change, ...] = tuple(
    _Change(
        frozenset(verbs.split()),
        frozenset(prepositions.split(", ")),
        frozenset(place.replace("-", " ") for place in places.split()),
        tuple(Move(*move.split(" ", 1)) for move in moves.split(", ")),
    )
    for verbs, prepositions, places, moves in (
        (_GOING, "through, across", _DRY, "sit in, lie in, sleep in"),
        (_GOING, "through", "creek pond river stream water", "sit in"),
        (_GOING, "along, down, across", _WAYS, "sit on"),
        (_GOING, "along, down, across", "beach", "sit on, lie on"),
        (_SPRINGING, "off, off of, from", _HIGH, "sit on, stand on, lie on"),
        (_SPRINGING, "into", _POOLS, "sit in, stand next to"),
        ("swim", "in", _POOLS, "sit next to, stand next to"),
        ("play", "in", "lake ocean pool swimming-pool water", "sleep next to"),
        ("catch chase fetch retrieve", "", "ball disc frisbee stick tennis-ball toy", "sit next to, lie next to"),
        ("ride", "", "bike bicycle motorcycle scooter", "stand next to, sit next to"),
        ("ride", "", "horse", "stand next to"),
        ("ride", "", "skateboard surfboard", "sit next to, lie next to"),
        ("drive", "", "car truck van tractor", "stand next to, lie under"),
        (_SPRINGING, "over", "bar barrier fence gate hurdle", "crawl under, stand behind"),
        (_SPRINGING, "over", "bench boulder fence log rock wall", "sit on, stand behind"),
        (_CLIMBING, ", up", "boulder cliff rock rock-wall wall", "jump off"),
        (_CLIMBING, ", up", "tree", "sit under, stand behind"),
        (_CLIMBING, ", up", "hill mountain", "run down"),
        (_CLIMBING, ", up", "fence gate", "stand behind"),
        (_CLIMBING, ", up", "ladder rope", "stand under, sit under"),
        ("slide", "down", "pole slide", "climb up, sit under, stand behind"),
        ("hang", "from", "branch rope tree", "sit under, stand under"),
        ("lean", "against", "car fence pole tree wall", "walk past, run past"),
        ("sit", "at", "table", "stand on, dance on, lie on"),
        ("sit", "on", "bench couch sofa wall", "stand behind"),
        ("sit stand", "on", "log wall", "jump over"),
        ("stand", "on", "table", "lie under"),
    )
)


@cache
def moves_instead(verb: str, preposition: str, place: str) -> tuple[Move, ...]:
    """List what is surely not done by who does something at a place, verb and preposition; "" where a thing is."""
    found = (
        move
        for change in _CHANGES
        if deed_of(verb) in change.verbs and preposition in change.prepositions and place in change.places
        for move in change.moves
    )
    return tuple(dict.fromkeys(found))
