"""SQL that only reads: what a person may ask of a catalog, and the answer as Arrow.

The connection itself can write nothing (`storage.readonly`); what is here tells so in a sentence, before anything runs.
What runs is chosen by DuckDB's own parse tree, from a list of what a query may consist of.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa

from schemas.errors import InputError

# A query may consist of these, everything else that the parse tree names is refused: a CTE can INSERT and COPY.
_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLES = frozenset(
    {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF", "CTE"}
)
_FUNCTIONS = frozenset(
    {
        "generate_series", "generate_subscripts", "histogram", "histogram_values", "icu_calendar_names", "json_each",
        "json_tree", "pg_timezone_names", "pragma_collations", "pragma_database_size", "pragma_platform",
        "pragma_show", "pragma_storage_info", "pragma_table_info", "pragma_user_agent", "pragma_version", "range",
        "repeat", "repeat_row", "summary", "test_all_types", "unnest",
        "duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_dependencies", "duckdb_extensions",
        "duckdb_functions", "duckdb_indexes", "duckdb_keywords", "duckdb_memory", "duckdb_optimizers",
        "duckdb_schemas", "duckdb_sequences", "duckdb_settings", "duckdb_tables", "duckdb_temporary_files",
        "duckdb_types", "duckdb_variables", "duckdb_views",
    }
)  # fmt: skip
_PRAGMAS = frozenset(
    {
        "collations", "database_list", "database_size", "functions", "platform", "show", "show_databases",
        "show_tables", "show_tables_expanded", "storage_info", "table_info", "user_agent", "version",
    }
)  # fmt: skip
# What comes before an error of a query whose answer goes through Arrow.
_STREAMED = re.compile(r"^(?:[A-Z]\w+ )+Error: reading the stream registered as '\w+' failed: \w+: ")
LOSSLESS = "arrow_lossless_conversion"  # what has no type in Arrow comes as an extension that DuckDB knows again
_ROWS = 1000  # of an Arrow batch: few, because they may hold pictures


def statements(text: str) -> list[str]:
    """Split SQL at its semicolons, as DuckDB reads it: not at those in strings, names and comments."""
    data = _encoded(text)
    pieces, start = [], 0
    for at, word in _tokens(text):
        if word == ";":
            pieces.append(data[start:at])
            start = at + 1
    pieces.append(data[start:])
    texts = (piece.decode().strip() for piece in pieces)
    return [piece for piece in texts if any(not _is_comment(word) for _, word in _tokens(piece))]


def is_complete(text: str) -> bool:
    """Tell whether SQL that somebody types ends with a semicolon, which is not inside a string or a comment."""
    words = [word for _, word in _tokens(text) if not _is_comment(word)]
    return not words or words[-1] == ";"


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise InputError, in one line, unless a single statement is a query and nothing but a query."""
    try:
        _check(connection, sql)
    except duckdb.Error as error:
        raise InputError(f"sql: {sentence(error)}") from error
    except RecursionError:
        raise InputError("sql: this is nested too deeply to be read") from None


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader:
    """Run one statement that only reads; its rows come as Arrow batches while they are read.

    Raises InputError when it would change something, is not SQL, or fails; `in_words` is for what fails while the
    rows are read.
    """
    check(connection, sql)
    try:
        connection.execute(f"SET {LOSSLESS} = true")
        return connection.sql(sql).to_arrow_reader(_ROWS)
    except duckdb.Error as error:
        raise in_words(error) from error


def in_words(error: Exception) -> InputError:
    """Turn what DuckDB says of a query that failed into one line."""
    if isinstance(error, duckdb.PermissionException):
        return InputError(
            "sql: only the dataset's own tables are read here, no other files; your own come in by --attach FILE"
        )
    return InputError(f"sql: {sentence(error)}")


@contextmanager
def condition_named(where: str | None) -> Iterator[None]:
    """Name the condition of `--where`, None where there is none, in what is wrong with a query that it is part of."""
    try:
        yield
    except duckdb.Error as error:
        if where is None or type(error) in {duckdb.IOException, duckdb.OutOfMemoryException}:
            raise
        raise InputError(f"--where {where}: {sentence(error)}") from error
    except InputError as error:
        raise InputError(f"--where {where}: {str(error).removeprefix('sql: ')}") from error


