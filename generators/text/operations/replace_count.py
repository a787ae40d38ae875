"""Put another number: two dogs become three, "3 dogs" become "2 dogs", a dog becomes two dogs."""

import random
from collections.abc import Iterator

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import DIGITS, NUMBER_WORDS, is_measure
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Edit
from generators.text.language.frames import determiner_class
from generators.text.language.grammar import agreement_edits, has_pronoun, plural_of
from generators.text.language.sentence import NounPhrase, Sentence, Token
from generators.text.operations.base import Operation

_COUNTED = frozenset({"person", "animal", "vehicle", "figure"})


def replace_count(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, _facts: Facts
) -> Iterator[Candidate]:
    """Put another number, or a number for "a": "two dogs run", "3 dogs run"; "a dog runs", "two dogs run"."""
    if any(token.lower in _TOLD_OFF for token in sentence.tokens):
        return  # "two dogs, both with a ball"
    phrases = [p for p in sentence.noun_phrases if kind_of(p.lemma) is not None]
    rng.shuffle(phrases)
    for phrase in phrases:
        number = sentence.child(phrase.head, "nummod")
        if number is not None and sentence.tokens[number].lower not in _ONE:
            if _is_count(sentence, phrase, sentence.tokens[number]):
                for word in _numbers(lexicon, rng, most):
                    yield from _other_number(phrase, sentence.tokens[number], word)
            continue
        if kind_of(phrase.lemma) not in _COUNTED:
            continue  # of what nobody has counted there may be more
        one = number if phrase.determiner is None else phrase.determiner
        more = _more_than_one(sentence, lexicon, phrase, sentence.tokens[one]) if one is not None else None
        if one is not None and more is not None:
            for word in _numbers(lexicon, rng, _FEW_OF_ONE):
                yield _number_for_one(sentence, phrase, sentence.tokens[one], word, *more)


# Where there is one a language model finds any number less likely (0.95 of the time): few of them are ever kept.
_FEW_OF_ONE = 2
_TOLD_OFF = frozenset({"both", "each", "either", "neither"})


def _numbers(lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[str]:
    """Draw numbers from two to ten, in words."""
    for word in lexicon.counts().draw(rng, most):
        new = NUMBER_WORDS.get(word.form, word.form)
        if new in DIGITS:
            yield new


_ONE = frozenset({"one", "1"})
# A number behind these is a limit or a guess, and so may another one be.
_ABOUT = frozenset(
    {"about", "around", "over", "than", "least", "most", "to", "under", "nearly", "almost", "some", "approximately"}
)
_FEW_DIGITS = 20  # "3 dogs" and "15 men" are counted, "747 planes" are not


def _is_count(sentence: Sentence, phrase: NounPhrase, number: Token) -> bool:
    """Tell whether a number says how many there are: not "2 legged dogs", "about 10 men", "three (2) men"."""
    digits = number.text.isdecimal() and 1 < int(number.text) <= _FEW_DIGITS
    plural = sentence.tokens[phrase.head].tag == "NNS"
    if not plural or number.index != phrase.first or not (digits or number.lower in DIGITS):
        return False
    between = sentence.tokens[number.index + 1 : phrase.head]
    if any(not (t.is_plain or t.text == ",") or is_measure(t.lower) for t in between):
        return False
    before = sentence.tokens[number.index - 1] if number.index else None
    return not sentence.children[number.index] and (before is None or before.lower not in _ABOUT)


def _other_number(phrase: NounPhrase, old: Token, word: str) -> Iterator[Candidate]:
    if NUMBER_WORDS.get(old.lower, old.lower) != word:
        form = DIGITS[word] if old.text.isdecimal() else word
        edit = Edit(old.start, old.end, form)
        yield Candidate("replace_count", [edit], old.text, form, [("count", word, phrase.lemma)])


_ALONE = frozenset({"lone", "single", "solitary", "only", "sole"})


def _more_than_one(
    sentence: Sentence, lexicon: Lexicon, phrase: NounPhrase, one: Token
) -> tuple[str, list[Edit]] | None:
    """Return the plural of a thing that there is one of, and the edits of its verbs; none where it cannot be more."""
    tokens, head = sentence.tokens, sentence.tokens[phrase.head]
    countable = one.lower in {"a", "an", *_ONE} and one.index == phrase.first
    subject = head.dep in {"nsubj", "ROOT", "nsubjpass"}
    coordinated = sentence.child(phrase.head, "conj") is not None or head.dep == "conj"
    if not countable or not subject or coordinated or head.tag != "NN":
        return None
    if any(t.lower in _ALONE or not (t.is_plain or t.text == ",") for t in tokens[one.index + 1 : phrase.head]):
        return None  # "two lone dogs"
    if has_pronoun(sentence) or sentence.child(phrase.head, "relcl") is not None:
        return None
    if any(token.lower == "one" and token.index != one.index for token in tokens):
        return None  # "three men with one hand"
    introduced = [(p, determiner_class(sentence, p)) for p in sentence.noun_phrases]
    if any(determiner == "a" and tokens[p.head].tag == "NNS" for p, determiner in introduced):
        return None  # "a collar runs" is no collar
    if any(determiner == "a" and _is_ones_own(p.lemma) for p, determiner in introduced):
        return None  # two men do not share "a red hat"
    plural = plural_of(lexicon, phrase.lemma)
    verbs = agreement_edits(sentence, lexicon, phrase.head, plural=True)
    return None if plural is None or verbs is None else (plural, verbs)


_OF_ONE_BODY = frozenset({"arm", "beard", "ear", "face", "hand", "head", "leg", "mohawk", "mouth", "nose", "tail"})


def _is_ones_own(noun: str) -> bool:
    return kind_of(noun) in {"clothing", "accessory", "bag"} or noun.rpartition(" ")[2] in _OF_ONE_BODY


def _number_for_one(
    sentence: Sentence, phrase: NounPhrase, one: Token, word: str, plural: str, verbs: list[Edit]
) -> Candidate:
    start, end = sentence.tokens[phrase.noun].start, sentence.tokens[phrase.head].end
    number = DIGITS[word] if one.text.isdecimal() else word
    edits = [Edit(one.start, one.end, number), Edit(start, end, plural), *verbs]
    old = sentence.text(phrase.first, phrase.head + 1)
    new = f"{number} {sentence.caption[one.end + 1 : start]}{plural}"
    return Candidate("replace_count", edits, old, new, [("count", word, phrase.lemma), ("plural", phrase.lemma)])


OPERATION = Operation("replace_count", replace_count, lambda c: f"Show {c.negative_phrase} instead of {c.old}")
