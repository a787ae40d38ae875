"""A dataset on disk or in an object store: immutable shards, and builds that name them.

    DATASET/<table>/<fingerprint>.parquet   a shard: if it is there, it is whole
    DATASET/builds/<build_id>.json          which shards make up a build; the newest one is current

Nothing is ever changed in place. A killed build leaves shards that the next one finds, and files named
`.tmp-*` that `counterfoil prune` removes.
"""

import json
import os
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import InputError
from schemas.tables import TABLES


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


class Dataset:
    """Shards and builds under one root: a local path or any fsspec URL."""

    def __init__(self, root: str) -> None:
        self.root = str(root)
        self.fs, base = fsspec.core.url_to_fs(self.root)
        self.base = base.rstrip("/")
        self.local = "file" in (self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,))

    def path(self, table: str, fingerprint: str) -> str:
        """Return where a shard rests (it need not be there yet), as its filesystem names it."""
        return f"{self.base}/{table}/{fingerprint}.parquet"

    def has(self, table: str, fingerprint: str) -> bool:
        """Tell whether a shard is there, and so whole."""
        return bool(self.fs.exists(self.path(table, fingerprint)))

    def read(self, table: str, fingerprint: str, columns: list[str] | None = None) -> pa.Table:
        """Read one shard, or some of its columns, as it was written."""
        with self.fs.open(self.path(table, fingerprint), "rb") as file:
            return pq.read_table(file, columns=columns)

    def count(self, table: str, fingerprint: str) -> int:
        """Count the rows of one shard without reading them."""
        with self.fs.open(self.path(table, fingerprint), "rb") as file:
            return int(pq.read_metadata(file).num_rows)

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
        self._put(self.path(table, fingerprint), sink.getvalue().to_pybytes())

    def shards(self, table: str, prefix: str = "") -> list[str]:
        """List the fingerprints of a table's shards that are there, whether a build names them or not."""
        folder = f"{self.base}/{table}"
        if not self.fs.exists(folder):
            return []
        self.fs.invalidate_cache(folder)
        names = (os.path.basename(path) for path in self.fs.ls(folder, detail=False))
        return sorted(n[: -len(".parquet")] for n in names if n.startswith(prefix) and n.endswith(".parquet"))

    def builds(self) -> list[str]:
        """List the ids of all builds, oldest first."""
        folder = f"{self.base}/builds"
        if not self.fs.exists(folder):
            return []
        names = (os.path.basename(path) for path in self.fs.ls(folder, detail=False))
        return sorted(name[: -len(".json")] for name in names if name.endswith(".json") and name[0] != ".")

    def build(self, build_id: str | None = None) -> Build:
        """Read one build, by default the current (newest) one.

        Raises InputError when there is none.
        """
        known = self.builds()
        if not known:
            raise InputError(f"{self.root}: no finished build here; run `counterfoil build` first")
        build_id = build_id or known[-1]
        if build_id not in known:
            raise InputError(f"{self.root}: no build {build_id}; there are {', '.join(known[-5:])}")
        with self.fs.open(f"{self.base}/builds/{build_id}.json", "rb") as file:
            return Build(**json.loads(file.read()))

    def commit(self, build: Build) -> None:
        """Make a build current: from here on readers see it, and never a part of it."""
        text = json.dumps(asdict(build), indent=1, sort_keys=True)
        self._put(f"{self.base}/builds/{build.build_id}.json", text.encode())

    def put_text(self, name: str, text: str) -> None:
        """Replace a small text file at the root (catalog.sql, README.md), whole or not at all."""
        self._put(f"{self.base}/{name}", text.encode())

    def _put(self, path: str, data: bytes) -> None:
        folder, name = path.rsplit("/", 1)
        self.fs.makedirs(folder, exist_ok=True)
        if not self.local:  # an object store shows an object only when it is complete
            with self.fs.open(path, "wb") as file:
                file.write(data)
            return
        partial = f"{folder}/.tmp-{uuid.uuid4().hex}-{name}"
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
