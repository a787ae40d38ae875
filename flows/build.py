"""The build, from a source of pairs to a published dataset: read this file to know the method."""

import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from prefect import Task, flow
from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext

from filters.balance import Refinement
from filters.embeddings import Encoder
from filters.plausibility import Plausibility
from filters.selection import Selection
from flows import picture_tasks, tasks
from flows.again import mended, steadily
from flows.card import dataset_card
from flows.pictures import Pictures, picture_stages
from flows.progress import progress
from flows.shards import run
from flows.writers import writer_for
from generators.shapes.source import check_source
from generators.text.lexicon import Describing
from generators.text.parsing import Parsing
from generators.text.ranking import Ranking
from schemas.config import BuildConfig, load_config
from schemas.errors import InputError
from schemas.ids import fingerprint
from storage.catalog import connect, write_catalog
from storage.dataset import Build, Dataset
from storage.running import at_work

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


@flow(name="build", flow_run_name="build {out}", persist_result=False)
def build(config_file: str, out: str, source: str | None = None, settings: Sequence[str] = ()) -> Build:
    """Build a dataset of hard negatives, or bring one up to date; returns the build that is now current.

    Raises InputError, before any work, when something that the config names is missing.
    """
    config = load_config(config_file, settings, source)
    check(config)
    dataset = Dataset(out)
    with at_work(dataset):
        return mended(dataset, partial(make, dataset, config, steadily(_now, dataset)))


def make(dataset: Dataset, config: BuildConfig, started: datetime) -> Build:
    """Do the work of a build: what is there already is not made again. Returns the build that is now current.

    Raises DamagedShardError where a shard that it needs turns out to be cut, overwritten or gone.
    """
    out = dataset.root
    previous = steadily(dataset.current)

    with progress("ingest", "rows") as advance:
        how_to_read = (config.source, config.ingest, config.compute.workers)
        ingested = run(tasks.ingest_source, out, *how_to_read, previous, advance)
    pairs = images = ingested.shards
    sizes = steadily(lambda: [dataset.count("pairs", shard) for shard in pairs])
    each = partial(_each, sizes=sizes)

    parses = parsed = each("parse", tasks.parse_captions, out, config.describe, rows=(pairs,))
    lexicon = _lexicon(dataset, config, previous, parses)
    words = lexicon["fingerprint"]
    paraphrases: list[str] = []
    if config.paraphrase is not None:
        asked = (config.paraphrase, config.compute, config.seed, config.describe)
        paraphrases = each("paraphrasing", tasks.paraphrase_captions, out, *asked, rows=(parses,))
    how = (config.text, config.compute, config.seed, config.describe.parser, words)
    # Pictures are made beside the text work, as shards of negatives come: but not beside a language model, which wants
    # the same device, and whose loading changes torch's default number format for all threads.
    alone = config.rewrite is not None or config.text.rank is not None
    with Pictures(out, config, images) as pictures:
        then = None if alone else pictures.start
        negatives = each("text negatives", tasks.make_text_negatives, out, *how, rows=(parses,), then=then)
        if config.rewrite is not None:
            how_to_ask = (config.rewrite, config.compute, config.seed, config.describe, words)
            rewrites = each("rewriting", tasks.rewrite_captions, out, *how_to_ask, rows=(parses, negatives))
            # From here on a shard of rewrites is one more shard of negatives, of the same pairs and images.
            negatives, pairs, images, parsed = [*negatives, *rewrites], pairs * 2, images * 2, parses * 2
            each = partial(_each, sizes=sizes * 2)
        for shard in zip(negatives, parsed, strict=True) if alone else ():
            pictures.start(*shard)
        labels = each("truth", tasks.compute_truth, out, rows=(negatives, pairs), then=lambda *_: pictures.check())
        masks, edited = pictures.wait()

    scores: list[list[str]] = []
    for role, clip in (("judge", config.judge), ("target", config.target)):
        if clip is not None:
            with_clip = (out, role, clip, config.compute)
            scores.append(each(f"align with {role}", tasks.align, *with_clip, rows=(negatives, images, edited)))
    if config.plausibility is not None:
        with_model = (out, config.plausibility, config.compute)
        scores.append(each("plausibility", tasks.weigh_plausibility, *with_model, rows=(negatives, pairs)))
    scores.append(each("words", tasks.weigh_words, out, lexicon["fingerprint"], rows=(negatives, pairs)))
    seen = (negatives, images, edited)
    if config.images:
        scores.append(each("pixels", picture_tasks.measure_pixels, out, rows=seen))
        labels += each("picture truth", picture_tasks.compute_picture_truth, out, rows=seen)
    if config.attribution and config.judge is not None:
        with_judge = (out, config.judge, config.compute)
        scores.append(each("attribution", picture_tasks.measure_attribution, *with_judge, rows=seen))
    by_shard = [list(shards) for shards in zip(*scores, strict=True)]

    judged = (negatives, pairs, edited, by_shard)
    verdicts = each("select", tasks.select_negatives, out, config.select, rows=judged)
    refined: list[str] = []
    if config.select.refine is not None:
        refined = [run(tasks.refine_accepted, out, config.select.refine, *judged, verdicts)]
        verdicts = each("balance", tasks.balance_verdicts, out, *refined, rows=(verdicts,))
    alike = run(tasks.mark_near_duplicates, out, config.ingest.near_duplicate_distance, ingested.shards)
    probes = [run(tasks.probe_captions, out, config.judge, config.compute, negatives, pairs, verdicts)]
    if config.images and config.judge is not None:
        probed = (config.judge, config.compute, negatives, images, edited, verdicts)
        probes.append(run(picture_tasks.probe_pictures, out, *probed))

    shards = {
        **dict.fromkeys(("images", "pairs", "rejects", "units"), ingested.shards),
        "parses": parses,
        "lexicon": [lexicon["fingerprint"]],
        "text_negatives": negatives,
        "paraphrases": paraphrases,
        "labels": labels,
        "masks": masks,
        "image_negatives": [shard for several in edited for shard in several],
        "scores": [shard for several in by_shard for shard in several],
        "verdicts": verdicts,
        "refinements": refined,
        "probes": probes,
        "near_duplicates": [alike],
    }
    return steadily(publish, dataset, config, shards, lexicon, started)


