"""Difference captions: a table of both captions and what is said of the change, there and back."""

import pytest

from generators.text.differences import Said, difference, difference_back
from schemas.operations import OPERATIONS

# Operation, right caption with its unit in brackets, phrase, the same of the wrong caption; forward, back.
TOLD = [
    (
        "replace_attribute", "A boy in [a red shirt] runs .", "red", "A boy in [an orange shirt] runs .", "orange",
        "the shirt is orange instead of red", "the shirt is red instead of orange",
    ),
    (
        "replace_attribute", "[A large wooden table]", "wooden", "[A large metal table]", "metal",
        "the large table is metal instead of wooden", "the large table is wooden instead of metal",
    ),
    (  # several things: their number cannot be told from "the" or nothing
        "replace_attribute", "A woman in [blue shorts] .", "blue", "A woman in [pink shorts] .", "pink",
        "pink shorts instead of blue shorts", "blue shorts instead of pink shorts",
    ),
    (  # two dogs: "the dog" would be either
        "replace_attribute", "[A white dog] sees a brown dog .", "white", "[A black dog] sees a brown dog .", "black",
        "a black dog instead of a white dog", "a white dog instead of a black dog",
    ),
    (
        "replace_attribute", "[A black and white dog] sits .", "black", "[A tan and white dog] sits .", "tan",
        "a tan and white dog instead of a black and white dog", "a black and white dog instead of a tan and white dog",
    ),
    (
        "replace_attribute", "[A young boy]", "young", "[An old boy]", "old",
        "an old boy instead of a young boy", "a young boy instead of an old boy",
    ),
    (
        "replace_object", "Dogs drink [dirty water] .", "water", "Dogs drink [dirty milk] .", "milk",
        "dirty milk instead of dirty water", "dirty water instead of dirty milk",
    ),
    (
        "replace_object", "[Two little dogs] run .", "dogs", "[Two little goats] run .", "goats",
        "two little goats instead of two little dogs", "two little dogs instead of two little goats",
    ),
    (  # the pronoun changes too
        "replace_object", "[A little girl is holding her bike]", "girl", "[A little boy is holding his bike]", "boy",
        "a little boy instead of a little girl", "a little girl instead of a little boy",
    ),
    (  # no thing
        "replace_object", "[Riding is what her horse likes]", "horse", "[Riding is what her dog likes]", "dog",
        None, None,
    ),
    (
        "replace_count", "[A man walks down a road] .", "A man", "[Two men walk down a road] .", "two men",
        "two men instead of a man", "a man instead of two men",
    ),
    ("replace_count", "[2 men] walk .", "2", "[3 men] walk .", "3", "3 men instead of 2 men", "2 men instead of 3 men"),
    (
        "replace_action", "[A boy is holding a blue ball] in the yard .", "holding",
        "[A boy is kicking a blue ball] in the yard .", "kicking",
        "a boy is kicking a blue ball instead of holding it", "a boy is holding a blue ball instead of kicking it",
    ),
    (
        "replace_action", "[A man stands on a rock] .", "stands", "[A man lies on a rock] .", "lies",
        "a man lies on a rock instead of standing", "a man stands on a rock instead of lying",
    ),
    (
        "replace_action", "[A boy holds his hats] .", "holds", "[A boy throws his hats] .", "throws",
        "a boy throws his hats instead of holding his hats", "a boy holds his hats instead of throwing his hats",
    ),
    (  # the parser has cut it off
        "replace_action", "[A boy sits on top] of a car .", "sits", "[A boy stands on top] of a car .", "stands",
        "a boy stands on top of a car instead of sitting", "a boy sits on top of a car instead of standing",
    ),
    (
        "replace_relation", "[A person in a red car] , smiling .", "in", "[A person next to a red car] , smiling .",
        "next to", "a person next to a red car instead of in it", "a person in a red car instead of next to it",
    ),
    (
        "replace_relation", "[The lady in the car] waves .", "in", "[The lady behind the car] waves .", "behind",
        "the lady behind the car instead of in the car", "the lady in the car instead of behind the car",
    ),
    (
        "swap_object", "[A man behind a dog] .", "A man / a dog", "[A dog behind a man] .", "a dog / a man",
        "a dog behind a man, not the other way round", "a man behind a dog, not the other way round",
    ),
    (
        "swap_attribute", "A girl in [a red sweater and blue skirt] is in the hay .", "red / blue",
        "A girl in [a blue sweater and red skirt] is in the hay .", "blue / red",
        "a blue sweater and red skirt, not the other way round",
        "a red sweater and blue skirt, not the other way round",
    ),
    (
        "swap_attribute", "[A white dog walks while a brown dog] bites it .", "white / brown",
        "[A brown dog walks while a white dog] bites it .", "brown / white",
        "a brown dog walks while a white dog bites it, not the other way round",
        "a white dog walks while a brown dog bites it, not the other way round",
    ),
    (
        "add_object", "[A dog] runs .", "", "[A dog and a girl] run .", "and a girl",
        "there is also a girl", "the girl is gone",
    ),
    (
        "add_object", "[A dog] runs .", "", "[A dog and two girls] run .", "and two girls",
        "there are also two girls", "the two girls are gone",
    ),
    (
        "add_object", "[A dog] runs .", "", "[A dog with a hat] runs .", "with a hat",
        "now with a hat", "no longer with a hat",
    ),
    ("add_object", "[A dog] runs .", "", "[A dog and grass] .", "and grass", None, None),
    (  # told from a true addition
        "add_attribute", "[A black dog] runs .", "black", "[A tan dog] runs .", "tan",
        "the dog is tan instead of black", "the dog is black instead of tan",
    ),
    (
        "add_attribute", "[A dog] runs .", "", "[An orange dog] runs .", "orange",
        "the dog is orange now", "the dog is no longer orange",
    ),
    (
        "add_attribute", "[Dogs] run .", "", "[Black dogs] run .", "black",
        "now with black dogs", "no longer with black dogs",
    ),
    (
        "negate", "[A man sits] on a bench .", "sits", "[A man does not sit] on a bench .", "does not sit",
        "the man does not sit on a bench any more", "now the man sits on a bench",
    ),
    (  # a true denial: that the man does not run says nothing of what he does
        "negate", "A man does [not run] .", "run", "A man does [not sit] .", "sit",
        "the man does not sit any more", None,
    ),
]  # fmt: skip


def said(marked: str, phrase: str) -> Said:
    unit = marked[marked.index("[") + 1 : marked.index("]")]
    return Said(marked.replace("[", "").replace("]", ""), phrase, unit)


@pytest.mark.parametrize(("operation", "right", "what", "wrong", "became", "forward", "back"), TOLD)
def test_what_is_said_of_a_change(
    operation: str, right: str, what: str, wrong: str, became: str, forward: str | None, back: str | None
) -> None:
    sides = said(right, what), said(wrong, became)
    assert difference(operation, *sides) == forward
    assert difference_back(operation, *sides) == back


def test_every_operation_has_its_form() -> None:
    assert {row[0] for row in TOLD} >= {*OPERATIONS} - {"swap_relation"}
    # Without a unit, which a language model's answer may lack, nothing is sure.
    nothing = Said("A cup", "cup", None)
    for operation in OPERATIONS:
        assert difference(operation, nothing, nothing) is None, operation
        assert difference_back(operation, nothing, nothing) is None, operation
