"""The figures of a build that are better looked at than read: what a page and plots draw, asked of its catalog."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from schemas.measures import locked
from schemas.tables import CANDIDATES
from storage.dataset import Build

SCORES = {
    "validity": "how sure the judge is of the right match",
    "difficulty": "how hard the target finds it",
    "plausibility_gap": "how much likelier a blind language model finds the original, in nats",
}
_BINS = 32
_STEPS = 4001  # places at which a rule is tried for its threshold


@dataclass(frozen=True)
class Bar:
    """A number and what it counts."""

    name: str
    count: int
    hint: str = ""


@dataclass(frozen=True)
class Histogram:
    """How a score of usable negatives of one operation is spread: between `low` and `high`, in bins of one width."""

    operation: str
    accepted: list[int]
    dropped: list[int]
    threshold: float | None  # where a rule of `select` over this score alone begins to drop


@dataclass(frozen=True)
class Scores:
    """Histograms of a score, by operation, all of one scale; what lies beyond 0.5% at either end is in the last bin."""

    score: str
    meaning: str
    low: float
    high: float
    by_operation: list[Histogram]


@dataclass(frozen=True)
class Blind:
    """How often who sees no picture tells the wrong caption: 0.5 is perfect; None where it was not measured."""

    operation: str
    before: float | None
    after: float | None
    accepted: int


@dataclass(frozen=True)
class Rule:
    """What a check or rule takes, where it is known which negatives really are wrong."""

    name: str
    taken: int
    precision: float  # share of what it takes that was rightly taken: not really wrong
    recall: float  # share of all that should go that it takes


@dataclass(frozen=True)
class Curve:
    """What every threshold on the judge's validity would keep, of usable negatives with a label."""

    labels: int
    thresholds: list[float]
    precision: list[float]  # share of the kept that is really wrong
    recall: list[float]  # share of the really wrong that is kept
    chosen: tuple[float, float] | None  # precision and recall of what the build accepts


@dataclass(frozen=True)
class Figures:
    """All of them; lists are empty, and the curve None, where there is nothing to tell."""

    funnel: list[Bar]
    operations: list[tuple[str, int, int, int]]  # name, candidates, usable, accepted
    reasons: list[Bar]
    scores: list[Scores]
    blind: dict[str, list[Blind]]  # by who guesses
    rules: list[Rule]
    curve: Curve | None


def figures(connection: duckdb.DuckDBPyConnection, build: Build) -> Figures:
    """Ask the catalog of a build for its figures."""
    reasons = connection.sql("SELECT reason, rows, coalesce(hint, '') FROM why_dropped()").fetchall()
    return Figures(
        _funnel(connection, build),
        [tuple(row) for row in connection.sql(
            "SELECT operation, candidates, usable, accepted FROM acceptance_by_operation()").fetchall()],
        [Bar(*row) for row in reasons],
        [found for score, meaning in SCORES.items() if (found := _scores(connection, build, score, meaning))],
        _blind(connection),
        _rules(connection),
        _curve(connection),
    )  # fmt: skip


def _funnel(connection: duckdb.DuckDBPyConnection, build: Build) -> list[Bar]:
    [(captions, candidates, usable, ruled, accepted, pictured)] = connection.sql(
        """
        SELECT
            (SELECT count(*) FROM pairs), count(*), count(*) FILTER (failed_check IS NULL),
            count(*) FILTER (len(list_filter(reasons, lambda r: r != 'unbalanced')) = 0),
            count(*) FILTER (accepted), count(*) FILTER (accepted AND picture_accepted)
        FROM verdicts
        """
    ).fetchall()
    bars = [
        Bar("captions", captions, "pairs of a picture and a caption that the source has"),
        Bar("candidates", candidates, "wrong captions that were tried"),
        Bar("usable", usable, "of these pass the checks of the generator"),
    ]
    if ruled != accepted:
        bars.append(Bar("by the rules", ruled, "of these pass the rules of select"))
    bars.append(Bar("accepted", accepted, "of these are kept by select"))
    if build.config.get("images"):
        bars.append(Bar("with a picture", pictured, "of these have an edited picture that was accepted"))
    return bars


def _scores(connection: duckdb.DuckDBPyConnection, build: Build, score: str, meaning: str) -> Scores | None:
    usable = (
        "FROM candidates JOIN (SELECT text_negative_id, accepted FROM verdicts) v USING (text_negative_id) "
        f"WHERE failed_check IS NULL AND isfinite({score})"
    )
    [(low, high)] = connection.sql(
        f"SELECT quantile_cont({score}, 0.005), quantile_cont({score}, 0.995) {usable}"
    ).fetchall()
    if low is None or low == high:
        return None
    found = connection.execute(
        f"""
        SELECT
            operation, accepted, count(*),
            least({_BINS - 1}, greatest(0, floor(({score} - $low) / ($high - $low) * {_BINS})))::INTEGER AS bin
        {usable} GROUP BY ALL
        """,
        {"low": low, "high": high},
    ).fetchall()
    names = sorted({operation for operation, *_ in found})
    counts = {(name, accepted): [0] * _BINS for name in names for accepted in (True, False)}
    for operation, accepted, count, place in found:
        counts[operation, accepted][place] = count
    limits = thresholds(build.config, score, names, low, high)
    histograms = [Histogram(name, counts[name, True], counts[name, False], limits[name]) for name in names]
    return Scores(score, meaning, low, high, histograms)


