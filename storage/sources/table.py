"""Read tables with a picture and captions in each row: text, JSON or Parquet, one file or many."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from upath import UPath

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.columns import Columns, captions_of, choose_columns
from storage.sources.delimited import open_delimited
from storage.sources.json_files import open_json, open_json_lines
from storage.sources.parquet import open_parquet
from storage.sources.pictures import Folders
from storage.sources.places import is_outage, one_line, split_of, suffix_of
from storage.sources.records import Located, Record, Table
from storage.sources.row import Row, captioned, shortened

log = logging.getLogger("counterfoil.source")

OPENERS: dict[str, Callable[[Source, UPath], Table]] = {
    ".csv": open_delimited,
    ".tsv": open_delimited,
    ".txt": open_delimited,
    ".tab": open_delimited,
    ".psv": open_delimited,
    ".jsonl": open_json_lines,
    ".ndjson": open_json_lines,
    ".json": open_json,
    ".parquet": open_parquet,
    ".pq": open_parquet,
}


def read_tables(source: Source, root: UPath, paths: list[UPath]) -> Iterator[Row]:
    """Go through tables below a folder; one that cannot be read costs itself.

    Raises InputError where none of them can be.
    """
    said: set[str] = set()
    failed: list[tuple[str, Exception]] = []
    rows = 0
    for path in paths:
        key = _relative(path, root)
        try:
            for row in _read(source, path, key, said):
                rows += 1
                yield row
        except Exception as error:  # a library's own, for whatever is wrong inside of a file
            if is_outage(error, path):
                raise
            failed.append((key, error))
    if failed and rows == 0:
        raise _as_input_error(*failed[0]) from failed[0][1]
    for key, problem in failed:
        yield Row(key).rejected("unreadable_file", one_line(_as_input_error(key, problem)))


def _as_input_error(key: str, error: Exception) -> InputError:
    return error if isinstance(error, InputError) else InputError(f"source {key}: cannot be read: {one_line(error)}")


def _read(source: Source, path: UPath, key: str, said: set[str]) -> Iterator[Row]:
    table = OPENERS.get(suffix_of(path), open_delimited)(source, path)
    if not table.names:
        raise InputError(f"source {path}: it has no rows")
    columns = choose_columns(source, table.names, str(path), table.pictures)
    taken = _said(columns, table)
    if taken not in said and (columns.image, columns.captions, table.form) != ("image", ("caption",), ""):
        said.add(taken)
        log.info("%s: %s", key, taken)
    folders = Folders(source, path)
    split = split_of(key)
    for record in table.read(columns):
        yield from _rows(record, f"{key}:{record.key}", columns, folders, split)


def _said(columns: Columns, table: Table) -> str:
    several = " and ".join(repr(name) for name in columns.captions[:3])
    more = f" and {len(columns.captions) - 3} more" if len(columns.captions) > 3 else ""
    form = f"{table.form}; " if table.form else ""
    return f"{form}pictures from column {columns.image!r}, captions from {several}{more}"


def _rows(record: Record, key: str, columns: Columns, folders: Folders, split: str | None) -> Iterator[Row]:
    if record.reason is not None:
        yield Row(key).rejected(record.reason, record.detail)
        return
    known = columns.metadata(record.values)
    row = replace(Row("", split=split), **{field: value for field, value in known.items() if value is not None})
    row = _located(record.values.get(columns.image), row, folders)
    # Where a row stands changes with every row that comes before it: what it calls itself or its picture does not.
    row = replace(row, key=record.key if record.named else row.name or key, name=row.name or key)
    yield from captioned(row, captions_of(record.values, columns.captions))


def _located(picture: Any, row: Row, folders: Folders) -> Row:
    """Find a picture by what stands in its cell: bytes, a path, an object with one of these, a list of one."""
    if isinstance(picture, list):
        if len(picture) > 1:
            return row.rejected("malformed_row", f"{len(picture)} pictures in one row: {shortened(picture)}")
        picture = picture[0] if picture else None
    if isinstance(picture, dict):
        picture = next((picture[name] for name in ("path", "file_name", "filename", "url") if picture.get(name)), None)
    if isinstance(picture, Located):
        return replace(row, name=picture.name, location=picture.location)
    return folders.find(replace(row, name="" if picture is None else str(picture)))


def _relative(path: UPath, root: UPath) -> str:
    try:
        return path.relative_to(root).as_posix() if path != root else path.name
    except ValueError:
        return path.name
