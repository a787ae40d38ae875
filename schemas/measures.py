"""Rows of SCORES and formulas over them in SQL: written once for stages, views, rules and the stop rules of tries."""

import os
from functools import cache

import duckdb
import pyarrow as pa

from schemas.errors import InputError
from schemas.tables import SCORES


def smallest_margin(alias: str = "", still_true: str = "false") -> str:
    """Write the smallest margin of the right match in a 2x2 matrix (see `validity` in CANDIDATES).

    `still_true` is an SQL condition: the original caption is true of both pictures, so that only the margins between
    captions count. `least` passes over nulls: without a second picture one margin is left.
    """
    s00, s01, s10, s11 = (f"{alias}.{name}" if alias else name for name in ("s00", "s01", "s10", "s11"))
    between_pictures = f"CASE WHEN NOT {still_true} THEN least({s00} - {s10}, {s11} - {s10}) END"
    return f"least({s00} - {s01}, {s11} - {s01}, {between_pictures})"


def difficulty_of(difficulties: str) -> str:
    """Write what several targets' difficulties, an SQL list, come to (see `difficulty` in CANDIDATES).

    Of one it is its own; of several the share that fails, a draw being a failure.
    """
    failed = f"list_transform({difficulties}, lambda one: (one >= 0)::INTEGER)"
    return f"CASE WHEN len({difficulties}) > 1 THEN list_avg({failed}) ELSE ({difficulties})[1] END"


def score_rows(rows: int, **columns: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Put so many rows of SCORES together: the columns that are known, and nulls in the others."""
    return pa.table([columns.get(f.name, pa.nulls(rows, f.type)) for f in SCORES], schema=SCORES)


def locked(**tables: pa.Table) -> duckdb.DuckDBPyConnection:
    """Open a connection in which SQL, such as a config's, sees these tables and no file: to question them, not to make
    others."""
    connection = database(files=False)
    for name, table in tables.items():
        connection.register(name, table)
    return connection


def database(*, files: bool) -> duckdb.DuckDBPyConnection:
    """Open a connection to a database of no tables, which may read `files` or not."""
    return _database(os.getpid(), files).cursor()


@cache
def _database(process: int, files: bool) -> duckdb.DuckDBPyConnection:  # noqa: ARG001  # a fork has not its parent's threads
    """Open such a database: one a process, for it takes longer than most of what it is asked."""
    return duckdb.connect(config={"enable_external_access": str(files).lower()})


def check_condition(where: str, condition: str, **tables: pa.Table) -> None:
    """Raise InputError for what is no SQL condition over a row of these tables; `where` names its place in a config."""
    try:
        with locked(**tables) as connection:
            kind = str(connection.sql(f"SELECT ({condition}\n) FROM {', '.join(tables)}").types[0])
    except duckdb.Error as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(f"{where}: {condition!r} is not SQL over a row: {why}") from error
    if kind != "BOOLEAN":
        raise InputError(f"{where}: {condition!r} is no condition but {kind}")