def thresholds(
    config: Mapping[str, Any], score: str, operations: list[str], low: float, high: float
) -> dict[str, float | None]:
    """Find, by operation, where rules of `select` over one score alone begin to drop between two of its values.

    The rules are asked: rows that have nothing but an operation and a score, null elsewhere, are put to each, and where
    its answer changes there is the threshold. So whatever SQL a rule is written in, one that looks at other columns too
    has none here.
    """
    rules = (config.get("select") or {}).get("rules") or {}
    found: dict[str, float | None] = dict.fromkeys(operations)
    values = np.linspace(low, high, _STEPS)
    for operation in operations:
        columns = {name: pa.nulls(_STEPS, CANDIDATES.field(name).type) for name in CANDIDATES.names}
        columns |= {"operation": pa.array([operation] * _STEPS), score: pa.array(values, pa.float32())}
        with locked(candidates=pa.table(columns)) as connection:
            for rule in rules.values():
                try:
                    answers = (
                        connection.sql(
                            f"SELECT coalesce(({rule['drop_when']}\n), false) AS gone FROM candidates ORDER BY {score}"
                        )
                        .to_arrow_table()["gone"]
                        .to_numpy()
                    )
                except duckdb.Error:  # of columns that today's candidates have no more
                    continue
                changes = np.flatnonzero(answers[1:] != answers[:-1])
                if len(changes):
                    found[operation] = float(values[changes[0]] + values[changes[0] + 1]) / 2
    return found


def _blind(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Blind]]:
    blind: dict[str, list[Blind]] = {}
    told = connection.sql("SELECT model, operation, before, after, accepted FROM blind_accuracy()").fetchall()
    trained = connection.sql(
        'SELECT \'trained on \' || probe, operation, "accuracy before", "accuracy after", "pairs after" '
        "FROM text_probes()"
    ).fetchall()
    for who, operation, before, after, accepted in (*told, *trained):
        blind.setdefault(who, []).append(Blind(operation, before, after, accepted or 0))
    return blind


# Usable negatives and whether they really are wrong: computed truth, or what most voters say.
_LABELLED = """
    WITH said AS (
        SELECT text_negative_id, valid FROM labels WHERE image_negative_id IS NULL AND valid IS NOT NULL
        UNION ALL
        SELECT text_negative_id, really_false FROM votes WHERE image_negative_id IS NULL AND really_false IS NOT NULL
    ), labelled AS (
        SELECT text_negative_id, avg(valid::INTEGER) > 0.5 AS valid FROM said
        GROUP BY text_negative_id HAVING avg(valid::INTEGER) != 0.5
    )
"""


def _rules(connection: duckdb.DuckDBPyConnection) -> list[Rule]:
    found = connection.sql(
        f"""
        {_LABELLED}, wrongs AS (
            SELECT count(*) AS n FROM labelled JOIN verdicts USING (text_negative_id) WHERE NOT valid
        )
        SELECT reason, count(*), avg((NOT valid)::INTEGER), count(*) FILTER (NOT valid) / nullif(any_value(n), 0)
        FROM (SELECT text_negative_id, unnest(reasons) AS reason FROM verdicts) JOIN labelled USING (text_negative_id)
        CROSS JOIN wrongs GROUP BY reason ORDER BY count(*) DESC, reason
        """
    ).fetchall()
    return [Rule(name, taken, precision, recall or 0.0) for name, taken, precision, recall in found]


def _curve(connection: duckdb.DuckDBPyConnection) -> Curve | None:
    table = connection.sql(
        f"""
        {_LABELLED}
        SELECT validity, valid, accepted FROM labelled JOIN verdicts USING (text_negative_id)
        WHERE failed_check IS NULL AND isfinite(validity) ORDER BY validity DESC, text_negative_id
        """
    ).to_arrow_table()
    valid = np.asarray(table["valid"].to_numpy(), dtype=np.bool_)
    if not valid.any():
        return None
    scores = np.asarray(table["validity"].to_numpy(), dtype=np.float64)
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # equal scores are never split
    kept, right = last + 1, np.cumsum(valid)[last]
    some = np.unique(np.linspace(0, len(last) - 1, 200).astype(int))
    accepted = np.asarray(table["accepted"].to_numpy(), dtype=np.bool_)
    both = int((accepted & valid).sum())
    chosen = (both / int(accepted.sum()), both / int(valid.sum())) if accepted.any() else None
    return Curve(
        len(valid),
        scores[last][some].tolist(),
        (right / kept)[some].tolist(),
        (right / valid.sum())[some].tolist(),
        chosen,
    )
