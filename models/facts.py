"""Simple facts about scenes and captions, numbered: what training tells both towers to keep apart.

A contrastive loss alone is slow to learn that "a red cross and a blue star" is not "a blue cross and a red star":
both captions pull alike until something tells the pairs from the parts. These facts are the pairs. A picture shows a
fact or does not. A caption says it, denies it, or does not speak of it: "not" turns the sign of what it is said of.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, permutations, product

import numpy as np
import numpy.typing as npt

from generators.shapes.claims import Claim, Mention
from generators.shapes.reading import read
from generators.shapes.world import ATTRIBUTES, BACKGROUNDS, OPPOSITE, RELATIONS, Scene, Thing, holds

_COUNTS = range(1, 5)
_AXES = ("left", "above")
_NAMED = ("shape", "colour")  # what relations are told of
_KINDS = (("shape",), ("colour",), ("colour", "shape"))  # what counts are told of
_ENDS = ("first", "second")  # something of that shape or colour is on that side of something, or has it there


def _numbered() -> dict[tuple[str, ...], int]:
    facts: list[tuple[str, ...]] = [("denied",), *(("ground", name) for name in BACKGROUNDS)]
    for first, second in combinations(ATTRIBUTES, 2):  # some thing is both
        facts += [("both", a, b) for a in ATTRIBUTES[first] for b in ATTRIBUTES[second]]
    for names in _KINDS:  # so many things are that
        kinds = product(*(ATTRIBUTES[name] for name in names))
        facts += [("count", " ".join(kind), str(n)) for kind in kinds for n in _COUNTS]
    for name in _NAMED:  # one thing is on that side of another
        facts += [(axis, a, b) for axis in _AXES for a in ATTRIBUTES[name] for b in ATTRIBUTES[name]]
        facts += [(end, axis, value) for end in _ENDS for axis in _AXES for value in ATTRIBUTES[name]]
    return {fact: number for number, fact in enumerate(facts)}


FACTS = _numbered()
# What matters most comes first to mind: ends of relations and looks, long before whole relations.
WEIGHTS = np.array(
    [{"left": 0.6, "above": 0.6, "count": 0.5, "denied": 0.25}.get(kind, 1.0) for kind, *_ in FACTS], np.float32
)
SLOTS = 4  # most things that a caption mentions
SLOT_SIZES = (
    *[*(1 + len(values) for values in ATTRIBUTES.values()), 12] * SLOTS,
    1 + len(RELATIONS),
    1 + len(RELATIONS),
)
Facts = npt.NDArray[np.bool_]


def facts_of_scene(scene: Scene) -> Facts:
    """Tell which facts hold in a scene: as many booleans as FACTS."""
    found: set[tuple[str, ...]] = {("ground", scene.background)}
    for thing in scene.things:
        found.update(("both", a, b) for a, b in combinations([getattr(thing, name) for name in ATTRIBUTES], 2))
    for names in _KINDS:
        kinds = Counter(_kind(thing, names) for thing in scene.things)
        found.update(("count", kind, str(many)) for kind, many in kinds.items())
    for name, axis in product(_NAMED, _AXES):
        for first, second in permutations(scene.things, 2):
            if holds(axis, first, second):
                found |= _related(axis, getattr(first, name), getattr(second, name))
    return _marked(found)


def facts_of_claim(claim: Claim) -> Facts:
    """Tell which facts a caption says hold, and which it denies: 2 x FACTS booleans.

    A denial without a place denies what it mentions; one with a place takes that for granted and denies the place, and
    so does one with a background (`generators.shapes.claims.Claim`). Where it denies several things at once, each is
    marked: one of them is not there, and that is all that is known. A number denies the other numbers.
    """
    said: set[tuple[str, ...]] = {("denied",)} if claim.denied else set()
    denied: set[tuple[str, ...]] = set()
    placed = bool(claim.relations) or claim.background is not None
    for mention in claim.mentions:
        looks: set[tuple[str, ...]] = {("both", a, b) for (_, a), (_, b) in combinations(mention.what.said, 2)}
        if claim.denied and not placed:
            # Of two red circles that are not there one may be.
            denied |= looks | _counts(mention, _COUNTS) if mention.count is None else _counts(mention, (mention.count,))
            continue
        said |= looks | _counts(mention, (mention.count or 1,))
        if mention.count is not None:
            denied |= _counts(mention, (n for n in _COUNTS if n != mention.count), exactly=True)
    where = denied if claim.denied else said
    if claim.background is not None:
        where.add(("ground", claim.background))
    for relation in claim.relations:
        ends = [claim.mentions[relation.subject].what, claim.mentions[relation.object].what]
        axis = relation.name if relation.name in _AXES else OPPOSITE[relation.name]
        if axis != relation.name:
            ends.reverse()
        for name in _NAMED:
            first, second = (end.value(name) for end in ends)
            # Something may well be on that side of something else, so that its ends are not denied.
            where |= {fact for fact in _related(axis, first, second) if not claim.denied or fact[0] == axis}
    return np.stack([_marked(said), _marked(denied)])


def slots_of(caption: str) -> list[int]:
    """Read a caption into numbers below SLOT_SIZES: of each thing mentioned its attributes and how many, 0 for nothing
    said; then the names of up to two relations."""
    claim = read(caption)
    slots = []
    for mention in (*claim.mentions[:SLOTS], *[None] * (SLOTS - len(claim.mentions))):
        said = [mention.what.value(name) if mention is not None else None for name in ATTRIBUTES]
        slots += [0 if value is None else 1 + values.index(value)
                  for value, values in zip(said, ATTRIBUTES.values(), strict=True)]  # fmt: skip
        slots.append(0 if mention is None else 1 + (mention.count or 0))
    names = [1 + RELATIONS.index(relation.name) for relation in claim.relations[:2]]
    return slots + names + [0] * (2 - len(names))


def _kind(what: Thing, names: tuple[str, ...]) -> str:
    return " ".join(getattr(what, name) for name in names)


def _counts(mention: Mention, numbers: Iterable[int], exactly: bool = False) -> set[tuple[str, ...]]:
    """Facts of so many things: of the shape, of the colour, of both; `exactly`: only of all that is said of them, since
    others may be of that shape."""
    numbers = tuple(numbers)
    found: set[tuple[str, ...]] = set()
    for names in _KINDS:
        values = [mention.what.value(name) for name in names]
        if None not in values and not (exactly and set(dict(mention.what.said)) != set(names)):
            found |= {("count", " ".join(map(str, values)), str(n)) for n in numbers}
    return found


def _related(axis: str, first: str | None, second: str | None) -> set[tuple[str, ...]]:
    facts: set[tuple[str, ...]] = set()
    if first is not None:
        facts.add(("first", axis, first))
    if second is not None:
        facts.add(("second", axis, second))
    return facts | ({(axis, first, second)} if first is not None and second is not None else set())


def _marked(found: set[tuple[str, ...]]) -> Facts:
    marked = np.zeros(len(FACTS), bool)
    marked[[FACTS[fact] for fact in found if fact in FACTS]] = True
    return marked
