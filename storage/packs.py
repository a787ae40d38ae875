"""What a build publishes: the rows of many shards packed into few files, sorted, for whoever asks.

    DATASET/published/<build_id>/<table>/<pack>.parquet

All files of a folder together are a table as of that build, so `read_parquet('.../verdicts/*.parquet')` is all that a
reader needs. Pictures stay in their shards: these are large already, and nobody should keep them twice.

A pack is never changed. A build takes over the packs of the one before that hold nothing but rows of its own (a second
name of the same file in a folder, a copy within a store); what is new becomes a pack, and once there are many small
ones they become one, as in a log-structured merge tree: a night of ten photos writes little, and files stay few.
"""

import hashlib
import math
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import duckdb
import pyarrow as pa

from devices import cores
from schemas.ids import fingerprint
from schemas.tables import EVALUATIONS, IMAGE, TABLES, VOTES
from storage.dataset import Build, DamagedShardError, Dataset
from storage.manifest import Facts, Manifest

# Not for an analyst: caches, a ledger of the ingest, and what is text_negatives and image_negatives again.
HIDDEN = frozenset({"embeddings", "answers", "units", "mined"})
# Tables that no build makes: what people say of a dataset, and how models do on it, is added beside the builds.
ADDED = {"votes": VOTES, "evaluations": EVALUATIONS}
_VERSION = 1  # of what is in a pack besides the rows of its shards
_LARGE = 256_000_000  # bytes of shards that become one pack: what readers and object stores like
_SETTLED = _LARGE // 2  # bytes; a pack of so many is merged no more
_LEAST = 256_000  # bytes; below eight times that all packs are of one size
_FEW = 8  # packs of about one size; of one more all become one. And how much larger the next size is
_ROW_GROUP = 50_000  # rows: who looks for one id reads one group of each pack
_SORTED_BY = ("pair_id", "text_negative_id", "image_id", "image_negative_id", "role", "kind", "word", "source_key",
              "stage", "shard")  # fmt: skip
_COPIES = 16  # at once: a store makes them, this machine waits
_MEMORY = "768MB"  # what takes more to be sorted is sorted on the disk


class Pack(NamedTuple):
    """Shards of one table that rest in one file."""

    shards: tuple[str, ...]  # by name
    size: int  # bytes of the shards

    def name_of(self, table: str) -> str:
        """Name the file by all that its content depends on."""
        return fingerprint("pack", _VERSION, table, columns(table), self.shards)


def folder(build_id: str, table: str) -> str:
    """Return where the packs of a table are, below the dataset: for Dataset and Manifest that is a table too."""
    return f"published/{build_id}/{table}"


def published(build: Build) -> dict[str, list[str]]:
    """List the packs of a build by their folders."""
    return {folder(build.build_id, table): packs for table, packs in build.packs.items()}


def columns(table: str) -> list[str]:
    """List the columns of a table that are published: all but pictures."""
    return [field.name for field in TABLES[table] if field.type != IMAGE]


def has_pictures(table: str) -> bool:
    """Tell whether a table has pictures, which its shards alone hold."""
    return len(columns(table)) < len(TABLES[table])


def catalog_tables() -> list[str]:
    """List the tables that a catalog has, in the order of its views: that of images looks at near_duplicates."""
    return sorted((table for table in TABLES if table not in HIDDEN), key=lambda table: table == "images")


def catalog_files(dataset: Dataset, build: Build) -> dict[str, list[str]]:
    """List the files that the catalog of a build reads, by folder: packs, shards where there are none or where
    pictures are wanted, and what people have said and models scored by now."""
    added = {table: sorted(dataset.shards(table)) for table in ADDED}
    shards = {t: build.shards.get(t, []) for t in catalog_tables() if has_pictures(t) or t not in build.packs}
    return {**published(build), **added, **shards}


def are_published(dataset: Dataset, build: Build, manifest: Manifest) -> bool:
    """Tell whether all packs of a build are there, of the sizes that they were written with."""
    complete = build.packs.keys() == {table for table, shards in build.shards.items() if shards} - HIDDEN
    return complete and next(dataset.damaged(published(build), manifest), None) is None


