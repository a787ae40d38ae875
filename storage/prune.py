"""Remove what no kept build needs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.errors import InputError
from schemas.tables import TABLES
from storage.dataset import Dataset
from storage.files import LEFTOVER, changed
from storage.ingest import TABLES as INGESTED
from storage.packs import ADDED
from storage.running import RUNNING, SILENT

# Embeddings are found by model and content, not named by a build: they go with the last dataset.
_SHARED = frozenset({"embeddings", "answers"})
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pruned:
    """What went, or would go, by name below the dataset; and what would have gone, but for its age or a build."""

    builds: list[str]
    shards: list[str]
    leftovers: list[str]  # what was never finished; manifests and packs of builds that went or never came to be
    size: int  # bytes
    young: int  # files left since they are too young
    running: int  # builds that run now: while there is one no shard goes, for it may have found any


def prune(dataset: Dataset, keep: int, older_than: timedelta = DAY, dry_run: bool = False) -> Pruned:
    """Keep the newest builds, the current one, and all that they name; remove, or list, what else is older than
    `older_than`.

    Only files that Counterfoil itself names are ever touched. A build file that is cut or damaged goes whatever its
    age; where no other is left, shards stay, for the next build finds them. While a build runs all shards stay, unless
    `older_than` is 0.

    Raises InputError where there is no build: then this may not be a dataset at all.
    """
    # In this order: a build that ends meanwhile is seen running, or else its file is seen.
    now = datetime.now(UTC)
    listed = list(_files(dataset))
    running = [info for folder, name, info in listed if folder == "builds" and name.startswith(RUNNING)
               and older_than and not _older(dataset, info, now, SILENT)]  # fmt: skip
    builds = dataset.builds()
    if not builds:
        raise InputError(f"{dataset.root}: no finished build here; run `counterfoil build` first")
    read = {build_id: dataset.read_build(build_id) for build_id in builds}
    whole = [build for build in read.values() if build is not None]
    # The current build stays, however many came after it that are not fit to be.
    current = [build for build in whole if build.fit][-1:]
    newest = {build.build_id for build in (*whole[-keep:], *current)}
    ages = {name.removesuffix(".json"): info for folder, name, info in listed if folder == "builds"}
    old = {b for b in builds if b not in newest and _older(dataset, ages.get(b), now, older_than)}
    kept = [build for build in whole if build.build_id in newest or build.build_id not in old]
    named = {(table, shard) for build in kept for table, shards in build.shards.items() for shard in shards}
    # What ingest has read, under one name in all of its tables: a build may be made of other pairs (`curate`).
    named |= {(table, shard) for build in kept for shard in build.shards.get("units", []) for table in INGESTED}
    described = {build.build_id for build in kept}

    gone: dict[str, list[str]] = {"builds": [], "shards": [], "leftovers": []}
    young = size = 0
    # Builds go first: killed half-way, what is left are shards that nobody names, never a build without them.
    for folder, name, info in sorted(listed, key=lambda file: (file[0] != "builds", *file[:2])):
        kind = _kind(folder, name, named, newest, described)
        if kind is None or (kind == "shards" and not whole):
            continue
        if running and name.endswith(".parquet") and not name.startswith(LEFTOVER):  # it may name it, or be about to
            continue
        damaged = kind == "builds" and read.get(name.removesuffix(".json")) is None
        if not damaged and not _older(dataset, info, now, older_than):
            young += 1
            continue
        place = f"{folder}/{name}" if folder else name
        if not dry_run:
            dataset.files.remove(f"{dataset.base}/{place}")
        gone[kind].append(place)
        size += int(info["size"])
    return Pruned(**gone, size=size, young=young, running=len(running))


def _kind(folder: str, name: str, named: set[tuple[str, str]], newest: set[str], described: set[str]) -> str | None:
    """Say what a file is that no kept build needs; None of one that is needed, or not Counterfoil's."""
    if name.startswith((LEFTOVER, RUNNING)):
        return "leftovers"
    if folder == "builds" and name.endswith(".json"):
        return None if name.removesuffix(".json") in newest else "builds"
    shard = name.removesuffix(".parquet")
    if folder == "builds" and shard != name:
        return None if shard in described else "leftovers"
    if folder.startswith("published/"):
        return None if folder.split("/")[1] in described or shard == name else "leftovers"
    if folder in TABLES and folder not in _SHARED and shard != name and (folder, shard) not in named:
        return "shards"
    return None


def _older(dataset: Dataset, info: dict[str, Any] | None, now: datetime, age: timedelta) -> bool:
    """Tell whether a file was last changed longer ago than that; what nobody can date is young."""
    if info is None:
        return False
    if not age:
        return True
    moment = changed(info)
    if moment is None:
        try:
            moment = changed({"mtime": dataset.fs.modified(info["name"])})
        except (NotImplementedError, FileNotFoundError):
            return False
    return moment is not None and now.timestamp() - moment > age.total_seconds()


def _files(dataset: Dataset) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Go through folder, name and description of the files of a dataset: its root, its builds, its tables, and what
    builds have published."""
    published = [f"published/{name}/{table}" for name in dataset.files.folders(f"{dataset.base}/published")
                 for table in TABLES]  # fmt: skip
    for folder in ("", "builds", *ADDED, *TABLES, *published):
        for info in dataset.files.list(f"{dataset.base}/{folder}".rstrip("/")):
            yield folder, os.path.basename(info["name"]), info
