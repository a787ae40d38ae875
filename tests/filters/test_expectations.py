"""Expectations are told before any work to be SQL over the facts, and after it what the facts were."""

import pytest

from filters.expectations import broken_expectations, check_expectations

LAST = {"images": 10, "pairs": 30, "rejects": 0, "text_negatives": 2000, "accepted": 1000}
NOW = {"images": 10, "pairs": 30, "rejects": 10, "text_negatives": 2000, "accepted": 700}


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("accepted_share >= 0.35", None),
        ("accepted_share >= 0.4", "accepted_share 0.35"),
        ("ACCEPTED_SHARE >= 0.4", "accepted_share 0.35"),
        ("rejects_share <= 0.2", "rejects_share 0.25"),
        ("accepted >= 0.8 * last_accepted", "accepted 700, last_accepted 1,000"),
        ("accepted\n  >= 0.8 * coalesce(last_accepted, 0)", "accepted 700, last_accepted 1,000"),
        ("accepted >= 0.7 * last_accepted -- as a rule", None),
        ("pairs = last_pairs and images = last_images and negatives = last_negatives", None),
        ("pairs / last_rejects > 1", None),  # of nothing: null, which breaks nothing
        ("NULL::BOOLEAN", None),
        ("false", "images 10, pairs 30, rejects 10, negatives 2,000, accepted 700, accepted_share 0.35, "
                  "rejects_share 0.25"),
    ],
)  # fmt: skip
def test_a_broken_expectation_says_condition_and_facts(condition: str, told: str | None) -> None:
    assert check_expectations({"one": condition}) == []
    expected = {} if told is None else {"one": f"{' '.join(condition.split())}: {told}"}
    assert broken_expectations({"one": condition}, NOW, LAST) == expected


def test_a_first_build_has_none_to_be_compared_with() -> None:
    expect = {"steady": "accepted >= 0.8 * last_accepted", "grown": "coalesce(last_pairs, 31) < pairs"}
    assert broken_expectations(expect, NOW, None) == {
        "grown": "coalesce(last_pairs, 31) < pairs: pairs 30, last_pairs null"
    }


def test_the_share_of_nothing_is_0_and_no_null_that_would_pass() -> None:
    nothing = dict.fromkeys(NOW, 0)
    broken = broken_expectations({"enough": "accepted_share > 0", "clean": "rejects_share <= 0.1"}, nothing, None)
    assert broken == {"enough": "accepted_share > 0: accepted_share 0"}


def test_what_only_these_facts_make_impossible_is_broken_and_loses_no_build() -> None:
    condition = "CAST(accepted AS TINYINT) > 0"
    assert check_expectations({"small": condition}) == []
    [told] = broken_expectations({"small": condition}, NOW, None).values()
    assert told.startswith(f"{condition}: accepted 700 (Conversion Error: ")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("acepted > 1", "is not SQL over a row: "),
        ("accepted >", "is not SQL over a row: "),
        ("", "is no condition but TUPLE"),
        ("accepted", "is no condition but BIGINT"),
        ("(SELECT count(*) > 0 FROM read_csv('/etc/passwd'))", "is not SQL over a row: "),
    ],
)
def test_what_is_no_condition_is_told_with_its_name_and_the_facts_there_are(condition: str, why: str) -> None:
    [line] = check_expectations({"good": "accepted > 1", "bad": condition})
    assert line.startswith(f"expect.bad: {condition!r} {why}")
    assert line.endswith("; the facts are images, pairs, rejects, negatives, accepted, accepted_share, rejects_share, "
                         "and each with last_ before it")  # fmt: skip
