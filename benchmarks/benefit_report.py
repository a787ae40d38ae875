"""The tables of docs/benefit.md, from what `benchmarks.benefit train` has kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

# Column -> (benchmark, metrics that it is the mean of).
_MEASURES = {
    "text": ("seen", ["picks_caption"]),
    "image": ("seen", ["picks_picture"]),
    "group": ("seen", ["group"]),
    "GroupMatch": ("seen", ["group_match"]),
    "gaps": ("seen", ["caption_gap", "picture_gap"]),
    "new group": ("new", ["group"]),
    "R@1": ("seen retrieval", ["picks_caption@1", "picks_picture@1"]),
    "R@5": ("seen retrieval", ["picks_caption@5", "picks_picture@5"]),
    "paraphrase": ("seen paraphrases", ["paraphrase_closer"]),
}


def report(work: Path, arms: Mapping[str, str]) -> str:
    """Write both tables: what each arm is worth over all, and its group score by operation."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW results AS FROM read_parquet('{work}/results/*.parquet')")
        there = [name for name in arms if connection.execute("FROM results WHERE model = ?", [name]).fetchone()]
        return "\n".join([*_overall(connection, there, arms), "", *_by_operation(connection, there)])


def _overall(connection: duckdb.DuckDBPyConnection, there: list[str], arms: Mapping[str, str]) -> list[str]:
    lines = [f"| trained with | seeds | {' | '.join(_MEASURES)} |", f"| --- | ---: |{' ---: |' * len(_MEASURES)}"]
    for name in there:
        cells = [_over_seeds(connection, name, *which) for which in _MEASURES.values()]
        seeds = connection.execute("SELECT count(DISTINCT seed) FROM results WHERE model = ?", [name]).fetchall()[0][0]
        lines.append(f"| {arms[name]} | {seeds} | {' | '.join(cells)} |")
    return lines


def _by_operation(connection: duckdb.DuckDBPyConnection, there: list[str]) -> list[str]:
    found = connection.execute(
        "SELECT category, model, avg(value) FROM results WHERE benchmark = 'seen' AND metric = 'group' "
        "AND average IS NULL GROUP BY ALL"
    ).fetchall()
    cells: dict[tuple[str, str], float] = {(category, model): value for category, model, value in found}
    operations = sorted({category for category, _ in cells})
    lines = [f"| | {' | '.join(operations)} |", f"| --- |{' ---: |' * len(operations)}"]
    for name in there:
        lines.append(f"| {name} | {' | '.join(f'{cells.get((each, name), 0):.2f}' for each in operations)} |")
    return lines


def _over_seeds(connection: duckdb.DuckDBPyConnection, name: str, benchmark: str, metrics: list[str]) -> str:
    """Give the mean over seeds, and half the distance between the smallest and the largest."""
    rows: list[Any] = connection.execute(
        "SELECT avg(value) FROM results WHERE model = ? AND benchmark = ? AND average = 'micro' "
        "AND list_contains(?, metric) GROUP BY seed",
        [name, benchmark, metrics],
    ).fetchall()
    values = [value for (value,) in rows]
    if not values:
        return "-"
    spread = f" ± {(max(values) - min(values)) / 2:.3f}" if len(values) > 1 else ""
    return f"{sum(values) / len(values):.3f}{spread}"
