"""A dataset on disk or in an object store: immutable shards, and builds that name them.

    DATASET/<table>/<fingerprint>.parquet   a shard: if it is there, it is whole
    DATASET/builds/<build_id>.json          which shards make up a build
    DATASET/builds/<build_id>.parquet       its manifest: rows, bytes and hash of each
    DATASET/published/<build_id>/<table>/   its rows in few files, see storage.packs

The build with the newest id is current: of builds that run at once, the one that was begun last, whichever ends last.
One that is not what was expected of it is kept, and passed over.
Nothing is ever changed in place. A killed build leaves shards that the next one finds, and files named `.tmp-*` that
`counterfoil prune` removes. What somebody else has cut, exchanged or overwritten is not taken for what was written: its
size tells at once, its hash when `counterfoil verify` looks. See DamagedShardError.
"""

import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from schemas.errors import InputError
from schemas.tables import TABLES
from storage.files import Files, Listed
from storage.manifest import Facts, Manifest, facts_of, notes_of, with_notes

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
    packs: dict[str, list[str]] = field(default_factory=dict)  # table -> published files, see storage.packs
    manifest: str | None = None  # SHA-256 of its manifest; None of a build that was made before there were any

    @property
    def fit(self) -> bool:
        """Whether it may be current: it broke no expectation of its config."""
        return not self.notes.get("broken_expectations")


_BUILD = TypeAdapter(Build)


