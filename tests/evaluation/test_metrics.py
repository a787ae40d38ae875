"""Metrics of matrices that were worked out by hand, ties among them, and intervals against scipy's."""

from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from scipy.stats import binomtest

from evaluation.comparison import compared
from evaluation.items import Item, item, picture, tables, without_pictures
from evaluation.metrics import Own, measured, metrics
from evaluation.scoring import SCORES

Matrix = tuple[float, float, float, float]  # s00, s01, s10, s11
RIGHT: Matrix = (4, 1, 1, 4)
WRONG: Matrix = (1, 4, 4, 1)


def two(number: object, **more: Any) -> Item:
    """Make an item of two pictures, which only have names."""
    return item("b", number, [picture(path="0"), picture(path="1")], ["c0", "c1"], **more)


def one(number: object, captions: int = 2, **more: Any) -> Item:
    return item("b", number, [picture(path="0")], [f"c{n}" for n in range(captions)], **more)


def scored(matrices: dict[str, Any], captions: int = 2, model: str = "m") -> pa.Table:
    """Make SCORES of the rows of matrices, by item."""
    rows = [
        {"model": model, "benchmark": "b", "item_id": number, "picture": n // captions, "caption": n % captions,
         "score": float(value)}
        for number, matrix in matrices.items()
        for n, value in enumerate(matrix)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, SCORES)


def result(items: list[Item], scores: pa.Table, own: list[Own] | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    table = without_pictures(pa.concat_tables(tables(items)))
    rows = metrics(table, scores, own or []).to_pylist()
    return {(row["average"] or row["category"], row["metric"]): row for row in rows}


@pytest.mark.parametrize(
    ("matrix", "right", "tied"),
    [
        (RIGHT, {"picks_caption", "picks_picture", "group", "group_match"}, set()),
        (WRONG, set(), set()),
        # Picture 1 prefers caption 0, each caption its own picture.
        ((4, 1, 3, 2), {"picks_picture", "group_match"}, set()),
        # The matching as a whole is right where no half is: what tells GroupMatch from the group score.
        ((9, 3, 3, 2), {"group_match"}, set()),
        ((3, 3, 1, 3), {"group_match"}, {"picks_caption", "picks_picture", "group"}),
        ((2, 2, 2, 2), set(), {"picks_caption", "picks_picture", "group", "group_match"}),
        # Wrong and tied is wrong: were the draw won, the other half would not be.
        ((1, 4, 2, 2), set(), set()),
    ],
)
def test_scores_of_a_matrix(matrix: Matrix, right: set[str], tied: set[str]) -> None:
    found = result([two("x")], scored({"x": matrix}))
    shares = ("picks_caption", "picks_picture", "group", "group_match")
    assert {name for name in shares if found["micro", name]["value"] == 1} == right
    assert {name for name in shares if found["micro", name]["ties"] == 1} == tied


def test_equivariance_gaps() -> None:
    found = result([two("x")], scored({"x": (0.9, 0.4, 0.2, 0.5)}))
    assert found["micro", "caption_gap"]["value"] == pytest.approx(abs((0.9 - 0.4) - (0.5 - 0.2)))
    assert found["micro", "picture_gap"]["value"] == pytest.approx(abs((0.9 - 0.2) - (0.5 - 0.4)))


def test_laws_of_all_matrices() -> None:
    matrices = {str(n): matrix for n, matrix in enumerate(product((-1, 0, 1), repeat=4))}
    numbers = {matrix: number for number, matrix in matrices.items()}
    items = without_pictures(pa.concat_tables(tables([two(number) for number in matrices])))
    with measured(items, scored(matrices)) as connection:
        rows = connection.sql("SELECT item_id, metric, value FROM outcomes").fetchall()
    value = {(number, metric): found for number, metric, found in rows}
    for (s00, s01, s10, s11), number in numbers.items():
        assert value[number, "group"] == min(value[number, "picks_caption"], value[number, "picks_picture"])
        assert value[number, "group"] <= value[number, "group_match"]
        assert value[number, "picks_caption"] == min(value[number, f"picture_{n}_picks"] for n in (0, 1))
        turned = numbers[s00, s10, s01, s11]  # pictures for captions
        assert value[turned, "picks_caption"] == value[number, "picks_picture"]
        assert value[turned, "caption_gap"] == value[number, "picture_gap"]


def test_one_picture_with_several_captions_has_no_other_metric() -> None:
    found = result([one("x", 5)], scored({"x": (5, 1, 2, 3, 4)}, captions=5))
    assert {name for _, name in found} == {"picks_caption"}
    assert found["micro", "picks_caption"]["value"] == 1
    tied = result([one("x", 5)], scored({"x": (5, 5, 2, 3, 4)}, captions=5))["micro", "picks_caption"]
    assert (tied["value"], tied["ties"]) == (0, 1)


def test_averages_over_items_and_over_categories() -> None:
    items = [one("a", category="big"), one("b", category="big"), one("c", category="big"), one("d", category="small")]
    scores = scored({"a": (1, 0), "b": (1, 0), "c": (0, 1), "d": (0, 1)})
    own = [Own("b", "picks_caption", "accuracy", "macro")]
    found = result(items, scores, own)
    assert found["big", "picks_caption"]["value"] == pytest.approx(2 / 3)
    assert found["micro", "picks_caption"]["value"] == 0.5
    assert found["macro", "picks_caption"]["value"] == pytest.approx(1 / 3)
    assert found["macro", "picks_caption"]["usual"]
    assert not found["micro", "picks_caption"]["usual"]
    assert found["micro", "picks_caption"]["own_name"] == "accuracy"


def test_a_single_category_has_one_average() -> None:
    assert set(result([two("x")], scored({"x": RIGHT}))) == {
        ("micro", name)
        for name in (
            "picks_caption", "picks_picture", "group", "group_match", "caption_gap", "picture_gap", "picture_0_picks",
            "picture_1_picks", "caption_0_picks", "caption_1_picks",
        )
    }  # fmt: skip


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (3, 10), (10, 10), (37, 50)])
def test_intervals_of_independent_items_are_wilsons(hits: int, n: int) -> None:
    matrices = {str(k): (1, 0) if k < hits else (0, 1) for k in range(n)}
    row = result([one(k) for k in matrices], scored(matrices))["micro", "picks_caption"]
    wilson = binomtest(hits, n).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == (pytest.approx(wilson.low, abs=1e-6), pytest.approx(wilson.high, abs=1e-6))


