"""Turn a source into shards of images and pairs, and of what could not be used.

Two passes. The first indexes the rows in a temporary SQLite file, so that memory stays flat and all
captions of an image come together wherever they stand in the source: a *unit* is one image with its
captions. The second packs units into shards. Against the last build, shards whose units are all still
there are kept whole, and only the rest is read again: ten more photos are ten photos of work. What a
picture is called follows from its bytes; `storage.seen` knows it of those whose files have not changed.
"""

import hashlib
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, fields
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from devices import cores
from schemas.config import Ingest, Source
from schemas.errors import InputError
from schemas.ids import digest, fingerprint, pair_id
from schemas.reasons import HINTS
from schemas.tables import IMAGES, LEDGER, PAIRS, REJECTS, UNITS
from storage.dataset import Build, Dataset
from storage.looks import look_at
from storage.presence import Presence
from storage.seen import Named, Seen, named
from storage.sources import Row, open_source, read_image, source_name
from storage.sources.places import one_line
from storage.sources.row import shortened

VERSION = 4
TABLES = ("images", "pairs", "rejects", "units")  # units last: where it is, the others are
Progress = Callable[[int, int | None], None]
_FIELDS = tuple(field.name for field in fields(Row))
_fields_of = attrgetter(*_FIELDS)


@dataclass(frozen=True)
class Ingested:
    """What an ingest found, as fingerprints that each name a shard in all four tables."""

    shards: list[str]
    written: list[str]  # those that this run computed
    rows_in: int
    pairs: int
    images: int
    rejects: int


@dataclass(frozen=True)
class Unit:
    """One image of the source with all that the source says of it; no image_id when it has no bytes."""

    digest: bytes
    image_id: str | None
    rows: list[Row]


def ingest(
    source: Source,
    settings: Ingest,
    dataset: Dataset,
    previous: Build | None = None,
    progress: Progress | None = None,
    workers: int = 0,
) -> Ingested:
    """Bring a dataset up to date with a source.

    Raises InputError when nothing at all can be read; a bad row is a row of `rejects`.
    """
    tell = progress or _say_nothing
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(f"{folder}/index.sqlite")) as index:
        scratch = Path(folder, "unpacked")
        scratch.mkdir()
        with Seen(dataset, Path(folder)) as seen:
            rows_in = _index(index, named(open_source(source, scratch), seen), tell)
        if rows_in == 0:
            raise InputError(f"source {source.path}: it has no rows")
        salt = f"{VERSION} {settings.max_pixels} {settings.max_caption_characters} {source_name(source)}"
        there = Presence(dataset, previous)
        kept = _kept_shards(index, salt, dataset, previous, there)
        shards, written = list(kept), []
        for units in _pack(_units(index, salt, skip_kept=True), settings.shard_pairs):
            shard = fingerprint(["ingest", [unit.digest.hex() for unit in units]])
            shards.append(shard)
            if not all(there.has(table, shard) for table in TABLES):
                _write(dataset, shard, units, source_name(source), settings, workers)
                written.append(shard)
                for table in TABLES:
                    there.add(table, shard)
            tell(sum(len(unit.rows) for unit in units), rows_in)
    return _usable(source, dataset, _counted(there, shards, written, rows_in))


def _say_nothing(_done: int, _total: int | None) -> None:
    pass


def _counted(there: Presence, shards: list[str], written: list[str], rows_in: int) -> Ingested:
    counts = {table: sum(there.rows(table, shard) for shard in shards) for table in TABLES}
    pairs, rejects = counts["pairs"], counts["rejects"]
    if rows_in != pairs + rejects:
        raise RuntimeError(f"{rows_in} rows came in, {pairs} pairs and {rejects} rejects came out")
    return Ingested(shards, written, rows_in, pairs, counts["images"], rejects)


def _usable(source: Source, dataset: Dataset, found: Ingested) -> Ingested:
    """Return what was found; raises InputError that says why where not a single row can be used."""
    if found.pairs:
        return found
    reasons: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for shard in found.shards:
        for row in dataset.read("rejects", shard, ["reason", "detail"]).to_pylist():
            reasons[row["reason"]] += 1
            examples.setdefault(row["reason"], row["detail"])
    said = "; ".join(f"{number:,} {reason} ({examples[reason]})" for reason, number in reasons.most_common(3))
    hint = HINTS[reasons.most_common(1)[0][0]]
    raise InputError(f"source {source.path}: none of its {found.rows_in:,} rows can be used: {said}; {hint}")


def _index(index: sqlite3.Connection, rows: Iterator[tuple[Row, Future[Named] | None]], tell: Progress) -> int:
    columns = ", ".join(_FIELDS)
    index.execute("PRAGMA journal_mode = OFF")
    index.execute(f"CREATE TABLE source (number INTEGER PRIMARY KEY, unit, image_id, {columns})")
    marks = ", ".join("?" * (len(_FIELDS) + 2))
    count = 0
    for row, hashed in rows:
        count += 1
        image, problem = hashed.result() if hashed is not None else (None, None)
        if problem is not None and row.reason is None:
            row = row.rejected(*problem)
        unit = image or f"no image: {row.name or row.key}"
        # A lone surrogate, which a bad byte left, is no text to SQLite.
        values = [_storable(value) for value in (unit, image, *_fields_of(row))]
        index.execute(f"INSERT INTO source (unit, image_id, {columns}) VALUES ({marks})", values)
        if count % 1000 == 0:
            tell(0, None)
    index.execute("CREATE TABLE first AS SELECT unit, min(number) AS number FROM source GROUP BY unit")
    index.execute("CREATE TABLE kept (unit BLOB PRIMARY KEY)")
    index.execute("CREATE INDEX by_unit ON source (unit, number)")
    return count


