"""The tasks that make edited pictures and look at them: masks, edits, pixels, attribution, truth, the visual probe."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext

from devices.revision import libraries
from filters.alignment import Alignment
from filters.attribution import Attribution
from filters.pixels import Pixels
from filters.probe import blind_probe
from flows.shards import (
    beside,
    encoder_of,
    made,
    parsing_of,
    read_all,
    scored,
    shard_task,
    stored_pictures,
    usable,
    vectors_of,
)
from generators.images.editing import Editing
from generators.images.masks import Masks
from generators.images.segmenter import Segmenter
from generators.images.tries import Tries
from generators.shapes.render import Render
from generators.shapes.truth import PictureTruth, can_be_told
from schemas import config as settings
from schemas.ids import fingerprint
from schemas.measures import score_rows
from schemas.stage import Stage
from schemas.tables import MASKS, PIXELS, PROBES, SCORES
from storage.dataset import Dataset

editing_of = lru_cache(maxsize=2)(Editing)
segmenter_of = lru_cache(maxsize=1)(Segmenter)
# Of the attribution's integrals. Heat maps of 4 nodes correlate 0.99 with those of 24, in half the time of 8.
_NODES = 4
_SPANS = ("original_spans", "negative_spans")
_PHRASES = ("original_phrase", "negative_phrase")


def editor_of(editors: tuple[settings.Images, ...], text_negative: str, operation: str) -> int | None:
    """Choose the editor that makes a wrong caption's picture: the first that takes it."""
    return next((k for k, editor in enumerate(editors) if editor.takes(text_negative, operation)), None)


def _for_editor(rows: pa.Table, editors: tuple[settings.Images, ...], which: int) -> pa.Table:
    chosen = zip(rows["text_negative_id"].to_pylist(), rows["operation"].to_pylist(), strict=True)
    return rows.filter(pa.array([editor_of(editors, *row) == which for row in chosen], pa.bool_()))


@shard_task("masks {negatives:.8}")
def make_masks(
    root: str,
    editors: tuple[settings.Images, ...],
    which: int,
    seed: int,
    judge: settings.Clip | None,
    compute: settings.Compute,
    describe: settings.Describe,
    negatives: str,
    images: str,
    parses: str,
) -> str:
    """Find where the edits of one shard may happen."""
    how = editors[which].masks
    makers: dict[str, Stage] = {}
    if "attribution" in how.makers and judge is not None:
        makers["attribution"] = Attribution(encoder_of(judge, compute), _NODES)
    if "segmenter" in how.makers:
        makers["segmenter"] = segmenter_of(how.segmenter_model, compute)
    stage = Masks(how, seed, makers)

    def mask(dataset: Dataset) -> pa.Table:
        rows = _for_editor(usable(dataset, negatives, images, (*_SPANS, "vouched_by")), editors, which)
        if rows.num_rows == 0:
            return MASKS.empty_table()
        known = dataset.read("parses", parses, ["caption", "tokens"])
        longer = pc.unique(rows.filter(pc.is_valid(rows["vouched_by"]))["original"])
        if len(longer):  # true additions, which are no pair's own caption
            more = pa.table(dict.fromkeys(("pair_id", "image_id", "caption"), longer))
            known = pa.concat_tables([parsing_of(describe)(more).select(known.column_names), known])
        rows = beside(rows, "original", known.rename_columns(["original", "tokens"]))
        return stage(with_originals(dataset, rows, images))

    name = fingerprint(stage.identity, _assignment(editors, which), negatives, images, parses)
    return made("masks", Dataset(root), "masks", name, mask)


@shard_task("pictures {negatives:.8} {part}")
def make_pictures(
    root: str,
    editors: tuple[settings.Images, ...],
    which: int,
    seed: int,
    judge: settings.Clip | None,
    compute: settings.Compute,
    limit: str | None,
    advance: Callable[[int], None],
    negatives: str,
    images: str,
    masks: str | None,
    part: int,
    count: int,
) -> str:
    """Make the edited pictures of one part of a shard: `count` usable negatives from part * shard_pictures on.

    Where Prefect has a concurrency limit of that name, no more such tasks run at once than it allows.
    """
    dataset, how = Dataset(root), editors[which]
    stage = _stage_of(dataset, how, seed, judge, compute, advance)
    name = fingerprint(stage.identity, _assignment(editors, which), negatives, images, masks, part, how.shard_pictures)

    def draw(dataset: Dataset) -> pa.Table:
        rows = _for_editor(usable(dataset, negatives, images, (*_SPANS, *_PHRASES)), editors, which)
        rows = rows.slice(part * how.shard_pictures, how.shard_pictures)
        if how.method == "render":
            drawn = stage(beside(rows, "image_id", dataset.read("images", images, ["image_id", "width"])))
            advance(count)
            return drawn
        rows = with_originals(dataset, rows, images)
        known = read_all(dataset, "masks", [masks] if masks else [], ["text_negative_id", "mask", "negative_phrase"])
        masked = pa.table(
            {
                "text_negative_id": known["text_negative_id"],
                "mask": pa.array([m and m["bytes"] for m in known["mask"].to_pylist()], pa.binary()),
                "prompt_phrase": known["negative_phrase"],
            }
        )
        with _one_at_a_time(limit):
            return stage(beside(rows, "text_negative_id", masked))

    if dataset.has("image_negatives", name):
        advance(count)
    return made("images", dataset, "image_negatives", name, draw)


