"""Rules: what they drop, that null drops nothing, and that a bad one is refused before any work."""

import pyarrow as pa
import pytest

from filters.selection import Selection
from schemas.config import Rule, Select
from schemas.errors import InputError
from schemas.tables import CANDIDATES, VERDICTS


def candidates(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist([{"text_negative_id": str(n), **row} for n, row in enumerate(rows)], CANDIDATES)


def select(**rules: str) -> Selection:
    return Selection(Select(rules={name: Rule(drop_when=sql) for name, sql in rules.items()}))


def test_a_row_lists_every_rule_that_it_broke() -> None:
    stage = select(implausible="plausibility_gap > 5", invalid="judge_margin <= 0")
    made = stage(
        candidates(
            {"plausibility_gap": 1.0, "judge_margin": 0.1},
            {"plausibility_gap": 9.0, "judge_margin": 0.1},
            {"plausibility_gap": 9.0, "judge_margin": -0.1},
            {},
            {"failed_check": "synonym"},
        )
    )
    assert made.schema.equals(VERDICTS)
    assert made["reasons"].to_pylist() == [[], ["implausible"], ["implausible", "invalid"], [], ["synonym"]]
    assert made["accepted"].to_pylist() == [True, False, False, True, False]
    assert made["text_negative_id"].to_pylist() == list("01234")


def test_what_verdicts_are_counted_by_stands_in_them() -> None:
    said: list[dict[str, object]] = [
        {"operation": "negate", "method": "insert", "failed_check": None},
        {"operation": "swap_object", "method": "rewrite", "failed_check": "synonym"},
    ]
    made = select(rare="true")(candidates(*said)).to_pylist()
    assert [{name: row[name] for name in said[0]} for row in made] == said
    assert [row["reasons"] for row in made] == [["rare"], ["synonym", "rare"]]


def test_validity_and_difficulty_are_kept_and_can_be_ruled_by() -> None:
    stage = select(doubtful="validity < 0.2")
    made = stage(candidates({"validity": 0.25, "difficulty": 0.5}, {"validity": 0.125}, {}))
    assert made["validity"].to_pylist() == [0.25, 0.125, None]
    assert made["difficulty"].to_pylist() == [0.5, None, None]
    assert made["reasons"].to_pylist() == [[], ["doubtful"], []]


@pytest.mark.parametrize(
    ("name", "sql", "said"),
    [
        ("typo", "plausibilty_gap > 5", "not SQL over a row"),
        ("number", "plausibility_gap", "no condition"),
        ("two", "true); DROP TABLE candidates; --", "not SQL over a row"),
        ("file", "exists(SELECT * FROM read_csv('pyproject.toml'))", "not SQL over a row"),
        ("synonym", "true", "a name that is taken"),
    ],
)
def test_bad_rules_are_refused(name: str, sql: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        select(**{name: sql}).check()


def test_a_quote_in_a_name_is_only_a_quote() -> None:
    made = select(**{"it's": "true"})(candidates({}))
    assert made["reasons"].to_pylist() == [["it's"]]


def test_the_identity_follows_the_rules() -> None:
    assert select(a="true").identity != select(a="false").identity


def test_of_what_the_rules_accept_of_an_operation_on_a_caption_the_hardest_is_kept() -> None:
    stage = Selection(Select(rules={"invalid": Rule(drop_when="validity < 0")}, hardest=True))
    same: dict[str, object] = {"pair_id": "a", "operation": "negate", "validity": 0.25}
    made = stage(
        candidates(
            {**same, "difficulty": 0.5, "difficulties": [0.25, -0.75]},
            {**same, "difficulty": 1.0, "difficulties": [0.25, 0.5], "validity": -0.25},
            {**same, "difficulty": 0.5, "difficulties": [0.25, -0.25]},
            {**same, "difficulty": 1.0, "difficulties": [0.75, 0.75], "validity": 0.0},
            {**same, "difficulty": 1.0, "difficulties": [0.5, 0.5], "operation": "swap_object"},
            {**same, "difficulty": 0.0, "difficulties": [-0.5, -0.5], "pair_id": "b"},
            {**same, "pair_id": "b", "failed_check": "synonym"},
        )
    )
    assert made["reasons"].to_pylist() == [["easier"], ["invalid"], [], ["easier"], [], [], ["synonym"]]
    assert made["difficulties"].to_pylist()[2] == [0.25, -0.25]
    assert stage.identity != Selection(Select(rules={"invalid": Rule(drop_when="validity < 0")})).identity


def test_without_targets_nothing_is_easier() -> None:
    made = Selection(Select(hardest=True))(candidates(*[{"pair_id": "a", "operation": "negate"}] * 2))
    assert made["accepted"].to_pylist() == [True, True]


def test_without_its_picture_a_pair_is_as_hard_as_its_captions() -> None:
    stage = Selection(Select(picture_rules={"dull": Rule(drop_when="inside_mask_change < 0.5")}))
    row: dict[str, object] = {
        "image_negative_id": "i",
        "inside_mask_change": 0.25,
        "target_margins": [0.25, -0.25],
        "difficulties": [0.5, 0.75],
        "difficulty": 1.0,
    }
    one: dict[str, object] = {**row, "target_margins": [0.25], "difficulties": [0.5], "difficulty": 0.5}
    made = stage(candidates(row, one, {**one, "inside_mask_change": 1.0}, {"image_negative_id": "i"}))
    assert made["difficulty"].to_pylist() == [0.5, -0.25, 0.5, None]
    assert made["difficulties"].to_pylist()[:3] == [[-0.25, 0.25], [-0.25], [0.5]]
