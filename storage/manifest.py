"""What is known of each shard of a build without opening it: rows, bytes and a hash. Presence is not integrity."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

MANIFEST = pa.schema(
    [
        ("table", pa.string()),
        ("shard", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("sha256", pa.binary(32)),
        ("accepted", pa.int64()),  # verdicts that accept; null of other tables
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
    written: float | None = field(default=None, compare=False)  # seconds since 1970, by the clock of its files

    def get(self, table: str, shard: str) -> Facts | None:
        """Return what is known of a shard; None where nothing is."""
        return self.tables.get(table, {}).get(shard)

    def put(self, table: str, shard: str, facts: Facts) -> None:
        """Note what a shard is."""
        self.tables.setdefault(table, {})[shard] = facts

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
            (table, shard, *facts) for table, shards in self.tables.items() for shard, facts in shards.items()
        )
        columns = zip(*found, strict=True) if found else ((),) * len(MANIFEST)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, MANIFEST.types, strict=True)]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(arrays, schema=MANIFEST), sink, compression="zstd")
        return bytes(sink.getvalue().to_pybytes())

    @classmethod
    def decoded(cls, data: bytes, written: float | None = None) -> "Manifest":
        """Read what `encoded` wrote."""
        found = pq.read_table(pa.BufferReader(data), schema=MANIFEST)
        manifest = cls(written=written)
        for table, shard, *facts in zip(*(column.to_pylist() for column in found.columns), strict=True):
            manifest.put(table, shard, Facts(*facts))
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
