"""Say what a scene shows, in varied wording: choose what to claim, then how to put it."""

import random
from collections.abc import Sequence
from itertools import permutations

from generators.shapes.claims import Claim, Description, Mention, Relation, is_true
from generators.shapes.wording import NUMBERS, PLURALS, RELATION_WORDS, VERBS, WORDS
from generators.shapes.world import OPPOSITE, RELATIONS, Scene, Thing, holds

_CHANCE = {"colour": 0.8, "size": 0.35, "pattern": 0.45}
_CHANCE_OF_PLAIN = 0.12  # that somebody says "plain" of what has no pattern


def claim_about(scene: Scene, rng: random.Random) -> Claim:
    """Choose something to say that is true of a scene: one to four things, some of their attributes, relations."""
    for _ in range(20):
        claim = _relations(scene, rng) if len(scene.things) > 1 and rng.random() < 0.6 else _list(scene, rng)
        if claim is not None and is_true(claim, scene):
            background = scene.background if rng.random() < 0.15 else None
            return Claim(claim.mentions, claim.relations, background)
    return Claim((_mention(scene, rng.choice(scene.things), rng, fully=True),))


def write(claim: Claim, rng: random.Random) -> str:
    """Put a claim in words.

    Two claims of one form and the same random state are put in the same words but for what they differ in.
    """
    wording = _Wording(rng, len(claim.mentions), len(claim.relations))
    text = wording.related(claim) if claim.relations else wording.listed(claim)
    return text[:1].upper() + text[1:] + wording.stop


def captions(scene: Scene, rng: random.Random, number: int) -> list[str]:
    """Write up to so many different captions that are true of a scene."""
    found: dict[str, None] = {}
    for _ in range(4 * number):
        found.setdefault(write(claim_about(scene, rng), rng))
        if len(found) == number:
            break
    return list(found)


def _describe(thing: Thing, rng: random.Random, fully: bool = False) -> Description:
    said: dict[str, str] = {"shape": thing.shape}
    for attribute, chance in _CHANCE.items():
        value = getattr(thing, attribute)
        if fully or rng.random() < (_CHANCE_OF_PLAIN if value == "plain" else chance):
            said[attribute] = value
    return Description.of(**said)


def _mention(scene: Scene, thing: Thing, rng: random.Random, fully: bool = False) -> Mention:
    what = _describe(thing, rng, fully)
    found = len(what.select(scene))
    return Mention(what, None if found == 1 and rng.random() < 0.93 else found)


def _list(scene: Scene, rng: random.Random) -> Claim | None:
    things = list(scene.things)
    rng.shuffle(things)
    if len(things) > 1 and rng.random() < 0.3:
        things = things[: rng.randint(1, len(things) - 1)]
    mentions: list[Mention] = []
    for thing in things:
        if not any(mention.what.fits(thing) for mention in mentions):
            mentions.append(_mention(scene, thing, rng))
    return Claim(tuple(mentions)) if _distinct(scene, mentions) else None


def _relations(scene: Scene, rng: random.Random) -> Claim | None:
    others = 2 if len(scene.things) > 2 and rng.random() < 0.5 else 1
    things = rng.sample(scene.things, 1 + others)
    if others == 2 and rng.random() < 0.5:
        things = next((list(t) for t in permutations(things) if _between(*t)), things)
    subject = things[0]
    names = [rng.choice([r for r in RELATIONS if holds(r, subject, other)]) for other in things[1:]]
    if others == 2 and (between := _between(*things)):  # say so: "left of a star and right of a circle"
        names = [name := rng.choice(between), OPPOSITE[name]]
    mentions = [_mention(scene, thing, rng) for thing in things]
    relations = (Relation(0, name, index) for index, name in enumerate(names, start=1))
    return Claim(tuple(mentions), tuple(relations)) if _distinct(scene, mentions) else None


def _between(thing: Thing, first: Thing, second: Thing) -> list[str]:
    return [r for r in RELATIONS if holds(r, thing, first) and holds(OPPOSITE[r], thing, second)]


def _distinct(scene: Scene, mentions: Sequence[Mention]) -> bool:
    """Tell whether no thing is meant by two mentions."""
    return all(sum(mention.what.fits(thing) for mention in mentions) <= 1 for thing in scene.things)


