"""Thresholds from labels: worked by hand, compared with trying every cut, and written as a rule."""

import random
from itertools import pairwise
from statistics import NormalDist

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.calibration import CAPTIONS, Calibration, Threshold, Wish, as_yaml, calibrate, lower_bound, rule, verdict
from schemas.config import Rule
from schemas.errors import InputError

Row = tuple[str, float | None, bool]


def labelled(rows: list[Row]) -> pa.Table:
    operation, score, valid = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {"operation": pa.array(operation, pa.string()), "score": pa.array(score, pa.float32())}
    return pa.table({**columns, "valid": pa.array(valid, pa.bool_())})


def rows(operation: str, score: float | None, valid: int, invalid: int) -> list[Row]:
    return [(operation, score, True)] * valid + [(operation, score, False)] * invalid


# 20 candidates of low score, half of them wrong, and 80 of high score, all right but one.
MIXED = rows("replace_object", 0.01, 10, 10) + rows("replace_object", 0.03, 79, 1)


def only(calibration: Calibration) -> Threshold:
    (chosen,) = calibration.operations
    return chosen


@pytest.mark.parametrize(
    ("valid", "kept", "bound"),
    [
        # One-sided z for 0.9 is 1.2816. All of n: (x + z²/2 - z sqrt(x / 2n + z²/4)) / (n + z²), x = n - 1/2.
        (50, 50, 0.9509),
        (32, 32, 0.9245),
        (79, 80, 0.9500),
        (0, 10, 0.0),
        (0, 0, 0.0),
    ],
)
def test_the_lower_bound_of_a_share(valid: int, kept: int, bound: float) -> None:
    assert float(lower_bound(valid, kept, 0.9)) == pytest.approx(bound, abs=1e-4)


@pytest.mark.parametrize("precision", [0.5, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("labels", [10, 50, 200, 1000])
def test_the_bound_is_above_the_truth_no_more_often_than_said(precision: float, labels: int) -> None:
    valid = np.arange(labels + 1)
    logs = np.concatenate([[0], np.cumsum(np.log(np.arange(1, labels + 1)))])
    chance = np.exp(logs[-1] - logs - logs[::-1] + valid * np.log(precision) + (labels - valid) * np.log1p(-precision))
    covers = lower_bound(valid, np.full(labels + 1, labels), 0.9) <= precision
    assert chance[covers].sum() >= 0.9


def test_a_bound_solves_the_equation_that_it_comes_from() -> None:
    # Newcombe: the share p at which k - 1/2 is z standard deviations above n p.
    bound = float(lower_bound(90, 100, 0.95))
    z = (90 - 0.5 - 100 * bound) / np.sqrt(100 * bound * (1 - bound))
    assert NormalDist().cdf(z) == pytest.approx(0.95)


def test_the_lowest_cut_that_reaches_the_wish() -> None:
    chosen = only(calibrate(labelled(MIXED), Wish(0.95, 0.9, 50)))
    assert (chosen.labels, chosen.valid, chosen.kept, chosen.valid_kept) == (100, 89, 80, 79)
    assert chosen.threshold == 0.02, "half way between 0.01 and 0.03"
    assert chosen.precision_before == 0.89
    assert chosen.precision_after == 79 / 80
    assert chosen.recall == 79 / 89
    assert chosen.lower_bound == pytest.approx(0.9500, abs=1e-4)
    assert chosen.reached
    assert chosen.own


def test_where_all_is_well_there_is_no_threshold() -> None:
    calibration = calibrate(labelled(rows("negate", 0.1, 60, 0) + rows("negate", 0.2, 40, 0)), Wish())
    chosen = only(calibration)
    assert chosen.threshold is None
    assert chosen.reached
    assert (chosen.kept, chosen.recall) == (100, 1.0)
    assert rule(calibration) is None
    assert yaml.safe_load(as_yaml(calibration, None, {})) == {"rules": {}}


def test_where_nothing_reaches_the_wish_the_best_is_taken_and_marked() -> None:
    poor = rows("swap_object", 0.1, 20, 20) + rows("swap_object", 0.2, 30, 10)
    chosen = only(calibrate(labelled(poor), Wish()))
    assert chosen.threshold == pytest.approx(0.15)
    assert not chosen.reached
    assert verdict(chosen) == "NOT REACHED"


def test_where_no_cut_is_better_than_none_nothing_is_cut() -> None:
    upside_down = rows("swap_object", 0.1, 40, 10) + rows("swap_object", 0.2, 10, 40)
    calibration = calibrate(labelled(upside_down), Wish())
    assert only(calibration).threshold is None
    assert not only(calibration).reached
    assert verdict(only(calibration)) == "NOT REACHED"


def test_too_few_labels_take_the_threshold_of_all() -> None:
    few = rows("swap_object", 0.01, 1, 3) + rows("swap_object", 0.03, 4, 0)
    calibration = calibrate(labelled(MIXED + few), Wish(least=50))
    mixed, swapped = calibration.operations
    assert calibration.pooled.labels == mixed.labels + swapped.labels == 108
    assert not swapped.own
    assert swapped.threshold == calibration.pooled.threshold == 0.02
    assert (swapped.kept, swapped.precision_after, swapped.recall) == (4, 1.0, 0.8)
    assert not swapped.reached, "four labels show nothing"


def test_null_scores_are_counted_and_never_used() -> None:
    calibration = calibrate(labelled(MIXED + rows("replace_object", None, 7, 50) + rows("negate", None, 1, 0)), Wish())
    negated, mixed = calibration.operations
    assert (mixed.labels, mixed.unscored, mixed.valid, mixed.threshold) == (100, 57, 89, 0.02)
    assert (negated.labels, negated.precision_before, negated.recall, negated.kept) == (0, None, None, 0)
    assert calibration.pooled.unscored == 58


def test_no_labels_at_all() -> None:
    calibration = calibrate(labelled([]), Wish())
    assert calibration.operations == ()
    assert calibration.pooled.threshold is None
    assert not calibration.pooled.reached


def test_unlabelled_rows_are_refused() -> None:
    table = labelled(MIXED).append_column("other", pa.nulls(100, pa.bool_()))
    with pytest.raises(ValueError, match="must not be null"):
        calibrate(table.drop(["valid"]).rename_columns(["operation", "score", "valid"]), Wish())


@pytest.mark.parametrize(
    "wish", [{"precision": 1.0}, {"precision": 0.0}, {"confidence": 0.4}, {"confidence": 1.0}, {"least": 0}]
)
def test_what_cannot_be_wished(wish: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wish))):
        Wish(**wish)  # type: ignore[arg-type]


