"""Remove what no kept build needs."""

import os

from storage.dataset import Dataset

# Embeddings are found by model and content, not named by a build: they go with the last dataset.
_SHARED = frozenset({"embeddings"})


def prune(dataset: Dataset, keep: int) -> tuple[int, int, int, int]:
    """Keep the newest builds; return how many builds, shards and leftovers went, and their bytes."""
    builds = dataset.builds()
    gone, kept = builds[:-keep], builds[-keep:]
    named = {
        (table, shard)
        for build_id in kept
        for table, shards in dataset.build(build_id).shards.items()
        for shard in shards
    }
    fs, size, shards, leftovers = dataset.fs, 0, 0, 0
    for path, info in fs.find(dataset.base, detail=True).items():
        folder, name = os.path.split(path)
        table = os.path.basename(folder)
        if name.startswith(".tmp-"):
            leftovers += 1
        elif name.endswith(".parquet") and table not in _SHARED and (table, name[: -len(".parquet")]) not in named:
            shards += 1
        else:
            continue
        size += info["size"]
        fs.rm_file(path)
    for build_id in gone:
        fs.rm_file(f"{dataset.base}/builds/{build_id}.json")
    return len(gone), shards, leftovers, size