class _Wording:
    """All choices of wording, made before anything is said, so that none depends on what is said."""

    def __init__(self, rng: random.Random, mentions: int, relations: int) -> None:
        self.form = rng.random()
        self.stop = "." if rng.random() < 0.6 else ""
        self.picture = rng.choice(("picture", "image"))
        self.verb = rng.choice((None, None, *VERBS))
        self.synonyms = [rng.random() for _ in range(mentions)]
        self.pattern_first = [rng.random() < 0.85 for _ in range(mentions)]
        self.relation = [rng.random() for _ in range(relations)]

    def listed(self, claim: Claim) -> str:
        """A claim without relations."""
        phrases = [self.phrase(claim, index) for index in range(len(claim.mentions))]
        listed = " and ".join(part for part in (", ".join(phrases[:-1]), phrases[-1]) if part)
        ground = f" on {_a(claim.background)} background" if claim.background else ""
        many = len(phrases) > 1 or claim.mentions[0].plural
        if (claim.denied and not claim.background) or 0.5 <= self.form < 0.7:
            return f"there {self.be(claim.mentions[0].plural, claim)} {listed}{ground}"
        if claim.background and (claim.denied or self.form < 0.2):
            return f"{listed} {self.be(many, claim)}{ground}"
        if self.form < 0.5:
            return listed + ground
        return (
            f"{_a(self.picture)} of {listed}{ground}"
            if self.form < 0.85
            else (f"the {self.picture} shows {listed}{ground}")
        )

    def related(self, claim: Claim) -> str:
        """A claim about where things are."""
        subject = " and ".join(self.phrase(claim, index) for index in _subjects(claim))
        many = len(_subjects(claim)) > 1 or claim.mentions[_subjects(claim)[0]].plural
        where = " and ".join(
            f"{_pick(RELATION_WORDS[relation.name], self.relation[index])} {self.phrase(claim, relation.object)}"
            for index, relation in enumerate(claim.relations)
            if relation.subject == _subjects(claim)[0]
        )
        ground = f" on {_a(claim.background)} background" if claim.background else ""
        single = len(claim.relations) == 1
        if claim.denied or self.form < 0.4:
            return f"{subject} {self.be_or_do(many, claim)} {where}{ground}"
        if self.form < 0.6:
            return f"{subject} {where}{ground}"
        if self.form < 0.72:
            return f"there {self.be(many, claim)} {subject} {where}{ground}"
        if self.form < 0.9 and single:
            there = "there " if self.form < 0.8 else ""
            return f"{where} {there}{self.be(many, claim)} {subject}{ground}"
        return f"{_a(self.picture)} of {subject} {where}{ground}"

    def phrase(self, claim: Claim, index: int) -> str:
        """A noun phrase: "two small striped red circles"."""
        mention = claim.mentions[index]
        words = {name: _pick(WORDS[name, value], self.synonyms[index]) for name, value in mention.what.said
                 if name != "shape"}  # fmt: skip
        order = ("size", "pattern", "colour") if self.pattern_first[index] else ("size", "colour", "pattern")
        shape = mention.what.value("shape") or ""
        noun = PLURALS[shape] if mention.plural else shape
        said = " ".join([*(words[name] for name in order if name in words), noun])
        return f"{NUMBERS[mention.count - 1]} {said}" if mention.count is not None else _a(said)

    def be(self, many: bool, claim: Claim) -> str:
        """Is or are, denied or not."""
        return ("are" if many else "is") + (" not" if claim.denied else "")

    def be_or_do(self, many: bool, claim: Claim) -> str:
        """To be, or a verb that says as little."""
        if self.verb is None:
            return self.be(many, claim)
        if claim.denied:
            return f"{'do' if many else 'does'} not {VERBS[self.verb]}"
        return VERBS[self.verb] if many else self.verb


def _subjects(claim: Claim) -> list[int]:
    return list(dict.fromkeys(relation.subject for relation in claim.relations))


def _pick(words: Sequence[str], chance: float) -> str:
    # The usual word half of the time.
    return words[0] if chance < 0.5 else words[int((chance - 0.5) * 2 * len(words))]


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