def publish_packs(
    dataset: Dataset,
    build_id: str,
    shards: Mapping[str, Sequence[str]],
    manifest: Manifest,
    previous: Build | None,
    known: Manifest,
) -> dict[str, list[str]]:
    """Put the packs of a build that is about to be made known in their places, and into its manifest.

    Packs of the previous build, of which `known` tells, are taken over where they are whole and hold no other rows.
    Returns the packs by table.

    Raises DamagedShardError where a shard that is read is damaged or gone.
    """
    packs: dict[str, list[str]] = {}
    with _sorting() as connection, ThreadPoolExecutor(_COPIES) as pool:
        copies = []
        for table in (table for table in TABLES if shards.get(table) and table not in HIDDEN):
            place, old = folder(build_id, table), folder(previous.build_id if previous is not None else "", table)
            there = dataset.listing(old) if known.packs.get(old) else {}
            sizes = {shard: facts.size for shard, facts in manifest.tables[table].items()}
            for pack in planned(shards[table], sizes, known.members(table)):
                name = pack.name_of(table)
                facts = known.get(old, name)
                if facts is not None and dataset.why(old, name, there.get(name), known) is None:
                    copies.append(pool.submit(dataset.files.copy, dataset.path(old, name), dataset.path(place, name)))
                else:
                    facts = _write(connection, dataset, table, pack, dataset.path(place, name))
                    expected = sum(one.rows for one in manifest.of(table, pack.shards))
                    if facts.rows != expected:
                        raise RuntimeError(f"{table}: {facts.rows} rows packed, of {expected} that its shards have")
                manifest.put_pack(table, place, name, facts, pack.shards)
                packs.setdefault(table, []).append(name)
        for copy in copies:
            copy.result()
    return packs


def planned(shards: Sequence[str], sizes: Mapping[str, int], before: Mapping[str, Sequence[str]]) -> list[Pack]:
    """Choose which shards rest together: packs that were there before stay while all that they hold is still wanted,
    unless there are too many of about their size."""
    wanted = set(shards)
    packs = [_pack(members, sizes) for members in before.values() if wanted.issuperset(members)]
    wanted.difference_update(shard for pack in packs for shard in pack.shards)
    packs += _packs([shard for shard in dict.fromkeys(shards) if shard in wanted], sizes)
    while True:
        by_size: dict[int, list[Pack]] = {}
        for pack in packs:
            if pack.size < _SETTLED:
                by_size.setdefault(max(0, int(math.log(max(1, pack.size) / _LEAST, _FEW))), []).append(pack)
        crowd = next((several for _, several in sorted(by_size.items()) if len(several) > _FEW), None)
        if crowd is None:
            return packs
        packs = [pack for pack in packs if pack not in crowd]
        packs += _packs([shard for pack in crowd for shard in pack.shards], sizes)


def _packs(shards: Iterable[str], sizes: Mapping[str, int]) -> list[Pack]:
    several: list[list[str]] = []
    size = _LARGE
    for shard in shards:
        size += sizes[shard]
        if size > _LARGE:
            several.append([])
            size = sizes[shard]
        several[-1].append(shard)
    return [_pack(members, sizes) for members in several]


def _pack(members: Sequence[str], sizes: Mapping[str, int]) -> Pack:
    return Pack(tuple(sorted(members)), sum(sizes[shard] for shard in members))


@contextmanager
def _sorting() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open what sorts rows, in memory that does not grow with them."""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute(f"SET temp_directory = '{tempfile.gettempdir()}/counterfoil-{uuid.uuid4().hex}'")
        yield connection


def _write(connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: str, pack: Pack, path: str) -> Facts:
    """Write one pack, whole or not at all."""
    names, damage = columns(table), list[DamagedShardError]()
    keys = [name for name in _SORTED_BY if name in names]
    rows = pa.RecordBatchReader.from_batches(_schema(table), _batches(dataset, table, pack, damage))
    select = f"SELECT * FROM rows ORDER BY {', '.join(keys)}" if keys else "SELECT * FROM rows"
    with dataset.files.writing(path) as file:
        connection.register("rows", rows)
        try:
            connection.execute(
                f"COPY ({select}) TO $1 (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})", [file]
            )
        except duckdb.Error:
            if damage:
                raise damage[0] from None
            raise
        finally:
            connection.unregister("rows")
        accepted = "count(*) FILTER (accepted)" if "accepted" in names else "NULL"
        [(count, kept)] = connection.execute(f"SELECT count(*), {accepted} FROM read_parquet($1)", [file]).fetchall()
        with open(file, "rb") as written:
            return Facts(count, os.path.getsize(file), hashlib.file_digest(written, "sha256").digest(), kept)


def _schema(table: str) -> pa.Schema:
    return pa.schema([TABLES[table].field(name) for name in columns(table)])


def _batches(dataset: Dataset, table: str, pack: Pack, damage: list[DamagedShardError]) -> Iterator[pa.RecordBatch]:
    """Read the shards of a pack, some at once; notes which is damaged, for DuckDB takes errors for its own."""
    schema, at_once = _schema(table), 4 * cores()
    with ThreadPoolExecutor(at_once) as pool:
        for start in range(0, len(pack.shards), at_once):
            some = pack.shards[start : start + at_once]
            try:
                for rows in pool.map(lambda shard: dataset.read(table, shard, schema.names), some):
                    yield from rows.replace_schema_metadata(None).cast(schema).to_batches()
            except DamagedShardError as error:
                damage.append(error)
                raise
