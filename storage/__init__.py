"""Where the data rests: sources, shards, builds, the DuckDB catalog."""
