"""Which noun phrases a wrong caption's changed words stand in: what has to be found in the picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generators.text.language.sentence import NounPhrase, Sentence

Span = Mapping[str, int]  # start and end, character offsets, end exclusive


THE_PICTURE = frozenset({"image", "picture", "photo", "photograph", "drawing", "view", "shot", "close up", "scene"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase of the original caption, and what the wrong caption has in its place."""

    start: int  # character offsets in the original caption, end exclusive
    end: int
    text: str
    negative: str


def changed_phrases(
    sentence: Sentence, negative: str, original_spans: Sequence[Span], negative_spans: Sequence[Span]
) -> list[Phrase]:
    """Find the noun phrases that the edited spans of a caption are about, without their prepositional tails.

    A span in a noun phrase (a noun, an adjective, a number) means that phrase; a verb its subject and object; a
    preposition the two things that it joins; an insertion what it was inserted into. Spans that only keep
    agreement ("a" to "an") find the same phrases again. Returns nothing where no phrase is found.
    """
    heads: dict[int, None] = {}
    for span in original_spans:
        for head in _heads(sentence, span["start"], span["end"]):
            heads.setdefault(head)
    phrases = []
    for head in sorted(heads):
        found = sentence.phrase_of(head)
        if found is not None and found.lemma not in THE_PICTURE:
            start, end = _core(sentence, found)
            moved = [_moved(at, original_spans, negative_spans, last) for at, last in ((start, False), (end, True))]
            phrases.append(Phrase(start, end, sentence.caption[start:end], negative[slice(*moved)].strip()))
    return phrases


def _core(sentence: Sentence, phrase: NounPhrase) -> tuple[int, int]:
    return sentence.tokens[phrase.first].start, sentence.tokens[phrase.head].end


def _heads(sentence: Sentence, start: int, end: int) -> list[int]:
    """Heads of the noun phrases that characters are about."""
    covered = [t.index for t in sentence.tokens if t.start < end and t.end > start]
    if not covered:  # an insertion: what stands behind it, or before it at the end of a phrase
        covered = [t.index for t in sentence.tokens if t.start >= start][:1] + [
            t.index for t in sentence.tokens if t.end <= start
        ][-1:]
        for index in covered:
            if inside := [p.head for p in sentence.noun_phrases if p.first <= index <= p.head]:
                return inside[-1:]
    inside = [p.head for p in sentence.noun_phrases if any(p.first <= index <= p.head for index in covered)]
    if inside:
        return inside
    for relation in sentence.relations:
        if any(relation.first <= index < relation.last for index in covered):
            return _joined(sentence, relation.governor, relation.target)
    found: list[int] = []
    for index in covered:
        if sentence.tokens[index].pos in {"VERB", "AUX"}:
            found += _of_verb(sentence, index)
    return found


def _joined(sentence: Sentence, governor: int, target: int) -> list[int]:
    if sentence.phrase_of(governor) is not None:
        return [governor, target]
    subject = sentence.subject_of(governor)
    return [target] if subject is None else [subject, target]


def _of_verb(sentence: Sentence, verb: int) -> list[int]:
    subject = sentence.subject_of(verb)
    parts = [subject, sentence.child(verb, "dobj", "attr")]
    return [part for part in parts if part is not None]


def _moved(at: int, original_spans: Sequence[Span], negative_spans: Sequence[Span], last: bool) -> int:
    """Where a place of the original caption is in the wrong one; the end of a phrase goes behind what was inserted."""
    shift = 0
    for ours, theirs in zip(original_spans, negative_spans, strict=True):
        if ours["start"] > at or (ours["start"] == at and not last):
            break
        if at <= ours["end"] and ours["end"] > ours["start"]:  # within what changed
            return theirs["end"] if last or at == ours["end"] else theirs["start"]
        shift = theirs["end"] - ours["end"]
    return at + shift