def test_items_of_one_picture_are_one_draw() -> None:
    matrices = {f"{k} {copy}": (1, 0) if k < 6 else (0, 1) for k in range(10) for copy in range(5)}
    items = [one(key, group=key.split()[0]) for key in matrices]
    row = result(items, scored(matrices))["micro", "picks_caption"]
    assert (row["n"], row["units"]) == (50, 10)
    alone = binomtest(6, 10).proportion_ci(method="wilson")
    assert row["high"] - row["low"] == pytest.approx(alone.high - alone.low, rel=0.1)


def test_an_average_over_categories_is_as_unsure_as_its_smallest() -> None:
    matrices = {str(k): (1, 0) for k in range(100)}
    items = [one(k, category="many" if k != "0" else "few") for k in matrices]
    found = result(items, scored(matrices))
    few = found["few", "picks_caption"]["low"]
    assert found["macro", "picks_caption"]["low"] <= 1 - (1 - few) / 2
    assert found["micro", "picks_caption"]["low"] > 0.95


def test_who_sees_no_picture_is_asked_about_the_first_alone() -> None:
    scores = scored({"x": (2, 1, 2, 1)}, model="blind:length")
    found = result([two("x")], scores)
    assert {name: row["value"] for (_, name), row in found.items()} == {"picture_0_picks": 1}


def test_a_set_is_right_where_all_of_it_is() -> None:
    items = [one(k, sets={"pair": k[0]}) for k in ("a0", "a1", "b0", "b1")]
    found = result(items, scored({"a0": (1, 0), "a1": (1, 0), "b0": (1, 0), "b1": (1, 1)}))
    row = found["micro", "all_of_pair"]
    assert (row["value"], row["n"], row["ties"]) == (0.5, 2, 1)


def test_two_models_are_compared_item_by_item() -> None:
    first = {str(k): (1, 0) if k < 10 else (0, 1) for k in range(30)}
    second = {str(k): (1, 0) if k < 8 or k >= 15 else (0, 1) for k in range(30)}
    items = without_pictures(pa.concat_tables(tables([one(k) for k in first])))
    scores = pa.concat_tables([scored(first, model="old"), scored(second, model="new")])
    with measured(items, scores) as connection:
        [row] = compared(connection, "old", "new").to_pylist()
    assert (row["gained"], row["lost"], row["n"]) == (15, 2, 30)
    assert row["difference"] == pytest.approx(13 / 30)
    assert row["p"] == pytest.approx(binomtest(2, 17).pvalue)  # McNemar's exact test
    assert 0 < row["low"] < 13 / 30 < row["high"] < 1


def test_no_difference_at_all_is_not_certain() -> None:
    same = {str(k): (1, 0) for k in range(20)}
    items = without_pictures(pa.concat_tables(tables([one(k) for k in same])))
    with measured(items, pa.concat_tables([scored(same, model="a"), scored(same, model="b")])) as connection:
        [row] = compared(connection, "a", "b").to_pylist()
    assert (row["difference"], row["p"]) == (0, 1)
    assert row["low"] < 0 < row["high"]
