"""The tasks of a build: one shard each, from ids and config to a fingerprint; thin, the stages do the work.

A task looks first whether its shard is there. If it is, it is whole, and nothing is done: that is resume,
caching and incremental builds in one rule. Prefect's own cache and result storage stay off.
"""

import errno
import time
from collections.abc import Callable
from functools import lru_cache, reduce
from typing import Any, ParamSpec, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from filters.alignment import Alignment
from filters.duplicates import near_duplicates
from filters.embeddings import Encoder
from filters.plausibility import Plausibility
from filters.selection import Selection
from generators.shapes.render import Render
from generators.shapes.source import drawn
from generators.shapes.truth import Truth
from generators.text.lexicon import Describing
from generators.text.negatives import TextNegatives
from generators.text.parsing import Parsing
from schemas import config as settings
from schemas.ids import embedding_key, fingerprint
from schemas.stage import ledger_of
from schemas.tables import LEDGER, NEAR_DUPLICATES
from storage.catalog import candidates_of
from storage.dataset import Build, Dataset
from storage.embeddings import known_embeddings
from storage.ingest import Ingested, ingest

Advance = Callable[[int, int | None], None]
P = ParamSpec("P")
R = TypeVar("R")


def _task(run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that is tried again where that can help, and is shown under a name that a person can read."""
    return task(
        task_run_name=run_name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=2,
        retry_delay_seconds=[2, 20],
        retry_condition_fn=may_pass,
    )


def may_pass(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Tell trouble of a network or a disk, which may pass, from bad input and defects, which do not."""
    error = state.result(raise_on_failure=False)
    lasting = isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError | IsADirectoryError)
    return isinstance(error, OSError) and not lasting and error.errno != errno.ENOSPC


# Stages hold models: one of each kind, for as long as the process lives.
_parsing = lru_cache(maxsize=1)(Parsing)
_encoder = lru_cache(maxsize=2)(Encoder)
_plausibility = lru_cache(maxsize=1)(Plausibility)
_USABLE = ["text_negative_id", "pair_id", "image_id", "caption", "operation", "failed_check"]


@_task("ingest {source.path}")
def ingest_source(
    root: str, source: settings.Source, how: settings.Ingest, workers: int, previous: Build | None, advance: Advance
) -> Ingested:
    """Bring images, pairs and rejects up to date with the source."""
    with drawn(source) as readable:
        return ingest(readable, how, Dataset(root), previous, advance, workers)


@_task("parse {pairs:.8}")
def parse_captions(root: str, describe: settings.Describe, pairs: str) -> str:
    """Parse one shard of pairs."""
    stage = _parsing(describe)
    return _made(
        "parse", Dataset(root), "parses", fingerprint(stage.identity, pairs), lambda d: stage(d.read("pairs", pairs))
    )


@_task("describe corpus")
def describe_corpus(root: str, describe: settings.Describe, parses: list[str]) -> str:
    """Take the lexicon of the whole corpus."""
    stage = Describing(describe)

    def count(dataset: Dataset) -> pa.Table:
        for shard in parses:
            stage.add(dataset.read("parses", shard))
        return stage.table()

    return _made("describe", Dataset(root), "lexicon", fingerprint(stage.identity, parses), count)


@_task("text negatives {parses:.8}")
def make_text_negatives(root: str, text: settings.Text, seed: int, parser: str, lexicon: str, parses: str) -> str:
    """Make the wrong captions of one shard."""
    stage = _text_negatives(root, text, seed, parser, lexicon)
    name = fingerprint(stage.identity, parses)
    return _made("text negatives", Dataset(root), "text_negatives", name, lambda d: stage(d.read("parses", parses)))


@lru_cache(maxsize=1)
def _text_negatives(root: str, text: settings.Text, seed: int, parser: str, lexicon: str) -> TextNegatives:
    return TextNegatives(text, seed, Dataset(root).read("lexicon", lexicon), lexicon, parser)


