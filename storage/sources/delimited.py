"""Read text tables: commas, semicolons, tabs or bars between cells, with a line of names or without.

Quotation marks are read as RFC 4180 has them, one record at a time: a mark that is never closed costs its own line,
not all that follow, and marks that are only part of a text stay in it.
"""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from upath import UPath

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.columns import Columns, choose_columns
from storage.sources.places import IMAGE_SUFFIXES, encoding_in, open_text, suffix_of
from storage.sources.records import Record, Table, malformed

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_HEAD = 50  # lines looked at to tell how a table is written
_MOST_LINES = 100  # of one record
_MOST_SHAPES = 1000
_SUFFIXES = "|".join(re.escape(suffix) for suffix in sorted(IMAGE_SUFFIXES))
_PICTURE = re.compile(rf"\S.*({_SUFFIXES})(#\d+)?", re.IGNORECASE)
_UNCLOSED = "unexpected end of data"  # the csv module's words for it
_WAYS: tuple[dict[str, Any], ...] = (
    {},  # RFC 4180
    {"doublequote": False, "escapechar": "\\"},
    {"quoting": csv.QUOTE_NONE},  # marks that are part of a text: "Stop" is written
)


def open_delimited(source: Source, path: UPath) -> Table:
    """Open a text table; how it is written is told by its first lines.

    Raises InputError where the columns named by the config are not there.
    """
    encoding = source.encoding or encoding_in(path)
    lines = _lines(path, encoding)
    head = list(_first(lines))
    usual = "\t" if suffix_of(path) == ".tsv" else ","
    delimiter, names, headless = _dialect(source, [line for _, line in head], usual)
    form = [] if delimiter == usual else [f"separated by {_DELIMITERS[delimiter]}"]
    form += [] if encoding.startswith("utf-8") else [encoding.upper()]
    form += ["without a line of names"] if headless else []

    def read(columns: Columns) -> Iterator[Record]:
        waiting = _Lines(head if headless else head[1:], lines)
        return _records(waiting, delimiter, names, names.index(columns.image))

    return Table(names, read, ", ".join(form))


class _Lines:
    """Numbered lines that can be put back."""

    def __init__(self, head: list[tuple[int, str]], rest: Iterator[tuple[int, str]]) -> None:
        self._waiting = deque(head)
        self._rest = rest

    def take(self) -> tuple[int, str] | None:
        return self._waiting.popleft() if self._waiting else next(self._rest, None)

    def put_back(self, lines: list[tuple[int, str]]) -> None:
        self._waiting.extendleft(reversed(lines))


def _lines(path: UPath, encoding: str) -> Iterator[tuple[int, str]]:
    with open_text(path, encoding, newline="") as text:
        for number, line in enumerate(text, 1):
            yield number, line.lstrip("\ufeff") if number == 1 else line