def count_wanted(dataset: Dataset, editors: tuple[settings.Images, ...], negatives: str) -> list[int]:
    """Count the usable negatives of a shard that each editor makes pictures of."""
    rows = dataset.read("text_negatives", negatives, ["text_negative_id", "operation", "failed_check"])
    rows = rows.filter(pc.is_null(rows["failed_check"]))
    taken = [editor_of(editors, *row) for row in zip(rows["text_negative_id"].to_pylist(),
                                                     rows["operation"].to_pylist(), strict=True)]  # fmt: skip
    return [taken.count(k) for k in range(len(editors))]


def _assignment(editors: tuple[settings.Images, ...], which: int) -> list[Any]:
    """What decides which wrong captions an editor gets."""
    return [[e.method, e.model, e.operations, e.share] for e in editors[: which + 1]]


def _stage_of(
    dataset: Dataset,
    how: settings.Images,
    seed: int,
    judge: settings.Clip | None,
    compute: settings.Compute,
    advance: Callable[[int], None],
) -> Render | Tries:
    """Build the editor of a config, asked as often as it says.

    What the judge encodes on the way is kept in `dataset`. `advance` is told of wrong captions that are settled.
    """
    if how.method == "render":
        return Render(seed)
    editing = editing_of(how, compute, seed)
    if judge is None or not how.tries.judged:
        editing.advance = advance
        return Tries(editing, how.tries)
    editing.advance = None
    encoder, alignment = encoder_of(judge, compute), Alignment("judge", judge.model)

    def score(rows: pa.Table, pictures: pa.Table) -> pa.Table:
        return _scores_of_tries(dataset, encoder, alignment, rows, pictures)

    tries = Tries(editing, how.tries, score, [alignment.identity, encoder.identity, Pixels().identity])
    tries.advance = advance
    return tries


def _scores_of_tries(
    dataset: Dataset, encoder: Any, alignment: Alignment, rows: pa.Table, pictures: pa.Table
) -> pa.Table:
    """Score pictures that were just made, as `align` and `measure_pixels` will, for the stop rules."""
    pictures = pictures.filter(pc.is_valid(pictures["edited_image_id"]))
    at = pc.index_in(pictures["text_negative_id"], value_set=rows["text_negative_id"].combine_chunks())
    rows = rows.take(at)
    originals = dict(zip(rows["image_id"].to_pylist(), rows["image"].to_pylist(), strict=True))
    fresh = originals | {
        row[name]: row[column]["bytes"]
        for row in pictures.to_pylist()
        for name, column in (("edited_image_id", "image"), ("reconstruction_id", "reconstruction"))
        if row[name] is not None
    }
    for name in ("image_negative_id", "edited_image_id", "reconstruction_id"):
        rows = rows.append_column(name, pictures[name])
    captions = {*rows["original"].to_pylist(), *rows["caption"].to_pylist()}
    vectors = vectors_of(dataset, encoder, fresh, captions, lambda wanted: {name: fresh[name] for name in wanted})
    aligned = scored(rows, vectors, alignment, encoder.reading)
    pixels = Pixels()(_pixel_rows(rows, pictures, fresh))
    for name in PIXELS:
        aligned = aligned.set_column(aligned.column_names.index(name), SCORES.field(name), pixels[name])
    return aligned


def _pixel_rows(rows: pa.Table, pictures: pa.Table, data: dict[Any, bytes]) -> pa.Table:
    """Put together what `Pixels` compares: the pictures of each pair and the mask between them."""
    first = pc.coalesce(pictures["reconstruction_id"], rows["image_id"]).to_pylist()
    masks = [mask and mask["bytes"] for mask in pictures["mask"].to_pylist()]
    return pa.table(
        {
            "text_negative_id": pictures["text_negative_id"],
            "image_negative_id": pictures["image_negative_id"],
            "image0": pa.array([data[name] for name in first], pa.binary()),
            "image1": pa.array([data[name] for name in pictures["edited_image_id"].to_pylist()], pa.binary()),
            "mask": pa.array(masks, pa.binary()),
        }
    )