@_task("truth {negatives:.8}")
def compute_truth(root: str, negatives: str, pairs: str) -> str:
    """Label the negatives of one shard, passed checks or not, whose pictures' ground truth is known."""
    stage = Truth()

    def label(dataset: Dataset) -> pa.Table:
        rows = dataset.read("text_negatives", negatives, ["text_negative_id", "pair_id", "caption"])
        return stage(_beside(rows, "pair_id", dataset.read("pairs", pairs, ["pair_id", "caption", "scene"])))

    return _made("truth", Dataset(root), "labels", fingerprint(stage.identity, negatives, pairs), label)


@_task("images {negatives:.8}")
def make_image_negatives(root: str, seed: int, negatives: str, pairs: str) -> str:
    """Draw the usable negatives of one shard."""
    stage = Render(seed)

    def draw(dataset: Dataset) -> pa.Table:
        rows = _usable(dataset, negatives, pairs)
        widths = dataset.read("images", pairs, ["image_id", "width"])
        return stage(_beside(rows, "image_id", widths))

    return _made("images", Dataset(root), "image_negatives", fingerprint(stage.identity, negatives, pairs), draw)


@_task("align with {role} {negatives:.8}")
def align(
    root: str,
    role: str,
    clip: settings.Clip,
    compute: settings.Compute,
    negatives: str,
    images: str,
    edited: str | None,
) -> str:
    """Score one shard of negatives with a dual encoder, encoding only what nobody has encoded yet."""
    encoder, alignment = _encoder(clip, compute), Alignment(role, clip.model)
    name = fingerprint(alignment.identity, encoder.identity, negatives, images, edited)

    def score(dataset: Dataset) -> pa.Table:
        rows = _with_edited(dataset, _usable(dataset, negatives, images), edited)
        vectors = _vectors(dataset, encoder, rows, images, edited)
        keyed = {"image0": "image_id", "caption0": "original", "caption1": "caption", "image1": "edited_image_id"}
        columns = {
            name: pa.array([vectors.get(content) for content in rows[column].to_pylist()], pa.list_(pa.float32()))
            for name, column in keyed.items()
        }
        ids = {name: rows[name] for name in ("text_negative_id", "image_negative_id")}
        return alignment(pa.table({**ids, **columns}))

    return _made(f"align with {role}", Dataset(root), "scores", name, score)


@_task("plausibility {negatives:.8}")
def weigh_plausibility(
    root: str, how: settings.Plausibility, compute: settings.Compute, negatives: str, pairs: str
) -> str:
    """Score one shard of negatives with a language model that never sees the image."""
    stage = _plausibility(how, compute)

    def score(dataset: Dataset) -> pa.Table:
        rows = _usable(dataset, negatives, pairs)
        return stage(
            pa.table(
                {
                    "text_negative_id": rows["text_negative_id"],
                    "caption0": rows["original"],
                    "caption1": rows["caption"],
                    "operation": rows["operation"],
                }
            )
        )

    return _made("plausibility", Dataset(root), "scores", fingerprint(stage.identity, negatives, pairs), score)


@_task("select {negatives:.8}")
def select_negatives(
    root: str, how: settings.Select, negatives: str, pairs: str, images: list[str], scores: list[str]
) -> str:
    """Give every negative of one shard its verdict."""
    stage = Selection(how)
    name = fingerprint(stage.identity, negatives, images, scores)
    rows = (negatives, pairs, images, scores)
    return _made("select", Dataset(root), "verdicts", name, lambda d: stage(candidates_of(d, *rows)))


@_task("near duplicates")
def mark_near_duplicates(root: str, distance: int, images: list[str]) -> str:
    """Mark the images that look alike, over all shards."""

    def mark(dataset: Dataset) -> pa.Table:
        hashes = [dataset.read("images", shard, ["image_id", "phash"]) for shard in images]
        return near_duplicates(pa.concat_tables(hashes), distance) if hashes else NEAR_DUPLICATES.empty_table()

    return _made(
        "near duplicates", Dataset(root), "near_duplicates", fingerprint("near duplicates", 1, distance, images), mark
    )