# Few distinct scores, so that there are ties; neighbouring floats, so that nothing lies between them.
SCORES = st.one_of(
    st.sampled_from([-0.02, 0.0, 0.01, 0.02, 0.05, float(np.nextafter(np.float32(0.05), np.float32(1)))]),
    st.floats(-1, 1, width=32),
)
ROWS = st.lists(
    st.tuples(st.sampled_from(["negate", "swap_object"]), st.one_of(st.none(), SCORES), st.booleans()), max_size=80
)
WISHES = st.builds(Wish, st.sampled_from([0.3, 0.5, 0.7, 0.9]), st.sampled_from([0.5, 0.8, 0.9]), st.integers(1, 30))


def kept_of(given: list[Row], threshold: float | None) -> list[Row]:
    return [row for row in given if row[1] is not None and (threshold is None or row[1] >= threshold)]


def bound_of(kept: list[Row], wish: Wish) -> float:
    return float(lower_bound(sum(row[2] for row in kept), len(kept), wish.confidence))


def tried(given: list[Row], wish: Wish) -> tuple[int, bool]:
    """Try every cut, from the lowest: how many rows the one to choose keeps, and whether it reaches the wish."""
    scores = sorted({np.float32(row[1]) for row in given if row[1] is not None})
    cuts = [None, *((float(low) + float(high)) / 2 for low, high in pairwise(scores))]
    bounds = [bound_of(kept_of(given, cut), wish) for cut in cuts]
    reached = [n for n, bound in enumerate(bounds) if bound >= wish.precision]
    best = reached[0] if reached else bounds.index(max(bounds))
    return len(kept_of(given, cuts[best])), bool(reached)


@settings(deadline=None)
@given(ROWS, WISHES)
def test_the_choice_is_what_trying_every_cut_finds(given: list[Row], wish: Wish) -> None:
    calibration = calibrate(labelled(given), wish)
    for chosen in (*calibration.operations, calibration.pooled):
        mine = [row for row in given if chosen.operation in (None, row[0])]
        kept = kept_of(mine, chosen.threshold)
        assert (chosen.kept, chosen.valid_kept) == (len(kept), sum(row[2] for row in kept))
        assert chosen.reached == (bound_of(kept, wish) >= wish.precision)
        assert chosen.labels + chosen.unscored == len(mine)
        if chosen.own:
            assert (chosen.kept, chosen.reached) == tried(mine, wish)
            assert chosen.threshold is None or chosen.labels > chosen.kept > 0, "a threshold cuts something"
        else:
            assert chosen.labels < wish.least
            assert chosen.threshold == calibration.pooled.threshold


