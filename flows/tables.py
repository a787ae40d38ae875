"""Tables for a terminal: numbers keep to themselves, text gets the room that is left, words stay whole."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_GAP = 2  # between columns
_LONGEST_PIECE = 24  # of what has no place to break, such as a fingerprint
_LONGEST_CELL = 200
_MOST_BLOCKS = 3
_PIECES = re.compile(r"[^\s_/]*[_/]+|[^\s_/]+|\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Column:
    """A name and its cells, as they are to be seen."""

    name: str
    cells: Sequence[str]
    numeric: bool

    @property
    def natural(self) -> int:
        """The width that needs no line break."""
        return max(map(cell_len, (self.name, *self.cells, " ")))

    @property
    def least(self) -> int:
        """The width that breaks no word."""
        cells = map(cell_len, self.cells) if self.numeric else map(_longest_piece, self.cells)
        return max(1, _longest_piece(self.name), *cells)

    @property
    def comfortable(self) -> int:
        """The width that breaks no name of several words, and leaves sentences some room."""
        return max(self.least, min(_LONGEST_PIECE, max(map(cell_len, self.cells), default=1)))


@dataclass(frozen=True)
class Columns:
    """A table, laid out for the width of the console.

    Where the columns cannot stand side by side, they come in blocks one below the other, each beginning with the first
    column; where these would be many, every row is a record, a line for each value.
    """

    columns: Sequence[Column]
    ruled: bool = True

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Lay out the table for this width."""
        blocks = self.blocks(options.max_width)
        if not blocks:
            yield from self._records(options.max_width)
        for number, block in enumerate(blocks):
            if number:
                yield Text("")
            yield from _block(block, options.max_width, ("-" if options.ascii_only else "─") if self.ruled else "")

    def blocks(self, most: int) -> list[list[Column]]:
        """Share out the columns among blocks of this width; none where that would break words or take too many."""
        if sum(column.least + _GAP for column in self.columns) - _GAP <= most:
            return [list(self.columns)]
        first, *others = self.columns
        blocks = [[first]]
        for column in others:
            if sum(each.comfortable + _GAP for each in (*blocks[-1], column)) - _GAP > most and len(blocks[-1]) > 1:
                blocks.append([first])
            blocks[-1].append(column)
        fits = all(sum(column.least + _GAP for column in block) - _GAP <= most for block in blocks)
        return blocks if fits and len(blocks) <= _MOST_BLOCKS else []

    def _records(self, most: int) -> Iterator[Text]:
        label = min(max(cell_len(column.name) for column in self.columns), most // 2)
        for number in range(len(self.columns[0].cells)):
            yield Text(f"-- {number + 1} ".ljust(label, "-"), style="dim")
            for column in self.columns:
                lines = wrapped(column.cells[number], max(most - label - _GAP, 1))
                name = set_cell_size(column.name, label)
                yield _line((name, "dim"), " " * _GAP, f"\n{' ' * (label + _GAP)}".join(lines))


def wrapped(text: str, width: int) -> list[str]:
    """Break text into lines of a width: between words, else behind _ and /, else where it must be."""
    lines, line = [], ""
    for piece in _PIECES.findall(text) if cell_len(text) > width else [text]:
        if cell_len(line + piece.rstrip()) <= width:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while cell_len(line) > width:
            head = line[: max(len(set_cell_size(line, width).rstrip()), 1)]
            head = head if cell_len(head) <= width or len(head) == 1 else head[:-1]
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def written_out(value: str) -> str:
    """Write out what would move the cursor, or turn the direction of what stands behind it."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], value)


def seen(value: str) -> str:
    """Make text fit for one cell: controls are written out, what is very long is cut."""
    text = written_out(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}..."


def numbers(values: Sequence[float | None]) -> list[str]:
    """Write the numbers of a column in four digits, or in all that stand before the point, the points aligned."""
    texts = [_number(value) for value in values]
    places = [len(text.partition(".")[2]) for text in texts if "e" not in text]
    most = max(places, default=0)
    if not 0 < most <= 3:
        return texts
    return [
        text if value is None or "e" in text or not math.isfinite(value) else f"{value:.{most}f}"
        for text, value in zip(texts, values, strict=True)
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:.4g}"


def _block(columns: Sequence[Column], most: int, rule: str) -> Iterator[Text]:
    widths = _shared(columns, most - _GAP * (len(columns) - 1))
    yield from _row([(column.name, column) for column in columns], widths, "" if rule else "dim")
    if rule:
        yield Text(rule * (sum(widths) + _GAP * (len(widths) - 1)), style="dim")
    for cells in zip(*(column.cells for column in columns), strict=True):
        yield from _row(list(zip(cells, columns, strict=True)), widths)


def _row(cells: list[tuple[str, Column]], widths: list[int], style: str = "") -> Iterator[Text]:
    lines = [wrapped(text, width) for (text, _), width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, lines))):
        parts = []
        for (_, column), several, width in zip(cells, lines, widths, strict=True):
            text = several[number] if number < len(several) else ""
            room = " " * max(width - cell_len(text), 0)
            parts.append(room + text if column.numeric else text + room)
        yield _line(((" " * _GAP).join(parts).rstrip(), style))


def _line(*parts: str | tuple[str, str]) -> Text:
    text = Text.assemble(*parts)
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _shared(columns: Sequence[Column], room: int) -> list[int]:
    """Widen columns from their least: those that want little get all of it, then the longest share what is left."""
    natural, widths = [column.natural for column in columns], [column.least for column in columns]
    if sum(natural) <= room:
        return natural
    # A long heading over short numbers is broken before any text is.
    wanted = [
        max(min(n, max(map(cell_len, c.cells), default=1)), c.least) for n, c in zip(natural, columns, strict=True)
    ]
    for goals in (wanted, natural):
        left = room - sum(widths)
        wanting = sorted((i for i, goal in enumerate(goals) if goal > widths[i]), key=lambda i: goals[i])
        for rank, index in enumerate(wanting):
            # Even shares are of the width in the end: long texts come out equally wide.
            level = (left + sum(widths[i] for i in wanting[rank:])) // (len(wanting) - rank)
            more = min(max(min(goals[index], level) - widths[index], 0), left)
            widths[index], left = widths[index] + more, left - more
    return widths


def _longest_piece(text: str) -> int:
    pieces = (cell_len(piece.strip()) for piece in _PIECES.findall(text))
    return min(max(pieces, default=1), _LONGEST_PIECE)
