"""What to tell an editing model, which knows nothing of how a wrong caption was made."""

from collections.abc import Mapping, Sequence

from generators.text.language.grammar import article

Span = Mapping[str, int]  # start and end, character offsets, end exclusive

_ARTICLES = ("a", "an")
_DETERMINERS = (*_ARTICLES, "the", "one")
_JOINS = frozenset(
    ["and", "or", "of", "on", "in", "at", "by", "to", "with", "is", "are", "was", "were"]
)  # no article reaches across one of these
_REACH = 4  # words between an article and its noun


def instruction(
    operation: str,
    original: str,
    negative: str,
    original_phrase: str,
    negative_phrase: str,
    original_spans: Sequence[Span],
    negative_spans: Sequence[Span],
) -> str:
    """Say in the imperative what turns a picture of `original` into one of `negative`.

    The change comes first, for models that heed a few words best, then the whole wrong caption, which says of
    what it is to be true. All arguments but `original` (the right caption) are columns of TEXT_NEGATIVES.
    """
    old, new = _first_lower(original_phrase), negative_phrase
    second, _, first = negative_phrase.partition(" / ")  # of a swap; an original phrase may have a sentence's capital
    if operation.startswith("add_") and old:  # told from a true addition
        operation = operation.replace("add_", "replace_")
    match operation:
        case "replace_object":
            change = f"Replace {_definite(old)} with {_indefinite(new, negative, negative_spans)}"
        case "replace_attribute" | "replace_action":
            change = f"Change {old} to {new}"
        case "replace_relation":
            change = f"Move things to be {new} instead of {old}"
        case "replace_count":
            change = f"Show {new} instead of {old}"
        case "swap_object":
            change = f"Swap {_definite(first)} and {_definite(second)}"
        case "swap_attribute" | "swap_relation":
            change = f"Swap {first} and {second}"
        case "add_object":
            change = f"Add {new.removeprefix('and ')}"
        case "add_attribute":
            noun = original[original_spans[-1]["start"] :].split()[0].strip(".,;:!?")
            change = f"Make the {noun} {new}"
        case "negate" if "not" in original.split():  # told from the denial of something else
            return f"Show something else than {new}, so that the picture shows: {negative}"
        case "negate":
            return f'Change what makes this true: "{original}", so that the picture shows: {negative}'
        case _:
            raise ValueError(f"unknown operation {operation}")
    return f"{change}, so that the picture shows: {negative}"


def _first_lower(phrase: str) -> str:
    return phrase if phrase[1:2].isupper() else phrase[:1].lower() + phrase[1:]


def _definite(phrase: str) -> str:
    """Turn "a dog" and "dog" into "the dog", and "two dogs" into "the two dogs"."""
    first, _, rest = phrase.partition(" ")
    return f"the {rest}" if rest and first in _DETERMINERS else f"the {phrase}"


def _indefinite(phrase: str, caption: str, spans: Sequence[Span]) -> str:
    """Give a noun its article where the caption has one for it, over adjectives: "an old [cat]" makes "a cat"."""
    start = next((s["start"] for s in spans if caption[s["start"] : s["end"]].strip().lower() == phrase), 0)
    for word in reversed(caption[:start].lower().split()[-_REACH:]):
        if word in _ARTICLES:
            return f"{article(phrase)} {phrase}"
        if word in _JOINS or word[-1] in ",.;:":
            break
    return phrase
