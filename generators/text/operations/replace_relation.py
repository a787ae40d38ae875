"""Put another relation that excludes the old one: "on the bench", "behind the bench"."""

import random
from collections.abc import Iterator

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import (
    NOT_VISIBLE,
)
from generators.text.knowledge.grounds import is_told
from generators.text.knowledge.relations import region_of, relations_exclude, stays, turned
from generators.text.knowledge.things import goes_on, kind_of, thing_of
from generators.text.language.edits import Candidate, Claim, Edit
from generators.text.language.frames import noun_at
from generators.text.language.sentence import NounPhrase, Relation, Sentence, Token
from generators.text.operations.base import Compared, Operation, Question, Span


def replace_relation(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Put another relation that excludes the old one: "on the bench", "behind the bench"."""
    yield from _grounds(sentence, facts)
    places = [r for r in sentence.relations if is_spatial(sentence, r) or r.words in _NEITHER]
    rng.shuffle(places)
    for relation in places:
        target = sentence.phrase_of(relation.target)
        if target is None:
            continue
        if kind_of(target.lemma) == "figure":  # drawn figures may be anywhere that the corpus has them
            yield from _drawn(sentence, lexicon, rng, most, relation, target.lemma)
        else:
            yield from _turned(sentence, relation, target, facts)


# Relations that say of no region where something is, and yet exclude others.
_NEITHER = frozenset({"at", "through"})
_GROUNDS = {"background": "foreground", "foreground": "background", "left": "right", "right": "left"}


# Of a picture it is known from where left and right are meant.
_PICTURES = frozenset({"frame", "image", "photo", "photograph", "picture", "shot"})
# What stands before others or behind them, and is not all around.
_SET_APART = frozenset({"animal", "device", "furniture", "instrument", "person", "sign", "vehicle"})
_ANYBODY = frozenset({"people", "person", "other", "man", "woman"})  # who is in front is one of them


def _grounds(sentence: Sentence, facts: Facts) -> Iterator[Candidate]:
    """Put the other ground or side of the picture: "with a car in the background", "on the left of the picture"."""
    for relation in sentence.relations:
        token = sentence.tokens[relation.target]
        other = _GROUNDS.get(token.lower)
        of_ground = "ground" in token.lower
        if other is None or relation.words not in ({"in"} if of_ground else {"on", "to"}):
            continue
        if of_ground and not _is_set_apart(sentence, relation, facts):
            continue
        if not of_ground and sentence.child(token.index, "det") is None:
            continue  # "on his left"
        if any(
            r.first <= token.index < r.last and kind_of(noun_at(sentence, r.target)) == "figure"
            for r in sentence.relations
        ):
            continue  # "to the left of a square": told by what the corpus has
        of_picture = any(t.lower in _PICTURES for t in sentence.tokens[token.index + 1 : token.index + 4])
        edits = [Edit(token.start, token.end, other)]
        yield Candidate(
            "replace_relation", edits, token.text, other, [("side", other)],
            doubt=None if of_ground or of_picture else "side",
        )  # fmt: skip


def _is_set_apart(sentence: Sentence, relation: Relation, facts: Facts) -> bool:
    """Tell whether what is said to be in a ground of the picture is seen to be in that one alone."""
    what = _said_to_be_there(sentence, relation)
    if what is None:
        return False
    noun = noun_at(sentence, what)
    kind = kind_of(noun)
    others = [t.lemma.lower() for t in sentence.tokens if t.pos == "NOUN" and t.index != what]
    if kind not in _SET_APART or noun in others:
        return False
    if kind == "person" and noun in _ANYBODY and any(kind_of(other) == "person" for other in others):
        return False
    return all(
        r.words in _BEHIND or noun_at(told, r.target) != noun
        for told in facts.sentences
        if told is not sentence
        for r in told.relations
    )


def _said_to_be_there(sentence: Sentence, relation: Relation) -> int | None:
    """Find what is in the background: the noun right before the words, or what stands, or is, there."""
    before = sentence.tokens[relation.first - 1] if relation.first else None
    if before is None or before.index == relation.governor:
        at = sentence.tokens[relation.governor]
        if at.pos not in {"VERB", "AUX"}:
            return at.index
        # Of two subjects the nearer: "a boy fishing, other people are in the background".
        near = [c for c in sentence.children[at.index] if c < at.index and sentence.tokens[c].dep == "nsubj"]
        return near[-1] if near else sentence.subject_of(at.index)
    return before.index if sentence.phrase_of(before.index) is not None else None


_BEHIND = frozenset({"behind", "of", "with", "by"})


def _turned(sentence: Sentence, relation: Relation, target: NounPhrase, facts: Facts) -> Iterator[Candidate]:
    """Put relations that surely do not hold: "on a bench", "under a bench"."""
    governor = sentence.tokens[relation.governor]
    who = sentence.subject_of(governor.index) if governor.pos in {"VERB", "AUX"} else governor.index
    if who is None or kind_of(noun_at(sentence, who)) not in {"person", "animal"}:
        return
    if sentence.child(who, "conj") is not None or sentence.tokens[who].dep == "conj":
        return  # "a boy and three children on a sled": who is where
    if any(
        r.governor == relation.governor and r is not relation and is_spatial(sentence, r) for r in sentence.relations
    ):
        return  # "sits on the curb next to a car": both say where
    if sentence.child(governor.index, "dobj", "prt", "advmod", "acomp", "attr") is not None:
        return  # "is upside down on a bed"
    if goes_on(target.lemma) == "water" and is_told("water", {token.lemma.lower() for token in sentence.tokens}):
        return  # "sits in a boat on the water"
    if _is_for_something(sentence, governor):
        return
    deed = governor.lemma.lower() if governor.pos == "VERB" else "be"
    if deed == "be" and not all(stays(verb.lemma.lower()) for verb in sentence.verbs if verb.lemma.lower() != "wear"):
        return  # "a man on a bike races"
    person = kind_of(noun_at(sentence, who)) == "person"
    busy = any(v is not governor and v.lemma.lower() not in {"wear", "dress"} for v in sentence.verbs)
    for words in turned(relation.words, deed, target.lemma, alone=target.lemma not in facts.several):
        if person and words == "under" and target.lemma.rpartition(" ")[2] in _LOW:
            continue
        if busy and words not in _BY and region_of(relation.words) not in {"front", "behind", "up", "down"}:
            continue  # nobody looks at a computer under the table
        if words == "under" and relation.words == "at" and len(sentence.noun_phrases) > 2:
            continue  # "at the table with apples"
        if words in _SLOPES and not _is_told_again(relation.words, sentence, facts):
            continue
        yield _with_relation(sentence, relation, words, ("relation", words, target.lemma), None)


_BY = frozenset({"next to"})  # where anything may be done besides
_SLOPES = {"up": frozenset({"up", "climb", "ascend"}), "down": frozenset({"down", "descend", "downhill"})}


def _is_told_again(words: str, sentence: Sentence, facts: Facts) -> bool:
    """Tell whether another caption, if there are several, says up or down too: a picture shows a slope, and a step."""
    told = (other for other in facts.sentences if other is not sentence)
    again = any(not _SLOPES[words].isdisjoint(t.lemma.lower() for t in other.tokens) for other in told)
    return again or len(facts.sentences) < 3


_LOW = frozenset({"bench", "chair", "couch", "sofa"})  # no person fits below


def _is_for_something(sentence: Sentence, verb: Token) -> bool:
    """Tell whether somebody goes there for what is there: jumps into a pool after a duck, or to get it."""
    if verb.dep == "xcomp" or sentence.child(verb.index, "advcl", "xcomp") is not None:
        return True
    return any(r.governor == verb.index and r.words in {"after", "for"} for r in sentence.relations)


def _drawn(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, relation: Relation, target: str
) -> Iterator[Candidate]:
    """Put relations that the corpus has before such a figure."""
    drawn = 0
    governor = sentence.tokens[relation.governor].lemma.lower()
    for word in lexicon.relations(target).draw(rng, 4 * most):
        if drawn == most or not relations_exclude(relation.words, word.lemma):
            continue
        drawn += 1
        known = lexicon.relates(governor, word.lemma, target)
        claim = ("relation", word.lemma, target)
        yield _with_relation(sentence, relation, word.form, claim, None if known else "incompatible")


def _with_relation(sentence: Sentence, old: Relation, words: str, claim: Claim, failed: str | None) -> Candidate:
    """Put another preposition in the place of one."""
    start, end = sentence.tokens[old.first].start, sentence.tokens[old.last - 1].end
    edits = [Edit(start, end, words)]
    return Candidate("replace_relation", edits, sentence.caption[start:end], words, [claim], failed)


def is_loose(sentence: Sentence, relation: Relation, words: str) -> bool:
    """Tell whether the new relation may hold as well: who sits near the beach may well sit on it."""
    target = sentence.tokens[relation.target].lemma.lower()
    regions = {region_of(relation.words), region_of(words)}
    place = thing_of(target)
    if place is not None and place.place in {"water", "pool", "shore"} and regions <= {"in", "out", "near"}:
        return True  # who wades may be coming out
    if "near" in regions and kind_of(target) in _LARGE:
        return True
    if kind_of(target) in {"person", "animal"} and region_of(words) in {"in", "on", "out", "off", "under", "over"}:
        return True  # "in a dog"
    if target in _WITHIN_REACH and regions <= {"in", "under", "near", "behind", "front"}:
        return True  # who stands in a fountain has its water above him
    if kind_of(target) == "place" and regions & {"front", "behind"}:
        return True  # who rests on a mountain may have the mountain behind him
    if {relation.words, words} == {"up", "down"} and target in _FLAT:
        return True  # along it, both of them
    return words == "by" and sentence.tokens[relation.governor].tag == "VBN"


_WITHIN_REACH = frozenset(
    {
        "blanket", "fountain", "glass", "mirror", "sheet", "shower", "spray", "sprinkler", "towel", "umbrella", "water",
        "waterfall", "window",
    }
)  # fmt: skip
_LARGE = frozenset({"place", "plant", "structure", "building", "barrier", "natural object"})
_FLAT = frozenset({"street", "road", "path", "sidewalk", "alley", "highway", "trail", "track", "hallway", "beach"})


# Relations that want somebody who moves.
_WHITHER = frozenset({"into", "onto", "out of", "up", "down", "toward", "towards", "away from", "off"})


def is_spatial(sentence: Sentence, relation: Relation) -> bool:
    """Tell whether a preposition says where something visible is: not "in a hat", not "on a cold day"."""
    phrase = sentence.phrase_of(relation.target)
    if phrase is None or region_of(relation.words) is None or phrase.lemma in NOT_VISIBLE:
        return False
    kind = kind_of(phrase.lemma)
    worn = relation.words == "in" and kind == "clothing"
    agent = relation.words == "by" and sentence.tokens[relation.governor].tag == "VBN"  # "pulled by a dog"
    return kind is not None and not worn and not agent


def _places(sentence: Sentence) -> list[Span]:
    return [(relation.first, relation.last) for relation in sentence.relations if is_spatial(sentence, relation)]


def _read(sentence: Sentence, answer: Sentence, change: Compared, _: Lexicon) -> Candidate | None:
    old, new = _relation_at(sentence, *change[:2]), _relation_at(answer, *change[2:])
    if old is None or new is None or old.words == new.words:
        return None
    target = sentence.tokens[old.target].lemma.lower()
    exclusive = relations_exclude(old.words, new.words) and not is_loose(sentence, old, new.words)
    failed = None if exclusive else "compatible"
    if (old.words in _WHITHER) != (new.words in _WHITHER):
        failed = "incompatible"  # "smiles into a wall"
    thing = thing_of(target)
    if region_of(new.words) in {"front", "behind"} and thing is not None and thing.place not in {"", "venue"}:
        failed = "incompatible"  # nothing is in front of a lawn
    return _with_relation(sentence, old, new.words, ("relation", new.words, target), failed)


def _relation_at(sentence: Sentence, first: int, last: int) -> Relation | None:
    """Find the relation whose words take in all that changed."""
    return next((r for r in sentence.relations if r.first <= first and last <= r.last), None)


def _end(answer: Sentence, first: int) -> int:
    return next((r.last for r in answer.relations if r.first == first), first + 1)


OPERATION = Operation(
    "replace_relation",
    replace_relation,
    lambda c: f"Move things to be {c.negative_phrase} instead of {c.old}",
    Question(
        _places,
        "Change one preposition in a caption of a photo, so that things are in another place. "
        "Keep all other words as they are.",
        (
            ("A man sits on a bench .", "on", "A man sits behind a bench ."),
            ("Two dogs play in front of a truck .", "in front of", "Two dogs play underneath a truck ."),
            ("A woman walks up the stairs with a bag .", "up", "A woman walks down the stairs with a bag ."),
            ("A cat sleeps in a box .", "in", "A cat sleeps on top of a box ."),
        ),
        _read,
        _end,
    ),
)
