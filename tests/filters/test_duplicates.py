"""Near duplicates, exactly those that comparing all with all would find."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import duplicates
from filters.duplicates import groups_of, near_duplicates
from schemas.tables import NEAR_DUPLICATES


def table(hashes: list[int | None]) -> pa.Table:
    ids = [f"{n:04d}" for n in range(len(hashes))]
    return pa.table({"image_id": pa.array(ids, pa.string()), "phash": pa.array(hashes, pa.uint64())})


near = st.integers(0, 2**64 - 1).flatmap(
    lambda base: st.lists(st.sets(st.integers(0, 63), max_size=6), max_size=12).map(
        lambda flips: [base ^ sum(1 << bit for bit in bits) for bits in flips]
    )
)


@settings(max_examples=60, deadline=None)
@given(near, near, st.integers(0, 6))
def test_equals_brute_force(ours: list[int], theirs: list[int], distance: int) -> None:
    hashes = ours + theirs
    expected = {}
    for n, value in enumerate(hashes):
        alike = [((value ^ hashes[m]).bit_count(), m) for m in range(n) if (value ^ hashes[m]).bit_count() <= distance]
        if alike:
            expected[f"{n:04d}"] = (f"{min(alike)[1]:04d}", min(alike)[0])
    found = near_duplicates(table(hashes), distance)
    assert found.schema.equals(NEAR_DUPLICATES)
    # Of several images with one hash the first stands for all.
    assert {r["image_id"]: (r["near_duplicate_of"], r["distance"]) for r in found.to_pylist()} == expected


def crowded(rows: int, seed: int) -> npt.NDArray[np.uint64]:
    """Hashes as of pictures with white grounds: 12 bits differ, of the others hardly one does."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(2**12, size=rows, dtype=np.uint64) << np.uint64(20)
    return hashes ^ ((rng.random(rows) < 0.4).astype(np.uint64) << rng.integers(64, size=rows, dtype=np.uint64))


@pytest.mark.parametrize("distance", [0, 1, 2, 4, 15])
@pytest.mark.parametrize("crowd", [True, False])
def test_equals_brute_force_where_bands_are_cut_again(
    monkeypatch: pytest.MonkeyPatch, distance: int, crowd: bool
) -> None:
    """Few in a band, and few compared at once, so that a thousand hashes go all the ways that millions do."""
    for name, value in {"_FEW": 3, "_WORTH": 2, "_AT_ONCE": 100}.items():
        monkeypatch.setattr(duplicates, name, value)
    hashes = crowded(1000, 1) if crowd else np.random.default_rng(2).integers(2**64, size=1000, dtype=np.uint64)
    apart = np.bitwise_count(hashes[:, None] ^ hashes).astype(int)
    expected = [
        {"image_id": f"{n:04d}", "near_duplicate_of": f"{apart[n, :n].argmin():04d}", "distance": apart[n, :n].min()}
        for n in range(1, 1000)
        if apart[n, :n].min() <= distance
    ]
    assert near_duplicates(table(hashes.tolist()), distance).to_pylist() == expected
    assert len(expected) > 50 or not crowd


def test_the_order_of_images_changes_nothing() -> None:
    images = table([*crowded(500, 3).tolist(), None])
    shuffled = images.take(np.random.default_rng(0).permutation(501))
    assert near_duplicates(shuffled, 3).equals(near_duplicates(images, 3))


def test_a_group_is_named_by_its_smallest_id() -> None:
    # From 0 by way of 1 to 2; 3 is like none; 4 is like 5.
    alike = near_duplicates(table([0b0000, 0b0011, 0b1111, 2**60 - 1, 2**40 - 1, 2**40 - 2]), 2)
    assert groups_of(alike) == {"0001": "0000", "0002": "0000", "0005": "0004"}


def test_thousands_of_black_images_are_one_group() -> None:
    found = near_duplicates(table([0] * 20_000), 4)
    assert found.num_rows == 19_999
    assert set(found["near_duplicate_of"].to_pylist()) == {"0000"}


def test_an_image_without_a_hash_is_like_no_other() -> None:
    assert near_duplicates(table([None, None, 1]), 4).num_rows == 0
