"""Simple facts about scenes and captions, numbered: what training tells both towers to keep apart.

A contrastive loss alone is slow to learn that "a red cross and a blue star" is not "a blue cross and a red star":
both captions pull alike until something tells the pairs from the parts. These facts are the pairs.
"""

from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from generators.shapes.claims import Claim
from generators.shapes.reading import read
from generators.shapes.world import ATTRIBUTES, OPPOSITE, RELATIONS, Scene, holds

_COUNTS = range(1, 5)
_AXES = ("left", "above")
_NAMED = ("shape", "colour")  # what counts and relations are told of
_ENDS = ("first", "second")  # something of that shape or colour is on that side of something, or has it there


def _numbered() -> dict[tuple[str, ...], int]:
    facts: list[tuple[str, ...]] = [("denied",)]
    for first, second in combinations(ATTRIBUTES, 2):  # some thing is both
        facts += [("both", a, b) for a in ATTRIBUTES[first] for b in ATTRIBUTES[second]]
    for name in _NAMED:  # so many things are that; one thing is on that side of another
        facts += [("count", value, str(n)) for value in ATTRIBUTES[name] for n in _COUNTS]
        facts += [(axis, a, b) for axis in _AXES for a in ATTRIBUTES[name] for b in ATTRIBUTES[name]]
        facts += [(end, axis, value) for end in _ENDS for axis in _AXES for value in ATTRIBUTES[name]]
    return {fact: number for number, fact in enumerate(facts)}


FACTS = _numbered()
# What matters most comes first to mind: ends of relations and looks, long before whole relations.
WEIGHTS = np.array(
    [{"left": 0.05, "above": 0.05, "count": 0.25, "denied": 0.25}.get(kind, 1.0) for kind, *_ in FACTS], np.float32
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
    found: set[tuple[str, ...]] = set()
    for thing in scene.things:
        found.update(("both", a, b) for a, b in combinations([getattr(thing, name) for name in ATTRIBUTES], 2))
    for name in _NAMED:
        values = [getattr(thing, name) for thing in scene.things]
        found.update(("count", value, str(values.count(value))) for value in values)
        for axis in _AXES:
            for first, second in permutations(scene.things, 2):
                if holds(axis, first, second):
                    found |= _related(axis, getattr(first, name), getattr(second, name))
    return _marked(found)


def facts_of_claim(claim: Claim) -> Facts:
    """Tell which facts a caption says hold, and whether it denies any: as many booleans as FACTS."""
    found: set[tuple[str, ...]] = {("denied",)} if claim.denied else set()
    placed = bool(claim.relations) or claim.background is not None
    for mention in claim.mentions if placed or not claim.denied else ():  # else these are what is denied
        found.update(("both", a, b) for (_, a), (_, b) in combinations(mention.what.said, 2))
        for name in _NAMED:
            value = mention.what.value(name)
            if value is not None:
                found.add(("count", value, str(mention.count or 1)))
    for relation in claim.relations if not claim.denied else ():
        ends = [claim.mentions[relation.subject].what, claim.mentions[relation.object].what]
        axis = relation.name if relation.name in _AXES else OPPOSITE[relation.name]
        if axis != relation.name:
            ends.reverse()
        for name in _NAMED:
            first, second = (end.value(name) for end in ends)
            found |= _related(axis, first, second)
    return _marked(found)


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