def sentence(error: Exception) -> str:
    """Take the sentence out of an error of DuckDB, whose text may hold a place in the SQL and a traceback of ours."""
    text = str(error).split("\n\nLINE ")[0].strip()
    if "Traceback (most recent call last)" in text:
        text = re.sub(r"^\[Errno \d+\] ", "", text.splitlines()[-1].partition(": ")[2])
    return " ".join(_STREAMED.sub("", text).split())


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    found = connection.extract_statements(_encoded(sql).decode())
    if len(found) != 1:
        raise InputError("sql: nothing to run; try from help()" if not found else "sql: one statement at a time")
    kind = found[0].type
    if kind == duckdb.StatementType.SELECT:
        _check_tree(connection, sql)
    elif kind == duckdb.StatementType.PRAGMA and _words(sql)[1].lower() in _PRAGMAS:
        return
    elif _words(sql)[0].upper() == "EXPLAIN":
        _check(connection, _explained(connection, sql))
    elif kind == duckdb.StatementType.MULTI:
        # PIVOT whose values are only known once the data are read: the same query with some values is one to look at.
        filled = _filled_pivot(sql)
        if [each.type for each in connection.extract_statements(filled)] != [duckdb.StatementType.SELECT]:
            raise _refusal(_words(sql)[0].upper())
        _check_tree(connection, filled)
    else:
        raise _refusal(_words(sql)[0].upper())


def _check_tree(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    [(text,)] = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    tree = json.loads(text)
    if tree["error"]:
        raise InputError(f"sql: {tree['error_message']}")
    macros = None
    for node in _nodes(tree):
        kind = node.get("type")
        if not isinstance(kind, str) or "class" in node:  # an expression
            continue
        if kind.endswith("_NODE") and kind not in _NODES:
            raise _refusal(kind.removesuffix("_QUERY_NODE"))
        if "sample" in node and "alias" in node and kind not in _TABLES:
            raise _refusal(kind)
        if kind == "TABLE_FUNCTION":
            name = str(node["function"]["function_name"]).lower()
            macros = _macros(connection) if macros is None else macros
            if name not in _FUNCTIONS and name not in macros:
                raise InputError(
                    f"sql: {name}() is not for here: tables and macros are listed by FROM help(), "
                    "your own files come in by --attach FILE"
                )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _macros(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
        "WHERE function_type = 'table_macro' AND NOT internal"
    )
    return {name for (name,) in found.fetchall()}


def _explained(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return what an EXPLAIN explains."""
    data = _encoded(sql)
    words = [(at, word) for at, word in _tokens(sql) if not _is_comment(word)][1:]
    if words and words[0][1].upper() == "ANALYZE":
        words = words[1:]
    if not words:
        raise InputError("sql: EXPLAIN of what?")
    rest = data[words[0][0] :].decode()
    if words[0][1] != "(":
        return rest
    try:  # a parenthesis begins a query, or a list of options
        connection.extract_statements(rest)
    except duckdb.Error:
        depth = 0
        for number, (_, word) in enumerate(words[:-1]):
            depth += {"(": 1, ")": -1}.get(word, 0)
            if depth == 0:
                return data[words[number + 1][0] :].decode()
    return rest


def _filled_pivot(sql: str) -> str:
    """Write `IN (NULL)` behind every column that a PIVOT takes its values from."""
    data = _encoded(sql)
    words = [(at, word) for at, word in _tokens(sql) if not _is_comment(word)]
    ends: list[int] = []
    for number, (_, word) in enumerate(words):
        if word.upper() in {"PIVOT", "PIVOT_WIDER"}:
            ends += _pivoted(words[number + 1 :])
    for end in sorted(set(ends), reverse=True):
        data = data[:end] + b" IN (NULL) " + data[end:]
    return data.decode()


def _pivoted(words: list[tuple[int, str]]) -> list[int]:
    """Tell where the expressions of `PIVOT ... ON a, b` end that name no values; given what is behind PIVOT."""
    ends, depth, inside, named = [], 0, False, False
    last = [(at + len(word.encode()), ")") for at, word in words[-1:]]
    for at, word in [*words, *last]:
        depth += {"(": 1, "[": 1, "{": 1}.get(word, 0) - {")": 1, "]": 1, "}": 1}.get(word, 0)
        over = depth < 0 or word.upper() in {"USING", "GROUP", "ORDER", "LIMIT", ";"}
        if inside and depth <= 0 and (over or word == ",") and word not in "([{":
            ends += [] if named else [at]
            named = False
        if depth < 0 or (inside and depth == 0 and over):
            break
        if depth == 0 and word.upper() == "ON":
            inside, named = True, False
        named = named or (inside and depth == 0 and word.upper() == "IN")
    return ends


def _refusal(what: str) -> InputError:
    return InputError(f"sql: {what} is not allowed: only queries are, the dataset is never changed by SQL")


def _words(sql: str) -> list[str]:
    return [word for _, word in _tokens(sql) if not _is_comment(word)]


def _tokens(text: str) -> list[tuple[int, str]]:
    """Return where each word begins, in bytes, and the word."""
    data = _encoded(text)
    starts = [at for at, _ in duckdb.tokenize(text)]
    return [(at, data[at:end].decode(errors="replace").strip()) for at, end in pairwise([*starts, len(data)])]


def _is_comment(word: str) -> bool:
    return word.startswith(("--", "/*"))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InputError("sql: the query is not valid UTF-8") from None
