"""What models once made and is kept by what they were given: no caption is encoded or question asked twice."""

import os
from collections.abc import Iterable
from functools import cache

import duckdb
import pyarrow as pa

from schemas.tables import TABLES
from storage.dataset import Dataset


def kept(dataset: Dataset, table: str, shards: Iterable[str], keys: pa.Table) -> pa.Table:
    """Find the rows of some shards of a table (embeddings, answers) with these keys, a table with one column, key.

    Raises DamagedShardError where a shard cannot be read.
    """
    schema = TABLES[table]
    there = list(shards)
    if not there:
        return schema.empty_table()
    try:
        return _found(dataset, [dataset.path(table, shard) for shard in there], keys, schema)
    except duckdb.Error:
        for shard in there:
            dataset.read(table, shard)  # DuckDB does not always say which: raises DamagedShardError
        raise


def _found(dataset: Dataset, shards: list[str], keys: pa.Table, schema: pa.Schema) -> pa.Table:
    with _database(os.getpid()).cursor() if dataset.local else duckdb.connect() as connection:
        if not dataset.local:
            connection.register_filesystem(dataset.fs)
            shards = [dataset.fs.unstrip_protocol(shard) for shard in shards]
        connection.register("wanted", keys)
        # Keys first, they are small: reading every row for every shard would be quadratic in the corpus.
        holding = connection.sql(
            "SELECT DISTINCT filename FROM read_parquet($shards, filename = true) SEMI JOIN wanted USING (key)",
            params={"shards": shards},
        ).fetchall()
        if not holding:
            return schema.empty_table()
        found = connection.sql(
            "SELECT DISTINCT ON (key) * FROM read_parquet($shards) SEMI JOIN wanted USING (key) ORDER BY key",
            params={"shards": [shard for (shard,) in holding]},
        )
        return found.to_arrow_table().select(schema.names).cast(schema)


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:  # noqa: ARG001  # a forked process has not its parent's threads
    """Open a database of no tables: one a process, for it takes longer than finding a group's rows."""
    return duckdb.connect()
