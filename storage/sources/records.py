"""What the readers of tables have in common: named columns, and records that are rows or say why they are none."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from storage.sources.columns import Columns


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a table by its columns, or what is wrong with it."""

    key: str  # its place in the table, or its own name
    values: dict[str, Any] = field(default_factory=dict)
    named: bool = False  # whether `key` is its own name, such as a COCO id
    reason: str | None = None  # a name from schemas.reasons.REJECTS
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """Bytes of a picture inside of a table, where a path would stand in others."""

    location: str  # for `read_image`
    name: str  # what the table calls the picture, may be blank


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is open: its columns are known, its records come when asked for."""

    names: list[str]
    read: Callable[[Columns], Iterable[Record]]
    form: str = ""  # what is worth saying of how it is written: "separated by semicolons"
    pictures: tuple[str, ...] = ()  # columns that hold pictures themselves


def malformed(key: object, detail: str) -> Record:
    """Tell of a record that could not be read."""
    return Record(str(key), reason="malformed_row", detail=detail)


def peeked(records: Iterator[Record], most: int = 100) -> tuple[list[str], list[Record]]:
    """Take the first records, and the names of all their values, in order."""
    first: list[Record] = []
    for record in records:
        first.append(record)
        if len(first) == most:
            break
    return list(dict.fromkeys(name for record in first for name in record.values)), first
