"""The build, from a source of pairs to a published dataset: read this file, then stages.py, to know the method."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from prefect import flow

from filters.expectations import check_expectations
from flows.again import mended, steadily
from flows.curation import curated
from flows.engine import Engine
from flows.groups import Group, Inputs
from flows.progress import Board, progress
from flows.publish import announce, moment, publish
from flows.recording import call, make_limit, recorded, within
from flows.stages import check, stages
from flows.steps.step import Step
from flows.steps.text import Describe, Parse
from generators.shapes.source import check_source, drawn
from schemas.config import BuildConfig, load_config
from schemas.errors import InputError
from storage.dataset import Build, Dataset
from storage.ingest import Ingested, ingest
from storage.presence import Presence
from storage.running import at_work


@flow(name="build", flow_run_name="build {out}", persist_result=False, log_prints=True)
def build(config: BuildConfig | str, out: str, source: str | None = None, settings: Sequence[str] = ()) -> Build:
    """Build a dataset of hard negatives, or bring one up to date; returns the build that is now current.

    Args:
        config: The recipe, or the path of a YAML file that has it.
        out: Dataset folder or URL.
        source: File, folder, pattern or URL with the pairs, in place of the recipe's own.
        settings: Keys of the recipe to override, such as text.tries=8.

    Raises:
        InputError: Before any work, when something that the recipe names is missing; after it, when the build is not
            what the recipe expects of it.
    """
    recipe = load_config(config, settings, source)
    check_all(recipe)
    dataset = Dataset(out)
    with at_work(dataset), within(recipe.compute.timeout):
        started = steadily(moment, dataset)
        made = mended(dataset, partial(make, dataset, recipe, started))
    announce(dataset, made, started)
    return made


def make(dataset: Dataset, config: BuildConfig, started: datetime) -> Build:
    """Do the work of a build: what is there already is not made again. Returns the build that is now current.

    Raises DamagedShardError where a shard that it needs turns out to be cut, overwritten or gone.
    """
    previous = steadily(dataset.current)
    ingested = read_source(dataset, config, previous)
    there = steadily(Presence, dataset, previous)
    groups = [
        Group(number, "rules", steadily(there.rows, "pairs", shard), shard)
        for number, shard in enumerate(ingested.shards)
    ]
    steps = stages(config)
    make_limit(config)
    with Board() as board:
        sorted_out = curated(dataset, steps, groups, call, board, there, config.compute)
        groups = sorted_out.groups
        engine = Engine(steps, dataset, groups, call, board, there)
        sorted_out.keep(engine)
        lexicon = kept_lexicon(dataset, config, steps, groups, previous)
        if lexicon is not None:
            engine.keep(Describe.name, lexicon["fingerprint"])
        made = engine.run(config.compute)
    if lexicon is None:
        lexicon = described(steps, groups, made.corpus[Describe.name])
    shards = {
        **dict.fromkeys(("images", "units"), ingested.shards),
        "pairs": [group.pairs for group in groups],
        "rejects": sorted_out.rejects,
        **made.shards(steps),
    }
    return steadily(publish, dataset, config, shards, lexicon, started)


def check_all(config: BuildConfig) -> None:
    """Ask the source and every step what they miss; all of it is said at once, a line each, before any work."""
    missing = []
    if config.source.path is None:
        missing.append("source.path: not set; give --source PATH or name it in the config")
    try:
        check_source(config.source)
    except InputError as error:
        missing.append(str(error))
    missing += check(stages(config))
    missing += check_expectations(config.expect)
    if missing:
        raise InputError("\n".join(missing))


def read_source(dataset: Dataset, config: BuildConfig, previous: Build | None) -> Ingested:
    """Bring images, pairs and rejects up to date with the source."""
    with progress("ingest", "rows") as advance, drawn(config.source) as readable:
        how = (readable, config.ingest, dataset, previous, advance, config.compute.threads)
        found: Ingested = recorded(f"ingest {config.source.path}", partial(ingest, *how))
        return found


def kept_lexicon(
    dataset: Dataset, config: BuildConfig, steps: list[Step], groups: list[Group], previous: Build | None
) -> dict[str, Any] | None:
    """Return the last build's lexicon while the corpus is nearly the same, else None.

    A lexicon belongs to every negative drawn from it: a new one makes all negatives anew. So ten new
    photos among six hundred keep the old one, and are described by it.
    """
    last = previous.notes.get("lexicon") if previous is not None else None
    if last is None or last["identity"] != _step(steps, Describe).identity:
        return None
    if not steadily(dataset.has, "lexicon", last["fingerprint"]):
        return None
    seen = set(last["parses"])
    new = sum(group.captions for group in groups if _parse_of(steps, group) not in seen)
    return dict(last) if new <= config.describe.refresh_after * last["pairs"] else None


def described(steps: list[Step], groups: list[Group], shard: str) -> dict[str, Any]:
    """Note what a lexicon was taken of, for the builds that come after."""
    parses = [_parse_of(steps, group) for group in groups]
    pairs = sum(group.captions for group in groups)
    return {"fingerprint": shard, "identity": _step(steps, Describe).identity, "parses": parses, "pairs": pairs}


def _parse_of(steps: list[Step], group: Group) -> str:
    return _step(steps, Parse).name_of(Inputs({"pairs": (group.pairs,)}, group.captions))


def _step(steps: list[Step], kind: type[Step]) -> Step:
    return next(step for step in steps if isinstance(step, kind))
