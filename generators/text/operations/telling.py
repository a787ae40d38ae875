"""A change of a caption as an editor of pictures is told it, who knows nothing of how it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generators.text.language.grammar import article

Span = Mapping[str, int]  # start and end, character offsets, end exclusive

_ARTICLES = ("a", "an")
_DETERMINERS = (*_ARTICLES, "the", "one")
_JOINS = frozenset(
    ["and", "or", "of", "on", "in", "at", "by", "to", "with", "is", "are", "was", "were"]
)  # no article reaches across one of these
_REACH = 4  # words between an article and its noun


@dataclass(frozen=True, slots=True)
class Change:
    """A right caption and a wrong one, and what differs; all but `original` are columns of TEXT_NEGATIVES."""

    original: str
    negative: str
    original_phrase: str
    negative_phrase: str
    original_spans: Sequence[Span]
    negative_spans: Sequence[Span]

    @property
    def old(self) -> str:
        """The right words as they read within a sentence: the first may have a sentence's capital."""
        return self.original_phrase if self.original_phrase[1:2].isupper() else _first_lower(self.original_phrase)

    @property
    def swapped(self) -> tuple[str, str]:
        """The two phrases of a swap, in the right caption's order."""
        second, _, first = self.negative_phrase.partition(" / ")
        return first, second

    @property
    def new_thing(self) -> str:
        """A new noun with its article where the caption has one for it, over adjectives: "an old [cat]" is "a cat"."""
        new, spans = self.negative_phrase, self.negative_spans
        start = next((s["start"] for s in spans if self.negative[s["start"] : s["end"]].strip().lower() == new), 0)
        for word in reversed(self.negative[:start].lower().split()[-_REACH:]):
            if word in _ARTICLES:
                return f"{article(new)} {new}"
            if word in _JOINS or word[-1] in ",.;:":
                break
        return new


def definite(phrase: str) -> str:
    """Turn "a dog" and "dog" into "the dog", and "two dogs" into "the two dogs"."""
    first, _, rest = phrase.partition(" ")
    return f"the {rest}" if rest and first in _DETERMINERS else f"the {phrase}"


def swap(change: Change) -> str:
    """Tell of two phrases that change places."""
    first, second = change.swapped
    return f"Swap {first} and {second}"


def _first_lower(phrase: str) -> str:
    return phrase[:1].lower() + phrase[1:]
