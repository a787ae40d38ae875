"""Answers of people, as spreadsheets save them: semicolons, TRUE or 1.0, blanks, columns of one's own."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.errors import InputError
from storage.sources.places import encoding_of

_YES = frozenset({"true", "1", "1.0", "yes", "y", "t", "x"})
_NO = frozenset({"false", "0", "0.0", "no", "n", "f"})


def read_sheet(path: str, needed: Sequence[str], option: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file, each with the number of its line; names of columns in lower case.

    Commas, semicolons or tabs, UTF-8 or UTF-16: what the first line is written with. Raises InputError, which names
    the option that gave the file, where it cannot be read or lacks a needed column.
    """
    header = ",".join(needed)
    try:
        data = Path(path).read_bytes()
        text = data.decode(encoding_of(data))
    except OSError as error:
        raise InputError(f"{option} {path}: {error.strerror or error}; give a CSV file: {header}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{option} {path}: not CSV in UTF-8: {error}; the first line must be {header}") from error
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=max(",;\t", key=first.count))
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        lacking = next((name for name in needed if name not in names), None)
        if lacking is not None:
            raise InputError(f"{option} {path}: no column {lacking}; the first line must be {header}")
        for cells in rows:
            if any(cell.strip() for cell in cells):
                padded = [*cells, *[""] * (len(names) - len(cells))]
                yield rows.line_num, {name: cell.strip() for name, cell in zip(names, padded, strict=False)}
    except csv.Error as error:
        raise InputError(f"{option} {path}: line {rows.line_num}: {error}; the first line must be {header}") from error


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
