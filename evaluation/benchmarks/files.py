"""Read the files of benchmarks: JSON of several shapes, CSV, Parquet and Arrow with pictures inside."""

import ast
import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.items import Picture, picture
from schemas.errors import InputError

_ENDINGS = (".jpg", ".png", ".jpeg", ".webp")
_ROWS = 64  # with pictures, at a time


def json_of(path: Path) -> Any:
    """Read a JSON file, once however many ask whether it is theirs; raises InputError."""
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split())[:120]}; expected JSON") from error


@lru_cache(maxsize=8)
def _parsed(path: Path, _changed: int) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def below(folder: Path, *patterns: str) -> list[Path]:
    """List the files of a folder, and of those a few levels below it, that have such a name: not of a million pictures'
    folders, however deep."""
    levels = ("", "*/", "*/*/", "*/*/*/")
    return sorted(path for level in levels for pattern in patterns for path in folder.glob(level + pattern))


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file of a JSON object a line; raises InputError with the line."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise InputError(f"{path}: line {number}: {error}; expected JSON") from error


def csv_rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a CSV file with a header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def csv_columns(path: Path) -> list[str]:
    """Read the header of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])


def literal_list(text: str) -> list[str]:
    """Read a Python list of strings as CSV files hold it, without running it; raises ValueError."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"{text[:60]!r} is no list of captions") from error
    return [str(each) for each in found]


def tables_of(folder: Path) -> list[Path]:
    """List Parquet files, and Arrow files of `save_to_disk`, of a folder and of those in it."""
    return below(folder, "*.parquet", "*.arrow")


def columns_of(folder: Path) -> set[str]:
    """Name the columns of the first table of a folder."""
    for path in tables_of(folder):
        try:
            return set(_schema(path).names)
        except (pa.ArrowException, OSError):
            continue
    return set()


def table_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """Read the rows of all tables of a folder; raises InputError where one cannot be read."""
    for path in tables_of(folder):
        try:
            for batch in _batches(path):
                yield from batch.to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path}: {' '.join(str(error).split())[:120]}") from error


def inside(value: Any, folder: Path) -> Picture:
    """Name the picture of a table's cell: {bytes, path} as Hugging Face keeps it, or a path."""
    if isinstance(value, dict):
        if value.get("bytes") is not None:
            return picture(value["bytes"])
        value = value.get("path")
    return beside(folder, str(value))


def beside(folder: Path, name: str, inside_of: Sequence[str] = (".",)) -> Picture:
    """Name a picture by its file: in one of these folders of the benchmark's, with or without an ending.

    Where there is no such file, what is looked for is named all the same, and the item will be left out.
    """
    places = [folder / each / name for each in inside_of]
    for place in places:
        for path in (place, *(place.with_name(place.name + ending) for ending in _ENDINGS)):
            if path.is_file():
                return picture(path=str(path))
    return picture(path=str(places[0]))


def first_of(folder: Path, *patterns: str) -> Path | None:
    """Find the first file of a folder with a name like these."""
    return next((each for pattern in patterns for each in sorted(folder.glob(pattern)) if each.is_file()), None)


def _schema(path: Path) -> pa.Schema:
    if path.suffix == ".parquet":
        return pq.read_schema(path)
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
        return reader.schema


def _batches(path: Path) -> Iterable[pa.RecordBatch]:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(_ROWS)
        return
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
        yield from reader
