"""Say of a thing what it has not: "a white dog runs", told from "a black dog runs"."""

import random
from collections.abc import Iterator

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import BASIC_COLOURS, COLOURS, attribute_family, excludes
from generators.text.knowledge.roles import has_colour, may_be_coloured
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Edit
from generators.text.language.grammar import article_edits
from generators.text.language.sentence import NounPhrase, Sentence
from generators.text.operations.additions import shuffled, told_from
from generators.text.operations.base import Operation
from generators.text.operations.details import details
from generators.text.operations.replace_attribute import SIZES, attributes, other_attributes
from generators.text.operations.telling import Change


def add_attribute(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Add an attribute that a thing has not, told from the one that it has: "a black dog runs", "a white dog runs".

    Of an image with one caption nobody says what colours things have: what is added then is doubtful.
    """
    if len(facts.sentences) == 1:
        yield from _guessed(sentence, lexicon, rng, most)
    for detail in shuffled(details(sentence, facts), rng):
        for phrase, index in attributes(detail.sentence):
            known = facts.attributes.get(phrase.lemma, set())
            if detail.first <= index < detail.last:
                if detail.sentence.tokens[index].lower in SIZES and not _is_sized(phrase.lemma, facts):
                    continue
                for candidate in other_attributes(detail.sentence, lexicon, rng, most, phrase, index):
                    if _excludes_all(candidate.negative_phrase, known):
                        yield told_from(detail, candidate, "add_attribute")


def _guessed(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Add colours to things that have one, of which a caption says none; a judge may see whether they have it."""
    phrases = [p for p in sentence.noun_phrases if not p.adjectives and p.first < p.noun and _has_a_colour(p.lemma)]
    rng.shuffle(phrases)
    for phrase in phrases:
        start = sentence.tokens[phrase.noun].start
        said = (word.form for word in lexicon.attributes(kind_of(phrase.lemma), phrase.lemma).draw(rng, 4 * most))
        colours = [word for word in dict.fromkeys((*said, *BASIC_COLOURS)) if _may_have(phrase.lemma, word, lexicon)]
        for word in colours[:most]:
            edits = [Edit(start, start, f"{word} "), *article_edits(sentence, phrase.noun, word)]
            claims = [("attribute", word, phrase.lemma)]
            yield Candidate("add_attribute", edits, "", word, claims, doubt="attributes")


def _has_a_colour(noun: str) -> bool:
    return may_be_coloured(noun) or kind_of(noun) == "animal"


def _may_have(noun: str, word: str, lexicon: Lexicon) -> bool:
    if word not in COLOURS:
        return False
    return has_colour(noun, word) if kind_of(noun) == "animal" else word in BASIC_COLOURS or lexicon.says_of(word, noun)


def _is_sized(noun: str, facts: Facts) -> bool:
    """Tell whether two captions give a size to a thing: what one calls large, another may find small."""
    return sum(any(_has_size(told, p) for p in told.noun_phrases if p.lemma == noun) for told in facts.sentences) > 1


def _has_size(sentence: Sentence, phrase: NounPhrase) -> bool:
    return any(sentence.tokens[index].lower in SIZES for index in phrase.adjectives)


def _excludes_all(new: str, known: set[str]) -> bool:
    """Tell whether an attribute excludes one of those known, and may go with none of its own family."""
    family = attribute_family(new)
    rivals = [old for old in known if attribute_family(old) == family] if family else list(known)
    excluded = [excludes(new, old) for old in rivals]
    return any(excluded) and (all(excluded) or family is None)


def _told(change: Change) -> str:
    noun = change.original[change.original_spans[-1]["start"] :].split()[0].strip(".,;:!?")
    return f"Make the {noun} {change.negative_phrase}"


OPERATION = Operation("add_attribute", add_attribute, _told, within="replace_attribute")
