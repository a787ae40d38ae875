"""Taking stock of a build's shards before it is made known: what is new is looked up, the rest is known already."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from devices import cores
from storage.dataset import DamagedShardError, Dataset
from storage.files import Listed
from storage.manifest import Facts, Manifest, facts_of, notes_of

_READERS = 16  # ledgers are small: reading them is waiting


def take_stock(dataset: Dataset, shards: dict[str, list[str]], previous: Manifest) -> Manifest:
    """Draw up the manifest of a build: of its shards, and of their ledgers as far as these are whole.

    What has not changed since the previous manifest is taken from it. What is new has a ledger that tells of it; what
    has none, because it is older than manifests or its ledger is lost, is read.

    Raises DamagedShardError where a shard is gone, or is not what was written.
    """
    manifest, fresh = Manifest(), dict[tuple[str, str], int]()  # with their bytes
    for table, several in shards.items():
        there = dataset.listing(table)
        for shard in several:
            listed = there.get(shard)
            why = dataset.why(table, shard, listed, previous)
            if listed is None or why is not None:
                raise DamagedShardError(table, shard, dataset.path(table, shard), why or "gone")
            known = _unchanged(table, shard, listed, previous)
            if known is not None:
                manifest.put(table, shard, known)
            else:
                fresh[table, shard] = listed.size
    names = dict.fromkeys(shard for several in shards.values() for shard in several)
    noted = _ledgers(dataset, names, {shard for _, shard in fresh}, previous, manifest)
    unknown = []
    for (table, shard), size in fresh.items():
        facts = noted.get(shard, {}).get(table)
        if facts is None:
            unknown.append((table, shard))
        elif facts.size != size:
            raise _exchanged(dataset, table, shard)
        else:
            manifest.put(table, shard, facts)
    with ThreadPoolExecutor(cores()) as pool:
        for (table, shard), facts in zip(unknown, pool.map(lambda one: _read(dataset, *one), unknown), strict=True):
            before = previous.get(table, shard)
            if before is not None and before != facts:
                raise _exchanged(dataset, table, shard)
            manifest.put(table, shard, facts)
    return manifest


def _ledgers(
    dataset: Dataset, shards: Iterable[str], fresh: set[str], previous: Manifest, manifest: Manifest
) -> dict[str, dict[str, Facts]]:
    """Note the ledgers of shards in the manifest, and return what those of fresh shards say of them.

    One that is lost or damaged is left out: it is not worth making the shard again.
    """
    there = dataset.listing("ledger")
    carried, to_read = dict[str, Facts](), list[str]()
    named = [shard for shard in shards if shard in there]
    for shard in named:
        known = _unchanged("ledger", shard, there[shard], previous)
        if known is not None and shard not in fresh:
            carried[shard] = known
        else:
            to_read.append(shard)
    noted: dict[str, dict[str, Facts]] = {}
    with ThreadPoolExecutor(_READERS) as pool:
        for shard, read in zip(to_read, pool.map(lambda shard: _ledger(dataset, shard), to_read), strict=True):
            if read is None:
                continue
            facts, notes = read
            before = previous.get("ledger", shard)
            if shard in fresh or before is None or before == facts:
                carried[shard], noted[shard] = facts, notes
    for shard in named:
        if shard in carried:
            manifest.put("ledger", shard, carried[shard])
    return noted


def _ledger(dataset: Dataset, shard: str) -> tuple[Facts, dict[str, Facts]] | None:
    try:
        data = dataset.files.read(dataset.path("ledger", shard))
    except FileNotFoundError:
        return None
    try:
        footer = pq.read_metadata(pa.BufferReader(data))
        facts = Facts(footer.num_rows, len(data), hashlib.sha256(data).digest())
        return facts, notes_of(footer.metadata)
    except (pa.ArrowException, OSError, ValueError):
        return None


def _read(dataset: Dataset, table: str, shard: str) -> Facts:
    rows = dataset.read(table, shard)
    return facts_of(dataset.files.read(dataset.path(table, shard)), rows)


def _unchanged(table: str, shard: str, listed: Listed, previous: Manifest) -> Facts | None:
    known = previous.get(table, shard)
    return known if known is not None and known.size == listed.size and previous.is_after(listed.changed) else None


def _exchanged(dataset: Dataset, table: str, shard: str) -> DamagedShardError:
    return DamagedShardError(
        table, shard, dataset.path(table, shard), "exchanged for another file since it was written"
    )
