"""Files of text that grow by a record at a time: JSON lists, JSON lines, tables."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from exports.folder import Folder

Add = Callable[[Any], None]


@contextmanager
def json_list(out: Folder, name: str) -> Iterator[Add]:
    """Give what adds a record to a JSON list."""
    with _enclosed(out, name, "[]") as add:
        yield lambda record: add(_json(record))


@contextmanager
def json_dict(out: Folder, name: str) -> Iterator[Add]:
    """Give what adds a record to a JSON dictionary, whose keys count from "0"."""
    number = 0
    with _enclosed(out, name, "{}") as add:

        def numbered(record: Any) -> None:
            nonlocal number
            add(f'"{number}": {_json(record)}')
            number += 1

        yield numbered


@contextmanager
def json_lines(out: Folder, name: str) -> Iterator[Add]:
    """Give what adds a record to JSON lines."""
    with out.open_text(name) as file:
        yield lambda record: _write(file.write, f"{_json(record)}\n")


@contextmanager
def table(out: Folder, name: str, columns: Sequence[str], delimiter: str = ",") -> Iterator[Add]:
    """Give what adds a row, values in the order of the columns, to a table with quotes where they are needed."""
    with out.open_text(name) as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(columns)
        yield lambda row: _write(writer.writerow, row)


@contextmanager
def _enclosed(out: Folder, name: str, ends: str) -> Iterator[Callable[[str], None]]:
    with out.open_text(name) as file:
        before = f"{ends[0]}\n"

        def add(text: str) -> None:
            nonlocal before
            file.write(f"{before}{text}")
            before = ",\n"

        yield add
        file.write(f"\n{ends[1]}\n" if before == ",\n" else f"{ends}\n")


def _write(write: Callable[[Any], Any], what: Any) -> None:
    write(what)


def _json(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False)
