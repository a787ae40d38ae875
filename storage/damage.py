"""What a query says of a file that is cut, overwritten or gone: which it is, and what to do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb

from schemas.errors import InputError
from storage.dataset import Build, DamagedShardError, Dataset
from storage.manifest import Manifest
from storage.packs import catalog_files
from storage.query import sentence
from storage.readonly import SCHEME
from storage.verify import why_wrong

_FILE = re.compile(rf"{SCHEME}(?!attached/)([\w./-]+\.parquet)")
# Of a page that is none, or of an end that lies before what a page claims, DuckDB does not say in which file it is.
_OF_NO_FILE = re.compile(r"^Invalid Error: |^IO Error: Failed to read \d+ bytes from ")

# What puts a file there again that no build makes.
_AGAIN = {
    "votes": "give the sheet that it is from to `counterfoil labels` again",
    "evaluations": "run `counterfoil evaluate` again",
}


@contextmanager
def damage_named(dataset: Dataset, of: Build | Mapping[str, Sequence[str]] | None = None) -> Iterator[None]:
    """Name the file, and say what to do, where one that a query inside reads is gone, cut or overwritten: one of a
    build, the current one by default, or of these files by folder.

    Where DuckDB tells of no file, all of them are compared with what was written, until one differs.
    """
    try:
        yield
    except (duckdb.Error, InputError) as error:
        cause = error if isinstance(error, duckdb.Error) else error.__cause__
        if not isinstance(cause, duckdb.Error):
            raise
        found = _FILE.search(str(cause))
        if found is not None:
            why = re.sub(rf"^(?:[A-Z]\w+ )+Error: |:? *['\"]?{re.escape(found[0])}['\"]?", "", sentence(cause))
            place = f"{dataset.root.rstrip('/')}/{found[1]}"
            table = found[1].partition("/")[0]
            if table in _AGAIN:
                raise _added_again(table, place, why) from error
            raise InputError(
                f"{place}: this shard cannot be read ({why}); delete it if it is there, and run the same "
                "`counterfoil build` again, which makes it anew"
            ) from error
        if type(cause) is duckdb.Error or _OF_NO_FILE.search(sentence(cause)):
            damage = _damaged(dataset, of)
            if damage is not None:
                raise as_told(damage) from error
        raise


def as_told(damage: DamagedShardError) -> InputError:
    """Turn damage to a file that no build can make anew into an error that says so: what people have said is not
    removed, as a build removes a shard."""
    return _added_again(damage.table, damage.path, damage.why) if damage.table in _AGAIN else damage


def _added_again(table: str, place: str, why: str) -> InputError:
    return InputError(f"{place}: {why}; remove it, and {_AGAIN[table]}")


def _damaged(dataset: Dataset, of: Build | Mapping[str, Sequence[str]] | None) -> DamagedShardError | None:
    """Find the first file that is not what was written: packs before shards with pictures, which are many."""
    build = of if isinstance(of, Build) else dataset.current()
    files = of if isinstance(of, Mapping) else catalog_files(dataset, build) if build is not None else {}
    manifest = dataset.manifest(build, files) if build is not None else Manifest()
    for folder, names in files.items():
        there = dataset.listing(folder)
        for name in names:
            why = why_wrong(dataset, folder, name, there.get(name), manifest.get(folder, name))
            if why is not None:
                return DamagedShardError(folder, name, dataset.path(folder, name), why)
    return None
