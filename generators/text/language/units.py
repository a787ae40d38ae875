"""The part of a caption that a change is about: an entity ("a red shirt") or a relation ("a man behind a bench").

A model that is trained on units and their foils learns from the part what a whole caption hides: a true caption with
one false part is to it nearly as good as a true one (CS-CLIP's half-truths, arXiv 2602.23906).
"""

from collections.abc import Iterable, Iterator

from generators.text.language.edits import Candidate, Edit, Span
from generators.text.language.sentence import Sentence


def unit_of(sentence: Sentence, edits: Iterable[Edit]) -> Span:
    """Return the characters of the smallest noun phrases and relations that hold all edits of a caption."""
    tokens = sentence.tokens
    edits = list(edits)
    spans = [(edit.start, edit.end) for edit in edits]
    for edit in edits:
        touched = [t.index for t in tokens if t.start < max(edit.end, edit.start + 1) and edit.start < t.end]
        if not touched:  # something new behind a word
            touched = [max((t.index for t in tokens if t.end <= edit.start), default=0)]
        for index in touched:
            spans.append((tokens[index].start, tokens[index].end))
            spans += ((tokens[first].start, tokens[last - 1].end) for first, last in _around(sentence, index))
    return min(start for start, _ in spans), max(end for _, end in spans)


def unit_within(candidate: Candidate, sentence: Sentence) -> Span:
    """Return the unit of a candidate: its own, else that of its edits of a pair's caption, else the whole caption."""
    if candidate.unit is not None:
        return candidate.unit
    return unit_of(sentence, candidate.edits) if candidate.original is None else (0, len(candidate.original))


def _around(sentence: Sentence, index: int) -> Iterator[Span]:
    """Find the noun phrase that a token stands in, or what its verb or preposition joins; token indices."""
    for phrase in sentence.noun_phrases:
        if phrase.first <= index <= phrase.head:
            yield phrase.first, phrase.head + 1
            return
    relation = next((r for r in sentence.relations if r.first <= index < r.last), None)
    if relation is not None:
        yield from _ends(sentence, relation.governor, relation.target)
        return
    verb = next((v.index for v in sentence.verbs if v.index == index or index in sentence.children[v.index]), None)
    if verb is not None:
        target = sentence.child(verb, "dobj")
        if target is None:
            target = next((r.target for r in sentence.relations if r.governor == verb), None)
        yield from _ends(sentence, verb, target)


def _ends(sentence: Sentence, governor: int, target: int | None) -> Iterator[Span]:
    subject = governor if sentence.phrase_of(governor) is not None else sentence.subject_of(governor)
    for head in (subject, governor, target):
        if head is not None:
            phrase = sentence.phrase_of(head)
            yield (phrase.first, head + 1) if phrase is not None else (head, head + 1)
