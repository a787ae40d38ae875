"""Tries: a row is drawn again until enough pictures are good or there is no hope; every score is kept."""

from typing import Any, ClassVar

import pyarrow as pa
import pytest

from generators.images.tries import Tries
from schemas.config import Tries as Settings
from schemas.errors import InputError
from schemas.stage import entries_of, with_ledger
from schemas.tables import IMAGE_NEGATIVES, SCORES


class Drawer:
    """An editor that draws a name; rows called "never" fail."""

    identity: ClassVar = ["drawer"]

    def __init__(self) -> None:
        self.drawn: list[tuple[str, int]] = []

    def __call__(self, table: pa.Table) -> pa.Table:
        rows: list[dict[str, Any]] = []
        for row in table.to_pylist():
            name = f"{row['text_negative_id']}{row['try']}"
            self.drawn.append((row["text_negative_id"], row["try"]))
            known = {"image_negative_id": name, "text_negative_id": row["text_negative_id"]}
            if row["text_negative_id"] == "never":
                rows.append(known | {"failed_check": "no_mask"})
            else:
                rows.append(known | {"edited_image_id": name, "image": {"bytes": name.encode(), "path": name}})
        return with_ledger(pa.Table.from_pylist(rows, IMAGE_NEGATIVES), [{"operation": "negate", "tries": len(rows)}])


def judge(margins: dict[str, float]) -> Any:
    """Judge pictures by name: every margin of the 2x2 matrix is the one given."""

    def score(_rows: pa.Table, pictures: pa.Table) -> pa.Table:
        names = [row["image_negative_id"] for row in pictures.to_pylist() if row["edited_image_id"] is not None]
        scores = [{"image_negative_id": name, "s00": margins[name], "s11": margins[name], "s01": 0.0, "s10": 0.0}
                  for name in names]  # fmt: skip
        return pa.Table.from_pylist(scores, SCORES)

    return score


def rows(*names: str) -> pa.Table:
    return pa.table({"text_negative_id": pa.array(names, pa.string())})


def test_one_try_needs_no_judge() -> None:
    drawer = Drawer()
    found = Tries(drawer, Settings())(rows("a", "never"))
    assert drawer.drawn == [("a", 0), ("never", 0)]
    assert found["rank"].to_pylist() == [0, 0]
    assert found["tries"].to_pylist() == [1, 1]


def test_a_row_is_drawn_until_it_is_good_and_the_best_comes_first() -> None:
    drawer = Drawer()
    scores = {"a0": -0.05, "a1": 0.1, "b0": 0.2, "c0": -0.05, "c1": -0.02, "c2": -0.03}
    settings = Settings(most=3, hopeless_below=-0.5)
    stage = Tries(drawer, settings, judge(scores), "judge")
    told: list[int] = []
    stage.advance = told.append
    found = stage(rows("a", "b", "c", "never"))
    assert drawer.drawn == [("a", 0), ("b", 0), ("c", 0), ("never", 0), ("a", 1), ("c", 1), ("c", 2)]
    ranked = [(row["image_negative_id"], row["rank"], row["tries"]) for row in found.to_pylist()]
    assert ranked == [("a1", 0, 2), ("a0", 1, 1), ("b0", 0, 1), ("c1", 0, 2), ("c2", 1, 3), ("c0", 2, 1),
                      ("never0", 0, 1)]  # fmt: skip
    assert [row["image"] is not None for row in found.to_pylist()] == [True, False, True, True, False, False, False]
    assert all(row["edited_image_id"] for row in found.to_pylist() if row["text_negative_id"] != "never")
    assert sum(told) == 4
    assert sum(entry["tries"] for entry in entries_of(found)) == 7


def test_all_pictures_are_kept_where_wished() -> None:
    settings = Settings(most=2, keep="all", hopeless_below=-1)
    found = Tries(Drawer(), settings, judge({"a0": -0.1, "a1": 0.1}), "judge")(rows("a"))
    assert all(row["image"] is not None for row in found.to_pylist())


def test_a_hopeless_row_is_given_up() -> None:
    drawer = Drawer()
    scores = {f"a{k}": -0.6 for k in range(5)} | {f"b{k}": -0.01 for k in range(5)}
    Tries(drawer, Settings(most=5, hopeless_after=2, hopeless_below=-0.3), judge(scores), "judge")(rows("a", "b"))
    assert [n for n, _ in drawer.drawn].count("a") == 2
    assert [n for n, _ in drawer.drawn].count("b") == 5


def test_the_stop_rule_is_sql_over_scores() -> None:
    scores = {"a0": 0.1, "a1": 0.5}
    found = Tries(Drawer(), Settings(most=2, enough="s00 - s01 > 0.3"), judge(scores), "judge")(rows("a"))
    assert found["image_negative_id"].to_pylist() == ["a1", "a0"]
    with pytest.raises(InputError, match=r"images\.tries: enough 'beauty > 1', best 'validity': these are not SQL"):
        Tries(Drawer(), Settings(most=2, enough="beauty > 1"), judge(scores)).check()


def test_the_best_is_what_has_most_of_what_is_asked_for() -> None:
    scores = {"a0": 0.1, "a1": 0.5, "a2": 0.2}
    settings = Settings(most=3, enough="false", best="-abs(s11 - 0.2)", keep="all")
    found = Tries(Drawer(), settings, judge(scores), "judge")(rows("a"))
    assert found["image_negative_id"].to_pylist() == ["a2", "a0", "a1"]


def test_how_pictures_are_judged_counts_only_where_it_decides() -> None:
    once, twice = Settings(), Settings(most=2)
    assert Tries(Drawer(), once, judge({}), "a").identity == Tries(Drawer(), once, judge({}), "b").identity
    assert Tries(Drawer(), twice, judge({}), "a").identity != Tries(Drawer(), twice, judge({}), "b").identity


def test_where_the_original_stays_true_nothing_is_asked_of_it() -> None:
    """An addition: "a dog" is true of the picture of "a black dog" too, and may fit it as well or better."""

    class Adding(Drawer):
        def __call__(self, table: pa.Table) -> pa.Table:
            rows = [row | {"original_still_true": True} for row in super().__call__(table).to_pylist()]
            return pa.Table.from_pylist(rows, IMAGE_NEGATIVES)

    def score(_rows: pa.Table, pictures: pa.Table) -> pa.Table:
        """The first picture fits the original better than the wrong caption does, and the wrong caption well."""
        made = [{"image_negative_id": name, "s00": 0.3, "s01": 0.1, "s10": 0.35, "s11": 0.3}
                for name in pictures["image_negative_id"].to_pylist()]  # fmt: skip
        return pa.Table.from_pylist(made, SCORES)

    adding, replacing = Adding(), Drawer()
    assert Tries(adding, Settings(most=3), score)(rows("a"))["image_negative_id"].to_pylist() == ["a0"]
    assert len(Tries(replacing, Settings(most=3), score)(rows("a"))) == 3, "else it must be false of what was made"
