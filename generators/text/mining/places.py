"""Where a caption may differ from another by one phrase: what is left without it says who differs there.

Two captions with one and the same rest, of the same operation, differ by that phrase and nothing else. So all pairs of
a corpus are found by the hash of the rest, in linear time; nearest neighbours of vectors would find a part of them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from generators.text.language.sentence import Sentence
from generators.text.operations import OPERATIONS
from generators.text.operations.base import Span
from generators.text.operations.replace_count import counts

SWAP = "swap"  # of which kind, the operations tell

_ARTICLES = frozenset({"a", "an", "the"})


class Place(NamedTuple):
    """One phrase of a caption."""

    operation: str  # or SWAP
    rest: int  # hash of the caption without it; of a swap, of its words in any order
    phrase: int  # hash of its words; of a swap, of the words in their order
    first: int  # token indices, end exclusive
    last: int


def places(sentence: Sentence, operations: Iterable[str], cell: str) -> Iterator[Place]:
    """List the phrases that may be another's in another caption of the same `cell`: of the same split, of one burst."""
    words = said(sentence)
    for operation in operations:
        for first, last, told_by, more in _spans(operation, sentence):
            phrase = [word for word in words[first:told_by] if word]
            before, after = ([word for word in part if word] for part in (words[:first], words[last:]))
            if phrase and (before or after):
                yield Place(operation, _hash(cell, operation, more, *before, "", *after), _hash(*phrase), first, last)
    if any(operation.startswith(SWAP) for operation in operations):
        order = [word for word in words if word]
        yield Place(SWAP, _hash(cell, SWAP, *sorted(order)), _hash(*order), 0, len(words))


def said(sentence: Sentence) -> list[str]:
    """Reduce each token to what it says, "" for nothing: "the dogs are running" and "dogs run" say the same.

    Left out are punctuation, articles, forms of "be" before another verb and the "there" of "there is"; of the forms of
    a verb in an active sentence its lemma is left.
    """
    return [_said(token.lower, token.lemma.lower(), token.pos, token.tag) for token in sentence.tokens]


def _said(word: str, lemma: str, pos: str, tag: str) -> str:
    if pos == "PUNCT" or word in _ARTICLES or tag == "EX" or (pos == "AUX" and lemma == "be"):
        return ""
    return lemma if pos == "VERB" and tag in {"VB", "VBG", "VBP", "VBZ"} else word


# First and last token of a phrase, the last of those that tell it from others, and what must be the same of it.
Spans = Iterator[tuple[int, int, int, str]]


def _spans(operation: str, sentence: Sentence) -> Spans:
    """List where an operation may change a caption."""
    if operation.startswith(SWAP):
        return
    fixed = sentence.unasserted | sentence.verbatim
    for span in _PLACES[operation](sentence):
        if fixed.isdisjoint(range(*span[:2])):
            yield span


def _things(sentence: Sentence) -> Spans:
    """List noun phrases, and those with the preposition before them: "in the grass", "on a beach"."""
    relations = {relation.target: relation for relation in sentence.relations}
    for _, last in _asked("replace_object")(sentence):
        phrase = sentence.phrase_of(last - 1)
        if phrase is None:
            continue
        head = sentence.tokens[phrase.head]
        number = sentence.child(phrase.head, "nummod")
        more = head.tag if head.dep in _AGREE else ""
        yield phrase.first, last, last, f"{more} {sentence.tokens[number].lower if number is not None else ''}"
        relation = relations.get(phrase.head)
        if relation is not None and number is None:
            # Where the preposition is the same, the things alone differ.
            yield relation.first, last, relation.last, "place"


_AGREE = frozenset({"nsubj", "nsubjpass", "attr", "ROOT"})  # heads whose number a verb may follow


def _words(operation: str) -> Callable[[Sentence], Spans]:
    return lambda sentence: ((first, last, last, "") for first, last in _asked(operation)(sentence))


def _actions(sentence: Sentence) -> Spans:
    """List verbs, with and without the preposition or particle that goes with them: "sits on", "jumps over"."""
    for first, last in _asked("replace_action")(sentence):
        yield first, last, last, ""
        if last < len(sentence.tokens) and sentence.tokens[last].pos in {"ADP", "ADV"}:
            yield first, last + 1, last + 1, ""


def _counts(sentence: Sentence) -> Spans:
    return ((number.index, number.index + 1, number.index + 1, "") for _, number in counts(sentence))


def _asked(operation: str) -> Callable[[Sentence], Iterable[Span]]:
    """Return where a language model would be asked for an operation."""
    found = OPERATIONS[operation].question
    if found is None:
        raise ValueError(f"{operation} has no places")
    return found.places


_PLACES: dict[str, Callable[[Sentence], Spans]] = {
    "replace_object": _things,
    **{name: _words(name) for name in ("replace_attribute", "replace_relation")},
    "replace_action": _actions,
    "replace_count": _counts,
}


def _hash(*words: str) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest(), "big")
