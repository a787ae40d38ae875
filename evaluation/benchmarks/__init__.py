"""READS what benchmarks keep on disk: one file a benchmark or family, one list of all of them, `every.BENCHMARKS`."""