class DamagedShardError(InputError):
    """A shard that is no Parquet file any more, or gone: a build removes it and makes it anew."""

    def __init__(self, table: str, shard: str, path: str, why: str) -> None:
        self.table, self.shard, self.path, self.why = table, shard, path, why
        advice = "run" if why == "gone" else "remove it and run"
        super().__init__(f"{path}: {why}; {advice} `counterfoil build` again, which makes it anew")

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        """Travel from a worker to whoever waits for it."""
        return type(self), (self.table, self.shard, self.path, self.why)


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

    def damaged(self, shards: Mapping[str, Iterable[str]], manifest: Manifest) -> Iterator["DamagedShardError"]:
        """Go through the shards that can be seen not to be what was written, without reading them: one listing a table
        tells which are gone, or not of the size that the manifest has."""
        for table, several in shards.items():
            there = self.listing(table)
            for shard in several:
                why = self.why(table, shard, there.get(shard), manifest)
                if why is not None:
                    yield DamagedShardError(table, shard, self.path(table, shard), why)

    def why(self, table: str, shard: str, listed: Listed | None, manifest: Manifest) -> str | None:
        """Say why a shard, of which a listing tells this, cannot be what was written; None where it may be."""
        if listed is None:
            return "gone"
        known = manifest.get(table, shard)
        if known is not None and listed.size != known.size:
            anew = self.noted(shard).get(table)  # made again since, on another machine maybe
            if anew is None or anew.size != listed.size:
                return f"cut, or exchanged ({listed.size:,} bytes, of {known.size:,} that were written)"
        # A store holds whole objects alone; of a folder, what has not changed since the manifest need not be opened.
        if not self.local or (known is not None and manifest.is_after(listed.changed)):
            return None
        return None if self.has(table, shard) else "cut, or overwritten"

    def check(self, build: Build, thoroughly: bool = False) -> None:
        """Raise DamagedShardError for the first shard that is gone or has another size than the build wrote;
        `thoroughly`, of those too whose middle is damaged: all are read."""
        for damage in self.damaged(build.shards, self.manifest(build)):
            raise damage
        if thoroughly:
            for table, several in build.shards.items():
                for shard in several:
                    self.read(table, shard)

    def read(self, table: str, fingerprint: str, columns: list[str] | None = None) -> pa.Table:
        """Read one shard, or some of its columns, as it was written.

        Raises DamagedShardError where it is not what was written, or gone.
        """
        path = self.path(table, fingerprint)
        try:
            with self._open(path) as file:
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
        self.files.put(self.path(table, fingerprint), _encoded(table, rows))

    def write_work(self, fingerprint: str, ledger: pa.Table, made: Mapping[str, pa.Table]) -> None:
        """Write what a piece of work made, shards of this name by table, and before them its ledger: so a shard always
        has one, which says too what each of them is.

        Raises ValueError as `write` does.
        """
        shards = {table: _encoded(table, rows) for table, rows in made.items()}
        facts = {table: facts_of(data, made[table]) for table, data in shards.items()}
        self.files.put(self.path("ledger", fingerprint), _encoded("ledger", ledger, facts))
        for table, data in shards.items():
            self.files.put(self.path(table, fingerprint), data)

    def noted(self, fingerprint: str) -> dict[str, Facts]:
        """Read from a ledger what its shards are, by table; nothing where it is gone, damaged, or older than notes."""
        with suppress(FileNotFoundError, pa.ArrowException, ValueError):
            return notes_of(
                pq.read_metadata(pa.BufferReader(self.files.read(self.path("ledger", fingerprint)))).metadata
            )
        return {}

    def remove(self, table: str, fingerprint: str) -> None:
        """Remove one shard, if it is there."""
        self.files.remove(self.path(table, fingerprint))

    def shards(self, table: str, prefix: str = "") -> list[str]:
        """List the fingerprints of a table's shards that are there, whether a build names them or not."""
        return sorted(name for name in self.listing(table) if name.startswith(prefix))

    def listing(self, table: str) -> dict[str, Listed]:
        """List a table's shards with size and time, in one call."""
        found = self.files.listing(f"{self.base}/{table}").items()
        return {n.removesuffix(".parquet"): listed for n, listed in found if n.endswith(".parquet") and n[0] != "."}

    def builds(self) -> list[str]:
        """List the ids of all builds, oldest first, of those too whose file is damaged."""
        names = self.files.listing(f"{self.base}/builds")
        return sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and name[0] != ".")

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

    def manifest(self, build: Build, tables: Collection[str] | None = None) -> Manifest:
        """Read what a build knows of its shards, or of those of some tables; nothing, and a warning, where the
        manifest is damaged or gone."""
        if build.manifest is None:
            return Manifest()
        path = self.manifest_path(build.build_id)
        with suppress(FileNotFoundError):
            data = self.files.read(path)
            if hashlib.sha256(data).hexdigest() == build.manifest:
                written = self.files.changed(path)
                return Manifest.decoded(data, written, tables)
        _warn_once(f"{path}: damaged or gone, so shards of the build are not compared with what was written")
        return Manifest()

    def commit(self, build: Build, manifest: Manifest | None = None) -> Build:
        """Make a build known: from here on readers see it, and never a part of it. Returns what now has its id: where
        another process made the same at the same millisecond, that."""
        if manifest is not None:
            data = manifest.encoded()
            build = replace(build, manifest=hashlib.sha256(data).hexdigest())
            with suppress(FileExistsError):  # the other's, which comes to be
                self.files.create(self.manifest_path(build.build_id), data)
        text = json.dumps(asdict(build), indent=1, sort_keys=True)
        try:
            self.files.create(self._build_path(build.build_id), text.encode())
        except FileExistsError:
            return self.build(build.build_id)
        return build

    def manifest_path(self, build_id: str) -> str:
        """Return where the manifest of a build rests."""
        return f"{self.base}/builds/{build_id}.parquet"

    def text(self, name: str) -> str | None:
        """Return a small text file at the root; None where there is none."""
        found = self.files.content(f"{self.base}/{name}")
        return None if found is None else found.decode(errors="replace")

    def put_text(self, name: str, text: str) -> None:
        """Replace a small text file at the root (catalog.sql, README.md), whole or not at all."""
        self.files.put(f"{self.base}/{name}", text.encode())

    def _open(self, path: str) -> Any:
        # Not Python's file where there is another: Arrow's threads go on with other columns after it has told that one
        # is damaged, let go of the file last, and end the process where Python has gone by then.
        return pa.OSFile(path) if self.local else self.fs.open(path, "rb")

    def _build_path(self, build_id: str) -> str:
        return f"{self.base}/builds/{build_id}.json"

    def _damage(self, table: str, shard: str, error: Exception) -> DamagedShardError | None:
        """Tell damage from trouble on the way, which comes as the same kinds of error: it is there in the bytes too."""
        path = self.path(table, shard)
        if isinstance(error, FileNotFoundError):
            return DamagedShardError(table, shard, path, "gone")
        data = self.files.read(path)
        try:
            pq.read_table(pa.BufferReader(data), use_threads=False, pre_buffer=False)
        except (pa.ArrowException, OSError) as found:
            if isinstance(found, MemoryError):
                return None
            return DamagedShardError(table, shard, path, f"cut or damaged ({' '.join(str(found).split())[:120]})")
        return None


def _encoded(table: str, rows: pa.Table, notes: Mapping[str, Facts] | None = None) -> bytes:
    schema = TABLES[table]
    if rows.schema.names != schema.names:
        raise ValueError(f"{table}: columns {rows.schema.names}, expected {schema.names}")
    rows = rows.cast(schema)
    if notes is not None:
        rows = with_notes(rows, notes)
    # Pictures are large: few a row group, so that a reader can take a handful without the rest.
    row_group = 100 if "image" in schema.names else 100_000
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", row_group_size=row_group, write_page_index=True)
    return bytes(sink.getvalue().to_pybytes())


@lru_cache(maxsize=1000)
def _warn_once(told: str) -> None:
    logging.getLogger("counterfoil").warning("counterfoil: %s", told)
