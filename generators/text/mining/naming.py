"""What another caption says in one's own words: operation, edit and checks, by the code that reads rewrites.

The wrong caption is the own one with the other's phrase in place, so that it differs in nothing else; but for articles,
stops and the form of the verb it is the other caption.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from generators.text.checks import failed_check
from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.things import kind_of, thing_of
from generators.text.language.edits import Candidate, Edit, apply, columns_of
from generators.text.language.scope import forbidden
from generators.text.language.sentence import Sentence
from generators.text.language.units import unit_of
from generators.text.mining.places import SWAP, said
from generators.text.operations import OPERATIONS
from generators.text.operations.base import Compared, Question
from generators.text.operations.replace_count import read_count
from schemas.mining import MINABLE
from schemas.words import words_of


def _read_thing(ours: Sentence, theirs: Sentence, change: Compared, lexicon: Lexicon) -> Candidate | None:
    """Read another thing with all that introduces it: "the water", "a field"; "in the grass", "on a beach".

    Where the preposition changes too, only of places: who is with a ball may be on a couch.
    """
    first, last, start, end = change
    old, new = ours.phrase_of(last - 1), theirs.phrase_of(end - 1)
    if old is None or new is None or old.lemma == new.lemma:
        return None
    found = _question("replace_object").read(ours, theirs, (old.noun, last, new.noun, end), lexicon)
    if found is None:
        return None
    if found.failed == "incompatible" and (kind_of(old.lemma), kind_of(new.lemma)) == ("animal", "person"):
        found.failed = None  # the animal's colour goes with it
    if first < old.first and not (_is_place(old.lemma) and _is_place(new.lemma)):
        found.failed = found.failed or "compatible"
    while first < last - 1 and start < end - 1 and ours.tokens[first].lower == theirs.tokens[start].lower:
        first, start = first + 1, start + 1
    found.edits = [Edit(ours.tokens[first].start, ours.tokens[last - 1].end, theirs.spoken(start, end))]
    found.original_phrase, found.negative_phrase = ours.text(first, last), theirs.spoken(start, end)
    return found


def _is_place(noun: str) -> bool:
    thing = thing_of(noun)
    return kind_of(noun) == "place" or (thing is not None and thing.place != "")


def _question(operation: str) -> Question:
    found = OPERATIONS[operation].question
    if found is None:
        raise ValueError(f"{operation} has no question")
    return found


Reader = Callable[[Sentence, Sentence, Compared, Lexicon], Candidate | None]
_READERS: dict[str, Reader] = {
    "replace_object": _read_thing,
    "replace_count": read_count,
    **{name: _question(name).read for name in ("replace_attribute", "replace_relation", "replace_action")},
}
_SWAPS = tuple(name for name in MINABLE if name.startswith(SWAP))
_ALL = 64  # swaps of one caption to try: it has fewer


def candidates(
    operation: str, ours: Sentence, theirs: Sentence, change: Compared, facts: Facts, lexicon: Lexicon
) -> Iterator[Candidate]:
    """Read what another caption changes in one's own; nothing where no operation does that. `facts` are those of the
    own picture."""
    if operation != SWAP:
        found = _READERS[operation](ours, theirs, change, lexicon)
        return iter(() if found is None else (found,))
    return _swapped(ours, theirs, facts, lexicon)


def _swapped(ours: Sentence, theirs: Sentence, facts: Facts, lexicon: Lexicon) -> Iterator[Candidate]:
    reduced = {token.lower: word for one in (ours, theirs) for token, word in zip(one.tokens, said(one), strict=True)}

    def told(caption: str) -> list[str]:
        return [word for word in (reduced.get(word, word) for word in words_of(caption)) if word]

    wanted = told(theirs.caption)
    for operation in _SWAPS:
        for found in OPERATIONS[operation].candidates(ours, lexicon, random.Random(0), _ALL, facts):
            if told(apply(ours.caption, found.edits).caption) == wanted:
                found.failed = forbidden(ours, found.edits, moving=True) or found.failed
                yield found
                return


def judged(candidate: Candidate, sentence: Sentence, facts: Facts, lexicon: Lexicon) -> dict[str, Any]:
    """Say what a candidate changes and which check it fails, in columns of TEXT_NEGATIVES."""
    applied = apply(sentence.caption, candidate.edits)
    return {
        **columns_of(candidate, applied, sentence.caption, unit_of(sentence, candidate.edits)),
        "operation": candidate.operation,
        "failed_check": failed_check(candidate, applied, sentence, facts, lexicon),
    }
