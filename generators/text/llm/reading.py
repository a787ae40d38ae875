"""What a language model's answer really changes, and whether that makes the caption wrong: nothing is trusted.

The answer is parsed and compared with the caption, word by word. What differs must be one place, and there the one
kind of change that was asked for; of an answer that drifts off behind that place, what it puts there is taken. The
wrong caption is then written by the same edits as the rules', so what else the model did is left out.
"""

import re
from difflib import SequenceMatcher

from generators.text.corpus.lexicon import Lexicon
from generators.text.language.edits import Candidate, apply
from generators.text.language.sentence import Sentence
from generators.text.llm.prompts import Place, question
from generators.text.operations.base import Compared

_STUTTER = re.compile(r"\b(\w+) \1\b", re.IGNORECASE)
_ARTICLES = frozenset({"a", "an"})


def candidate_of(operation: str, place: Place, answer: Sentence, lexicon: Lexicon) -> Candidate | str:
    """Read an answer as a candidate for an operation; else name the check that it fails."""
    sentence, read = place.sentence, question(place.asked).read
    changes = _changes(sentence, answer)
    if not changes:
        return "unchanged"
    found = None
    if len(changes) == 1:
        found = read(sentence, answer, changes[0], lexicon)
    if found is None and (change := _in_place(place, answer)) is not None:
        found = read(sentence, answer, change, lexicon)
    if found is None:
        return "not_asked"
    if _STUTTER.search(apply(sentence.caption, found.edits).caption):
        return "ungrammatical"
    found.operation = operation
    if place.vouched_by is not None:
        found.original, found.vouched_by = sentence.caption, place.vouched_by
    return found


def _changes(sentence: Sentence, answer: Sentence) -> list[Compared]:
    """Compare word by word, without the stops at the end, and without articles that only follow the next word."""
    ours, theirs = _words(sentence), _words(answer)
    changes = []
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "replace" and ours[a] in _ARTICLES and theirs[c] in _ARTICLES:
            a, c = a + 1, c + 1
        if tag != "equal" and (a < b or c < d):
            changes.append((a, b, c, d))
    return changes


def _in_place(place: Place, answer: Sentence) -> Compared | None:
    """Find what an answer that begins as the caption does puts in the place, whatever follows there."""
    first = place.first
    if _words(place.sentence)[:first] != _words(answer)[:first] or first >= len(answer.tokens):
        return None
    last = question(place.asked).end(answer, first)
    if place.sentence.text(first, place.last).lower() == answer.text(first, last).lower():
        return None
    return first, place.last, first, last


def _words(sentence: Sentence) -> list[str]:
    words = [token.lower for token in sentence.tokens]
    while words and sentence.tokens[len(words) - 1].pos == "PUNCT":
        words.pop()
    return words
