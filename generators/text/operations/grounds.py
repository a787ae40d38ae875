"""Which other ground somebody may be on, who does what a caption says: "runs through the snow", "through the grass"."""

from collections.abc import Iterator

from generators.text.knowledge.grounds import MASSES, THERE, grounds_for, is_bound
from generators.text.knowledge.things import kind_of
from generators.text.language.sentence import NounPhrase, Sentence

_BEINGS = frozenset({"person", "animal"})
# What is taken along wherever one goes.
_AMONG = _BEINGS | {"clothing", "accessory", "bag"}
_TAKEN_ALONG = frozenset({"ball", "disc", "football", "frisbee", "mouth", "stick", "toy"})


def other_grounds(sentence: Sentence, phrase: NounPhrase, words: set[str], determiner: str) -> Iterator[str]:
    """Name grounds that somebody is surely not on, where no word of a caption, in its base form, binds him to one."""
    at = sentence.tokens[phrase.head]
    if at.dep != "pobj" or at.tag != "NN" or phrase.last > phrase.head + 1 or phrase.adjectives or is_bound(words):
        return
    preposition, first = sentence.preposition(at.head)
    governor = sentence.tokens[sentence.tokens[first].head]
    there = governor.lemma.lower() in THERE if governor.pos == "VERB" else kind_of(governor.lemma.lower()) in _BEINGS
    if not there or not all(_may_be_anywhere(p) for p in sentence.noun_phrases if p is not phrase):
        return
    for ground in grounds_for(preposition, phrase.lemma):
        if ground in MASSES and determiner == "a":
            continue  # "in a snow"
        if determiner != "" or ground in MASSES:
            yield ground


def _may_be_anywhere(phrase: NounPhrase) -> bool:
    return kind_of(phrase.lemma) in _AMONG or phrase.lemma.rpartition(" ")[2] in _TAKEN_ALONG
