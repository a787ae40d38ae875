"""Remove what no kept build needs."""

import os
from collections.abc import Iterator

from schemas.tables import TABLES
from storage.dataset import Dataset

# Embeddings are found by model and content, not named by a build: they go with the last dataset.
_SHARED = frozenset({"embeddings", "answers"})


def prune(dataset: Dataset, keep: int) -> tuple[int, int, int, int]:
    """Keep the newest builds; return how many builds, shards and leftovers went, and their bytes.

    Only files that Counterfoil itself names are ever touched. Not for while a build is running: its
    shards are named by no build yet.

    Raises InputError where there is no build: then this may not be a dataset at all.
    """
    dataset.build()
    builds = dataset.builds()
    gone, kept = builds[:-keep], builds[-keep:]
    named = {
        (table, shard)
        for build_id in kept
        for table, shards in dataset.build(build_id).shards.items()
        for shard in shards
    }
    # Builds go first: killed half-way, what is left are shards that nobody names, never a build without them.
    for build_id in gone:
        dataset.fs.rm_file(f"{dataset.base}/builds/{build_id}.json")
    shards, leftovers, size = 0, 0, 0
    for folder, name, bytes_ in _files(dataset):
        shard = name.removesuffix(".parquet")
        if name.startswith(".tmp-"):
            leftovers += 1
        elif folder in TABLES and folder not in _SHARED and shard != name and (folder, shard) not in named:
            shards += 1
        else:
            continue
        size += bytes_
        dataset.fs.rm_file(f"{dataset.base}/{folder}/{name}" if folder else f"{dataset.base}/{name}")
    return len(gone), shards, leftovers, size


def _files(dataset: Dataset) -> Iterator[tuple[str, str, int]]:
    """Go through folder, name and bytes of the files of a dataset: its root, its builds, its tables."""
    for folder in ("", "builds", *TABLES):
        path = f"{dataset.base}/{folder}".rstrip("/")
        if not dataset.fs.exists(path):
            continue
        for info in list(dataset.fs.ls(path, detail=True)):
            if info["type"] == "file":
                yield folder, os.path.basename(info["name"]), int(info["size"])