def _first(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    taken = 0
    for number, line in lines:
        if line.strip(" \r\n"):
            taken += 1
            yield number, line
            if taken == _HEAD:
                return


def _dialect(source: Source, head: list[str], usual: str) -> tuple[str, list[str], bool]:
    """Tell the delimiter, the names of the columns, and whether these are ours since the table has none."""
    if not head:
        return usual, [], False
    likely = list(dict.fromkeys([usual, *_DELIMITERS]))
    named = {delimiter: _distinct(_cells(head[0], delimiter) or []) for delimiter in likely}
    for delimiter, names in named.items():
        with suppress(InputError):
            choose_columns(source, names, "")
            return delimiter, names, False
    (score, image, caption, width), delimiter = max(((_regular(head, d), d) for d in likely), key=lambda one: one[0][0])
    if score > 0.5 and source.image_column is None and source.caption_column is None:
        columns = [f"column {n + 1}" for n in range(width)]
        columns[image], columns[caption] = "image", "caption"
        return delimiter, columns, True
    # No name is known: the widest reading of the first line says at least what there is.
    widest = max(likely, key=lambda delimiter: len(named[delimiter]))
    return widest, named[widest] or [head[0].strip()], False


def _regular(head: list[str], delimiter: str) -> tuple[float, int, int, int]:
    """Tell what share of the lines has a name of a picture in the same place and as many cells, where that is, where
    the longest text is, and how many cells there are."""
    rows = [cells for cells in (_cells(line, delimiter) for line in head) if cells is not None and len(cells) > 1]
    if not rows:
        return 0.0, 0, 0, 0
    width = max(set(map(len, rows)), key=lambda n: sum(len(row) == n for row in rows))
    rows = [row for row in rows if len(row) == width]
    named = [sum(_names_picture(row[at]) for row in rows) for at in range(width)]
    image = max(range(width), key=named.__getitem__)
    words = [sum(len(row[at].split()) for row in rows) if at != image else -1 for at in range(width)]
    return named[image] / len(head), image, max(range(width), key=words.__getitem__), width


def _names_picture(cell: str) -> bool:
    return bool(_PICTURE.fullmatch(cell)) or cell.startswith(("http://", "https://"))


def _distinct(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return distinct


def _records(lines: _Lines, delimiter: str, names: list[str], image: int) -> Iterator[Record]:
    shapes: set[str] = set()
    while (line := lines.take()) is not None:
        number, text = line
        if not text.strip() and delimiter not in text:
            continue  # a blank line is no row
        cells = _read(text, delimiter, len(names))
        if cells == _UNCLOSED:
            cells = _several_lines(lines, text, delimiter, len(names), image, shapes)
        if isinstance(cells, str):
            yield malformed(number, f"line {number}: {cells}")
            continue
        if len(shapes) < _MOST_SHAPES:
            shapes.add(_shape(cells[image]))
        yield Record(str(number), dict(zip(names, cells, strict=True)))


def _several_lines(
    lines: _Lines, text: str, delimiter: str, width: int, image: int, shapes: set[str]
) -> list[str] | str:
    """Read a record with line breaks inside of quotation marks; or say that these are never closed."""
    taken: list[tuple[int, str]] = []
    while len(taken) < _MOST_LINES and (more := lines.take()) is not None:
        taken.append(more)
        text += more[1]
        # A line that has a picture's name where one belongs is a record by itself, and no part of a text.
        parts = [part.strip().strip('"') for part in more[1].split(delimiter)]
        if len(parts) >= width and _is_like_a_name(parts[image if image < width - 1 else -1], shapes):
            break
        found = _read(text, delimiter, width)
        if not isinstance(found, str) and not set("\r\n") & set(found[image]):
            return found
        if found != _UNCLOSED:
            break
    lines.put_back(taken)
    return "a quotation mark opens a cell and is never closed"


def _shape(name: str) -> str:
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", name))


def _is_like_a_name(cell: str, shapes: set[str]) -> bool:
    if not cell:
        return False
    return _shape(cell) in shapes or (
        not re.search(r"\s", cell) and bool(re.search(r"[\d_/]", cell) or _names_picture(cell))
    )


def _read(text: str, delimiter: str, width: int) -> list[str] | str:
    """Split a record into cells, or say what is wrong with it."""
    problems: list[str] = []
    for way in _WAYS:
        if way.get("quoting") == csv.QUOTE_NONE and _UNCLOSED in problems:
            break
        if "escapechar" in way and '\\"' not in text:
            continue
        try:
            cells = _split(text, delimiter, way)
        except csv.Error as error:
            problems.append(str(error))
            continue
        if len(cells) == width:
            return cells
        problems.append(f"{len(cells)} cells, expected {width}")
    return _UNCLOSED if _UNCLOSED in problems else problems[0]


def _cells(text: str, delimiter: str) -> list[str] | None:
    with suppress(csv.Error):
        return _split(text, delimiter, {})
    return None


def _split(text: str, delimiter: str, way: dict[str, Any]) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True, **way)
    cells = next(rows, [])
    if next(rows, None) is not None:
        raise csv.Error("a line break outside of quotation marks")
    return [cell.strip() for cell in cells]
