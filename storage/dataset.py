"""A dataset on disk or in an object store: immutable shards, and builds that name them.

    DATASET/<table>/<fingerprint>.parquet   a shard: if it is there, it is whole
    DATASET/builds/<build_id>.json          which shards make up a build

The build with the newest id is current: of builds that run at once, the one that was begun last, whichever ends last.
One that is not what was expected of it is kept, and passed over.
Nothing is ever changed in place. A killed build leaves shards that the next one finds, and files named `.tmp-*` that
`counterfoil prune` removes. What somebody else has cut or overwritten is never taken for whole: see DamagedShardError.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from schemas.errors import InputError
from schemas.tables import TABLES
from storage.files import Files

_MARK = b"PAR1"  # what a Parquet file begins and ends with
_SMALLEST = 12  # bytes: both marks and the length of the footer


@dataclass(frozen=True)
class Build:
    """One build: its shards by table, in order, and what is needed to understand or repeat it."""

    build_id: str
    shards: dict[str, list[str]]  # table -> fingerprints, in the order of the source
    config: dict[str, Any]
    counts: dict[str, int]
    versions: dict[str, str]
    started: str  # ISO 8601, UTC
    ended: str
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def fit(self) -> bool:
        """Whether it may be current: it broke no expectation of its config."""
        return not self.notes.get("broken_expectations")


_BUILD = TypeAdapter(Build)


class DamagedShardError(InputError):
    """A shard that is no Parquet file any more, or gone: a build removes it and makes it anew."""

    def __init__(self, table: str, shard: str, path: str, why: str) -> None:
        self.table, self.shard, self.path, self.why = table, shard, path, why
        super().__init__(f"{path}: {why}; remove it and run `counterfoil build` again, which makes it anew")


class Dataset:
    """Shards and builds under one root: a local path or any fsspec URL."""

    def __init__(self, root: str) -> None:
        self.files = Files(root)
        self.root, self.fs, self.base, self.local = self.files.root, self.files.fs, self.files.base, self.files.local

    def path(self, table: str, fingerprint: str) -> str:
        """Return where a shard rests (it need not be there yet), as its filesystem names it."""
        return f"{self.base}/{table}/{fingerprint}.parquet"

    def has(self, table: str, fingerprint: str) -> bool:
        """Tell whether a shard is there and not cut: then its end says that it is Parquet's, and what it holds."""
        found = self.files.ends(self.path(table, fingerprint), len(_MARK) + 4)
        if found is None:
            return False
        size, end = found
        return size >= _SMALLEST and end[4:] == _MARK and int.from_bytes(end[:4], "little") <= size - _SMALLEST

    def missing(self, shards: dict[str, list[str]]) -> Iterable[tuple[str, str]]:
        """Go through the tables and fingerprints of shards that are not there, or cut (seen in folders alone)."""
        for table, several in shards.items():
            # A store holds whole objects alone: one listing tells of a thousand.
            there = set() if self.local else set(self.shards(table))
            for shard in several:
                if not (self.has(table, shard) if self.local else shard in there):
                    yield table, shard

    def check(self, shards: dict[str, list[str]], thoroughly: bool = False) -> None:
        """Raise DamagedShardError for the first shard that is cut or gone; `thoroughly`, of those too whose middle is
        damaged: all are read."""
        for table, shard in self.missing(shards):
            raise DamagedShardError(table, shard, self.path(table, shard), "cut, or gone")
        if thoroughly:
            for table, several in shards.items():
                for shard in several:
                    self.read(table, shard)

    def read(self, table: str, fingerprint: str, columns: list[str] | None = None) -> pa.Table:
        """Read one shard, or some of its columns, as it was written.

        Raises DamagedShardError where it is not what was written, or gone.
        """
        path = self.path(table, fingerprint)
        try:
            with self.fs.open(path, "rb") as file:
                return pq.read_table(file, columns=columns)
        except (pa.ArrowException, OSError) as error:
            damage = self._damage(table, fingerprint, error)
            if damage is None:
                raise
            raise damage from error

    def count(self, table: str, fingerprint: str) -> int:
        """Count the rows of one shard without reading them; raises DamagedShardError as `read` does."""
        try:
            with self.fs.open(self.path(table, fingerprint), "rb") as file:
                return int(pq.read_metadata(file).num_rows)
        except (pa.ArrowException, OSError) as error:
            damage = self._damage(table, fingerprint, error)
            if damage is None:
                raise
            raise damage from error

    def write(self, table: str, fingerprint: str, rows: pa.Table) -> None:
        """Write one shard of a table of `schemas.tables`, whole or not at all.

        Raises ValueError when the rows are not of the table's schema: a stage broke its promise.
        """
        schema = TABLES[table]
        if rows.schema.names != schema.names:
            raise ValueError(f"{table}: columns {rows.schema.names}, expected {schema.names}")
        rows = rows.cast(schema)
        # Pictures are large: few a row group, so that a reader can take a handful without the rest.
        row_group = 100 if "image" in schema.names else 100_000
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd", row_group_size=row_group, write_page_index=True)
        self.files.put(self.path(table, fingerprint), sink.getvalue().to_pybytes())

    def remove(self, table: str, fingerprint: str) -> None:
        """Remove one shard, if it is there."""
        self.files.remove(self.path(table, fingerprint))

    def shards(self, table: str, prefix: str = "") -> list[str]:
        """List the fingerprints of a table's shards that are there, whether a build names them or not."""
        return sorted(name for name in self._names(table, ".parquet") if name.startswith(prefix))

    def builds(self) -> list[str]:
        """List the ids of all builds, oldest first, of those too whose file is damaged."""
        return sorted(self._names("builds", ".json"))

    def build(self, build_id: str | None = None) -> Build:
        """Read one build, by default the current one.

        Raises InputError when there is none, or it is damaged.
        """
        if build_id is None:
            found = self.current()
            if found is not None:
                return found
            damaged = self.builds()
            if damaged and self.read_build(damaged[-1]) is not None:
                raise InputError(
                    f"{self.root}: every build here broke an expectation, the last is {damaged[-1]}; loosen the "
                    "config's `expect`, or mend what broke it, and run `counterfoil build` again"
                )
            if damaged:
                raise InputError(
                    f"{self._build_path(damaged[-1])}: cut or damaged, and there is no other build; "
                    "run `counterfoil build` again, which makes a new one of the shards that are there"
                )
            raise InputError(f"{self.root}: no finished build here; run `counterfoil build` first")
        known = self.builds()
        if build_id not in known:
            raise InputError(f"{self.root}: no build {build_id}; there are {', '.join(known[-5:])}")
        found = self.read_build(build_id)
        if found is None:
            raise InputError(f"{self._build_path(build_id)}: cut or damaged; `counterfoil prune` removes it")
        return found

    def current(self) -> Build | None:
        """Read the build that is current: of those whose file is whole and that broke no expectation, that with the
        newest id; None without any."""
        builds = map(self.read_build, reversed(self.builds()))
        return next((build for build in builds if build is not None and build.fit), None)

    def read_build(self, build_id: str) -> Build | None:
        """Read one build; None, and a warning, where its file is damaged; None where it is gone."""
        path = self._build_path(build_id)
        try:
            return _BUILD.validate_json(self.files.read(path))
        except FileNotFoundError:
            return None
        except ValidationError:
            _warn_once(f"{path}: cut or damaged, and left aside; `counterfoil prune` removes it")
            return None

    def commit(self, build: Build) -> Build:
        """Make a build known: from here on readers see it, and never a part of it. Returns what now has its id: where
        another process made the same at the same millisecond, that."""
        text = json.dumps(asdict(build), indent=1, sort_keys=True)
        try:
            self.files.create(self._build_path(build.build_id), text.encode())
        except FileExistsError:
            return self.build(build.build_id)
        return build

    def put_text(self, name: str, text: str) -> None:
        """Replace a small text file at the root (catalog.sql, README.md), whole or not at all."""
        self.files.put(f"{self.base}/{name}", text.encode())

    def _names(self, folder: str, ending: str) -> Iterator[str]:
        names = (os.path.basename(info["name"]) for info in self.files.list(f"{self.base}/{folder}"))
        return (name.removesuffix(ending) for name in names if name.endswith(ending) and name[0] != ".")

    def _build_path(self, build_id: str) -> str:
        return f"{self.base}/builds/{build_id}.json"

    def _damage(self, table: str, shard: str, error: Exception) -> DamagedShardError | None:
        """Tell damage from trouble on the way, which comes as the same kinds of error: it is there in the bytes too."""
        path = self.path(table, shard)
        if isinstance(error, FileNotFoundError):
            return DamagedShardError(table, shard, path, "gone")
        data = self.files.read(path)
        try:
            pq.read_table(pa.BufferReader(data))
        except (pa.ArrowException, OSError) as found:
            if isinstance(found, MemoryError):
                return None
            return DamagedShardError(table, shard, path, f"cut or damaged ({' '.join(str(found).split())[:120]})")
        return None


@lru_cache(maxsize=1000)
def _warn_once(told: str) -> None:
    logging.getLogger("counterfoil").warning("counterfoil: %s", told)
