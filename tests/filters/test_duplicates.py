"""Near duplicates, exactly those that comparing all with all would find."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.duplicates import near_duplicates
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


def test_thousands_of_black_images_are_one_group() -> None:
    found = near_duplicates(table([0] * 20_000), 4)
    assert found.num_rows == 19_999
    assert set(found["near_duplicate_of"].to_pylist()) == {"0000"}


def test_an_image_without_a_hash_is_like_no_other() -> None:
    assert near_duplicates(table([None, None, 1]), 4).num_rows == 0