@shard_task("pixels {negatives:.8}")
def measure_pixels(root: str, negatives: str, images: str, edited: list[str]) -> str:
    """Compare the pixels of each pair's two pictures."""
    stage = Pixels()

    def measure(dataset: Dataset) -> pa.Table:
        rows, pictures = _used(dataset, negatives, images, edited)
        data = _bytes_of(dataset, images, edited, rows, pictures)
        return stage(_pixel_rows(rows, pictures, data)) if pictures.num_rows else SCORES.empty_table()

    name = fingerprint(stage.identity, negatives, images, edited)
    return made("pixels", Dataset(root), "scores", name, measure)


@shard_task("attribution {negatives:.8}")
def measure_attribution(
    root: str, judge: settings.Clip, compute: settings.Compute, negatives: str, images: str, edited: list[str]
) -> str:
    """Measure how much of what the judge sees of the changed words lies where the picture was edited."""
    stage = Attribution(encoder_of(judge, compute), _NODES)

    def measure(dataset: Dataset) -> pa.Table:
        rows, pictures = _used(dataset, negatives, images, edited)
        masked = pc.is_valid(pictures["mask"])
        rows, pictures = rows.filter(masked), pictures.filter(masked)
        names = pictures["edited_image_id"].to_pylist()
        data = stored_pictures(dataset, images, edited, names)
        given = {
            "key": pictures["image_negative_id"],
            "image": pa.array([data[name] for name in names], pa.binary()),
            "caption": rows["caption"],
            "spans": rows["negative_spans"],
        }
        heats = stage(pa.table(given)).to_pylist() if pictures.num_rows else []
        shares = [share_inside(h, m["bytes"]) for h, m in zip(heats, pictures["mask"].to_pylist(), strict=True)]
        known = {
            "text_negative_id": pictures["text_negative_id"],
            "image_negative_id": pictures["image_negative_id"],
            "role": pa.repeat("attribution", len(shares)),
            "model": pa.repeat(judge.model, len(shares)),
            "attribution_inside": pa.array(shares, pa.float32()),
        }
        return score_rows(len(shares), **known)

    name = fingerprint("attribution inside", 1, stage.identity, negatives, images, edited)
    return made("attribution", Dataset(root), "scores", name, measure)


def share_inside(heat: dict[str, Any], mask: bytes) -> float | None:
    """Say which share of a heat map's positive part lies inside a mask (PNG); null where nothing is positive."""
    if heat["heat"] is None:
        return None
    grid = np.maximum(np.array(heat["heat"], np.float64).reshape(heat["rows"], heat["columns"]), 0)
    with Image.open(io.BytesIO(mask)) as image:
        inside = np.asarray(image.convert("L").resize((heat["columns"], heat["rows"]), Image.Resampling.BOX)) / 255
    return float((grid * inside).sum() / grid.sum()) if grid.sum() > 0 else None


@shard_task("picture truth {negatives:.8}")
def compute_picture_truth(root: str, negatives: str, images: str, edited: list[str]) -> str:
    """Label the edited pictures of scenes: whether they really show what the wrong caption says."""
    stage = PictureTruth()

    def label(dataset: Dataset) -> pa.Table:
        rows, pictures = _used(dataset, negatives, images, edited)
        for name in ("image_negative_id", "mask", "method"):
            rows = rows.append_column(name, pictures[name])
        told = can_be_told(rows)
        rows, pictures = rows.filter(told), pictures.filter(told)
        data = _bytes_of(dataset, images, edited, rows, pictures)
        for name, column in (("image", "edited_image_id"), ("reconstruction", "reconstruction_id")):
            contents = [data.get(picture) for picture in pictures[column].to_pylist()]
            rows = rows.append_column(name, pa.array(contents, pa.binary()))
        return stage(rows)

    name = fingerprint(stage.identity, negatives, images, edited)
    return made("truth", Dataset(root), "labels", name, label)


