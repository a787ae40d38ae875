"""What is known of each shard of a build without opening it: rows, bytes and a hash. Presence is not integrity."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MANIFEST = pa.schema(
    [
        ("table", pa.string()),
        ("shard", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("sha256", pa.binary(32)),
        ("accepted", pa.int64()),  # verdicts that accept; null of other tables
        ("pack", pa.string()),  # the published file that has its rows; null of such files, and where there is none
    ]
)
_NOTED = b"counterfoil.shards"  # in a ledger: what the work made


class Facts(NamedTuple):
    """What a shard is, as it was written."""

    rows: int
    size: int  # bytes
    sha256: bytes
    accepted: int | None = None  # of verdicts


@dataclass
class Manifest:
    """Facts by table and shard; empty of a build that was made before there were manifests."""

    tables: dict[str, dict[str, Facts]] = field(default_factory=dict)
    # What the build publishes, which is no shard of it: by folder and name, and by table and shard the name.
    packs: dict[str, dict[str, Facts]] = field(default_factory=dict, compare=False)
    packed: dict[str, dict[str, str]] = field(default_factory=dict, compare=False)
    written: float | None = field(default=None, compare=False)  # seconds since 1970, by the clock of its files

    def get(self, table: str, shard: str) -> Facts | None:
        """Return what is known of a shard, or of a pack in a folder; None where nothing is."""
        return (self.tables.get(table) or self.packs.get(table, {})).get(shard)

    def put(self, table: str, shard: str, facts: Facts) -> None:
        """Note what a shard is."""
        self.tables.setdefault(table, {})[shard] = facts

    def put_pack(self, table: str, folder: str, pack: str, facts: Facts, shards: Iterable[str]) -> None:
        """Note what a pack is, and which shards of a table it holds."""
        self.packs.setdefault(folder, {})[pack] = facts
        self.packed.setdefault(table, {}).update(dict.fromkeys(shards, pack))

    def members(self, table: str) -> dict[str, list[str]]:
        """List the shards of a table by the packs that hold them."""
        packs: dict[str, list[str]] = {}
        for shard, pack in self.packed.get(table, {}).items():
            packs.setdefault(pack, []).append(shard)
        return packs

    def of(self, table: str, shards: Iterable[str]) -> Iterator[Facts]:
        """Go through the facts of shards that are all known."""
        known = self.tables.get(table, {})
        return (known[shard] for shard in shards)

    def is_after(self, changed: float | None) -> bool:
        """Tell whether a file that was last changed then has not changed since this was written."""
        return changed is not None and self.written is not None and changed < self.written

    def encoded(self) -> bytes:
        """Write it as Parquet, the same bytes for the same facts."""
        found = sorted(
            (table, shard, *facts, self.packed.get(table, {}).get(shard))
            for tables in (self.tables, self.packs)
            for table, shards in tables.items()
            for shard, facts in shards.items()
        )
        columns = zip(*found, strict=True) if found else ((),) * len(MANIFEST)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, MANIFEST.types, strict=True)]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(arrays, schema=MANIFEST), sink, compression="zstd")
        return bytes(sink.getvalue().to_pybytes())

    @classmethod
    def decoded(cls, data: bytes, written: float | None = None, tables: Collection[str] | None = None) -> "Manifest":
        """Read what `encoded` wrote: all of it, or what is of some tables and folders."""
        # Without threads: a process that ends at once, since a shard is damaged, would leave some behind and abort.
        found = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        if tables is not None:
            found = found.filter(pc.is_in(found["table"], pa.array(list(tables), pa.string())))
        if "pack" not in found.column_names:  # older than packs
            found = found.append_column("pack", pa.nulls(found.num_rows, pa.string()))
        manifest = cls(written=written)
        for table, shard, *facts, pack in zip(*(found[name].to_pylist() for name in MANIFEST.names), strict=True):
            to = manifest.packs if "/" in table else manifest.tables
            to.setdefault(table, {})[shard] = Facts(*facts)
            if pack is not None:
                manifest.packed.setdefault(table, {})[shard] = pack
        return manifest


def facts_of(data: bytes, rows: pa.Table) -> Facts:
    """Tell what a shard is from its bytes and its rows."""
    accepted = rows["accepted"] if "accepted" in rows.column_names else None
    counted = None if accepted is None else sum(chunk.true_count for chunk in accepted.chunks)
    return Facts(rows.num_rows, len(data), hashlib.sha256(data).digest(), counted)


def with_notes(ledger: pa.Table, made: Mapping[str, Facts]) -> pa.Table:
    """Have a ledger say what the work made, by table: who counts it later need not read it."""
    noted = {table: [*facts[:2], facts.sha256.hex(), facts.accepted] for table, facts in made.items()}
    return ledger.replace_schema_metadata({_NOTED: json.dumps(noted)})


def notes_of(ledger: Mapping[bytes, bytes] | None) -> dict[str, Facts]:
    """Read what the work made, by table, from its ledger's metadata; nothing where that is older than notes."""
    noted = json.loads((ledger or {}).get(_NOTED, b"{}"))
    return {
        table: Facts(rows, size, bytes.fromhex(sha256), accepted)
        for table, (rows, size, sha256, accepted) in noted.items()
    }
