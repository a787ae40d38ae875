"""Put another action that nobody does at the same time: "a man sits", "a man runs"."""

import random
from collections.abc import Iterator

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.deeds import (
    POSTURES,
    actions_exclude,
    deed_of,
    does,
    done_instead,
    goes,
    is_done_besides,
    leaves_hands_free,
)
from generators.text.knowledge.grounds import is_told
from generators.text.knowledge.moves import Move, moves_instead
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Edit
from generators.text.language.frames import frame_of, noun_at
from generators.text.language.grammar import has_pronoun, verb_form
from generators.text.language.sentence import Sentence, Token
from generators.text.operations.base import Compared, Operation, Question, Span


def replace_action(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Put another action that nobody does at the same time: "a man sits", "a man runs"."""
    verbs = [v for v in sentence.verbs if v.tag in _FINITE and is_free(sentence, v, besides=True)]
    rng.shuffle(verbs)
    for verb in verbs:
        yield from other_actions(sentence, lexicon, rng, most, verb, facts)


def other_actions(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, verb: Token, facts: Facts
) -> Iterator[Candidate]:
    """Put other actions in one verb's place."""
    subject = _doer(sentence, verb)
    if subject is None:
        return
    lemma = verb.lemma.lower()
    kind = kind_of(noun_at(sentence, subject))
    if kind not in {"person", "animal"} or _is_contested(verb, kind, facts):
        return
    if (sentence.tokens[subject].tag, verb.tag) == ("NNS", "VBZ"):
        return  # "the boys rides": the slip is not ours to multiply
    thing = sentence.child(verb.index, "dobj")
    if thing is not None and sentence.child(thing, "conj") is not None:
        return  # "wears a hat and a cross"
    plain = ((verb.end, Move(other, "")) for other in done_instead(lemma, kind, frame_of(sentence, verb)))
    others = [
        (end, other)
        for end, other in (*plain, *_moves(sentence, verb, facts))
        if may_do(sentence, verb, noun_at(sentence, subject), kind, other.verb, end, facts)
    ]
    rng.shuffle(others)
    for end, other in others[:most]:
        form = verb_form(lexicon, other.verb, verb.tag)
        if form is not None:
            text = f"{form} {other.preposition}".strip()
            edits = [Edit(verb.start, end, text)]
            original = sentence.caption[verb.start : end]
            yield Candidate("replace_action", edits, original, text, [("action", other.verb, lemma)])


def _doer(sentence: Sentence, verb: Token) -> int | None:
    """Find who does something: of "a boy in sneakers jumping" the boy, whatever the parser says."""
    subject = sentence.subject_of(verb.index)
    if subject is None or kind_of(noun_at(sentence, subject)) not in _WORN:
        return subject
    worn = next((r for r in sentence.relations if r.target == sentence.conjunct_heads[subject]), None)
    return worn.governor if worn is not None and worn.words in {"in", "with"} else None


_WORN = frozenset({"accessory", "clothing"})


def _is_contested(verb: Token, kind: str, facts: Facts) -> bool:
    """Tell whether one caption of several is alone in saying that somebody sits, stands or lies.

    What is seen of him may be his head and shoulders.
    """
    deed = deed_of(verb.lemma.lower())
    if deed not in POSTURES or len(facts.sentences) < 3 or facts.is_vouched(deed):
        return False
    theirs = {deed_of(other) for who, other in facts.deeds if who == kind}
    return not any(deed_of(other) in theirs for other in _SAYS_AS_MUCH[deed])


# Who walks stands upright, and nobody says that he sits.
_SAYS_AS_MUCH = {
    "stand": ("walk", "pose", "wait", "lean", "wade", "climb"),
    "sit": ("perch", "rest", "relax", "ride", "drive"),
    "lie": ("sleep", "rest", "nap", "relax"),
}


def may_do(sentence: Sentence, verb: Token, who: str, kind: str, deed: str, end: int, facts: Facts) -> bool:
    """Tell whether somebody may do a deed instead of a verb's: all else that a caption says of him must go with it.

    `end` is the character behind what the new words stand for.
    """
    if not does(who, kind, deed, facts.words) or (deed == "sleep" and "eye" in facts.words):
        return False
    words = {token.lemma.lower() for token in sentence.tokens}
    if not words.isdisjoint(_NEVER_WITH.get(deed, ())) or not words.isdisjoint(_LIMBS):
        return False
    if not words.isdisjoint(_HANDS) and deed not in {"sit", "stand", "walk", "run"}:
        return False
    others = [v for v in sentence.verbs if v is not verb and not _is_of_another(sentence, v)]
    if not all(is_done_besides(deed, other.lemma.lower()) for other in others):
        return False
    if leaves_hands_free(deed) and any(
        r.words == "with" and kind_of(noun_at(sentence, r.target)) in _HAD for r in sentence.relations
    ):
        return False
    if goes(deed) and any(kind_of(noun_at(sentence, r.target)) == "furniture" for r in sentence.relations):
        return False  # nobody carries a newspaper on a bench
    starts = deed not in POSTURES and deed_of(verb.lemma.lower()) in POSTURES
    if starts and any(sentence.tokens[r.target].pos == "PRON" and r.words != "with" for r in sentence.relations):
        return False  # who runs has no rock behind her
    return goes(deed) or not any(
        r.words in _WHITHER and sentence.tokens[r.first].start >= end for r in sentence.relations
    )


# Parts by which a caption tells how somebody sits or stands; and what he has in his hands.
_LIMBS = frozenset({"chin", "elbow", "foot", "heel", "knee", "leg", "tiptoe", "toe"})
_HANDS = frozenset({"arm", "finger", "fist", "hand", "hip", "palm", "pocket", "shoulder", "thumb"})
_HAD = frozenset(
    {"animal", "bag", "board", "container", "device", "drink", "equipment", "food", "instrument", "kitchenware",
     "tool", "vehicle"}
)  # fmt: skip


def _moves(sentence: Sentence, verb: Token, facts: Facts) -> Iterator[tuple[int, Move]]:
    """Find other verbs with other prepositions for one, with the character behind the words that they stand for."""
    thing = sentence.child(verb.index, "dobj")
    if thing is not None:
        if has_pronoun(sentence) or any(r.first > thing and r.words in _WHITHER for r in sentence.relations):
            return  # "catches a ball on his nose", "rides a bike down a road": what is said of it would be left
        if deed_of(verb.lemma.lower()) in _AFTER_THINGS and is_told("water", facts.words):
            return  # nobody sits next to what swims
        yield from ((verb.end, move) for move in moves_instead(verb.lemma.lower(), "", noun_at(sentence, thing)))
        return
    if any(token.lower in {"after", "for"} for token in sentence.tokens):
        return  # who jumps into a pool after a duck stands for none beside it
    for relation in sentence.relations:
        if relation.first == verb.index + 1 and relation.governor == verb.index:
            if any(token.lower == "to" for token in sentence.tokens[relation.last :]):
                continue  # "from one rock to another": a way, whatever place it begins at
            place = noun_at(sentence, relation.target)
            if place == "table" and any(kind_of(p.lemma) in _ON_TABLES for p in sentence.noun_phrases):
                continue  # nobody stands on a table with a laptop
            for move in _moves_at(verb.lemma.lower(), relation.words, place):
                yield sentence.tokens[relation.last - 1].end, move


def _moves_at(deed: str, words: str, place: str) -> tuple[Move, ...]:
    """List moves at a place, by its name or else its last word: "a city sidewalk"."""
    return moves_instead(deed, words, place) or moves_instead(deed, words, place.rpartition(" ")[2])


_AFTER_THINGS = frozenset({"catch", "chase", "fetch", "retrieve"})
_ON_TABLES = _HAD | {"appliance", "plant"}
_WHITHER = frozenset(
    {"across", "after", "along", "around", "away from", "down", "for", "from", "into", "off", "onto", "out of", "over",
     "past", "through", "to", "toward", "towards", "up"}
)  # fmt: skip


_FINITE = frozenset({"VBG", "VBZ", "VBP"})


def is_free(sentence: Sentence, verb: Token, *, besides: bool = False) -> bool:
    """Tell whether a verb may change alone: nothing but things and places hang on it, and it is one of no pair.

    Take `besides` where what is done besides is looked at anyway: "sits holding a cup".
    """
    if sentence.child(verb.index, "mark") is not None:
        return False  # "leaps while running": what is done at once must go together
    if (verb.dep == "conj" and not besides) or any(token.lower in _OF_POSTURES for token in sentence.tokens):
        return False  # "sits with a bag on his lap", "lies face down"
    behind = [sentence.tokens[c] for c in sentence.children[verb.index] if c > verb.index]
    return all(
        (t.dep in _LOOSE and t.tag not in {"VBN", "RB", "RP"})
        or any(r.first <= t.index < r.last for r in sentence.relations)
        or _is_of_another(sentence, t)
        or (besides and t.dep in {"advcl", "conj"} and t.tag in _FINITE)
        for t in behind
    )


def _is_of_another(sentence: Sentence, verb: Token) -> bool:
    """Tell whether a clause says what somebody does who was not named before: "while a woman watches"."""
    subject = sentence.child(verb.index, "nsubj", "nsubjpass")
    if subject is None or sentence.tokens[subject].pos == "PRON" or verb.dep not in {"advcl", "conj"}:
        return False  # "as she runs"
    return all(p.lemma != noun_at(sentence, subject) for p in sentence.noun_phrases if p.head < subject)


_AIR = ("air", "mid-air", "midair")
# Words by which one knows that nobody does this there: sleeps with a ball in his mouth, paints with a camera.
_NEVER_WITH = {
    "sit": _AIR, "stand": _AIR, "lie": _AIR, "sleep": (*_AIR, "mouth", "tooth"),
    "paint": ("camera", "cellphone", "phone"),
}  # fmt: skip
_OF_POSTURES = frozenset({"lap", "face", "upright", "prone"})
# What may stand behind a verb whatever it is; "sits reading", "lies covered in" and "stands still" are more than these.
_LOOSE = frozenset({"dobj", "prep", "punct", "npadvmod", "dep", "cc"})


def _places(sentence: Sentence) -> list[Span]:
    verbs = [verb for verb in sentence.verbs if verb.tag in _FINITE]
    return [(verb.index, verb.index + 1) for verb in verbs if is_free(sentence, verb)]


def _read(sentence: Sentence, answer: Sentence, change: Compared, lexicon: Lexicon) -> Candidate | None:
    """Read another verb, with another preposition or particle where it takes one: "sits on", "jumps over"."""
    old, new = _verb_at(sentence, *change[:2]), _verb_at(answer, *change[2:])
    if old is None or new is None:
        return None
    first, second = old.lemma.lower(), new.lemma.lower()
    form = new.lower if new.tag == old.tag else verb_form(lexicon, second, old.tag)
    if form is None or form == old.lower:
        return None
    exclusive = actions_exclude(first, second, frame_of(sentence, old))
    start, end = old.start, sentence.tokens[change[1] - 1].end
    text = form + answer.caption[new.end : answer.tokens[change[3] - 1].end]
    claims = [("action", second, first)]
    return Candidate(
        "replace_action", [Edit(start, end, text)], sentence.caption[start:end], text, claims,
        None if exclusive else "compatible",
    )  # fmt: skip


def _verb_at(sentence: Sentence, first: int, last: int) -> Token | None:
    """Find the verb that changed: it comes first, and nothing but a preposition or particle comes with it."""
    verb = next((v for v in sentence.verbs if v.index == first), None)
    rest = sentence.tokens[first + 1 : last]
    return verb if len(rest) < 2 and all(t.pos in {"ADP", "ADV"} for t in rest) else None


OPERATION = Operation(
    "replace_action",
    replace_action,
    lambda c: f"Change {c.old} to {c.negative_phrase}",
    Question(
        _places,
        "Change what somebody does in a caption of a photo to something that cannot be done at the same time. "
        "Keep all other words as they are.",
        (
            ("A man is riding a bike down the street .", "riding", "A man is pushing a bike down the street ."),
            ("Two dogs are playing in the snow .", "playing", "Two dogs are sleeping in the snow ."),
            ("A woman in a red dress sits on a bench .", "sits", "A woman in a red dress lies on a bench ."),
            ("A boy jumps over a fence .", "jumps", "A boy climbs over a fence ."),
        ),
        _read,
    ),
)
