"""Which negatives a page shows, and all that it says of each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from exports.pictures import Pictures, places
from gallery.thumbnails import Kind, Thumbnails
from schemas.tables import CANDIDATES, VERDICTS
from storage.dataset import Build, Dataset
from storage.query import check, condition_named

Row = dict[str, Any]
_DECIDED = ", ".join(name for name in VERDICTS.names if name not in CANDIDATES.names)
# Rows of a kind (operation, accepted or first reason) take turns, four accepted for one of each reason: of many, all
# kinds are seen.
_TURN = (
    "row_number() OVER (PARTITION BY operation, accepted, reasons[1] ORDER BY draw) "
    "// (CASE WHEN accepted THEN 4 ELSE 1 END)"
)
# What conditions are over: candidates and what was decided of them, each name once.
CANDIDATES_DECIDED = (
    f"SELECT candidates.*, {_DECIDED} FROM candidates "
    f"JOIN (SELECT text_negative_id, {_DECIDED} FROM verdicts) verdicts USING (text_negative_id)"
)
_ROWS = f"""
    WITH said AS (
        SELECT text_negative_id, bool_and(valid) AS valid FROM labels WHERE image_negative_id IS NULL GROUP BY ALL
    ), shown AS (
        SELECT image_negative_id, bool_and(valid) AS picture_valid FROM labels GROUP BY ALL
    )
    SELECT
        c.*, p.url, p.license, e.edited_image_id, e.instruction, said.valid, shown.picture_valid,
        coalesce(e.reconstruction_id, c.image_id) AS picture_id
    FROM wanted
    JOIN ({CANDIDATES_DECIDED}) c USING (text_negative_id)
    JOIN pairs p USING (pair_id)
    LEFT JOIN edits e USING (image_negative_id)
    LEFT JOIN said USING (text_negative_id)
    LEFT JOIN shown USING (image_negative_id)
    ORDER BY wanted.place
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
    chosen = f"SELECT *, md5(text_negative_id) AS draw FROM ({CANDIDATES_DECIDED}) WHERE ({where}\n)"
    with condition_named(where):
        check(connection, chosen)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE found AS SELECT text_negative_id, draw, {_TURN} AS turn FROM ({chosen})"
        )
    [(found,)] = connection.execute("SELECT count(*) FROM found").fetchall()
    ids = connection.execute("SELECT text_negative_id FROM found ORDER BY turn, draw LIMIT ?", [most]).fetchall()
    return Drawn(rows_of(connection, [one for (one,) in ids]), found)


def rows_of(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> list[Row]:
    """Ask all that a page says of negatives, in the order given."""
    connection.register("wanted", pa.table({"text_negative_id": pa.array(ids, pa.string()), "place": range(len(ids))}))
    rows: list[Row] = connection.sql(_ROWS).to_arrow_table().to_pylist()
    connection.unregister("wanted")
    return rows


Key = tuple[Kind, str]


def add_pictures(
    dataset: Dataset, build: Build, rows: list[Row], thumbnails: Thumbnails, advance: Callable[[int, int | None], None]
) -> None:
    """Put the numbers of the thumbnails of both pictures and the mask into rows, as `picture`, `edited`, `mask`.

    Raises DamagedShardError where a shard is gone or damaged.
    """
    total = len({key for row in rows for _, key, _, _ in _pictures(row)})
    numbers: dict[Key, int | None] = {}
    for key, data in stored(dataset, build, rows):
        numbers[key] = thumbnails.add(data, key[0])
        advance(1, total)
    for row in rows:
        row |= {"picture": None, "edited": None, "mask": None}
        row |= {name: numbers.get(key) for name, key, _, _ in _pictures(row)}


def stored(dataset: Dataset, build: Build, rows: Sequence[Row]) -> Iterator[tuple[Key, bytes | None]]:
    """Read the encoded pictures and masks of rows, each once, in the order in which they lie.

    Raises DamagedShardError where a shard is gone or damaged.
    """
    at = {table: _places(dataset, build, table, key) for table, key in _KEYS.items()}
    wanted: dict[Key, tuple[str, int, int, str]] = {}
    for row in rows:
        for _, key, table, column in _pictures(row):
            found = at[table].get(key[1] if table == "images" else row[_KEYS[table]])
            if found is not None:
                wanted.setdefault(key, (table, *found, column))
    with Pictures(dataset) as pictures:
        for key, (table, shard, line, column) in sorted(wanted.items(), key=lambda one: one[1]):
            yield key, pictures.get(table, build.shards[table][shard], line, column)


_KEYS = {"images": "image_id", "image_negatives": "image_negative_id"}


def _pictures(row: Row) -> Iterator[tuple[str, Key, str, str]]:
    """Say what pictures a row has: name, key, table and column."""
    if row["picture_id"] == row["image_id"]:
        yield "picture", ("picture", row["image_id"]), "images", "image"
    else:
        yield "picture", ("picture", row["picture_id"]), "image_negatives", "reconstruction"
    if row["edited_image_id"] is not None:
        mined = row["image_method"] == "mined"  # it rests where it was
        yield "edited", ("picture", row["edited_image_id"]), "images" if mined else "image_negatives", "image"
        yield "mask", ("mask", row["image_negative_id"]), "image_negatives", "mask"


def _places(dataset: Dataset, build: Build, table: str, key: str) -> dict[str, tuple[int, int]]:
    found = places(dataset, build, table, key)
    columns = (found[name].to_pylist() for name in found.column_names)
    return {name: (shard, row) for name, shard, row in zip(*columns, strict=True)}