@settings(deadline=None)
@given(ROWS, WISHES)
def test_equal_scores_are_never_split(given: list[Row], wish: Wish) -> None:
    for chosen in calibrate(labelled(given), wish).operations:
        kept = kept_of([row for row in given if row[0] == chosen.operation], chosen.threshold)
        left = [row for row in given if row[0] == chosen.operation and row[1] is not None and row not in kept]
        assert not {row[1] for row in kept} & {row[1] for row in left}


@settings(deadline=None)
@given(ROWS, WISHES, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(given: list[Row], wish: Wish, chance: random.Random) -> None:
    shuffled = chance.sample(given, len(given))
    assert calibrate(labelled(shuffled), wish) == calibrate(labelled(given), wish)


@settings(deadline=None)
@given(ROWS, WISHES)
def test_the_rule_drops_what_is_below_the_threshold_and_nothing_else(given: list[Row], wish: Wish) -> None:
    calibration = calibrate(labelled(given), wish)
    thresholds = {chosen.operation: chosen.threshold for chosen in calibration.operations}
    written = yaml.safe_load(as_yaml(calibration, None, {}))["rules"]
    rest = [("add_object", -0.5, True), ("add_object", 0.5, True), ("add_object", None, True)]
    drop = Rule(**written[CAPTIONS.rule]).drop_when if written else "false"
    assert drop == getattr(rule(calibration), "drop_when", "false"), "the file says what the rule says"
    with duckdb.connect() as connection:
        connection.register("candidates", labelled([*given, *rest]).rename_columns(["operation", "validity", "valid"]))
        found = connection.sql(f"SELECT coalesce({drop}, false) FROM candidates").fetchall()
    for (operation, score, _), (dropped,) in zip([*given, *rest], found, strict=True):
        threshold = thresholds.get(operation, calibration.pooled.threshold)
        assert dropped == (threshold is not None and score is not None and score < threshold)


def test_the_rule_reads_like_a_table() -> None:
    calibration = calibrate(labelled(MIXED + rows("it's", 0.5, 100, 0) + rows("few", 0.5, 1, 0)), Wish())
    drop = rule(calibration)
    assert drop is not None
    assert drop.drop_when == (
        "validity < CAST(CASE operation\n"
        "    WHEN 'it''s' THEN NULL\n"
        "    WHEN 'replace_object' THEN 0.02\n"
        f"    ELSE {'NULL' if calibration.pooled.threshold is None else calibration.pooled.threshold}\n"
        "END AS DOUBLE)"
    )
    assert "0.95" in drop.hint


def test_the_file_says_what_was_chosen_and_why() -> None:
    few = rows("swap_object", 0.01, 1, 3) + rows("swap_object", 0.03, 4, 0)
    text = as_yaml(
        calibrate(labelled(MIXED + few), Wish()), None, {"dataset": "here", "labels": "a\nrules: {x: 1}\r\n"}
    )
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert text.splitlines()[: len(comments)] == comments
    assert "# dataset: here" in comments
    assert "# labels: a rules: {x: 1}" in comments, "a line break in a name ends no comment"
    header, mixed, swapped, pooled = (line.removeprefix("# ").split() for line in comments if "  " in line[2:])
    assert header[:5] == ["operation", "threshold", "labels", "valid", "before"]
    expected = ["replace_object", "0.02", "100", "89", "0.890", "0.988", "0.950", "80", "0.888", "reached"]
    assert mixed == expected
    assert " ".join(swapped[9:]) == "as all"
    assert pooled[:3] == ["all", "0.02", "108"]
    assert list(yaml.safe_load(text)) == ["rules"]
    assert "drop_when: |-" in text, "the SQL is written as it looks"


def test_a_hundred_thousand_labels_take_no_time() -> None:
    chance = np.random.default_rng(0)
    score = chance.normal(size=100_000).astype(np.float32)
    table = pa.table({"operation": chance.choice(["a", "b"], 100_000), "score": score, "valid": score > -1})
    for chosen in calibrate(table, Wish(0.9)).operations:
        assert chosen.reached
        assert chosen.precision_after == pytest.approx(0.9, abs=0.01)
