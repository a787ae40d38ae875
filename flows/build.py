"""The build, from a source of pairs to a published dataset: read this file to know the method."""

import platform
import subprocess
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
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

PACKAGES = (
    "counterfoil",
    "torch",
    "open_clip_torch",
    "transformers",
    "diffusers",
    "spacy",
    "lemminflect",
    "inflect",
    "wn",
)


@flow(name="build", flow_run_name="build {out}", persist_result=False)
def build(config_file: str, out: str, source: str | None = None, settings: Sequence[str] = ()) -> Build:
    """Build a dataset of hard negatives, or bring one up to date; returns the build that is now current.

    Raises InputError, before any work, when something that the config names is missing.
    """
    config = load_config(config_file, settings, source)
    check(config)
    dataset = Dataset(out)
    started = datetime.now(UTC)
    previous = dataset.build() if dataset.builds() else None

    with progress("ingest", "rows") as advance:
        how_to_read = (config.source, config.ingest, config.compute.workers)
        ingested = run(tasks.ingest_source, out, *how_to_read, previous, advance)
    pairs = images = ingested.shards
    sizes = [dataset.count("pairs", shard) for shard in pairs]
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
        labels = each("truth", tasks.compute_truth, out, rows=(negatives, pairs))
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
    alike = run(tasks.mark_near_duplicates, out, config.ingest.near_duplicate_distance, ingested.shards)
    refined: list[str] = []
    if config.select.refine is not None:
        refined = [run(tasks.refine_accepted, out, config.select.refine, *judged, verdicts, alike)]
        verdicts = each("balance", tasks.balance_verdicts, out, *refined, rows=(verdicts,))
    probes = [run(tasks.probe_captions, out, config.judge, config.compute, negatives, pairs, verdicts, alike)]
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
    return publish(dataset, config, shards, lexicon, previous, started)


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
    dataset: Dataset,
    config: BuildConfig,
    shards: dict[str, list[str]],
    lexicon: dict[str, Any],
    previous: Build | None,
    started: datetime,
) -> Build:
    """Make the build current, once every row is accounted for; nothing when nothing has changed."""
    recipe = config.model_dump(mode="json")
    current = previous
    if previous is None or previous.config != recipe or _without_ledger(previous.shards) != shards:
        everything = {**shards, "ledger": _ledger(dataset, shards)}
        current = Build(
            build_id=f"{started:%Y%m%dT%H%M%S}{started.microsecond // 1000:03}-{fingerprint(shards, recipe)[:8]}",
            shards=everything,
            config=recipe,
            counts=_counts(dataset, everything),
            versions=_versions(config),
            started=started.isoformat(timespec="seconds"),
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            notes={"lexicon": lexicon},
        )
        dataset.commit(current)
    assert current is not None
    present(dataset, current)
    return current


def present(dataset: Dataset, build: Build) -> None:
    """Put catalog and card beside the current build, and its summary before whoever watches the flow.

    Done again when nothing has changed: a build killed right after it was made current has none yet, and
    a dataset that was moved has one that points elsewhere.
    """
    with connect(dataset, build) as connection:
        card = dataset_card(connection, build)
    write_catalog(dataset, build)
    dataset.put_text("README.md", card)
    if FlowRunContext.get():
        create_markdown_artifact(card, key="dataset-card", description=f"Build {build.build_id}")


def _counts(dataset: Dataset, shards: dict[str, list[str]]) -> dict[str, int]:
    """Count the rows of a build that is about to be made current; everything it names must be there."""
    gone = [
        f"{table}/{shard}" for table, several in shards.items() for shard in several if not dataset.has(table, shard)
    ]
    if gone:
        raise InputError(f"{dataset.root}: {gone[0]} vanished during the build (pruned?); run it again")
    counts = {table: sum(dataset.count(table, shard) for shard in shards[table]) for table in _COUNTED}
    assert counts["text_negatives"] == counts["verdicts"], "every negative has one verdict"
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
    if last is not None and last["identity"] == identity and dataset.has("lexicon", last["fingerprint"]):
        seen = set(last["parses"])
        new = sum(dataset.count("parses", shard) for shard in parses if shard not in seen)
        if new <= config.describe.refresh_after * last["pairs"]:
            return dict(last)
    with progress("describe", "captions", sum(dataset.count("parses", s) for s in parses)):
        taken = run(tasks.describe_corpus, str(dataset.root), config.describe, parses)
    pairs = sum(dataset.count("parses", shard) for shard in parses)
    return {"fingerprint": taken, "identity": identity, "parses": parses, "pairs": pairs}


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
    there = set(dataset.shards("ledger"))
    return list(dict.fromkeys(shard for several in shards.values() for shard in several if shard in there))


def _without_ledger(shards: dict[str, list[str]]) -> dict[str, list[str]]:
    return {table: several for table, several in shards.items() if table != "ledger"}


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
