"""Tables of one's own beside a dataset: labels, splits, metadata. They are read, never changed."""

import os
import re
from collections.abc import Callable, Iterable, Sequence

import duckdb
import fsspec

from schemas.errors import InputError
from storage.query import sentence
from storage.readonly import SCHEME, ReadOnly

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".parquet": "read_parquet",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
_DATABASES = (".duckdb", ".ddb", ".db")
_PACKED = (".gz", ".zst")


def attach_files(
    paths: Sequence[str], connection: duckdb.DuckDBPyConnection, reading: ReadOnly, taken: Iterable[str]
) -> Callable[[duckdb.DuckDBPyConnection], None]:
    """Bring files to a connection that can still open any: databases now, tables through `reading`.

    CSV, TSV, JSON, JSONL and Parquet (local or any fsspec URL, also .gz and .zst) become a view, a DuckDB database (a
    local file) a schema of the file's name, `taken` names excepted: there the ending joins the name, `labels_csv`.
    Returns what makes the views, once the connection is closed to other files.

    Raises InputError where a file is not there, of no such kind, or its name is another's.
    """
    names = {name.lower() for name in taken}
    views: list[tuple[str, str, str, str]] = []
    for number, path in enumerate(paths):
        stem, ending, packed = _parts(path)
        name = stem if stem.lower() not in names else f"{stem}_{ending.removeprefix('.')}"
        if name.lower() in names:
            raise InputError(f"--attach {path}: there is already a table {name}; give the file another name")
        names.add(name.lower())
        if ending in _DATABASES and not packed:
            _attach_database(connection, path, name)
            continue
        reader = _READERS.get(ending)
        if reader is None:
            raise InputError(f"--attach {path}: give a CSV, TSV, JSON, JSONL, Parquet or DuckDB file")
        place = f"attached/{number}/{name}{ending}{packed}"
        fs, base = fsspec.core.url_to_fs(path)
        if not fs.isfile(base):
            raise InputError(f"--attach {path}: no such file")
        reading.files[place] = (fs, base)
        views.append((path, name, reader, place))

    def make_views(connection: duckdb.DuckDBPyConnection) -> None:
        for path, name, reader, place in views:
            try:
                connection.execute(f"CREATE VIEW {_quoted(name)} AS FROM {reader}('{SCHEME}{place}')")
            except duckdb.Error as error:
                raise InputError(f"--attach {path}: {sentence(error).replace(SCHEME + place, 'it')}") from error

    return make_views


def _attach_database(connection: duckdb.DuckDBPyConnection, path: str, name: str) -> None:
    if not os.path.isfile(path):
        raise InputError(f"--attach {path}: no such file")
    place = os.path.abspath(path).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{place}' AS {_quoted(name)} (READ_ONLY)")
    except duckdb.Error as error:
        raise InputError(f"--attach {path}: {sentence(error)}") from error


def _parts(path: str) -> tuple[str, str, str]:
    """Split a path into a name for SQL, its ending, and the ending of a packed file."""
    base = os.path.basename(path.rstrip("/"))
    packed = next((ending for ending in _PACKED if base.lower().endswith(ending)), "")
    stem, ending = os.path.splitext(base[: len(base) - len(packed)])
    name = re.sub(r"\W+", "_", stem).strip("_") or "attached"
    return f"_{name}" if name[0].isdigit() else name, ending.lower(), packed


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
