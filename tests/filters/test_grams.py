"""What a caption gains is counted by words and pairs of words, wherever they stand, in columns that never change."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filters.grams import COLUMNS, gained

captions = st.lists(st.text("ab .,", max_size=12), max_size=6)


def counts(right: str, wrong: str) -> list[int]:
    """What is gained (1) and lost (-1), without saying what."""
    found: list[int] = sorted(gained([right], [wrong]).data.tolist())
    return found


def test_what_stays_is_not_there() -> None:
    assert counts("A dog runs .", "A dog runs .") == []
    # cat, "a cat" and "cat runs" for dog, "a dog" and "dog runs"
    assert counts("a dog runs", "a cat runs") == [-1, -1, -1, 1, 1, 1]
    assert counts("a dog", "a dog a dog") == [1, 1, 1, 1], "a, dog, again a dog, and a dog before a"


def test_order_ends_and_form_are_seen() -> None:
    assert counts("a b", "b a") != [], "the same words"
    assert counts("a", "a a") == [1, 1]
    assert counts("A .", "a .") != []
    assert counts("a .", "a.") != []
    assert counts("", "a") == [-1, 1, 1, 1], "an empty caption has its beginning before its end"


def test_case_is_seen_whatever_word_has_it() -> None:
    # Both say other words than any that are known: what is common to all is that capitals end, and begin again.
    odd = [set(gained(["A MAN SEES ONE"], [f"A {word} SEES ONE"]).indices.tolist()) for word in ("xyz", "opq", "klm")]
    even = [set(gained(["A MAN SEES ONE"], [f"A {word} SEES ONE"]).indices.tolist()) for word in ("XYZ", "OPQ", "KLM")]
    lost = set.intersection(*even)  # man, what stood before it and behind
    # Capital to capitals is lost, capital to lower and lower to capitals are gained.
    assert len(set.intersection(*odd) - lost) == 3


@given(captions)
def test_a_row_is_what_it_is_alone(some: list[str]) -> None:
    other = [caption[::-1] for caption in some]
    found = gained(some, other)
    assert found.shape == (len(some), COLUMNS)
    for row, (right, wrong) in enumerate(zip(some, other, strict=True)):
        alone = gained([right], [wrong])
        assert (found[[row]] != alone).nnz == 0
        assert (alone + gained([wrong], [right])).nnz == 0 or not (alone + gained([wrong], [right])).data.any()


def test_columns_are_the_same_on_any_machine() -> None:
    found = gained([""], ["dog"])
    assert found.indices.tolist() == [0, 159526, 852473, 992080]
    assert found.data.tolist() == [-1, 1, 1, 1]
    assert found.data.dtype == np.int16
