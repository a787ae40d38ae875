"""Read a table with an image path column and a caption column: CSV, TSV, JSONL or Parquet."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.lib
import pyarrow.parquet as pq

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.row import Row, check_caption, check_file, metadata, optional_columns

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})
# A record, the number of its line, or what was wrong with it.
Record = tuple[int, dict[str, Any] | str]


def read_table(source: Source, paths: list[Path]) -> Iterator[Row]:
    """Go through tables; a caption cell may hold a list (JSONL, Parquet)."""
    for path in paths:
        root = _image_root(source, path)
        for number, record in _records(source, path):
            key = f"{path.name}:{number}"
            if isinstance(record, str):
                yield Row(key).rejected("malformed_row", record)
                continue
            yield from _rows(source, record, key, root)


def _rows(source: Source, record: dict[str, Any], key: str, root: Path) -> Iterator[Row]:
    captions = record.get(source.caption_column)
    name = record.get(source.image_column)
    extra = metadata(source, record)
    found = check_file(Row(str(name or key), str(name or ""), **extra), root)
    for caption in captions if isinstance(captions, list) and captions else [captions]:
        yield check_caption(found, caption) if found.reason is None else found


def _image_root(source: Source, path: Path) -> Path:
    if source.images is not None:
        root = Path(source.images)
        if not root.is_dir():
            raise InputError(f"source.images {root}: no such folder")
        return root
    beside = path.parent / "images"
    return beside if beside.is_dir() else path.parent


def _records(source: Source, path: Path) -> Iterator[Record]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(source, path)
    return _jsonl(source, path) if suffix in {".jsonl", ".ndjson"} else _csv(source, path)


def _check_columns(source: Source, path: Path, columns: list[str]) -> None:
    for setting, name in (("image_column", source.image_column), ("caption_column", source.caption_column)):
        if name not in columns:
            there = ", ".join(columns) or "none"
            raise InputError(f"source {path}: no column {name!r} (there are: {there}); set source.{setting}")


def _csv(source: Source, path: Path) -> Iterator[Record]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    # surrogateescape keeps a bad byte inside its own cell, where check_caption finds it.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        header = next(reader, [])
        _check_columns(source, path, header)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield reader.line_num, f"line {reader.line_num}: {error}"
                continue
            if not cells:
                continue  # a blank line is no row
            if len(cells) != len(header):
                yield reader.line_num, f"line {reader.line_num}: {len(cells)} fields, expected {len(header)}"
            else:
                yield reader.line_num, dict(zip(header, cells, strict=True))


def _jsonl(source: Source, path: Path) -> Iterator[Record]:
    first = True
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                yield number, f"line {number}: not JSON: {error.msg}"
                continue
            if not isinstance(record, dict):
                yield number, f"line {number}: expected an object, found {type(record).__name__}"
                continue
            if first:
                _check_columns(source, path, list(record))
                first = False
            yield number, record
    if first:
        raise InputError(f"source {path}: no JSON object in it")


def _parquet(source: Source, path: Path) -> Iterator[Record]:
    try:
        file = pq.ParquetFile(path)
    except pyarrow.lib.ArrowException as error:
        raise InputError(f"source {path}: not a Parquet file: {error}") from error
    _check_columns(source, path, file.schema_arrow.names)
    wanted = (source.image_column, source.caption_column, *optional_columns(source))
    columns = [name for name in wanted if name in file.schema_arrow.names]
    number = 0
    for batch in file.iter_batches(batch_size=1000, columns=columns):
        for record in batch.to_pylist():
            number += 1
            yield number, record
