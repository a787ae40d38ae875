"""Put another attribute that excludes the old one: "a red shirt", "a blue shirt"."""

import random
from collections.abc import Iterator
from itertools import chain

from generators.text.corpus.describing import ADJECTIVE_TAGS
from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import (
    BASIC_COLOURS,
    COLOURS,
    NOT_VISIBLE,
    SHADES,
    attribute_family,
    excludes,
    is_measure,
    opposite_comparatives,
)
from generators.text.knowledge.opposites import sure_opposites
from generators.text.knowledge.roles import has_colour, may_be_coloured
from generators.text.knowledge.things import kind_of
from generators.text.language.casing import Style, starts_sentence
from generators.text.language.edits import Candidate, Edit
from generators.text.language.frames import noun_at
from generators.text.language.grammar import (
    article_edits,
)
from generators.text.language.sentence import NounPhrase, Sentence
from generators.text.operations.base import Compared, Operation, Question, Span


def replace_attribute(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, _facts: Facts
) -> Iterator[Candidate]:
    """Put another attribute that excludes the old one: "a red shirt", "a blue shirt"."""
    places = attributes(sentence)
    rng.shuffle(places)
    yield from _compared(sentence)
    for phrase, index in places:
        yield from other_attributes(sentence, lexicon, rng, most, phrase, index)


def _compared(sentence: Sentence) -> Iterator[Candidate]:
    """Put the opposites of comparatives: "a dog chases a smaller one", "is bigger than a cat"."""
    for token in sentence.tokens:
        if token.tag == "JJR":
            for word in opposite_comparatives(token.lower):
                edits = [Edit(token.start, token.end, word), *article_edits(sentence, token.index, word)]
                claim = ("attribute", word, noun_at(sentence, token.head))
                yield Candidate("replace_attribute", edits, token.text, word, [claim])


def other_attributes(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, phrase: NounPhrase, index: int
) -> Iterator[Candidate]:
    """Put other attributes in the place of one, a token of a phrase."""
    old = sentence.tokens[index]
    kind, drawn = kind_of(phrase.lemma), 0
    any_colour = attribute_family(old.lower) == "colour" and (index == phrase.head or may_be_coloured(phrase.lemma))
    said = (word.form for word in lexicon.attributes(kind, phrase.lemma).draw(rng, 4 * most))
    seen = {old.lower}
    for word in sure_opposites(old.lower, phrase.lemma):
        seen.add(word)
        yield with_attribute(sentence, phrase, index, word, None)
    for word in chain(said, rng.sample(BASIC_COLOURS, len(BASIC_COLOURS)) if any_colour else ()):
        if drawn == most or word in seen or not excludes(old.lower, word):
            continue
        seen.add(word)
        if word in SIZES and kind == "person":
            continue  # how large somebody is, nobody can tell from a picture
        if kind == "animal" and word in COLOURS and not has_colour(phrase.lemma, word):
            continue
        drawn += 1
        known = (any_colour and word in BASIC_COLOURS) or lexicon.says_of(word, phrase.lemma)
        yield with_attribute(sentence, phrase, index, word, None if known else "incompatible")


def with_attribute(sentence: Sentence, phrase: NounPhrase, index: int, word: str, failed: str | None) -> Candidate:
    """Put an attribute in the place of a phrase's, a token."""
    old = sentence.tokens[index]
    edits = [Edit(old.start, old.end, word), *article_edits(sentence, index, word)]
    return Candidate("replace_attribute", edits, old.text, word, [("attribute", word, phrase.lemma)], failed)


def attributes(sentence: Sentence) -> list[tuple[NounPhrase, int]]:
    """List the attributes that may change, as noun phrase and token index of the adjective."""
    worn = [(phrase, phrase.head) for phrase in sentence.noun_phrases if _is_worn_colour(sentence, phrase)]
    return worn + [
        (phrase, index)
        for phrase in sentence.noun_phrases
        for index in (*phrase.adjectives, *_second_colours(sentence, phrase))
        if phrase.lemma not in NOT_VISIBLE and _may_change(sentence, phrase, index)
    ]


def _is_worn_colour(sentence: Sentence, phrase: NounPhrase) -> bool:
    """Tell whether a noun is the colour of what somebody wears: "a girl in blue"."""
    if phrase.lemma not in COLOURS or phrase.first != phrase.head:
        return False
    found = next((r for r in sentence.relations if r.target == phrase.head and r.words == "in"), None)
    return found is not None and kind_of(noun_at(sentence, found.governor)) == "person"


