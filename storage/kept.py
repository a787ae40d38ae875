"""What models once made and is kept by what they were given: no caption is encoded or question asked twice."""

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from schemas.measures import database
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
    with database(files=True) if dataset.local else duckdb.connect() as connection:
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
