"""What a language model is asked: to change one thing of a caption, in one place.

The place is chosen here, by the parse, and the answer begins with what stands before it: so a small base model, which
would copy the caption, has to change it, and a large one knows what is wanted. Examples show captions as people write
them; none is of a picture that anybody may want to make negatives of.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from generators.text.corpus.facts import Facts
from generators.text.language.sentence import Sentence
from generators.text.llm.writers.base import Prompt
from generators.text.operations import OPERATIONS
from generators.text.operations.base import Question, Span
from generators.text.operations.details import details


@dataclass(frozen=True, slots=True)
class Place:
    """Where a true caption is to be changed."""

    asked: str  # the operation in this place; an addition is a replacement within what was added
    sentence: Sentence  # the true caption: the pair's own, or with a true detail
    first: int  # token indices, end exclusive
    last: int
    vouched_by: Sentence | None = None  # the caption that the detail is from

    @property
    def phrase(self) -> str:
        """The words to change."""
        return self.sentence.text(self.first, self.last)

    @property
    def start(self) -> str:
        """What stands before them."""
        return self.sentence.caption[: self.sentence.tokens[self.first].start].rstrip()


def places(operation: str, sentence: Sentence, facts: Facts) -> list[Place]:
    """List the places where an operation can be asked for."""
    within = OPERATIONS[operation].within
    if within is not None:
        return list(_added(within, sentence, facts))
    return [Place(operation, sentence, *span) for span in _spans(operation, sentence)]


def question(asked: str) -> Question:
    """Return what is asked of an operation that has a question."""
    found = OPERATIONS[asked].question
    if found is None:
        raise ValueError(f"{asked} is nothing to ask for")
    return found


def _spans(asked: str, sentence: Sentence) -> list[Span]:
    fixed = sentence.unasserted | sentence.verbatim
    return [span for span in question(asked).places(sentence) if fixed.isdisjoint(range(*span))]


def _added(asked: str, sentence: Sentence, facts: Facts) -> Iterator[Place]:
    for detail in details(sentence, facts):
        for first, last in _spans(asked, detail.sentence):
            if detail.first <= first and last <= detail.last:
                yield Place(asked, detail.sentence, first, last, detail.vouched_by)


def prompt(place: Place, seed: int) -> Prompt:
    """Ask for another caption with a change in one place."""
    asks = question(place.asked)
    examples = tuple((_put(caption, words), changed) for caption, words, changed in asks.examples)
    asked = _put(place.sentence.caption, place.phrase)
    return Prompt(asks.instruction, examples, asked, seed, place.start, place.sentence.tokens[place.first].text)


def _put(caption: str, words: str) -> str:
    return f"{caption}\n{CHANGE} {words}"


CHANGE = "Change:"


def leaks(text: str) -> bool:
    """Tell whether an answer has words of the prompt in it, or is no line of plain text."""
    return CHANGE in text or "Caption:" in text or "Changed:" in text or not text.isprintable()
