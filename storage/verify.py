"""Does what rests in a dataset equal what its builds wrote: every byte is read, what is wrong is named, or removed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from devices import cores
from storage.dataset import Build, DamagedShardError, Dataset
from storage.files import Listed
from storage.manifest import Facts
from storage.packs import published

CACHES = ("embeddings", "answers")  # found by name, not named by builds
_ANEW = "`counterfoil build` makes it anew"


@dataclass(frozen=True)
class Checked:
    """One file of a dataset; `why` is None where it is what was written."""

    name: str  # below the dataset
    size: int  # bytes
    why: str | None = None
    remedy: str = ""  # what makes good what is wrong, once the file is removed
    there: bool = True  # False of a file that is gone


def verify(dataset: Dataset, repair: bool = False) -> Iterator[Checked]:
    """Go through all files that builds name, and through what models once made, and read each.

    With `repair` a file that is wrong is removed before it is yielded, so that the next build makes it anew.

    Raises InputError where there is no build at all.
    """
    builds = [(build_id, dataset.read_build(build_id)) for build_id in reversed(dataset.builds())]
    whole = [build for _, build in builds if build is not None]
    if not builds:
        dataset.build()
    found = [
        *(
            Checked(f"builds/{b}.json", 0, "cut or damaged", "older builds stay")
            for b, build in builds
            if build is None
        ),
        *filter(None, (_manifest(dataset, build, whole[0]) for build in whole)),
    ]
    for one in found:
        yield _removed(dataset, one, repair)
    with ThreadPoolExecutor(cores()) as pool:
        for table, shards in _named(dataset, whole).items():
            there = dataset.listing(table)
            named_now = frozenset(_files(whole[0]).get(table, ())) if whole else frozenset()

            def look(one: tuple[str, Facts | None], table: str = table, there: dict[str, Listed] = there) -> str | None:
                return why_wrong(dataset, table, one[0], there.get(one[0]), one[1])

            for shard, why in zip(shards, pool.map(look, shards.items()), strict=True):
                listed = there.get(shard)
                remedy = _remedy(table, shard in named_now)
                one = Checked(f"{table}/{shard}.parquet", listed.size if listed else 0, why, remedy, listed is not None)
                yield _removed(dataset, one, repair)


def _removed(dataset: Dataset, one: Checked, repair: bool) -> Checked:
    if repair and one.why is not None and one.there:
        dataset.files.remove(f"{dataset.base}/{one.name}")
    return one


def _named(dataset: Dataset, builds: list[Build]) -> dict[str, dict[str, Facts | None]]:
    """List what builds name, newest first, with what the newest that knows a shard knows of it; and the caches."""
    named: dict[str, dict[str, Facts | None]] = {}
    for build in builds:
        manifest = dataset.manifest(build)
        for table, shards in _files(build).items():
            known = named.setdefault(table, {})
            for shard in shards:
                known[shard] = known.get(shard) or manifest.get(table, shard)
    for table in CACHES:
        named[table] = dict.fromkeys(dataset.shards(table))
    return named


def _files(build: Build) -> dict[str, list[str]]:
    """List all that a build names: shards by table, packs by folder."""
    return {**build.shards, **published(build)}


def _manifest(dataset: Dataset, build: Build, current: Build) -> Checked | None:
    if build.manifest is None:
        return None
    path = dataset.manifest_path(build.build_id)
    name = path.removeprefix(f"{dataset.base}/")
    remedy = "`counterfoil build` writes one" if build is current else f"`counterfoil prune` forgets {build.build_id}"
    try:
        found = dataset.files.sha256(path).hex()
    except FileNotFoundError:
        return Checked(name, 0, "gone", remedy, there=False)
    size = dataset.files.size(path)
    return Checked(name, size, None if found == build.manifest else "cut, exchanged or overwritten", remedy)


def why_wrong(dataset: Dataset, table: str, shard: str, listed: Listed | None, known: Facts | None) -> str | None:
    """Read a shard, of which a listing tells this, and say in what it is not what was written; None where it is. A
    manifest may know of it."""
    if listed is None:
        return "gone"
    if known is None and table not in CACHES:
        known = dataset.noted(shard).get(table)
    try:
        if known is None:  # older than manifests: that it can be read is all that can be told
            dataset.read(table, shard)
            return None
        found = dataset.files.sha256(dataset.path(table, shard)) if listed.size == known.size else None
    except (DamagedShardError, FileNotFoundError) as error:
        return error.why if isinstance(error, DamagedShardError) else "gone"
    anew = None if found == known.sha256 else dataset.noted(shard).get(table)
    if found == known.sha256 or (anew is not None and anew.sha256 == dataset.files.sha256(dataset.path(table, shard))):
        return None  # as the build wrote it; or as it was made again since
    if found is None:
        return f"cut, or exchanged for another file ({listed.size:,} bytes, of {known.size:,} that were written)"
    return "overwritten, or exchanged for another file (of the same size)"


def _remedy(table: str, is_current: bool) -> str:
    if table == "ledger":
        return "what the work cost is lost, and the next `counterfoil build` leaves it out"
    if table in CACHES:
        return "a build that needs it makes it anew"
    return _ANEW if is_current else "older builds alone name it: `counterfoil prune` forgets them"
