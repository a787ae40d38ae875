"""`counterfoil sql` without a query: a shell on a terminal, a filter of statements elsewhere."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import duckdb

from schemas.errors import InputError
from storage.query import is_complete, statements

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

BANNER = """SQL over the current build, read-only. `from help();` lists what there is.
A statement ends with a semicolon; Tab completes, Ctrl-D leaves."""
_LEAVING = {"exit", "quit", ".exit", ".quit", "\\q"}
Run = Callable[[str], None]  # runs one statement and shows its answer


def filtered(source: IO[str], run: Run) -> None:
    """Run the statements of a stream, one after the other; raises InputError at the first that fails."""
    try:
        text = source.read()
    except UnicodeDecodeError:
        raise InputError("sql: what is piped in is not valid UTF-8") from None
    for statement in statements(text):
        run(statement)


def shell(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Ask for statements on a terminal until the end of input; what fails is told, and the shell goes on."""
    session = _session(connection)
    print(BANNER)
    # Ctrl-C ends a query or empties the line, not the shell.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    while True:
        try:
            text = session.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if _leaves(text):
            return
        try:
            for statement in statements(text):
                run(statement)
        except InputError as error:
            print(error, file=sys.stderr)
        except KeyboardInterrupt:
            print("sql: interrupted", file=sys.stderr)


def _session(connection: duckdb.DuckDBPyConnection) -> "PromptSession[str]":
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.history import FileHistory, History, InMemoryHistory
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @Condition
    def waits() -> bool:
        text = session.default_buffer.text
        return not is_complete(text) and not _leaves(text)

    @keys.add("enter", filter=waits)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    place = _history_file()
    history: History = FileHistory(str(place)) if place is not None else InMemoryHistory()
    words = list(dict.fromkeys(completions(connection)))
    session: PromptSession[str] = PromptSession(
        "counterfoil> ",
        prompt_continuation="         ... ",
        multiline=True,
        history=history,
        completer=WordCompleter(words, ignore_case=True),
        complete_while_typing=False,
        key_bindings=keys,
        enable_open_in_editor=True,
    )

    @keys.add("enter", filter=~waits)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return session


def completions(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Go through what may be meant: tables, macros, columns, words of SQL, functions."""
    for sql in (
        "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1",
        "SELECT table_name FROM duckdb_tables() ORDER BY 1",
        "SELECT DISTINCT function_name || '(' FROM duckdb_functions() WHERE NOT internal ORDER BY 1",
        "SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal ORDER BY 1",
        "SELECT DISTINCT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = 'reserved' ORDER BY 1",
        "SELECT DISTINCT function_name || '(' FROM duckdb_functions() WHERE internal AND function_type != 'pragma' "
        "AND function_name SIMILAR TO '[a-z][a-z0-9_]*' ORDER BY 1",
    ):
        for (word,) in connection.execute(sql).fetchall():
            yield str(word)


def _leaves(text: str) -> bool:
    return text.strip().rstrip(";").lower() in _LEAVING


def _history_file() -> Path | None:
    """Return where the shell remembers what was typed; None where nothing can be written."""
    folder = Path(os.environ.get("COUNTERFOIL_CACHE", Path.home() / ".cache" / "counterfoil"))
    place = folder / "sql_history"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with place.open("a"):
            return place
    except OSError:
        return None
