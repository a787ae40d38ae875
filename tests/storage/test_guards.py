"""Macros of biases, with each figure worked out by hand."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.tables import TABLES
from storage.catalog import connect
from storage.dataset import Build, Dataset


def answers(folder: Path, tables: dict[str, list[dict[str, Any]]], sql: str) -> list[tuple[Any, ...]]:
    """Ask a dataset of these rows."""
    dataset = Dataset(str(folder))
    for table, rows in tables.items():
        dataset.write(table, "shard", pa.Table.from_pylist(rows, TABLES[table]))
    started, ended = "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00"
    dataset.commit(Build("b1", {table: ["shard"] for table in tables}, {}, {}, {}, started, ended))
    with connect(dataset) as connection:
        return list(connection.sql(sql).fetchall())


def test_an_attribute_of_another_thing_passes_for_ones_own(tmp_path: Path) -> None:
    pairs = [{"pair_id": p, "image_id": p, "caption": "A red cup, a blue hat"} for p in "ab"]
    pairs += [{"pair_id": "c", "image_id": "b", "caption": "There is something pink"}]
    wrong = [  # pair, operation, what it became, s01, labelled
        ("a", "swap_attribute", "blue / red", 0.75, None),
        ("b", "swap_attribute", "blue / red", 0.25, None),
        ("a", "replace_attribute", "Blue", 0.5, None),  # the hat's; a draw is an error
        ("a", "replace_attribute", "green", 0.25, True),
        ("a", "replace_attribute", "redd", 0.75, None),  # no word of the captions, though a part of one is
        ("b", "replace_attribute", "pink", 0.25, None),  # another caption says so
        ("b", "replace_attribute", "black", 0.25, None),
        ("b", "replace_attribute", "white", 0.75, False),  # true after all: left out
    ]
    negatives = [
        {
            "text_negative_id": str(n),
            "pair_id": pair,
            "image_id": pair,
            "operation": operation,
            "negative_phrase": phrase,
        }
        for n, (pair, operation, phrase, _, _) in enumerate(wrong)
    ]
    scores = [
        {"text_negative_id": str(n), "role": role, "model": "m", "s00": 0.5, "s01": s01}
        for n, (*_, s01, _) in enumerate(wrong)
        for role in ("target 2", "language")
    ]
    labels = [{"text_negative_id": str(n), "valid": valid} for n, (*_, valid) in enumerate(wrong)]
    tables = {"pairs": pairs, "text_negatives": negatives, "scores": scores, "labels": labels}
    # Of a: swapped 1, borrowed 1, absent 1/2; of b: 0, 0, 0. Differences 1/2 and 0: their mean is 1/4, and
    # 1.96 * sqrt(2 / 1 * (1/16 + 1/16)) / 2 is 0.49.
    figures = (2, 2, 0.5, 0.25, 0.25, -0.24, 0.74)
    assert answers(tmp_path, tables, "FROM concept_association()") == [
        ("target 2", "m", "swapped", *figures),
        ("target 2", "m", "borrowed", *figures),
    ]


def test_edited_pictures_that_are_preferred_as_such(tmp_path: Path) -> None:
    rows = [  # negative, image, operation, shares over untouched and remade, accepted
        ("1", "a", "swap_object", 0.75, 0.5, True),
        ("2", "a", "swap_object", 0.25, 0.5, True),
        ("3", "b", "swap_attribute", 1.0, None, True),
        ("4", "b", "swap_attribute", 0.0, None, False),
        ("5", "b", "replace_count", 0.0, None, True),
    ]
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("text_negatives", "image_negatives", "relevance", "verdicts")
    }
    for number, image, operation, share, again, accepted in rows:
        ids = {"text_negative_id": number, "image_negative_id": f"i{number}"}
        tables["text_negatives"].append({"text_negative_id": number, "image_id": image, "operation": operation})
        tables["image_negatives"].append({**ids, "rank": 0, "method": "inpaint"})
        tables["verdicts"].append({**ids, "accepted": True, "picture_accepted": accepted})
        tables["relevance"].append(
            {**ids, "role": "judge", "model": "m", "untouched": 0.5, "edited": 0.75, "over_untouched": share}
            | ({"remade": 0.75, "over_remade": again} if again is not None else {})
        )
    untouched, remade = answers(tmp_path, tables, "FROM relevance_bias()")
    # Mean 2/3; the images' sums are off by -1/3 and 1/3: 1.96 * sqrt(2 / 1 * (1/9 + 1/9)) / 3 is 0.436.
    assert untouched == ("judge", "m", "inpaint", "untouched", 3, 2, 0.667, 0.231, 1.0, 0.25)
    assert remade == ("judge", "m", "inpaint", "remade", 2, 1, 0.5, None, None, 0.0)


@pytest.mark.parametrize(
    "sql", ["FROM leakage()", "FROM licenses()", "FROM relevance_bias()", "FROM concept_association()"]
)
def test_nothing_says_nothing(tmp_path: Path, sql: str) -> None:
    assert answers(tmp_path, {}, sql) == []
