"""Whether two captions say the same."""

import pytest

from generators.text.language.meaning import says_the_same
from tests.generators.text.conftest import Read


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A dog is chasing a cat through the grass .", "A cat is being chased through the grass by a dog"),
        ("A man in a red shirt sits on a couch .", "There is a man in a red shirt sitting on a couch ."),
        ("Two dogs play in the snow .", "In the snow , two dogs are playing ."),
        ("A photo of a dog in the water", "A dog in the water"),
        ("A boy rides a bike down the street .", "Down the street a boy rides a bicycle"),
        ("A large dog sits on a sofa .", "A big dog is sitting on a couch ."),
    ],
)
def test_other_words_for_the_same(read: Read, first: str, second: str) -> None:
    assert says_the_same(*read(first, second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A man in a red shirt sits on a couch .", "A man sits on a couch ."),
        ("A man sits on a couch .", "A man in a red shirt sits on a couch ."),
        ("A dog runs through the grass .", "A dog runs quickly through the grass ."),
        ("Two dogs play in the snow .", "Three dogs play in the snow ."),
        ("A dog plays in the snow .", "Dogs play in the snow ."),
        ("A dog is chasing a cat .", "A cat is chasing a dog ."),
        ("A dog is chasing a cat .", "A dog is being chased by a cat ."),
        ("A red cup on a blue plate .", "A blue cup on a red plate ."),
        ("A cup on a plate and a spoon on a table .", "A spoon on a plate and a cup on a table ."),
        ("A dog is not running in the park .", "A dog is running in the park ."),
        ("A man sits on a bench .", "A man sits under a bench ."),
        ("A man sits on a bench .", "A woman sits on a bench ."),
        ("A boy rides a bike .", "A boy rides his bike ."),
    ],
)
def test_more_less_or_something_else(read: Read, first: str, second: str) -> None:
    assert not says_the_same(*read(first, second))
    assert not says_the_same(*read(second, first))
