"""Let two things change relations: "on the bench behind the tree", "behind the bench on the tree"."""

import random
from collections.abc import Iterator
from itertools import combinations

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.relations import are_directions, may_change_places, relations_exclude
from generators.text.language.edits import Candidate, Edit, joined
from generators.text.language.sentence import Relation, Sentence
from generators.text.operations.base import Operation
from generators.text.operations.replace_relation import is_loose, is_spatial
from generators.text.operations.telling import swap


def swap_relation(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, _facts: Facts
) -> Iterator[Candidate]:
    """Let two things change relations: "on the bench behind the tree", "behind the bench on the tree"."""
    places = [r for r in sentence.relations if is_spatial(sentence, r) or r.words in _PATH]
    pairs = [
        (ours, theirs)
        for ours, theirs in combinations(places, 2)
        if sentence.parts[ours.first] == sentence.parts[theirs.first]
        and (_surely_differ(ours.words, theirs.words) or are_directions(ours.words, theirs.words))
    ]
    rng.shuffle(pairs)
    for first, second in pairs[:most]:
        edits = [_relation_edit(sentence, first, second), _relation_edit(sentence, second, first)]
        targets = [sentence.phrase_of(r.target) for r in (first, second)]
        ours, theirs = targets
        if ours is None or theirs is None:
            continue
        governors = [sentence.tokens[r.governor].lemma.lower() for r in (first, second)]
        known = lexicon.relates(governors[0], second.words, ours.lemma)
        known = known and lexicon.relates(governors[1], first.words, theirs.lemma)
        # What is left of or above one thing may be so of any other.
        sure = are_directions(first.words, second.words)
        sure = sure or may_change_places(first.words, ours.lemma, second.words, theirs.lemma)
        failed = None if sure or known or {first.words, second.words} == _PATH else "incompatible"
        if not sure and any(is_loose(sentence, *turned) for turned in ((first, second.words), (second, first.words))):
            failed = "incompatible"
        if ours.lemma == theirs.lemma or sentence.tokens[theirs.first].lower == "another":
            failed = "symmetric"  # "from one rock to another"
        yield Candidate(
            "swap_relation",
            edits,
            joined([first.words, second.words]),
            joined([second.words, first.words]),
            [("relation", second.words, ours.lemma), ("relation", first.words, theirs.lemma)],
            failed,
            doubt=None if _surely_differ(first.words, second.words) else "relations",
        )


_PATH = {"from", "to"}


def _surely_differ(first: str, second: str) -> bool:
    return {first, second} == _PATH or relations_exclude(first, second)


def _relation_edit(sentence: Sentence, place: Relation, text: Relation) -> Edit:
    return Edit(sentence.tokens[place.first].start, sentence.tokens[place.last - 1].end, text.words)


OPERATION = Operation("swap_relation", swap_relation, swap)
