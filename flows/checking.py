"""What a build would do and what it misses, told without doing any of it: for `counterfoil check`."""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from importlib.util import find_spec

import pyarrow as pa
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from devices import cores, pick_device
from flows.build import check_all, kept_lexicon
from flows.curation import kept_alignment
from flows.engine import Engine, Made, expects
from flows.groups import Group
from flows.progress import Board
from flows.runner import Runner
from flows.stages import stages
from flows.steps.curation import AlignPairs
from flows.steps.step import Step
from flows.steps.text import Describe
from flows.tables import Column, Columns
from flows.work import Work
from schemas.config import BuildConfig, Compute
from schemas.errors import InputError
from schemas.tables import TABLES
from storage.dataset import Build, Dataset
from storage.presence import Presence

_NOT_INGEST = "near_duplicate_distance"  # of the config's section `ingest`, what pairs do not depend on


@dataclass(frozen=True)
class Foreseen:
    """What a build would do for one step."""

    step: str
    table: str
    where: str
    there: int  # shards
    missing: int
    more: bool  # whether there may be more of them: how many hangs on rows that are still to be made
    units: int  # of the missing shards
    unit: str


def missing(config: BuildConfig) -> list[str]:
    """List all that a build would miss: packages, models, settings that name nothing; a line each."""
    lines: list[str] = []
    try:
        check_all(config)
    except InputError as error:
        lines += str(error).splitlines()
    runner = config.compute.runner
    package = {"ray": "ray", "dask": "distributed"}.get(runner)
    if package is not None and find_spec(package) is None:
        lines.append(f"compute.runner: {runner} is not installed; pip install 'counterfoil[{runner}]'")
    try:
        pick_device(config.compute.device)
    except RuntimeError as error:
        lines.append(f"compute.device: {str(error).splitlines()[0]}")
    return lines


def same_source(build: Build, config: BuildConfig) -> bool:
    """Tell whether a build has read the source of a config as this would read it."""
    recipe = config.model_dump(mode="json")
    ingests = [dict(each.get("ingest", {})) for each in (build.config, recipe)]
    for each in ingests:
        each.pop(_NOT_INGEST, None)
    return bool(build.config.get("source") == recipe["source"] and ingests[0] == ingests[1])


def foreseen(dataset: Dataset, config: BuildConfig, build: Build) -> list[Foreseen]:
    """Tell, by names alone, which shards of the pairs of a build are there and which a build would make."""
    steps, seeing, noted = stages(config), _Seeing(dataset.root), _Noted()
    there = Presence(seeing, build)
    shards = zip(build.shards["pairs"], build.shards["images"], strict=True)
    groups = [
        Group(n, "rules", there.rows("pairs", pairs), pairs, images=images) for n, (pairs, images) in enumerate(shards)
    ]
    engine = Engine(steps, seeing, groups, noted, _Silent(), there)
    read = [Group(n, "rules", there.rows("pairs", shard), shard) for n, shard in enumerate(build.shards["units"])]
    measured = kept_alignment(steps, read, build)
    if measured is not None:
        engine.keep(AlignPairs.name, measured)
    lexicon = kept_lexicon(dataset, config, steps, groups, build)
    if lexicon is not None:
        engine.keep(Describe.name, lexicon["fingerprint"])
    made = engine.run(Compute(runner="inline"))
    return [_of_step(step, config.compute, made, noted.works.get(step.name, {}), seeing.unseen) for step in steps]


def foresight(dataset: Dataset, config: BuildConfig) -> RenderableType:
    """Lay out the steps in order, where each runs and, where the source has been read before, what of them is there."""
    steps, current = stages(config), dataset.current()
    rows = foreseen(dataset, config, current) if current is not None and same_source(current, config) else None
    columns = [
        Column("step", [step.name for step in steps], False),
        Column("makes", [step.table for step in steps], False),
        Column("runs on", [where(step, config.compute) for step in steps], False),
    ]
    if rows is not None:
        columns += [
            Column("there", [f"{row.there:,}" for row in rows], True),
            Column("missing", [f"{row.missing:,}{'+' if row.more else ''}" for row in rows], True),
            Column("to do", [f"{row.units:,} {row.unit}" if row.units else "-" for row in rows], False),
        ]
    title = "Steps, in order" if rows is None else "Steps, in order, and their shards"
    if current is None:
        known = f"{dataset.root} has no build yet: the source is read, and all is made."
    elif rows is None:
        known = (
            f"The current build {current.build_id} has another source, or read it in another way: what is to be made "
            "is known when the source is read."
        )
    else:
        known = f"For the source as build {current.build_id} read it: what has come since is seen when it is read."
    table = Padding(Columns(columns, ruled=False), (0, 0, 1, 2))
    return Lines(Text(title, style="bold"), table, *_workers(config, steps), Text(known))


def where(step: Step, compute: Compute) -> str:
    """Say where a step runs: on the workers, or on which device."""
    return str(pick_device(compute.device)) if step.on_device else "workers"


def _workers(config: BuildConfig, steps: list[Step]) -> Iterator[Text]:
    compute = config.compute
    kinds = {
        "inline": "this process",
        "processes": f"{cores(compute.workers)} processes of this machine",
        "auto": f"{cores(compute.workers)} processes of this machine or, for little work, this one",
        "ray": f"those of Ray at {compute.address or 'RAY_ADDRESS, else this machine'}",
        "dask": f"those of Dask at {compute.address or 'this machine'}",
    }
    yield Text(f"Workers: {kinds[compute.runner]}.")
    if any(step.on_device for step in steps) and compute.runner not in {"ray", "dask"}:
        yield Text("Models run in a process for each device, one step at a time.")


def _of_step(step: Step, compute: Compute, made: Made, works: dict[str, Work], unseen: set[str]) -> Foreseen:
    if step.over == "corpus":
        shards, more = [made.corpus[step.name]], False
    else:
        groups = [group for group in made.groups if expects(step, group)]
        shards = [shard for group in groups for shard in group.made[step.name]]
        divided = type(step).parts is not Step.parts
        more = divided and any(unseen & set(shard) for group in groups for shard in group.made.values())
    units = sum(step.size(work.inputs) for work in works.values())
    there = len(set(shards) - set(works))
    return Foreseen(step.name, step.table, where(step, compute), there, len(works), more, units, step.unit)


class _Noted:
    """Takes note of what would be made, by step and shard; makes nothing."""

    def __init__(self) -> None:
        self.works: dict[str, dict[str, Work]] = {}

    def __call__(
        self, _root: str, _runner: Runner, batch: tuple[Work, ...], _over: Set[str], _advance: Callable[[int], None]
    ) -> None:
        for work in batch:
            self.works.setdefault(work.step.name, {})[work.shard] = work


class _Seeing(Dataset):
    """A dataset in which shards that are not made yet are empty; it remembers which were asked for."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.unseen: set[str] = set()

    def read(self, table: str, fingerprint: str, columns: list[str] | None = None) -> pa.Table:
        """Read a shard, or nothing where it is not there."""
        if self.has(table, fingerprint):
            return super().read(table, fingerprint, columns)
        self.unseen.add(fingerprint)
        return TABLES[table].empty_table().select(columns or TABLES[table].names)

    def remove(self, table: str, fingerprint: str) -> None:
        """Leave a damaged shard to the build, which removes it and makes it anew: it counts as missing."""


class _Silent(Board):
    """Shows nothing: no work is done."""

    def advance(self, what: str, more: int) -> None:
        """Say nothing."""
