"""Who is held against whom: another phrase, another picture, few partners each, the nearest where that is known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.text.mining import bucket
from generators.text.mining.bucket import Bucket, buckets, paired


def some(phrases: list[int], alike: list[int]) -> Bucket:
    return Bucket(np.array(phrases, np.uint64), np.array(alike, np.uint64), np.arange(len(phrases)))


def angles(numbers: Any) -> Any:
    return np.stack([np.cos(0.01 * numbers), np.sin(0.01 * numbers)], 1).astype(np.float32)


rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), min_size=2, max_size=40)


@given(rows, st.integers(1, 8), st.booleans())
def test_pairs_are_of_two_phrases_and_two_pictures_each_once(
    given_rows: list[tuple[int, int]], most: int, near: bool
) -> None:
    one = some([phrase for phrase, _ in given_rows], [alike for _, alike in given_rows])
    found = paired(one, most, angles if near else None)
    together = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert len(together) == len(set(together)) <= len(given_rows) * most
    for first, second in together:
        assert first < second
        assert one.phrases[first] != one.phrases[second]
        assert one.alike[first] != one.alike[second]


def test_all_are_paired_with_all_where_there_are_few() -> None:
    assert len(paired(some([1, 2, 3, 4], [1, 2, 3, 4]), 32, None).first) == 6


def test_the_rare_phrase_meets_the_common_one() -> None:
    found = paired(some([1] * 90 + [2] * 10, list(range(100))), 8, None)
    met = set(found.first.tolist()) | set(found.second.tolist())
    assert set(range(90, 100)) <= met


def test_the_nearest_are_chosen_and_cuts_bound_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    one = some(list(range(30)), list(range(30)))
    found = paired(one, 2, angles)
    assert max(found.second - found.first) <= 2
    assert found.similarity[0] == pytest.approx(np.cos(0.01), abs=1e-4)
    monkeypatch.setattr(bucket, "_AT_ONCE", 10)
    cut = paired(one, 30, angles)
    assert {(a // 10, b // 10) for a, b in zip(cut.first, cut.second, strict=True)} == {(0, 0), (1, 1), (2, 2)}


def test_rests_divide_rows() -> None:
    assert list(buckets(np.array([3, 3, 5, 7, 7], np.uint64))) == [slice(0, 2), slice(2, 3), slice(3, 5)]
