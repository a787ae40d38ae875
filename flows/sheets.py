"""Answers of people, as spreadsheets save them: semicolons, TRUE or 1.0, blanks, columns of one's own."""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import InputError
from storage.sources.places import encoding_of

# What spreadsheets make of TRUE in the languages that they speak is among these.
_YES = frozenset(
    {"true", "1", "1.0", "1,0", "yes", "y", "t", "x", "wahr", "ja", "vrai", "oui", "verdadero", "sí", "si"}
)
_NO = frozenset({"false", "0", "0.0", "0,0", "no", "n", "f", "falsch", "nein", "faux", "non", "falso"})


@dataclass(frozen=True)
class Sheet:
    """A CSV file, read once."""

    path: str
    digest: str  # SHA-256 of its bytes
    names: tuple[str, ...]  # of its columns, in lower case
    rows: tuple[tuple[int, dict[str, str]], ...]  # that are not blank: number of the line, and cells by column

    def __iter__(self) -> Iterator[tuple[int, dict[str, str]]]:
        return iter(self.rows)


def read_sheet(path: str, needed: Sequence[str], option: str) -> Sheet:
    """Read a CSV file: commas, semicolons or tabs, UTF-8 or UTF-16, what the first line is written with.

    Of columns of one name the first counts; what stands beyond the last is left. Raises InputError, which names the
    option that gave the file, where it cannot be read or lacks a needed column.
    """
    header = ",".join(needed)
    try:
        data = Path(path).read_bytes()
        text = data.decode(encoding_of(data))
    except OSError as error:
        raise InputError(f"{option} {path}: {error.strerror or error}; give a CSV file: {header}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{option} {path}: not CSV in UTF-8: {error}; the first line must be {header}") from error
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    found: list[tuple[int, dict[str, str]]] = []
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        lacking = next((name for name in needed if name not in names), None)
        if lacking is not None:
            raise InputError(f"{option} {path}: no column {lacking}; the first line must be {header}")
        for cells in rows:
            if any(cell.strip() for cell in cells):
                padded = [*cells, *[""] * (len(names) - len(cells))]
                named = zip(reversed(names), reversed(padded[: len(names)]), strict=True)
                found.append((rows.line_num, {name: cell.strip() for name, cell in named}))
    except csv.Error as error:
        raise InputError(f"{option} {path}: line {rows.line_num}: {error}; the first line must be {header}") from error
    return Sheet(path, hashlib.sha256(data).hexdigest(), tuple(names), tuple(found))


def answer_of(cell: str) -> bool | None:
    """Read yes or no. Raises ValueError for what is neither; a blank is no answer."""
    word = cell.strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    if word:
        raise ValueError(word)
    return None