@shard_task("visual probe")
def probe_pictures(
    root: str,
    judge: settings.Clip,
    compute: settings.Compute,
    negatives: list[str],
    images: list[str],
    edited: list[list[str]],
    verdicts: list[str],
) -> str:
    """Measure whether the judge's vector of a single picture gives away that it was edited."""
    encoder = encoder_of(judge, compute)

    def probe(dataset: Dataset) -> pa.Table:
        return _probed(dataset, encoder, negatives, images, edited, verdicts)

    name = fingerprint(
        "visual probe", 2, libraries("scikit-learn", "scipy"), encoder.identity, images, edited, verdicts
    )
    return made("visual probe", Dataset(root), "probes", name, probe)


def _probed(
    dataset: Dataset,
    encoder: Any,
    negatives: list[str],
    images: list[str],
    edited: list[list[str]],
    verdicts: list[str],
) -> pa.Table:
    found: dict[tuple[str, str], list[tuple[str, Any, Any]]] = {}
    for wrong, shard, several, judged in zip(negatives, images, edited, verdicts, strict=True):
        kept = dataset.read("verdicts", judged, ["image_negative_id", "accepted", "picture_accepted"])
        kept = kept.filter(pc.and_(kept["accepted"], pc.fill_null(kept["picture_accepted"], False)))
        columns = ["image_negative_id", "text_negative_id", "edited_image_id", "reconstruction_id", "method"]
        rows = read_all(dataset, "image_negatives", several, columns)
        rows = rows.filter(pc.is_in(rows["image_negative_id"], value_set=kept["image_negative_id"].combine_chunks()))
        if rows.num_rows == 0:
            continue
        rows = beside(rows, "text_negative_id", dataset.read("text_negatives", wrong, ["text_negative_id", "image_id"]))
        originals = rows["image_id"].to_pylist()
        ids = {name for name in (*originals, *rows["edited_image_id"].to_pylist(),
                                 *rows["reconstruction_id"].to_pylist()) if name is not None}  # fmt: skip
        load = partial(stored_pictures, dataset, shard, several)
        vectors = vectors_of(dataset, encoder, ids, (), load)
        for original, row in zip(originals, rows.to_pylist(), strict=True):
            after = vectors[row["edited_image_id"]]
            found.setdefault((row["method"], "original"), []).append((original, vectors[original], after))
            if row["reconstruction_id"] is not None:
                before = vectors[row["reconstruction_id"]]
                found.setdefault((row["method"], "reconstruction"), []).append((original, before, after))
    probes = []
    for (method, first), pairs in sorted(found.items()):
        groups, before, after = zip(*pairs, strict=True)
        told = blind_probe(np.array(before, np.float32), np.array(after, np.float32), list(groups))
        if told is not None:
            known = {"probe": "visual", "selected": True, "method": method, "original": first, "pairs": len(pairs)}
            probes.append(known | {"accuracy": told.accuracy, "low": told.low, "high": told.high})
    return pa.Table.from_pylist(probes, PROBES)


def _used(dataset: Dataset, negatives: str, images: str, edited: list[str]) -> tuple[pa.Table, pa.Table]:
    """Read the negatives whose picture is used (rank 0), and these pictures, row by row, without their bytes."""
    columns = [
        "text_negative_id",
        "image_negative_id",
        "edited_image_id",
        "reconstruction_id",
        "mask",
        "method",
        "rank",
    ]
    pictures = read_all(dataset, "image_negatives", edited, columns)
    pictures = pictures.filter(pc.and_(pc.equal(pictures["rank"], 0), pc.is_valid(pictures["edited_image_id"])))
    rows = usable(dataset, negatives, images, _SPANS)
    rows = rows.take(pc.index_in(pictures["text_negative_id"], value_set=rows["text_negative_id"].combine_chunks()))
    return rows, pictures


def _bytes_of(dataset: Dataset, images: str, edited: list[str], rows: pa.Table, pictures: pa.Table) -> dict[str, bytes]:
    """Read the bytes of originals, reconstructions and edited pictures of what `_used` found."""
    columns = (rows["image_id"], pictures["edited_image_id"], pictures["reconstruction_id"])
    return stored_pictures(dataset, images, edited, (name for c in columns for name in c.drop_null().to_pylist()))


def with_originals(dataset: Dataset, rows: pa.Table, images: str) -> pa.Table:
    """Append the encoded bytes of each row's original picture as `image`."""
    data = stored_pictures(dataset, images, [], rows["image_id"].to_pylist())
    return rows.append_column("image", pa.array([data[name] for name in rows["image_id"].to_pylist()], pa.binary()))


def _one_at_a_time(limit: str | None) -> AbstractContextManager[Any]:
    recorded = limit is not None and FlowRunContext.get() is not None
    return concurrency(limit, occupy=1, strict=False) if recorded and limit is not None else nullcontext()
