"""Make a claim wrong by one thing: the benchmarks' operations on what is claimed, not on words.

For training a judge: these know the scene, so that they are right by construction and as many of each
operation as wanted. What the text generator makes out of words alone is measured against the same truth.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

from generators.shapes.claims import Claim, Mention, is_true
from generators.shapes.world import ATTRIBUTES, OPPOSITE, Scene

_ADJECTIVAL = ("colour", "size", "pattern")  # attributes that an adjective tells
Wrong = Callable[[Claim, random.Random], Claim | None]


def wrong_claim(claim: Claim, operation: str, scene: Scene, rng: random.Random, tries: int = 6) -> Claim | None:
    """Apply one operation so that the claim is false of the scene; nothing where it does not apply."""
    for _ in range(tries):
        wrong = OPERATIONS[operation](claim, rng)
        if wrong is not None and not is_true(wrong, scene):
            return wrong
    return None


def _replace(claim: Claim, rng: random.Random, attributes: tuple[str, ...]) -> Claim | None:
    places = [
        (index, name) for index, mention in enumerate(claim.mentions) for name, _ in mention.what.said
        if name in attributes
    ]  # fmt: skip
    if not places:
        return None
    index, name = rng.choice(places)
    mention = claim.mentions[index]
    value = rng.choice([v for v in ATTRIBUTES[name] if v != mention.what.value(name)])
    return claim.with_mention(index, replace(mention, what=mention.what.but(name, value)))


def _replace_object(claim: Claim, rng: random.Random) -> Claim | None:
    return _replace(claim, rng, ("shape",))


def _replace_attribute(claim: Claim, rng: random.Random) -> Claim | None:
    return _replace(claim, rng, (rng.choice(_ADJECTIVAL),))


def _replace_relation(claim: Claim, rng: random.Random) -> Claim | None:
    if not claim.relations:
        return None
    index = rng.randrange(len(claim.relations))
    turned = [replace(r, name=OPPOSITE[r.name]) if i == index else r for i, r in enumerate(claim.relations)]
    return replace(claim, relations=tuple(turned))


def _replace_count(claim: Claim, rng: random.Random) -> Claim | None:
    index = rng.randrange(len(claim.mentions))
    mention = claim.mentions[index]
    now = mention.count or 1
    count = rng.choice([n for n in (1, 2, 3, 4) if n != now and abs(n - now) <= 2])
    return claim.with_mention(index, replace(mention, count=count))


def _swap_object(claim: Claim, rng: random.Random) -> Claim | None:
    if not claim.relations:
        return None
    relation = rng.choice(claim.relations)
    first, second = claim.mentions[relation.subject], claim.mentions[relation.object]
    return claim.with_mention(relation.subject, second).with_mention(relation.object, first)


def _swap_attribute(claim: Claim, rng: random.Random) -> Claim | None:
    places = [
        (i, j, name)
        for i, j in combinations(range(len(claim.mentions)), 2)
        for name in _ADJECTIVAL
        if None not in (pair := (claim.mentions[i].what.value(name), claim.mentions[j].what.value(name)))
        and pair[0] != pair[1]
    ]
    if not places:
        return None
    i, j, name = rng.choice(places)
    first, second = claim.mentions[i], claim.mentions[j]
    ours, theirs = first.what.value(name), second.what.value(name)
    swapped = claim.with_mention(i, replace(first, what=first.what.but(name, theirs)))
    return swapped.with_mention(j, replace(second, what=second.what.but(name, ours)))


def _swap_relation(claim: Claim, _: random.Random) -> Claim | None:
    if len(claim.relations) != 2 or claim.relations[0].name == claim.relations[1].name:
        return None
    first, second = claim.relations
    return replace(claim, relations=(replace(first, name=second.name), replace(second, name=first.name)))


def _add_object(claim: Claim, rng: random.Random) -> Claim | None:
    if claim.relations or len(claim.mentions) > 3:
        return None
    said = {"shape": rng.choice(ATTRIBUTES["shape"]), "colour": rng.choice(ATTRIBUTES["colour"])}
    what = claim.mentions[0].what.from_pairs(said.items())
    return replace(claim, mentions=(*claim.mentions, Mention(what)))


def _add_attribute(claim: Claim, rng: random.Random) -> Claim | None:
    places = [
        (index, name) for index, mention in enumerate(claim.mentions) for name in _ADJECTIVAL
        if mention.what.value(name) is None
    ]  # fmt: skip
    if not places:
        return None
    index, name = rng.choice(places)
    mention = claim.mentions[index]
    return claim.with_mention(index, replace(mention, what=mention.what.but(name, rng.choice(ATTRIBUTES[name]))))


def _negate(claim: Claim, _: random.Random) -> Claim | None:
    return replace(claim, denied=True)


OPERATIONS: dict[str, Wrong] = {
    "replace_object": _replace_object,
    "replace_attribute": _replace_attribute,
    "replace_relation": _replace_relation,
    "replace_count": _replace_count,
    "swap_object": _swap_object,
    "swap_attribute": _swap_attribute,
    "swap_relation": _swap_relation,
    "add_object": _add_object,
    "add_attribute": _add_attribute,
    "negate": _negate,
}
