"""Answers of SQL in the forms that people and programs read, row by row as they come."""

import os
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import IO

import duckdb
import pyarrow as pa
from rich.console import Console
from rich.text import Text

from flows.tables import Column, Columns, numbers, seen
from storage.query import in_words

FORMATS = ("table", "json", "jsonl", "csv", "markdown", "parquet")
ENDINGS = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".md": "markdown",
    ".parquet": "parquet",
}
_MOST_ROWS = 200
_MOST_RECORDS = 20
_AT_A_TIME = 1000
# JSON has no such numbers, DuckDB writes them all the same; inside a string they are words.
_STRING_OR_NO_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)')


def show(rows: pa.RecordBatchReader, form: str, out: IO[str]) -> None:
    """Write an answer to a text stream in one of FORMATS, parquet excepted; raises InputError where the query fails."""
    if form == "table":
        _show_table(rows, Console(file=out, highlight=False))
        return
    for line in _LINES[form](rows):
        out.write(f"{line}\n")


def save(rows: pa.RecordBatchReader, form: str, path: str) -> None:
    """Write an answer to a file, whole or not at all.

    Raises InputError where the query fails, OSError or duckdb.Error where the file cannot be written.
    """
    partial = f"{path}.tmp-{uuid.uuid4().hex}"
    try:
        if form == "parquet":
            with _converting(rows) as connection:
                target = partial.replace("'", "''")
                try:
                    connection.execute(f"COPY (FROM answer) TO '{target}' (FORMAT parquet)")
                except duckdb.IOException:
                    raise
                except duckdb.Error as error:
                    raise in_words(error) from error
        else:
            with open(partial, "w", encoding="utf-8", newline="") as file:
                show(rows, form, file)
        os.replace(partial, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial)


@contextmanager
def _converting(rows: pa.RecordBatchReader) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a DuckDB of its own, with the answer as a table: how values are written is for DuckDB to say."""
    with duckdb.connect() as connection:
        connection.register("answer", rows)
        yield connection


def _selected(rows: pa.RecordBatchReader, columns: str = "columns(*)::VARCHAR") -> Iterator[tuple[str | None, ...]]:
    """Yield the names of the columns, no two alike, and then the rows, as DuckDB writes them."""
    with _converting(rows) as connection:
        try:
            cursor = connection.execute(f"SELECT {columns} FROM answer")
            yield tuple(str(column[0]) for column in cursor.description)
            while several := cursor.fetchmany(_AT_A_TIME):
                yield from several
        except duckdb.Error as error:
            raise in_words(error) from error


def _json_lines(rows: pa.RecordBatchReader) -> Iterator[str]:
    for (text,) in islice(_selected(rows, "to_json(answer)::VARCHAR"), 1, None):
        if text is not None:
            yield _STRING_OR_NO_NUMBER.sub(lambda found: found[0] if found[0][0] == '"' else "null", text)


def _json(rows: pa.RecordBatchReader) -> Iterator[str]:
    yield "["
    before = None
    for line in _json_lines(rows):
        if before is not None:
            yield f"{before},"
        before = line
    if before is not None:
        yield before
    yield "]"


def _csv(rows: pa.RecordBatchReader) -> Iterator[str]:
    for row in _selected(rows):
        yield ",".join(map(_csv_cell, row))


def _csv_cell(text: str | None) -> str:
    """Write a value as DuckDB does: nothing is NULL, an empty string is two quotes."""
    if text is None:
        return ""
    quoted = not text or text != text.strip() or any(letter in text for letter in ',"\n\r')
    return '"' + text.replace('"', '""') + '"' if quoted else text


def _markdown(rows: pa.RecordBatchReader) -> Iterator[str]:
    texts = _selected(rows)
    yield _markdown_row(next(texts))
    yield _markdown_row(["---:" if number else "---" for number in _numeric(rows.schema)])
    yield from map(_markdown_row, texts)


def _markdown_row(cells: Sequence[str | None]) -> str:
    escaped = ((cell or "").replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    written = (re.sub(r"\r\n|\r|\n", "<br>", cell) for cell in escaped)
    return f"| {' | '.join(written)} |"


_LINES = {"json": _json, "jsonl": _json_lines, "csv": _csv, "markdown": _markdown}


def _show_table(rows: pa.RecordBatchReader, console: Console) -> None:
    texts = _selected(rows)
    next(texts)  # two columns of one name may look alike here
    first = list(islice(texts, _MOST_ROWS))
    count = len(first) + sum(1 for _ in texts)
    if rows.schema.names == ["explain_key", "explain_value"]:  # a drawing
        for _, drawing in first:
            console.print(Text(drawing or ""), crop=False, no_wrap=True, overflow="ignore")
        return
    table = _table(rows.schema, first)
    if not table.blocks(console.width):  # records are long
        first = first[:_MOST_RECORDS]
        table = _table(rows.schema, first)
    console.print(table, crop=False)
    if count > len(first):
        console.print(f"{count:,} rows, the first {len(first)} shown; --format csv gives all of them")
    elif not count:
        console.print("no rows")


def _table(schema: pa.Schema, rows: list[tuple[str | None, ...]]) -> Columns:
    columns = []
    for number, (field, numeric) in enumerate(zip(schema, _numeric(schema), strict=True)):
        cells = [row[number] for row in rows]
        if numeric and not pa.types.is_integer(field.type):
            shown = numbers([None if cell is None else float(cell) for cell in cells])
        else:
            shown = ["-" if cell is None else seen(cell) for cell in cells]
        columns.append(Column(seen(field.name), shown, numeric))
    return Columns(columns)


def _numeric(schema: pa.Schema) -> list[bool]:
    return [
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) for kind in schema.types
    ]
