"""Which negatives a page shows, and all that it says of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from exports.pictures import Pictures, places
from gallery.thumbnails import Kind, Thumbnails
from schemas.tables import CANDIDATES, VERDICTS
from storage.dataset import Build, Dataset
from storage.query import check, condition_named

Row = dict[str, Any]
# What verdicts alone have: in a condition each name stands for one column.
_DECIDED = ", ".join(name for name in VERDICTS.names if name not in CANDIDATES.names)
# Rows of a kind (operation, accepted or first reason) take turns, four accepted for one of each reason: of many, all
# kinds are seen.
_TURN = "row_number() OVER (PARTITION BY operation, accepted, reasons[1] ORDER BY draw) // (CASE WHEN accepted THEN 4 ELSE 1 END)"
_MORE = """
    SELECT
        d.*, p.url, p.license, e.edited_image_id, e.instruction, coalesce(e.reconstruction_id, d.image_id) AS picture_id,
        said.valid, shown.valid AS picture_valid
    FROM drawn d
    JOIN pairs p USING (pair_id)
    LEFT JOIN edits e ON e.image_negative_id = d.image_negative_id
    LEFT JOIN (SELECT text_negative_id, bool_and(valid) AS valid FROM labels WHERE image_negative_id IS NULL GROUP BY ALL)
        said ON said.text_negative_id = d.text_negative_id
    LEFT JOIN (SELECT image_negative_id, bool_and(valid) AS valid FROM labels GROUP BY ALL) shown
        ON shown.image_negative_id = d.image_negative_id
    ORDER BY turn, draw
"""


@dataclass(frozen=True)
class Drawn:
    """Negatives for a page."""

    rows: list[Row]
    found: int  # how many the condition is true of


def draw(connection: duckdb.DuckDBPyConnection, where: str, most: int) -> Drawn:
    """Draw negatives that a SQL condition over `candidates` and `verdicts` is true of, at most so many, of all kinds.

    Raises InputError for a condition that is none.
    """
    chosen = (
        "SELECT * FROM (SELECT candidates.*, md5(text_negative_id) AS draw, "
        f"{_DECIDED} FROM candidates JOIN (SELECT text_negative_id, {_DECIDED} FROM verdicts) verdicts "
        f"USING (text_negative_id)) WHERE ({where}\n)"
    )
    with condition_named(where):
        check(connection, chosen)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT *, {_TURN} AS turn FROM ({chosen})")
    [(found,)] = connection.execute("SELECT count(*) FROM found").fetchall()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE drawn AS SELECT * FROM found ORDER BY turn, draw LIMIT ?", [most]
    )
    rows = connection.sql(_MORE).to_arrow_table().to_pylist()
    return Drawn(rows, found)


def add_pictures(
    dataset: Dataset, build: Build, rows: list[Row], thumbnails: Thumbnails, advance: Callable[[int], None]
) -> None:
    """Put the numbers of the thumbnails of both pictures and the mask into rows, as `picture`, `edited`, `mask`.

    Raises DamagedShardError where a shard is gone or damaged.
    """
    at = {table: _places(dataset, build, table, key) for table, key in _KEYS.items()}
    wanted: dict[tuple[Kind, str], tuple[str, int, int, str]] = {}
    for row in rows:
        for name, kind, key, table, column in _pictures(row):
            found = at[table].get(row[_KEYS[table]])
            if found is not None:
                wanted.setdefault((kind, key), (table, *found, column))
                row[name] = (kind, key)
    numbers: dict[tuple[Kind, str], int | None] = {}
    with Pictures(dataset) as pictures:
        # In the order in which they lie: each group of rows is read once.
        for (kind, key), (table, shard, line, column) in sorted(wanted.items(), key=lambda one: one[1]):
            data = pictures.get(table, build.shards[table][shard], line, column)
            numbers[kind, key] = thumbnails.add(data, kind)
            advance(1)
    for row in rows:
        for name in ("picture", "edited", "mask"):
            row[name] = numbers.get(row[name]) if name in row else None


_KEYS = {"images": "image_id", "image_negatives": "image_negative_id"}


def _pictures(row: Row) -> Iterable[tuple[str, Kind, str, str, str]]:
    """Say what pictures a row has: name, kind, key, table and column."""
    if row["picture_id"] == row["image_id"]:
        yield "picture", "picture", row["image_id"], "images", "image"
    else:
        yield "picture", "picture", row["picture_id"], "image_negatives", "reconstruction"
    if row["edited_image_id"] is not None:
        yield "edited", "picture", row["edited_image_id"], "image_negatives", "image"
        yield "mask", "mask", row["image_negative_id"], "image_negatives", "mask"


def _places(dataset: Dataset, build: Build, table: str, key: str) -> dict[str, tuple[int, int]]:
    found = places(dataset, build, table, key)
    columns = (found[name].to_pylist() for name in found.column_names)
    return {name: (shard, row) for name, shard, row in zip(*columns, strict=True)}