def check(config: BuildConfig) -> None:
    """Build every stage and ask what it misses: all of it is said at once, a line each, before any work."""
    clips = [Encoder(clip, config.compute) for clip in (config.judge, config.target) if clip is not None]
    language: list[Checked] = []
    if config.plausibility is not None:
        language.append(Plausibility(config.plausibility, config.compute))
    if config.text.rank is not None:
        language.append(Ranking(config.text.rank, config.compute))
    writers = [writer_for(how, config.compute) for how in (config.rewrite, config.paraphrase) if how is not None]
    balance = [Refinement(config.select.refine)] if config.select.refine is not None else []
    pictures = picture_stages(config)
    stages: tuple[Checked, ...] = (
        Parsing(config.describe), *clips, *language, *writers, *pictures, Selection(config.select), *balance
    )  # fmt: skip
    missing = []
    if config.source.path is None:
        missing.append("source.path: not set; give --source PATH or name it in the config")
    checks: list[Callable[[], None]] = [partial(check_source, config.source), *(stage.check for stage in stages)]
    for check_one in checks:
        try:
            check_one()
        except InputError as error:
            missing.append(str(error))
    if missing:
        raise InputError("\n".join(missing))


class Checked(Protocol):
    """A stage that can tell what it misses before it works."""

    def check(self) -> None:
        """Raise InputError with one line."""


def publish(
    dataset: Dataset, config: BuildConfig, shards: dict[str, list[str]], lexicon: dict[str, Any], started: datetime
) -> Build:
    """Make the build known, once every row is accounted for; nothing when the current one is the same.

    Returns the build that is now current: another, where one that was begun later has ended already.
    """
    everything = {**shards, "ledger": _ledger(dataset, shards)}
    dataset.check(everything)
    recipe = config.model_dump(mode="json")
    current = dataset.current()
    if current is None or current.config != recipe or current.shards != everything:
        made = Build(
            build_id=f"{started.strftime(_MOMENT)[:-3]}-{fingerprint(shards, recipe)[:8]}",
            shards=everything,
            config=recipe,
            counts=_counts(dataset, everything),
            versions=_versions(config),
            started=started.isoformat(timespec="seconds"),
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            notes={"lexicon": lexicon},
        )
        made = dataset.commit(made)
        current = present(dataset)
        if current.build_id != made.build_id:
            print(
                f"counterfoil: build {current.build_id}, which was begun later, has ended before: it is current; "
                f"this one is kept as {made.build_id}",
                file=sys.stderr,
            )
        return current
    return present(dataset)


