"""An edit of a caption, exact to the character."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from generators.text.language.casing import recased
from generators.text.language.sentence import Sentence

Span = tuple[int, int]
Claim = tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Put `text` in place of the caption's characters from `start` to `end`; the same twice inserts."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class Candidate:
    """A wrong caption that is not checked yet."""

    operation: str
    edits: list[Edit]
    original_phrase: str
    negative_phrase: str
    # What the wrong caption newly says, for the checks: ("noun", "cat"), ("attribute", "blue", "shirt"), ...
    claims: Sequence[Claim] = ()
    failed: str | None = None  # a check that the operation itself already knows to fail
    # The true caption that the edits are of: of an addition, the pair's own with a true detail. None: the pair's own.
    original: str | None = None
    vouched_by: Sentence | None = None  # the caption of the image that says so
    doubt: str | None = None  # why nobody can say that it is wrong: "things" are not known to exclude each other


@dataclass(frozen=True, slots=True)
class Applied:
    """An edited caption and where it differs, in both captions, one for one."""

    caption: str
    original_spans: tuple[Span, ...]
    negative_spans: tuple[Span, ...]


def apply(caption: str, edits: Iterable[Edit]) -> Applied:
    """Apply edits that do not overlap; what is new gets the capitals that the caption would give it there.

    Raises ValueError when two edits overlap.
    """
    pieces: list[str] = []
    originals: list[Span] = []
    negatives: list[Span] = []
    at = length = 0
    for edit in sorted(edits):
        if edit.start < at:
            raise ValueError(f"edits overlap at {edit.start} in {caption!r}")
        text = recased(edit.text, caption[edit.start : edit.end], caption, edit.start)
        kept = caption[at : edit.start]
        length += len(kept)
        originals.append((edit.start, edit.end))
        negatives.append((length, length + len(text)))
        pieces += (kept, text)
        length += len(text)
        at = edit.end
    return Applied("".join((*pieces, caption[at:])), tuple(originals), tuple(negatives))


def columns_of(candidate: Candidate, applied: Applied, caption: str) -> dict[str, Any]:
    """Say what an edit of a pair's caption changed, in columns of TEXT_NEGATIVES."""
    return {
        "original": candidate.original or caption,
        "caption": applied.caption,
        "original_phrase": candidate.original_phrase,
        "negative_phrase": recased(candidate.negative_phrase, "", candidate.original or caption, 0),
        "original_spans": [{"start": a, "end": b} for a, b in applied.original_spans],
        "negative_spans": [{"start": a, "end": b} for a, b in applied.negative_spans],
    }


def moved_text(sentence: Sentence, first: int, last: int) -> str:
    """Return a phrase as it reads inside a sentence: without the capitals that only its place gave it."""
    return sentence.spoken(first, last)


def joined(texts: Sequence[str]) -> str:
    """Join the phrases of an edit in several places for a person to read."""
    return " / ".join(texts)
