"""The arithmetic of the 2x2 matrix, against numbers worked out by hand."""

import math

import pyarrow as pa
import pytest

from filters.alignment import Alignment
from schemas.tables import SCORES

VECTOR = pa.list_(pa.float32())


def rows(*columns: list[list[float] | None]) -> pa.Table:
    names = ("image0", "caption0", "caption1", "image1")
    ids = {"text_negative_id": [str(n) for n in range(len(columns[0]))]}
    nulls = {"image_negative_id": pa.nulls(len(columns[0]), pa.string())}
    read = {"reads_change": pa.array([n != 1 for n in range(len(columns[0]))])}
    return pa.table({**ids, **nulls, **read, **{n: pa.array(c, VECTOR) for n, c in zip(names, columns, strict=True)}})


def test_half_a_minimal_pair_has_the_first_row_of_the_matrix() -> None:
    [row] = Alignment("judge", "m")(rows([[1.0, 0.0]], [[0.6, 0.8]], [[0.0, 1.0]], [None])).to_pylist()
    assert row["s00"] == pytest.approx(0.6)
    assert row["s01"] == pytest.approx(0.0)
    assert row["text_similarity"] == pytest.approx(0.8)
    assert all(row[name] is None for name in ("s10", "s11", "image_similarity", "directional_similarity"))
    assert (row["role"], row["model"]) == ("judge", "m")


def test_a_whole_minimal_pair_has_the_matrix_and_the_direction() -> None:
    images, captions = ([1.0, 0.0], [0.0, 1.0]), ([1.0, 0.0], [0.6, 0.8])
    [row] = Alignment("judge", "m")(rows([images[0]], [captions[0]], [captions[1]], [images[1]])).to_pylist()
    assert [row[name] for name in ("s00", "s01", "s10", "s11")] == pytest.approx([1.0, 0.6, 0.0, 0.8])
    # The images move along (-1, 1), the captions along (-0.4, 0.8).
    assert row["directional_similarity"] == pytest.approx(1.2 / (math.sqrt(2) * math.sqrt(0.8)))


def test_no_change_has_no_direction_and_mixed_rows_keep_their_order() -> None:
    same = [1.0, 0.0]
    table = rows([same, same], [same, same], [[0.0, 1.0], [0.0, 1.0]], [None, same])
    made = Alignment("target", "m")(table)
    assert made.schema.equals(SCORES)
    assert made["s11"].to_pylist() == [None, 0.0]
    assert made["reads_change"].to_pylist() == [True, False]
    assert made["image_similarity"].to_pylist() == [None, 1.0]
    assert made["directional_similarity"].to_pylist() == [None, None]


def test_without_a_vector_there_is_no_similarity_and_other_rows_keep_theirs() -> None:
    unit = [0.6, 0.8]
    columns = [[unit, None, unit, unit], [unit, unit, None, unit], [unit] * 4, [unit, unit, unit, None]]
    first, *others = Alignment("judge", "m")(rows(*columns)).to_pylist()
    names = ("s00", "s01", "s10", "s11", "text_similarity", "image_similarity")
    assert [first[name] for name in names] == [pytest.approx(1.0)] * 6
    unknown = [{name for name in names if other[name] is None} for other in others]
    assert unknown == [
        {"s00", "s01", "image_similarity"},
        {"s00", "s10", "text_similarity"},
        {"s10", "s11", "image_similarity"},
    ]
    alone = Alignment("judge", "m")(rows([None], [unit], [unit], [None])).to_pylist()[0]
    assert (alone["s00"], alone["text_similarity"]) == (None, pytest.approx(1.0))
    none = Alignment("judge", "m")(rows([None], [None], [None], [None])).to_pylist()[0]
    assert none["s00"] is None
