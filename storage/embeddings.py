"""Embeddings that earlier work left: nothing is encoded twice, within a build or between builds."""

import duckdb
import pyarrow as pa

from schemas.tables import EMBEDDINGS
from storage.dataset import Dataset


def known_embeddings(dataset: Dataset, encoder: str, keys: pa.Table) -> pa.Table:
    """Find which of the keys (a table with one column, key) an encoder has encoded: rows of EMBEDDINGS."""
    shards = [dataset.path("embeddings", shard) for shard in dataset.shards("embeddings", prefix=encoder)]
    if not shards:
        return EMBEDDINGS.empty_table()
    with duckdb.connect() as connection:
        if not dataset.local:
            connection.register_filesystem(dataset.fs)
            shards = [dataset.fs.unstrip_protocol(shard) for shard in shards]
        connection.register("wanted", keys)
        # Keys first, they are small: reading every vector for every shard would be quadratic in the corpus.
        holding = connection.sql(
            "SELECT DISTINCT filename FROM read_parquet($shards, filename = true) SEMI JOIN wanted USING (key)",
            params={"shards": shards},
        ).fetchall()
        if not holding:
            return EMBEDDINGS.empty_table()
        found = connection.sql(
            "SELECT key, any_value(embedding) AS embedding FROM read_parquet($shards) SEMI JOIN wanted USING (key) "
            "GROUP BY key",
            params={"shards": [shard for (shard,) in holding]},
        )
        return found.to_arrow_table().cast(EMBEDDINGS)
