"""Which beings can take another's part in a caption: a woman a man's, a cat a dog's, a dog a boy's who just runs."""

from collections.abc import Iterator

from generators.text.corpus.facts import CROWDS, Facts, count_of
from generators.text.knowledge.exclusions import COLOURS
from generators.text.knowledge.roles import ADULTS, CHILDREN, beast_of, beings_for, does_as_well, is_of_children
from generators.text.knowledge.things import kind_of
from generators.text.language.grammar import has_pronoun
from generators.text.language.sentence import NounPhrase, Sentence
from generators.text.operations.standing import deeds_of

# What a person and a dog do alike, and among what.
_DONE_BY_BOTH = frozenset(
    {"jump", "lay", "leap", "lie", "play", "race", "rest", "run", "sit", "sleep", "splash", "stand", "swim", "wade",
     "walk"}
)  # fmt: skip
_AMONG = frozenset({"place", "natural object", "plant", "furniture", "structure", "building", "barrier", "cloth"})
_WHO = frozenset({"nsubj", "ROOT"})
_OF_BOTH = frozenset({"young", "small", "little", "happy", "wet"})
_PEOPLE = ("boy", "girl", "man", "woman")
_LIKE_PEOPLE = frozenset({*_PEOPLE, "child", "kid", "people", "person", "toddler", "lady", "guy"})


def other_beings(sentence: Sentence, phrase: NounPhrase, words: set[str], facts: Facts) -> Iterator[str]:
    """Name beings that are surely none that a phrase names and may do all that a caption, by its lemmas, says."""
    for lemma in beings_for(phrase.lemma):
        if lemma in {"boy", "girl"} and not CHILDREN.isdisjoint(words):
            continue  # "a boy and children"
        if kind_of(lemma) == "person" or does_as_well(lemma, words):
            yield lemma
    if phrase.lemma in CHILDREN and _may_be_grown(sentence, phrase) and not is_of_children(words):
        yield from ADULTS
    yield from _of_other_gender(sentence, phrase, facts)
    if beast_of(phrase.lemma) == "dog" and "person" not in facts.kinds and _is_done_by_both(sentence, phrase):
        small = any(sentence.tokens[index].lower in {"small", "little"} for index in phrase.adjectives)
        yield from _PEOPLE[:2] if small else _PEOPLE
    if phrase.lemma in _LIKE_PEOPLE and "animal" not in facts.kinds and _is_done_by_both(sentence, phrase):
        yield "dog"


def _of_other_gender(sentence: Sentence, phrase: NounPhrase, facts: Facts) -> Iterator[str]:
    """Name people of the gender that somebody is surely not of whom a caption does not tell it, and others do."""
    if phrase.lemma not in UNTOLD or not (
        _is_the_one(sentence, phrase, facts) or _are_counted(sentence, phrase, facts)
    ):
        return
    young = phrase.lemma in CHILDREN or any(sentence.tokens[index].lower in _OF_YOUNG for index in phrase.adjectives)
    grown = "woman" if facts.gender() == "male" else "man"
    yield {"woman": "girl", "man": "boy"}[grown] if young else grown


def _is_the_one(sentence: Sentence, phrase: NounPhrase, facts: Facts) -> bool:
    """Tell whether no caption has more people than one, so that they all speak of whom a phrase names."""
    return bool(facts.gender()) and "person" in facts.lone and sentence.tokens[phrase.head].tag == "NN"


def _are_counted(sentence: Sentence, phrase: NounPhrase, facts: Facts) -> bool:
    """Tell whether another caption has as many men, or women, as a phrase has people, and none has others."""
    number = count_of(sentence, phrase)
    return (
        bool(facts.gender())
        and number not in {"", "one"}
        and all(counts <= {number} for noun, counts in facts.counts.items() if kind_of(noun) == "person")
    )


# Who may be of either gender.
UNTOLD = frozenset({"child", "kid", "person", "people", "toddler"})
_OF_YOUNG = frozenset({"little", "small", "young"})


def _may_be_grown(sentence: Sentence, phrase: NounPhrase) -> bool:
    """Tell whether a child does what a caption says, is not called young, as some men are, and is alone."""
    if any(sentence.tokens[index].lower in {"young", "older"} for index in phrase.adjectives):
        return False
    alone = not any(kind_of(p.lemma) == "person" for p in sentence.noun_phrases if p is not phrase)
    at = sentence.tokens[phrase.head]
    if at.dep == "pobj" and sentence.tokens[at.head].lower == "of":
        at = sentence.tokens[sentence.tokens[at.head].head]
        return alone and at.lemma.lower() in CROWDS and at.dep in _WHO  # "a group of children"
    return alone and at.dep in _WHO


def _is_done_by_both(sentence: Sentence, phrase: NounPhrase) -> bool:
    """Tell whether a caption says of somebody nothing that only a person, or only a dog, does or has."""
    deeds = deeds_of(sentence, sentence.conjunct_heads[phrase.head])
    if not deeds or any(taken.startswith("dobj:") for _, taken in deeds) or has_pronoun(sentence):
        return False
    if any(verb.lemma.lower() not in _DONE_BY_BOTH for verb in sentence.verbs):
        return False
    if any(sentence.tokens[index].lower not in _OF_BOTH for index in phrase.adjectives):
        return False
    if any(token.lower in COLOURS and token.dep != "amod" for token in sentence.tokens):
        return False  # "two dogs, one white and one black"
    others = (p for p in sentence.noun_phrases if p is not phrase)
    return sentence.tokens[phrase.head].dep in _WHO and all(kind_of(p.lemma) in _AMONG for p in others)
