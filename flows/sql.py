"""`counterfoil sql`: what is asked, where it comes from and where the answer goes."""

import codecs
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from flows.builds import chosen_build
from flows.results import ENDINGS, FORMATS, save, show
from flows.shell import filtered, shell
from schemas.errors import InputError
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Build, Dataset
from storage.query import answer, check, statements


def ask(
    folder: str, query: str | None, form: str | None, out: str | None, attach: Sequence[str], build: str | None = None
) -> None:
    """Answer one or several statements about a build, the current one by default; without any a shell on a terminal,
    else what is piped in.

    Raises InputError for what a person can mend, before anything runs where it can be known by then.
    """
    chosen = _form(form, out)
    dataset = Dataset(folder)
    if out is not None:
        _check_answer_file(out, dataset)
        if query is None or len(statements(query)) != 1:
            raise InputError(f"--out {out}: give one query, its answer is the file")
    asked_of = chosen_build(dataset, build)
    with connect(dataset, asked_of, attach) as connection:
        run = _runner(connection, dataset, asked_of, chosen, out)
        if query is not None:
            asked = statements(query) or [""]
            for statement in asked:
                check(connection, statement)
            for statement in asked:
                run(statement)
        elif sys.stdin.isatty() and sys.stdout.isatty():
            shell(connection, run)
        else:
            filtered(sys.stdin, run)


def _form(form: str | None, out: str | None) -> str:
    chosen = form or (ENDINGS.get(Path(out).suffix.lower()) if out is not None else "table")
    if chosen is None:
        raise InputError(f"--out {out}: its ending tells no format; give --format {', '.join(FORMATS)}")
    if chosen not in FORMATS:
        raise InputError(f"--format {chosen}: expected {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if chosen == "parquet" and out is None:
        raise InputError("--format parquet: Parquet is no text; give the file to write, --out FILE.parquet")
    return chosen


def _check_answer_file(out: str, dataset: Dataset) -> None:
    """Raise InputError for a file that cannot be written, or that would be one of the dataset's own."""
    place = Path(out).resolve()
    if dataset.local and place.is_relative_to(Path(dataset.base).resolve()):
        raise InputError(f"--out {out}: inside the dataset, which SQL never changes; give a file elsewhere")
    if not place.parent.is_dir() or place.is_dir():
        raise InputError(f"--out {out}: give a file in a folder that is there")


def _runner(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, build: Build, form: str, out: str | None
) -> Callable[[str], None]:
    """Return what runs one statement and shows its answer."""
    if hasattr(sys.stdout, "reconfigure"):
        codecs.register_error("json", _as_json)
        errors = {"table": "replace", "json": "json", "jsonl": "json"}.get(form, "backslashreplace")
        sys.stdout.reconfigure(errors=errors)

    shown = 0

    def run(statement: str) -> None:
        nonlocal shown
        with damage_named(dataset, build), answer(connection, statement) as rows:
            if out is not None:
                save(rows, form, out)
                return
            if shown and form in {"table", "markdown"}:
                print()
            shown += 1
            show(rows, form, sys.stdout)

    return run


def _as_json(error: UnicodeError) -> tuple[str, int]:
    """Write letters that an encoding lacks as JSON's escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{a:02x}{b:02x}" for a, b in zip(units[::2], units[1::2], strict=True)), error.end