def _second_colours(sentence: Sentence, phrase: NounPhrase) -> Iterator[int]:
    """Find the colours that follow another: "white" of "a black and white dog"."""
    for first in phrase.adjectives:
        for index in sentence.children[first]:
            token = sentence.tokens[index]
            if token.dep == "conj" and index < phrase.head and token.lower in COLOURS:
                yield index


SIZES = frozenset({"large", "small", "big", "huge", "tiny", "larger", "smaller", "bigger", "enormous"})
_UNSEEN = frozenset({"deep", "shallow", "hot", "cold", "warm", "cool", "quiet", "loud", "heavy"})
# Half a word without what it says: "dark haired".
_HALVES = ("haired", "skinned", "colored", "coloured", "sized", "legged", "eyed", "faced", "headed", "dressed")


def _may_change(sentence: Sentence, phrase: NounPhrase, index: int) -> bool:
    word = sentence.tokens[index].lower
    family = attribute_family(word)
    if opposite_comparatives(word):
        return False  # told by what it is compared to
    sure = bool(sure_opposites(word, phrase.lemma))
    if word in _HALVES or word in _UNSEEN or (word in SIZES and kind_of(phrase.lemma) == "person" and not sure):
        return False
    if family == "colour" and (_is_coat(sentence, phrase) or kind_of(phrase.lemma) in _OF_NATURE):
        return False  # "a brown dog with blue fur"; and water is white, blue and green
    if phrase.determiner is not None and sentence.tokens[phrase.determiner].lower in {"another", "other"}:
        return False  # "a black dog and another black dog"
    if _is_name(sentence, index):
        return False  # "the Green Bay Packers"
    if any(sentence.tokens[child].dep in {"npadvmod", "nummod"} for child in sentence.children[index]):
        return False  # "a 10 year old boy"
    if family == "colour" and kind_of(phrase.lemma) == "person":
        return False  # the colour of somebody's skin is no attribute to play with
    before = sentence.tokens[index - 1].lower if index else ""
    if before == "a" and sentence.tokens[index].lower == "few":
        return False  # "a many people"
    if is_measure(before):
        return False
    return family != "colour" or before not in SHADES  # "navy blue" and "light blue" are one attribute


_COATS = frozenset({"fur", "hair", "skin", "face", "eye", "nose", "ear", "tail", "paw", "sign", "light"})
# What has one colour in the sun and another in the shade, or several at once.
_OF_NATURE = frozenset({"place", "natural object", "plant", "building", "structure", None})


def _is_coat(sentence: Sentence, phrase: NounPhrase) -> bool:
    """Tell whether a thing is part of a body, or the coat of an animal."""
    if phrase.lemma == "coat":
        return any(kind_of(other.lemma) == "animal" for other in sentence.noun_phrases)
    return phrase.lemma in _COATS


def _is_name(sentence: Sentence, index: int) -> bool:
    """Tell whether a word begins a name: a capital where none is due, and another behind it."""
    token, after = sentence.tokens[index : index + 2]
    capitals = token.text[:1].isupper() and after.text[:1].isupper()
    return capitals and sentence.style is Style.SENTENCE and not starts_sentence(sentence.caption, token.start)


def _places(sentence: Sentence) -> list[Span]:
    return [(index, index + 1) for _, index in attributes(sentence)]


def _read(sentence: Sentence, answer: Sentence, change: Compared, _: Lexicon) -> Candidate | None:
    places = [(phrase, index) for phrase, index in attributes(sentence) if (index, index + 1) == change[:2]]
    new = answer.tokens[change[2]] if change[3] == change[2] + 1 else None
    if not places or new is None or new.tag not in ADJECTIVE_TAGS:
        return None
    [(phrase, index)] = places
    failed = None if excludes(sentence.tokens[index].lower, new.lower) else "compatible"
    return with_attribute(sentence, phrase, index, new.lower, failed)


OPERATION = Operation(
    "replace_attribute",
    replace_attribute,
    lambda c: f"Change {c.old} to {c.negative_phrase}",
    Question(
        _places,
        "Change one adjective in a caption of a photo to one that cannot be true at the same time. "
        "Keep all other words as they are.",
        (
            ("A man in a red coat waits for a bus .", "red", "A man in a green coat waits for a bus ."),
            ("A young woman reads a book .", "young", "An elderly woman reads a book ."),
            ("Two small dogs play in the snow .", "small", "Two enormous dogs play in the snow ."),
            ("Children run down a wet street .", "wet", "Children run down a dry street ."),
        ),
        _read,
    ),
)
