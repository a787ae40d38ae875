"""Put another relation that excludes the old one: "on the bench", "behind the bench"."""

import random
from collections.abc import Iterator

from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import (
    NOT_VISIBLE,
    region_of,
    relations_exclude,
)
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Edit
from generators.text.language.sentence import Relation, Sentence


def replace_relation(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Put another relation that excludes the old one: "on the bench", "behind the bench"."""
    places = [r for r in sentence.relations if is_spatial(sentence, r)]
    rng.shuffle(places)
    for relation in places:
        target = sentence.phrase_of(relation.target)
        if target is None:
            continue
        start, end = sentence.tokens[relation.first].start, sentence.tokens[relation.last - 1].end
        drawn = 0
        governor = sentence.tokens[relation.governor].lemma.lower()
        for word in lexicon.relations(target.lemma).draw(rng, 4 * most):
            if drawn == most or not relations_exclude(relation.words, word.lemma):
                continue
            if is_loose(sentence, relation, word.lemma):
                continue
            drawn += 1
            yield Candidate(
                "replace_relation",
                [Edit(start, end, word.form)],
                sentence.caption[start:end],
                word.form,
                [("relation", word.lemma, target.lemma)],
                None if lexicon.relates(governor, word.lemma, target.lemma) else "incompatible",
            )


def is_loose(sentence: Sentence, relation: Relation, words: str) -> bool:
    """Tell whether the new relation may hold as well: who sits near the beach may well sit on it."""
    target = sentence.tokens[relation.target].lemma.lower()
    near = "near" in {region_of(relation.words), region_of(words)}
    if near and kind_of(target) in {"place", "plant", "structure"}:
        return True
    if {relation.words, words} == {"up", "down"} and target in _FLAT:
        return True  # along it, both of them
    return words == "by" and sentence.tokens[relation.governor].tag == "VBN"


_FLAT = frozenset({"street", "road", "path", "sidewalk", "alley", "highway", "trail", "track", "hallway", "beach"})


def is_spatial(sentence: Sentence, relation: Relation) -> bool:
    """Tell whether a preposition says where something visible is: not "in a hat", not "on a cold day"."""
    phrase = sentence.phrase_of(relation.target)
    if phrase is None or region_of(relation.words) is None or phrase.lemma in NOT_VISIBLE:
        return False
    kind = kind_of(phrase.lemma)
    worn = relation.words == "in" and kind == "clothing"
    agent = relation.words == "by" and sentence.tokens[relation.governor].tag == "VBN"  # "pulled by a dog"
    return kind is not None and not worn and not agent
