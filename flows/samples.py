"""A sample for people to read, which hides what was decided: drawn by SQL, written as a sheet or as a page."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from flows.ballots import QUESTIONS
from gallery.figures import thresholds
from gallery.rows import CANDIDATES_DECIDED
from schemas.errors import InputError
from storage.dataset import Build
from storage.query import check, condition_named

How = Literal["even", "near", "disputed"]
_SHOWN = ("text_negative_id", "picture", "right", "wrong")


@dataclass(frozen=True, slots=True)
class Draw:
    """Which negatives people are to read: of each operation as many.

    `even`: any of them. `near`: those whose score lies nearest to the threshold of its rule, where a label tells most.
    `disputed`: those that the judge and what was decided disagree on, the surest judgement first.
    """

    how: How = "even"
    per_operation: int = 40
    where: str | None = None  # SQL condition over `candidates` and `verdicts`; None: accepted ones, if even, else all
    seed: int = 0

    @property
    def condition(self) -> str:
        """Say what is drawn from."""
        return self.where or ("accepted" if self.how == "even" else "true")


def sample(connection: duckdb.DuckDBPyConnection, build: Build, draw: Draw) -> list[str]:
    """Draw usable negatives from the catalog of a build, in an order that tells nothing; returns their ids.

    Raises InputError for a condition that is none, where nothing is found, or where there is no score to be near to.
    """
    condition, order = draw.condition, "draw"
    if draw.how != "even":
        score = _score(connection)
        decided = _near(connection, build, score) if draw.how == "near" else None
        order = f"abs({score} - ({decided}))" if decided else f"-abs({score})"
        condition += f"\n) AND isfinite({score}) AND ({'true' if decided else _disputed(score)}"
    chosen = (
        f"SELECT *, md5(text_negative_id || '{draw.seed:d}') AS draw FROM ({CANDIDATES_DECIDED}) "
        f"WHERE failed_check IS NULL AND ({condition}\n)"
    )
    with condition_named(draw.where):
        check(connection, chosen)
        found = connection.execute(
            f"""
            SELECT text_negative_id FROM ({chosen})
            QUALIFY row_number() OVER (PARTITION BY operation ORDER BY {order}, draw) <= ? ORDER BY md5(draw)
            """,
            [draw.per_operation],
        ).fetchall()
    if not found:
        what = {"even": "", "near": " and has a score", "disputed": ", and the judge agrees with what was decided"}
        raise InputError(f"--where {draw.condition}: nothing of this dataset is so{what[draw.how]}")
    return [one for (one,) in found]


def write_sheet(connection: duckdb.DuckDBPyConnection, ids: Sequence[str], path: str) -> None:
    """Write a sample as CSV with a column for each question, to be filled in with yes or no.

    Raises InputError where the file is there already, with somebody's answers maybe, or cannot be written.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE wanted AS SELECT unnest(?) AS text_negative_id", [list(ids)])
    asked = connection.sql(
        "SELECT text_negative_id, source_key, original, caption "
        "FROM candidates SEMI JOIN wanted USING (text_negative_id)"
    )
    rows = {row[0]: row for row in asked.fetchall()}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*_SHOWN, *QUESTIONS, "comment"))
    writer.writerows((*map(_harmless, rows[one]), *("" for _ in QUESTIONS), "") for one in ids)
    try:
        with open(path, "x", encoding="utf-8-sig", newline="") as file:  # the mark is for spreadsheets
            file.write(text.getvalue())
    except OSError as error:
        raise InputError(f"--labels {path}: {error.strerror or error}; give the name of a new file") from error


def _harmless(cell: str | None) -> str:
    """Keep a spreadsheet from taking a caption or a name for a formula, which it would run."""
    text = cell or ""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _score(connection: duckdb.DuckDBPyConnection) -> str:
    """Name the score that decides: the judge's, or where there is none, the language model's."""
    [(judged, weighed)] = connection.sql("SELECT count(validity), count(plausibility_gap) FROM candidates").fetchall()
    if not judged and not weighed:
        raise InputError("--draw: this dataset has no score of a judge or a language model; draw even")
    return "validity" if judged else "plausibility_gap"


def _near(connection: duckdb.DuckDBPyConnection, build: Build, score: str) -> str:
    """Write the threshold of each operation, 0 where no rule has one, as SQL."""
    found = connection.sql(f"SELECT DISTINCT operation FROM candidates WHERE isfinite({score})").fetchall()
    [(low, high)] = connection.sql(
        f"SELECT min({score}), max({score}) FROM candidates WHERE isfinite({score})"
    ).fetchall()
    limits = thresholds(build.config, score, sorted(name for (name,) in found), low, high)
    cases = " ".join(f"WHEN '{name}' THEN {limit!r}" for name, limit in limits.items() if limit is not None)
    return f"CASE operation {cases} ELSE 0 END" if cases else "0"


def _disputed(score: str) -> str:
    return f"accepted != ({score} {'> 0' if score == 'validity' else '< 0'})"