def present(dataset: Dataset) -> Build:
    """Put catalog and card of the current build beside it, and its summary before whoever watches the flow.

    Done again when nothing has changed: a build killed right after it was made current has none yet, and
    a dataset that was moved has one that points elsewhere. And until nothing else has become current meanwhile: of
    builds that end at once, each looks after the other's.
    """
    build = dataset.build()
    while True:
        with connect(dataset, build) as connection:
            card = dataset_card(connection, build)
        write_catalog(dataset, build)
        dataset.put_text("README.md", card)
        current = dataset.build()
        if current.build_id == build.build_id:
            break
        build = current
    if FlowRunContext.get():
        create_markdown_artifact(card, key="dataset-card", description=f"Build {build.build_id}")
    return build


def _now(dataset: Dataset) -> datetime:
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


def _counts(dataset: Dataset, shards: dict[str, list[str]]) -> dict[str, int]:
    """Count the rows of a build that is about to be made known."""
    counts = {table: _rows(dataset, table, shards[table]) for table in _COUNTED}
    if counts["text_negatives"] != counts["verdicts"]:
        raise RuntimeError(
            f"{counts['text_negatives']} negatives and {counts['verdicts']} verdicts: every negative has one verdict"
        )
    accepted = (dataset.read("verdicts", shard, ["accepted"])["accepted"] for shard in shards["verdicts"])
    return {**counts, "accepted": sum(verdicts.true_count for column in accepted for verdicts in column.chunks)}


_COUNTED = ("images", "pairs", "rejects", "text_negatives", "verdicts")


def _lexicon(dataset: Dataset, config: BuildConfig, previous: Build | None, parses: list[str]) -> dict[str, Any]:
    """Take the corpus's lexicon, or keep the last build's while the corpus is nearly the same.

    A lexicon belongs to every negative drawn from it: a new one makes all negatives anew. So ten new
    photos among six hundred keep the old one, and are described by it.
    """
    identity = [*Describing(config.describe).identity, Parsing(config.describe).identity]
    last = previous.notes.get("lexicon") if previous is not None else None
    pairs = steadily(_rows, dataset, "parses", parses)
    if last is not None and last["identity"] == identity and steadily(dataset.has, "lexicon", last["fingerprint"]):
        seen = set(last["parses"])
        new = steadily(_rows, dataset, "parses", [shard for shard in parses if shard not in seen])
        if new <= config.describe.refresh_after * last["pairs"]:
            return dict(last)
    with progress("describe", "captions", pairs):
        taken = run(tasks.describe_corpus, str(dataset.root), config.describe, parses)
    return {"fingerprint": taken, "identity": identity, "parses": parses, "pairs": pairs}


def _rows(dataset: Dataset, table: str, shards: Sequence[str]) -> int:
    return sum(dataset.count(table, shard) for shard in shards)


def _each(
    what: str,
    task: Task[Any, str],
    *how: Any,
    rows: tuple[Sequence[Any], ...],
    sizes: list[int],
    then: Callable[..., None] | None = None,
) -> list[str]:
    """Run a task on every shard, in order: models are loaded once and have one owner. `then` is told of each shard."""
    made = []
    with progress(what, "captions", sum(sizes)) as advance:
        for size, *shard in zip(sizes, *rows, strict=True):
            made.append(run(task, *how, *shard))
            if then is not None:
                then(made[-1], *shard)
            advance(size, None)
    return made


def _ledger(dataset: Dataset, shards: dict[str, list[str]]) -> list[str]:
    """Name the ledgers of shards: what each cost to make. One that is lost is not worth making the shard again."""
    there = set(dataset.shards("ledger"))
    named = list(dict.fromkeys(shard for several in shards.values() for shard in several if shard in there))
    lost = {shard for _, shard in dataset.missing({"ledger": named})}
    return [shard for shard in named if shard not in lost]


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
