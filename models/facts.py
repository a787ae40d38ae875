"""Simple facts about scenes and captions, numbered: what training tells both towers to keep apart.

A contrastive loss alone is slow to learn that "a red cross and a blue star" is not "a blue cross and a red star":
both captions pull alike until something tells the pairs from the parts. These facts are the pairs.
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from generators.shapes.claims import Claim
from generators.shapes.world import ATTRIBUTES, OPPOSITE, Scene, holds

_COUNTS = range(1, 5)
_AXES = ("left", "above")
_NAMED = ("shape", "colour")  # what counts and relations are told of


def _numbered() -> dict[tuple[str, ...], int]:
    facts: list[tuple[str, ...]] = [("denied",)]
    for first, second in combinations(ATTRIBUTES, 2):  # some thing is both
        facts += [("both", a, b) for a in ATTRIBUTES[first] for b in ATTRIBUTES[second]]
    for name in _NAMED:  # so many things are that; one thing is on that side of another
        facts += [("count", value, str(n)) for value in ATTRIBUTES[name] for n in _COUNTS]
        facts += [(axis, a, b) for axis in _AXES for a in ATTRIBUTES[name] for b in ATTRIBUTES[name]]
    return {fact: number for number, fact in enumerate(facts)}


FACTS = _numbered()
Facts = npt.NDArray[np.bool_]


def facts_of_scene(scene: Scene) -> Facts:
    """Tell which facts hold in a scene: as many booleans as FACTS."""
    found: set[tuple[str, ...]] = set()
    for thing in scene.things:
        found.update(("both", a, b) for a, b in combinations([getattr(thing, name) for name in ATTRIBUTES], 2))
    for name in _NAMED:
        values = [getattr(thing, name) for thing in scene.things]
        found.update(("count", value, str(values.count(value))) for value in values)
        found.update(
            (axis, getattr(first, name), getattr(second, name))
            for axis in _AXES
            for first in scene.things
            for second in scene.things
            if holds(axis, first, second)
        )
    return _marked(found)


def facts_of_claim(claim: Claim) -> Facts:
    """Tell which facts a caption speaks of, denied or not: as many booleans as FACTS."""
    found: set[tuple[str, ...]] = {("denied",)} if claim.denied else set()
    for mention in claim.mentions:
        found.update(("both", a, b) for (_, a), (_, b) in combinations(mention.what.said, 2))
        for name in _NAMED:
            value = mention.what.value(name)
            if value is not None:
                found.add(("count", value, str(mention.count or 1)))
    for relation in claim.relations:
        ends = [claim.mentions[relation.subject].what, claim.mentions[relation.object].what]
        axis = relation.name if relation.name in _AXES else OPPOSITE[relation.name]
        if axis != relation.name:
            ends.reverse()
        for name in _NAMED:
            first, second = (end.value(name) for end in ends)
            if first is not None and second is not None:
                found.add((axis, first, second))
    return _marked(found)


def _marked(found: set[tuple[str, ...]]) -> Facts:
    marked = np.zeros(len(FACTS), bool)
    marked[[FACTS[fact] for fact in found if fact in FACTS]] = True
    return marked