def _made(stage: str, dataset: Dataset, table: str, shard: str, make: Callable[[Dataset], pa.Table]) -> str:
    """Make a shard unless it is there; its ledger is written first, so that a shard always has one."""
    if not dataset.has(table, shard):
        started = time.perf_counter()
        rows = make(dataset)
        ledger = ledger_of(rows, stage, shard)
        if ledger.num_rows == 0:
            work = {"stage": stage, "shard": shard, "rows_out": rows.num_rows}
            ledger = pa.Table.from_pylist([{**work, "seconds": time.perf_counter() - started}], LEDGER)
        dataset.write("ledger", shard, ledger)
        dataset.write(table, shard, rows.replace_schema_metadata(None))
    return shard


def _usable(dataset: Dataset, negatives: str, pairs: str) -> pa.Table:
    """Read the negatives of a shard that passed their checks, with the original caption and scene beside each."""
    rows = dataset.read("text_negatives", negatives, _USABLE)
    rows = rows.filter(pc.is_null(rows["failed_check"]))
    return _beside(rows, "pair_id", dataset.read("pairs", pairs, ["pair_id", "caption", "scene"]))


def _beside(rows: pa.Table, key: str, known: pa.Table) -> pa.Table:
    """Append the columns of a table with one row a key; its captions are called original."""
    at = pc.index_in(rows[key], value_set=known[key].combine_chunks())
    for name in known.column_names:
        if name != key:
            rows = rows.append_column("original" if name == "caption" else name, known[name].take(at))
    return rows


def _with_edited(dataset: Dataset, rows: pa.Table, edited: str | None) -> pa.Table:
    """Append the ids of the edited picture of each negative, null where it has none."""
    columns = ["text_negative_id", "image_negative_id", "edited_image_id"]
    if edited is None:
        return reduce(lambda t, name: t.append_column(name, pa.nulls(t.num_rows, pa.string())), columns[1:], rows)
    pictures = dataset.read("image_negatives", edited, columns)
    return _beside(rows, "text_negative_id", pictures.filter(pc.is_valid(pictures["edited_image_id"])))


def _vectors(
    dataset: Dataset, encoder: Encoder, rows: pa.Table, images: str, edited: str | None
) -> dict[str | None, Any]:
    """Return the vectors of all pictures and captions of some rows by id or text; new ones are stored first."""
    model = encoder.fingerprint
    pictures = sorted({*rows["image_id"].to_pylist(), *rows["edited_image_id"].drop_null().to_pylist()})
    captions = sorted({*rows["original"].to_pylist(), *rows["caption"].to_pylist()})
    keys = {content: embedding_key(model, content) for content in (*pictures, *captions)}
    known = known_embeddings(dataset, model, pa.table({"key": pa.array(keys.values(), pa.binary(16))}))
    vectors = dict(zip(known["key"].to_pylist(), known["embedding"].to_pylist(), strict=True))
    pictures, captions = ([c for c in several if keys[c] not in vectors] for several in (pictures, captions))
    if pictures or captions:
        fresh = encoder(_encodable(dataset, keys, pictures, captions, images, edited))
        shard = f"{model}-{fingerprint(images, pictures, captions)}"
        dataset.write("embeddings", shard, fresh.replace_schema_metadata(None))
        vectors.update(zip(fresh["key"].to_pylist(), fresh["embedding"].to_pylist(), strict=True))
    return {content: vectors[key] for content, key in keys.items()}


def _encodable(
    dataset: Dataset, keys: dict[str, bytes], pictures: list[str], captions: list[str], images: str, edited: str | None
) -> pa.Table:
    data: dict[str, bytes] = {}
    if pictures:
        wanted = pa.array(pictures, pa.string())
        sources = [("images", images, "image_id")]
        sources += [("image_negatives", edited, "edited_image_id")] if edited is not None else []
        for table, shard, name in sources:
            found = dataset.read(table, shard, [name, "image"])
            found = found.filter(pc.is_in(found[name], value_set=wanted))
            data.update((row[name], row["image"]["bytes"]) for row in found.to_pylist())
    return pa.table(
        {
            "key": pa.array([keys[content] for content in (*pictures, *captions)], pa.binary(16)),
            "image": pa.array([*(data[name] for name in pictures), *(None for _ in captions)], pa.binary()),
            "caption": pa.array([*(None for _ in pictures), *captions], pa.string()),
        }
    )
