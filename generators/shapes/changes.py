"""The smallest change of a scene that makes a wrong caption right: visual minimal change, exact by search."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations, zip_longest
from typing import Any

from generators.shapes.claims import Claim, Mention, is_true
from generators.shapes.sampling import MARGIN, is_clear, place
from generators.shapes.world import ATTRIBUTES, BACKGROUNDS, CANVAS, RADII, Scene, Thing

_PLACES = 40  # random places to try for things that are moved or added
_NUDGE = 28  # units that a thing that grew may be moved by


def minimal_change(scene: Scene, right: Claim, wrong: Claim, rng: random.Random) -> Scene | None:
    """Find the scene nearest to this one of which `wrong` is true, or nothing.

    Nearest by kind of change, each kind tried out: a thing more or less; one attribute of one thing (or of all
    things of one description); two things that change an attribute, or places; things that move. Within
    a kind the one that changes fewest things.
    `right` is false of the scene found, unless `wrong` says all that `right` says and more ("a circle", "a red
    circle"): then nothing can make it false, and the first scene of which `wrong` is true is taken.
    """
    spare: Scene | None = None
    for candidates in (_counted, _recast, _exchanged, _moved, _both):
        found = list(candidates(scene, right, wrong, rng))
        rng.shuffle(found)
        found.sort(key=lambda candidate: len(changed_things(scene, candidate)))
        for candidate in found:
            if not is_true(wrong, candidate):
                continue
            settled = _settled(scene, candidate, wrong, rng)
            if settled is None:
                continue
            if not is_true(right, settled):
                return settled
            spare = spare or settled
        if spare is not None and entails(wrong, right):
            return spare
    return None


def answers(scene: Scene, right: Claim, wrong: Claim) -> bool:
    """Tell whether a scene is what an edit was to make: `wrong` is true of it and, unless it entails `right`, that is
    not."""
    return is_true(wrong, scene) and (entails(wrong, right) or not is_true(right, scene))


def entails(wrong: Claim, right: Claim) -> bool:
    """Tell whether whatever `wrong` is true of, `right` is true of too, as far as their mentions show."""
    if wrong.denied or right.denied or wrong.relations != right.relations or wrong.background != right.background:
        return False
    more = zip(right.mentions, wrong.mentions, strict=False)
    return len(wrong.mentions) >= len(right.mentions) and all(
        ours.count in (None, theirs.count) and set(ours.what.said) <= set(theirs.what.said) for ours, theirs in more
    )


def _settled(before: Scene, scene: Scene, wrong: Claim, rng: random.Random) -> Scene | None:
    """Nudge things that changed and now are in the way, or nothing when that does not help."""
    if is_clear(scene):
        return scene
    changed = {thing for thing in scene.things if thing not in before.things}
    for _ in range(_PLACES):
        nudged = scene.with_things(
            tuple(t.at(t.x + rng.randint(-_NUDGE, _NUDGE), t.y + rng.randint(-_NUDGE, _NUDGE)) if t in changed else t
                  for t in scene.things)
        )  # fmt: skip
        if is_clear(nudged) and is_true(wrong, nudged):
            return nudged
    return None


def changed_things(before: Scene, after: Scene) -> tuple[Thing, ...]:
    """The things that only one of two scenes has, at that place and with that look."""
    return tuple(set(before.things) ^ set(after.things))


def _recast(scene: Scene, right: Claim, wrong: Claim, rng: random.Random) -> Iterator[Scene]:
    """Give one thing, or a group that one mention means, another value of one attribute."""
    values = {pair for mention in wrong.mentions for pair in mention.what.said}
    groups = [*((thing,) for thing in scene.things), *_groups(scene, right.mentions)]
    if wrong.denied:
        values |= {(name, rng.choice(values_)) for name, values_ in ATTRIBUTES.items() for _ in range(2)}
    for group in groups:
        for name, value in sorted(values):
            yield _with(scene, {thing: _changed(thing, name, value, rng) for thing in group})
    if wrong.background is not None:
        others = [name for name in BACKGROUNDS if name != scene.background]
        yield replace(scene, background=rng.choice(others) if wrong.denied else wrong.background)


def _exchanged(scene: Scene, right: Claim, _wrong: Claim, rng: random.Random) -> Iterator[Scene]:
    units = [*((thing,) for thing in scene.things), *_groups(scene, right.mentions)]
    for ours, theirs in combinations(units, 2):
        if not set(ours).isdisjoint(theirs):
            continue
        for name in ATTRIBUTES:
            if getattr(ours[0], name) != getattr(theirs[0], name):
                yield _with(scene, {
                    **{thing: _changed(thing, name, getattr(theirs[0], name), rng) for thing in ours},
                    **{thing: _changed(thing, name, getattr(ours[0], name), rng) for thing in theirs},
                })  # fmt: skip
        if len(ours) == len(theirs) == 1:
            (first,), (second,) = ours, theirs
            yield _with(scene, {first: first.at(second.x, second.y), second: second.at(first.x, first.y)})


def _counted(scene: Scene, right: Claim, wrong: Claim, rng: random.Random) -> Iterator[Scene]:
    """Add what is newly counted or mentioned and the scene lacks, or take away what it has too many of."""
    for ours, mention in zip_longest(right.mentions, wrong.mentions[: len(right.mentions) + 1]):
        if mention is None or (ours is not None and ours.count == mention.count):
            continue
        there = mention.what.select(scene)
        wanted = mention.count or 1
        for _ in range(_PLACES if len(there) < wanted else 0):
            looks = [_look(mention, there, rng) for _ in range(wanted - len(there))]
            placed = place(rng, looks, scene.things, tries=4)
            if placed is not None:
                yield scene.with_things(placed)
        if mention.count is not None and len(there) > wanted:
            gone = set(rng.sample(there, len(there) - wanted))
            yield scene.with_things(tuple(thing for thing in scene.things if thing not in gone))
    if wrong.denied and not wrong.relations and wrong.background is None:
        for mention in right.mentions:
            stay = tuple(thing for thing in scene.things if not mention.what.fits(thing))
            if stay:
                yield scene.with_things(stay)


def _moved(scene: Scene, _right: Claim, wrong: Claim, rng: random.Random) -> Iterator[Scene]:
    groups = [*((thing,) for thing in scene.things), *_groups(scene, wrong.mentions), scene.things]
    for group in groups:
        stay = [thing for thing in scene.things if thing not in group]
        for mirrored in _mirrored(group):
            yield scene.with_things((*stay, *mirrored))
        for _ in range(_PLACES):
            spots = [_anywhere(thing, rng) for thing in group]
            yield scene.with_things((*stay, *spots))


def _both(scene: Scene, right: Claim, wrong: Claim, rng: random.Random) -> Iterator[Scene]:
    """Swap whole descriptions: two attributes of two things change hands."""
    for first, second in combinations(scene.things, 2):
        for names in combinations(ATTRIBUTES, 2):
            new = {first: first, second: second}
            for name in names:
                ours, theirs = getattr(first, name), getattr(second, name)
                new = {
                    first: _changed(new[first], name, theirs, rng),
                    second: _changed(new[second], name, ours, rng),
                }
            yield _with(scene, new)
    for once in _recast(scene, right, wrong, rng):
        yield from _moved(once, right, wrong, rng) if len(scene.things) < 3 else ()


def _groups(scene: Scene, mentions: Iterable[Mention]) -> list[tuple[Thing, ...]]:
    groups = (tuple(mention.what.select(scene)) for mention in mentions)
    return [group for group in groups if len(group) > 1]


def _changed(thing: Thing, attribute: str, value: str, rng: random.Random) -> Thing:
    radius = rng.randint(*RADII[value]) if attribute == "size" and thing.size != value else thing.radius
    changes: dict[str, Any] = {attribute: value, "radius": radius}
    return replace(thing, **changes)


def _look(mention: Mention, like: list[Thing], rng: random.Random) -> tuple[str, str, str, str]:
    if like:
        return like[0].look()
    shape, colour, size, pattern = (
        mention.what.value(name) or ("plain" if name == "pattern" else rng.choice(values))
        for name, values in ATTRIBUTES.items()
    )
    return shape, colour, size, pattern


def _mirrored(group: tuple[Thing, ...]) -> Iterator[list[Thing]]:
    yield [thing.at(CANVAS - thing.x, thing.y) for thing in group]
    yield [thing.at(thing.x, CANVAS - thing.y) for thing in group]


def _anywhere(thing: Thing, rng: random.Random) -> Thing:
    low, high = thing.radius + MARGIN, CANVAS - thing.radius - MARGIN
    return thing.at(rng.randint(low, high), rng.randint(low, high))


def _with(scene: Scene, new: dict[Thing, Thing]) -> Scene:
    return scene.with_things(tuple(new.get(thing, thing) for thing in scene.things))