def _said(row: Row) -> list[Any]:
    """List what a source says in a row; where the picture lies is nothing that it says."""
    return ["" if name == "location" else value for name, value in zip(_FIELDS, _fields_of(row), strict=True)]


def _storable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _units(index: sqlite3.Connection, salt: str, skip_kept: bool = False) -> Iterator[Unit]:
    columns = ", ".join(f"source.{name}" for name in _FIELDS)
    found = index.execute(
        f"SELECT source.unit, image_id, {columns} FROM first JOIN source USING (unit) "
        "ORDER BY first.number, source.number"
    )
    kept = index.cursor()
    for _, group in groupby(found, key=lambda record: record[0]):
        records = list(group)
        rows = [Row(*record[2:]) for record in records]
        said = [digest(*(str(value) for value in _said(row))) for row in rows]
        name = bytes.fromhex(digest(salt, str(records[0][1]), *said))
        if skip_kept and kept.execute("SELECT 1 FROM kept WHERE unit = ?", (name,)).fetchone():
            continue
        yield Unit(name, records[0][1], rows)


def _kept_shards(
    index: sqlite3.Connection, salt: str, dataset: Dataset, previous: Build | None, there: Presence
) -> list[str]:
    """Find the shards of the last build all of whose units are still in the source."""
    if previous is None:
        return []
    index.execute("CREATE TABLE current (unit BLOB PRIMARY KEY)")
    index.executemany("INSERT OR IGNORE INTO current VALUES (?)", ((u.digest,) for u in _units(index, salt)))
    kept = []
    for shard in previous.shards["units"]:
        if not all(there.has(table, shard) for table in TABLES):
            continue
        units = [(unit,) for unit in dataset.read("units", shard)["unit"].to_pylist()]
        if all(index.execute("SELECT 1 FROM current WHERE unit = ?", unit).fetchone() for unit in units):
            kept.append(shard)
            index.executemany("INSERT OR IGNORE INTO kept VALUES (?)", units)
    return kept


def _pack(units: Iterator[Unit], most: int) -> Iterator[list[Unit]]:
    packed: list[Unit] = []
    rows = 0
    for unit in units:
        if packed and rows + len(unit.rows) > most:
            yield packed
            packed, rows = [], 0
        packed.append(unit)
        rows += len(unit.rows)
    if packed:
        yield packed


def _write(dataset: Dataset, shard: str, units: list[Unit], source: str, settings: Ingest, workers: int) -> None:
    started = time.perf_counter()
    with ThreadPoolExecutor(cores(workers)) as pool:
        images = list(pool.map(lambda unit: _image(unit, settings.max_pixels), units))
    pairs: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    for unit, image in zip(units, images, strict=True):
        _sort_rows(unit, image, source, settings.max_caption_characters, pairs, rejects)
    usable = {pair["image_id"] for pair in pairs}
    pictures = [image for image in images if isinstance(image, dict) and image["image_id"] in usable]
    made = {
        "images": pa.Table.from_pylist(pictures, IMAGES),
        "pairs": pa.Table.from_pylist(pairs, PAIRS),
        "rejects": pa.Table.from_pylist(rejects, REJECTS),
        "units": pa.Table.from_pylist([{"unit": u.digest, "rows": len(u.rows)} for u in units], UNITS),
    }
    work = {"stage": "ingest", "shard": shard, "rows_in": len(pairs) + len(rejects), "rows_out": len(pairs)}
    seconds = time.perf_counter() - started
    dataset.write_work(
        shard, pa.Table.from_pylist([{**work, "seconds": seconds}], LEDGER), {table: made[table] for table in TABLES}
    )


def _sort_rows(
    unit: Unit,
    image: dict[str, Any] | tuple[str, str] | None,
    source: str,
    most_characters: int,
    pairs: list[dict[str, Any]],
    rejects: list[dict[str, Any]],
) -> None:
    seen: set[str] = set()
    for row in unit.rows:
        if row.reason is None and isinstance(image, tuple):
            row = row.rejected(*image)
        if row.reason is None and row.caption is not None and len(row.caption) > most_characters:
            row = row.rejected("caption_too_long", f"{len(row.caption):,} characters: {shortened(row.caption)}")
        if row.reason is None and row.caption in seen:
            row = row.rejected("duplicate_pair", f"{shortened(row.caption)!r} came before for this image")
        if row.reason is not None or row.caption is None or unit.image_id is None:
            reject = {"source_key": row.key, "stage": "ingest", "reason": row.reason, "detail": row.detail}
            rejects.append({"source": source, **reject})
            continue
        seen.add(row.caption)
        pair = {
            name: getattr(row, name)
            for name in ("caption", "raw_caption", "url", "license", "split", "scene", "regions")
        }
        known = {"pair_id": pair_id(unit.image_id, row.caption), "image_id": unit.image_id, "source": source}
        pairs.append({**pair, **known, "source_key": row.key})


def _image(unit: Unit, max_pixels: int) -> dict[str, Any] | tuple[str, str] | None:
    """Return a row of `images`, or a reason and a detail, or nothing when the unit has no image."""
    if unit.image_id is None or all(row.reason is not None for row in unit.rows):
        return None
    first = next(row for row in unit.rows if row.reason is None)
    name = shortened(first.name)
    try:
        data = read_image(first.location)
    except (OSError, ValueError) as error:
        return "missing_image", f"{name}: {one_line(error)}"
    if hashlib.sha256(data).hexdigest() != unit.image_id:
        return "unreadable_image", f"{name} changed while it was read"
    found = look_at(data, max_pixels)
    if isinstance(found, tuple):
        return found[0], f"{name}: {found[1]}"
    return {"image_id": unit.image_id, "image": {"bytes": data, "path": first.name}, **found}
