"""What a language model is asked: to change one thing of a caption, in one place.

The place is chosen here, by the parse, and the answer begins with what stands before it: so a small base model, which
would copy the caption, has to change it, and a large one knows what is wanted. Examples show captions as people write
them; none is of a picture that anybody may want to make negatives of.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from generators.text.corpus.facts import Facts
from generators.text.knowledge.wordnet import is_known
from generators.text.language.sentence import Sentence
from generators.text.llm.writers.base import Prompt
from generators.text.operations.details import details
from generators.text.operations.replace_action import has_complement
from generators.text.operations.replace_attribute import attributes
from generators.text.operations.replace_object import objects
from generators.text.operations.replace_relation import is_spatial


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


Span = tuple[int, int]


def _objects(sentence: Sentence) -> list[Span]:
    # "A man skis", "a brook meanders": no compounds, whatever the parser says.
    found = [p for p in objects(sentence) if p.noun == p.head or is_known(p.lemma, "n")]
    return [(phrase.noun, phrase.head + 1) for phrase in found]


def _attributes(sentence: Sentence) -> list[Span]:
    return [(index, index + 1) for _, index in attributes(sentence)]


def _relations(sentence: Sentence) -> list[Span]:
    return [(relation.first, relation.last) for relation in sentence.relations if is_spatial(sentence, relation)]


def _actions(sentence: Sentence) -> list[Span]:
    verbs = [verb for verb in sentence.verbs if verb.tag in {"VBG", "VBZ", "VBP"}]
    return [(verb.index, verb.index + 1) for verb in verbs if not has_complement(sentence, verb)]


@dataclass(frozen=True, slots=True)
class _Question:
    places: Callable[[Sentence], list[Span]]
    instruction: str
    examples: tuple[tuple[str, str, str], ...]  # caption, words to change, changed caption


_QUESTIONS = {
    "replace_object": _Question(
        _objects,
        "Change one thing in a caption of a photo to another thing that could be there instead and is not the same. "
        "Keep all other words as they are.",
        (
            ("A man is riding a bike down the street .", "bike", "A man is riding a horse down the street ."),
            ("Two dogs play in the snow .", "dogs", "Two squirrels play in the snow ."),
            ("A woman in a red dress sits on a bench .", "bench", "A woman in a red dress sits on a suitcase ."),
            ("A boy jumps over a fence .", "fence", "A boy jumps over a puddle ."),
        ),
    ),
    "replace_attribute": _Question(
        _attributes,
        "Change one adjective in a caption of a photo to one that cannot be true at the same time. "
        "Keep all other words as they are.",
        (
            ("A man in a red coat waits for a bus .", "red", "A man in a green coat waits for a bus ."),
            ("A young woman reads a book .", "young", "An elderly woman reads a book ."),
            ("Two small dogs play in the snow .", "small", "Two enormous dogs play in the snow ."),
            ("Children run down a wet street .", "wet", "Children run down a dry street ."),
        ),
    ),
    "replace_relation": _Question(
        _relations,
        "Change one preposition in a caption of a photo, so that things are in another place. "
        "Keep all other words as they are.",
        (
            ("A man sits on a bench .", "on", "A man sits behind a bench ."),
            ("Two dogs play in front of a truck .", "in front of", "Two dogs play underneath a truck ."),
            ("A woman walks up the stairs with a bag .", "up", "A woman walks down the stairs with a bag ."),
            ("A cat sleeps in a box .", "in", "A cat sleeps on top of a box ."),
        ),
    ),
    "replace_action": _Question(
        _actions,
        "Change what somebody does in a caption of a photo to something that cannot be done at the same time. "
        "Keep all other words as they are.",
        (
            ("A man is riding a bike down the street .", "riding", "A man is pushing a bike down the street ."),
            ("Two dogs are playing in the snow .", "playing", "Two dogs are sleeping in the snow ."),
            ("A woman in a red dress sits on a bench .", "sits", "A woman in a red dress lies on a bench ."),
            ("A boy jumps over a fence .", "jumps", "A boy climbs over a fence ."),
        ),
    ),
}
_WITHIN_ADDITIONS = {"add_object": "replace_object", "add_attribute": "replace_attribute"}


def places(operation: str, sentence: Sentence, facts: Facts) -> list[Place]:
    """List the places where an operation can be asked for."""
    if operation in _WITHIN_ADDITIONS:
        return list(_added(_WITHIN_ADDITIONS[operation], sentence, facts))
    return [Place(operation, sentence, *span) for span in _spans(operation, sentence)]


def _spans(asked: str, sentence: Sentence) -> list[Span]:
    fixed = sentence.unasserted | sentence.verbatim
    return [span for span in _QUESTIONS[asked].places(sentence) if fixed.isdisjoint(range(*span))]


def _added(asked: str, sentence: Sentence, facts: Facts) -> Iterator[Place]:
    for detail in details(sentence, facts):
        for first, last in _spans(asked, detail.sentence):
            if detail.first <= first and last <= detail.last:
                yield Place(asked, detail.sentence, first, last, detail.vouched_by)


def prompt(place: Place, seed: int) -> Prompt:
    """Ask for another caption with a change in one place."""
    question = _QUESTIONS[place.asked]
    examples = tuple((_put(caption, words), changed) for caption, words, changed in question.examples)
    asked = _put(place.sentence.caption, place.phrase)
    return Prompt(question.instruction, examples, asked, seed, place.start, place.sentence.tokens[place.first].text)


def _put(caption: str, words: str) -> str:
    return f"{caption}\n{CHANGE} {words}"


CHANGE = "Change:"


def leaks(text: str) -> bool:
    """Tell whether an answer has words of the prompt in it, or is no line of plain text."""
    return CHANGE in text or "Caption:" in text or "Changed:" in text or not text.isprintable()
