"""What an editing model is told, as a table to read; the rows are what generators/text makes."""

import pytest

from generators.images.instructions import instruction
from generators.text.operations import OPERATIONS
from generators.text.operations.telling import Change

SAYS = [
    # operation, original, what changes (each place in brackets), phrases, the imperative
    (
        "replace_object",
        "There are two striped [diamonds>triangles] and a cross.",
        ("diamonds", "triangles"),
        "Replace the diamonds with triangles",
    ),
    ("replace_object", "[A>An] [dog>elephant] walks .", ("dog", "elephant"), "Replace the dog with an elephant"),
    ("replace_object", "An old black [dog>cat] .", ("dog", "cat"), "Replace the dog with a cat"),
    ("replace_object", "A man and [dogs>cats] .", ("dogs", "cats"), "Replace the dogs with cats"),
    ("replace_object", "A [man>woman] waves [his>her] hand .", ("man", "woman"), "Replace the man with a woman"),
    ("replace_object", "[Dogs>Cats] in the grass .", ("Dogs", "cats"), "Replace the dogs with cats"),
    ("replace_attribute", "A man in a [red>blue] shirt .", ("red", "blue"), "Change red to blue"),
    ("add_attribute", "A [black>white] dog runs .", ("black", "white"), "Change black to white"),
    ("add_object", "A dog runs on the [beach>street] .", ("beach", "street"), "Replace the beach with street"),
    ("negate", "A man is not [sleeping>running] .", ("sleeping", "running"), "Show something else than running"),
    ("replace_action", "A man is [running>sitting] .", ("running", "sitting"), "Change running to sitting"),
    (
        "replace_relation",
        "[Under>Above] a yellow crescent is a cross.",
        ("Under", "above"),
        "Move things to be above instead of under",
    ),
    (
        "replace_relation",
        "A heart [to the left of>to the right of] a star.",
        ("to the left of", "to the right of"),
        "Move things to be to the right of instead of to the left of",
    ),
    ("replace_count", "[Two>Three] dogs run .", ("Two", "three"), "Show three instead of two"),
    (
        "replace_count",
        "[A>Two] [dog>dogs] [runs>run] .",
        ("A dog", "two dogs"),
        "Show two dogs instead of a dog",
    ),
    (
        "swap_object",
        "[A black diamond>A small circle] above [a small circle>a black diamond].",
        ("A black diamond / a small circle", "a small circle / a black diamond"),
        "Swap the black diamond and the small circle",
    ),
    (
        "swap_object",
        "[Two dogs>A man] [chase>chases] [a man>two dogs] .",
        ("Two dogs / a man", "a man / two dogs"),
        "Swap the two dogs and the man",
    ),
    (
        "swap_attribute",
        "A [red>blue] cup on a [blue>red] plate .",
        ("red / blue", "blue / red"),
        "Swap red and blue",
    ),
    (
        "swap_relation",
        "A dog runs [from>to] the couch [to>from] the water .",
        ("from / to", "to / from"),
        "Swap from and to",
    ),
    ("add_object", "A dog[> and a man] [runs>run] .", ("", "and a man"), "Add a man"),
    ("add_attribute", "[A>An] [>orange ]diamond, two circles.", ("", "orange"), "Make the diamond orange"),
    ("add_attribute", "A white cross is left of a [>green ]diamond.", ("", "green"), "Make the diamond green"),
    ("negate", "A dog is[> not] running .", ("", "not"), 'Change what makes this true: "A dog is running ."'),
    ("negate", "A man [sits>does not sit] .", ("sits", "does not sit"), 'Change what makes this true: "A man sits ."'),
]


def read(marked: str) -> tuple[str, str, list[dict[str, int]], list[dict[str, int]]]:
    """Read a caption with its changes in brackets: both captions, and the spans of both."""
    original = negative = ""
    ours, theirs = [], []
    for number, part in enumerate(marked.replace("]", "[").split("[")):
        if number % 2 == 0:
            original, negative = original + part, negative + part
            continue
        old, new = part.split(">")
        ours.append({"start": len(original), "end": len(original) + len(old)})
        theirs.append({"start": len(negative), "end": len(negative) + len(new)})
        original, negative = original + old, negative + new
    return original, negative, ours, theirs


@pytest.mark.parametrize(("operation", "marked", "phrases", "imperative"), SAYS)
def test_says(operation: str, marked: str, phrases: tuple[str, str], imperative: str) -> None:
    original, negative, ours, theirs = read(marked)
    told = instruction(operation, Change(original, negative, *phrases, ours, theirs))
    assert told == f"{imperative}, so that the picture shows: {negative}"


def test_the_table_has_all_operations() -> None:
    assert {operation for operation, *_ in SAYS} == set(OPERATIONS)
