"""The end of a build: every row accounted for, the build made known, catalog and card put beside it."""

import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext
from prefect.events import emit_event

from exports.card import without_header
from filters.expectations import broken_expectations
from flows.card import dataset_card
from flows.plots import can_plot, plots_in_markdown
from schemas.config import BuildConfig
from schemas.errors import InputError
from schemas.ids import fingerprint
from storage.catalog import connect, write_catalog
from storage.dataset import Build, Dataset
from storage.manifest import Manifest
from storage.packs import are_published, publish_packs
from storage.stock import take_stock

# What the rows of a build depend on, so that somebody can make them again.
PACKAGES = (
    "counterfoil",
    "torch",
    "torchvision",
    "open_clip_torch",
    "timm",
    "transformers",
    "tokenizers",
    "diffusers",
    "spacy",
    "lemminflect",
    "inflect",
    "wn",
    "scikit-learn",
    "scipy",
    "numpy",
    "pillow",
    "ImageHash",
    "duckdb",
    "pyarrow",
)
_MOMENT = "%Y%m%dT%H%M%S%f"  # of a build's id, to the millisecond


def publish(
    dataset: Dataset, config: BuildConfig, shards: dict[str, list[str]], lexicon: dict[str, Any], started: datetime
) -> Build:
    """Make the build known, once every row is accounted for; nothing when the current one is the same, and knows its
    shards as they are.

    Returns the build that is now current: another, where one that was begun later has ended already.
    Raises InputError, a line each, for the expectations that it breaks: then it is kept, and what was current stays so.
    """
    recipe = config.model_dump(mode="json")
    current = dataset.current()
    known = dataset.manifest(current) if current is not None else Manifest()
    manifest = take_stock(dataset, shards, known)
    everything = {**shards, "ledger": list(manifest.tables.get("ledger", {}))}
    if (
        current is not None
        and (current.config, current.shards) == (recipe, everything)
        and known == manifest
        and are_published(dataset, current, known)
    ):
        return present(dataset)
    made = Build(
        build_id=f"{_stamp(started)}-{fingerprint(shards, recipe)[:8]}",
        shards=everything,
        config=recipe,
        counts=_counts(manifest, everything),
        versions=_versions(config),
        started=started.isoformat(timespec="seconds"),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        notes={"lexicon": lexicon},
    )
    broken = broken_expectations(config.expect, made.counts, current.counts if current is not None else None)
    if broken:
        _keep_aside(dataset, made, manifest, current, broken)
    packs = publish_packs(dataset, made.build_id, everything, manifest, current, known)
    made = dataset.commit(replace(made, packs=packs), manifest)
    current = present(dataset)
    if current.build_id != made.build_id:
        print(
            f"counterfoil: build {current.build_id}, which was begun later, has ended before: it is current; "
            f"this one is kept as {made.build_id}",
            file=sys.stderr,
        )
    return current


def _keep_aside(
    dataset: Dataset, made: Build, manifest: Manifest, current: Build | None, broken: dict[str, str]
) -> NoReturn:
    """Keep a build that is not what was expected of it, once, and say why it is not made current."""
    others = dataset.builds()
    last = dataset.read_build(others[-1]) if others else None
    if last is None or last.fit or (last.config, last.shards) != (made.config, made.shards):
        last = dataset.commit(replace(made, notes={**made.notes, "broken_expectations": broken}), manifest)
    stays = f"{current.build_id} stays current" if current is not None else "there is none before it"
    lines = [f"expect.{name}: broken: {why}" for name, why in broken.items()]
    raise InputError("\n".join([*lines, f"build {last.build_id} is kept, but not made current; {stays}"]))


def announce(dataset: Dataset, build: Build, started: datetime) -> None:
    """Emit an event, in a flow run, for a build that this run has made current; none where nothing has changed."""
    if FlowRunContext.get() is None or not build.build_id.startswith(_stamp(started)):
        return
    place = dataset.base if dataset.local else dataset.root
    emit_event(
        "counterfoil.build.published",
        resource={"prefect.resource.id": f"counterfoil.dataset.{place}", "prefect.resource.name": place},
        payload={"dataset": place, "build_id": build.build_id, "counts": build.counts},
    )


def present(dataset: Dataset) -> Build:
    """Put catalog and card of the current build beside it, and its summary before whoever watches the flow.

    Done again when nothing has changed: a build killed right after it was made current has none yet, and
    a dataset that was moved has a catalog that points elsewhere; a card that is there is taken as it is. And until
    nothing else has become current meanwhile: of builds that end at once, each looks after the other's.
    """
    build, plotted = dataset.build(), ""
    while True:
        write_catalog(dataset, build)
        of = f"<!-- {fingerprint(build.build_id, dataset.shards('votes'), version('counterfoil'))} -->"
        card = dataset.text("README.md") or ""
        if not card.rstrip().endswith(of):
            # Dear where there are many rows: it asks more than anything else of a build that changes nothing.
            with connect(dataset, build) as connection:
                card = f"{dataset_card(connection, build)}\n{of}\n"
                if FlowRunContext.get() and can_plot():
                    plotted = plots_in_markdown(connection, build)
            dataset.put_text("README.md", card)
        current = dataset.build()
        if current.build_id == build.build_id:
            break
        build = current
    if FlowRunContext.get():
        create_markdown_artifact(without_header(card), key="dataset-card", description=f"Build {build.build_id}")
    if plotted:
        create_markdown_artifact(plotted, key="dataset-plots", description=f"Build {build.build_id}")
    return build


def moment(dataset: Dataset) -> datetime:
    """Tell the time, but later than the current build's: a clock that lags behind another machine's would make builds
    that are old before they are there."""
    now, current = datetime.now(UTC), dataset.current()
    if current is None:
        return now
    try:
        last = datetime.strptime(current.build_id.partition("-")[0], _MOMENT).replace(tzinfo=UTC)
        return max(now, last + timedelta(milliseconds=1))
    except (ValueError, OverflowError):  # not named by Counterfoil
        return now


def _stamp(moment: datetime) -> str:
    return moment.strftime(_MOMENT)[:-3]


def _counts(manifest: Manifest, shards: dict[str, list[str]]) -> dict[str, int]:
    """Count the rows of a build that is about to be made known."""
    counts = {table: sum(facts.rows for facts in manifest.of(table, shards[table])) for table in _COUNTED}
    if counts["text_negatives"] != counts["verdicts"]:
        raise RuntimeError(
            f"{counts['text_negatives']} negatives and {counts['verdicts']} verdicts: every negative has one verdict"
        )
    return {**counts, "accepted": sum(facts.accepted or 0 for facts in manifest.of("verdicts", shards["verdicts"]))}


_COUNTED = ("images", "pairs", "rejects", "text_negatives", "verdicts")


def _versions(config: BuildConfig) -> dict[str, str]:
    versions = {"python": platform.python_version(), **dict(_installed((*PACKAGES, config.describe.parser)))}
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / ".git").exists():
        found = subprocess.run(
            ["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
        versions["git commit"] = found.stdout.strip()
    return versions


def _installed(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
