"""The steps that make edited pictures and look at them: masks, edits, pixels, attribution, truth, the visual probe."""

import io
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext

from devices.revision import libraries
from filters.alignment import Alignment
from filters.attribution import Attribution
from filters.embeddings import Encoder
from filters.pixels import Pixels
from filters.probe import blind_probe
from flows import models
from flows.groups import Inputs, Kind
from flows.rows import (
    Vectors,
    beside,
    embeddings_of,
    encode,
    group_vectors,
    picture_vectors,
    read_all,
    scored,
    stored_pictures,
    usable,
)
from flows.steps.step import Step
from generators.images.editing import Editing
from generators.images.masks import Masks
from generators.images.segmenter import Segmenter
from generators.images.tries import Tries
from generators.shapes.render import Render
from generators.shapes.truth import PictureTruth, can_be_told
from generators.text.language.parsing import Parsing
from schemas import config as settings
from schemas.errors import InputError
from schemas.measures import score_rows
from schemas.stage import Stage
from schemas.tables import MASKS, PIXELS, PROBES, SCORES
from storage.dataset import Dataset

# Of the attribution's integrals. Heat maps of 4 nodes correlate 0.99 with those of 24, in half the time of 8.
_NODES = 4
# What is edited, measured by its pixels and masked; mined pictures are not.
_EDITED: tuple[Kind, ...] = ("rules", "rewrites")
_SPANS = ("original_spans", "negative_spans")
_PHRASES = ("original_phrase", "negative_phrase")


def editor_of(editors: tuple[settings.Images, ...], text_negative: str, operation: str) -> int | None:
    """Choose the editor that makes a wrong caption's picture: the first that takes it."""
    return next((k for k, editor in enumerate(editors) if editor.takes(text_negative, operation)), None)


@dataclass(frozen=True)
class Edit(Step):
    """What the steps of one editor have in common: which of the editors it is."""

    editors: tuple[settings.Images, ...]
    which: int
    seed: int
    judge: settings.Clip | None
    compute: settings.Compute
    kinds: ClassVar = _EDITED

    @property
    def how(self) -> settings.Images:
        """The editor's settings."""
        return self.editors[self.which]

    @property
    def on_device(self) -> bool:
        return self.how.method != "render"

    def assignment(self) -> list[Any]:
        """What decides which wrong captions this editor gets."""
        return [[e.method, e.model, e.operations, e.share] for e in self.editors[: self.which + 1]]

    def chosen(self, rows: pa.Table) -> pa.Table:
        """Keep the rows that this editor makes pictures of."""
        pairs = zip(rows["text_negative_id"].to_pylist(), rows["operation"].to_pylist(), strict=True)
        return rows.filter(pa.array([editor_of(self.editors, *pair) == self.which for pair in pairs], pa.bool_()))

    def wanted(self, dataset: Dataset, inputs: Inputs) -> int:
        """Count the usable negatives of a group that this editor makes pictures of."""
        columns = ["text_negative_id", "operation", "failed_check"]
        rows = dataset.read("text_negatives", inputs.one("negatives"), columns)
        return int(self.chosen(rows.filter(pc.is_null(rows["failed_check"]))).num_rows)


@dataclass(frozen=True)
class MakeMasks(Edit):
    """Find where the edits may happen."""

    describe: settings.Describe
    table: ClassVar = "masks"
    takes: ClassVar = ("negatives", "pairs", "parses")
    gives: ClassVar = "masks"

    @property
    def name(self) -> str:  # type: ignore[override]
        return "masks" if self.which == 0 else f"masks {self.which + 1}"

    @cached_property
    def identity(self) -> list[Any]:
        return [self.which, self._stage().identity, self.assignment()]

    def check(self) -> None:
        if "segmenter" in self.how.masks.makers:
            models.loaded(Segmenter, self.how.masks.segmenter_model, self.compute).check()

    def parts(self, dataset: Dataset, inputs: Inputs) -> list[Inputs]:
        return [inputs] if self.wanted(dataset, inputs) else []

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        negatives, pairs = inputs.one("negatives"), inputs.one("pairs")
        rows = self.chosen(usable(dataset, negatives, pairs, (*_SPANS, "vouched_by")))
        if rows.num_rows == 0:
            return MASKS.empty_table()
        known = dataset.read("parses", inputs.one("parses"), ["caption", "tokens"])
        longer = pc.unique(rows.filter(pc.is_valid(rows["vouched_by"]))["original"])
        if len(longer):  # true additions, which are no pair's own caption
            more = pa.table(dict.fromkeys(("pair_id", "image_id", "caption"), longer))
            parsing = models.loaded(Parsing, self.describe)
            known = pa.concat_tables([parsing(more).select(known.column_names), known])
        rows = beside(rows, "original", known.rename_columns(["original", "tokens"]))
        return self._stage()(with_originals(dataset, rows, pairs))

    def _stage(self) -> Masks:
        how, makers = self.how.masks, dict[str, Stage]()
        if "attribution" in how.makers and self.judge is not None:
            makers["attribution"] = Attribution(models.loaded(Encoder, self.judge, self.compute), _NODES)
        if "segmenter" in how.makers:
            makers["segmenter"] = models.loaded(Segmenter, how.segmenter_model, self.compute)
        return Masks(how, self.seed, makers)


@dataclass(frozen=True)
class MakePictures(Edit):
    """Make the edited pictures: shards of `shard_pictures` usable negatives each."""

    table: ClassVar = "image_negatives"
    takes: ClassVar = ("negatives", "pairs", "masks")
    gives: ClassVar = "pictures"
    unit: ClassVar = "pictures"

    @property
    def name(self) -> str:  # type: ignore[override]
        return "images" if self.which == 0 else f"images {self.which + 1}"

    @cached_property
    def identity(self) -> list[Any]:
        return [self.which, self._stage(None, None).identity, self.assignment(), self.how.shard_pictures]

    def check(self) -> None:
        if self.how.method == "render":
            return
        if self.how.tries.judged and self.judge is None:
            raise InputError("images.tries.most: more than one try needs a judge that says which is good; name one")
        editing = models.loaded(Editing, self.how, self.compute, self.seed)
        editing.check()
        Tries(editing, self.how.tries).check()

    def parts(self, dataset: Dataset, inputs: Inputs) -> list[Inputs]:
        wanted, most = self.wanted(dataset, inputs), self.how.shard_pictures
        return [replace(inputs, part=(n, min(most, wanted - n * most))) for n in range(-(-wanted // most))]

    def size(self, inputs: Inputs) -> int:
        return int(inputs.part[1])

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        negatives, pairs = inputs.one("negatives"), inputs.one("pairs")
        rows = self.chosen(usable(dataset, negatives, pairs, (*_SPANS, *_PHRASES)))
        rows = rows.slice(inputs.part[0] * self.how.shard_pictures, self.how.shard_pictures)
        if self.how.method == "render":
            return Render(self.seed)(beside(rows, "image_id", dataset.read("images", pairs, ["image_id", "width"])))
        rows = with_originals(dataset, rows, pairs)
        known = read_all(dataset, "masks", inputs.all("masks"), ["text_negative_id", "mask", "negative_phrase"])
        masked = pa.table(
            {
                "text_negative_id": known["text_negative_id"],
                "mask": pa.array([m and m["bytes"] for m in known["mask"].to_pylist()], pa.binary()),
                "prompt_phrase": known["negative_phrase"],
            }
        )
        with _one_at_a_time(self.compute.limit):
            return self._stage(dataset, inputs)(beside(rows, "text_negative_id", masked))

    def _stage(self, dataset: Dataset | None, inputs: Inputs | None) -> Render | Tries:
        """Build the editor, asked as often as it says; of what the judge encodes on the way nothing is lost."""
        if self.how.method == "render":
            return Render(self.seed)
        editing = models.loaded(Editing, self.how, self.compute, self.seed)
        if self.judge is None or not self.how.tries.judged:
            editing.advance = models.advanced
            return Tries(editing, self.how.tries)
        editing.advance = None
        encoder, alignment = models.loaded(Encoder, self.judge, self.compute), Alignment("judge", self.judge.model)
        seen: list[pa.Table] = []

        def score(rows: pa.Table, pictures: pa.Table) -> pa.Table:
            if dataset is None or inputs is None:
                raise RuntimeError("nothing to score")
            seen.append(_encoded(encoder, pictures))
            dataset.write("embeddings", embeddings_of(encoder, self.name_of(inputs)), _distinct(seen))
            vectors = group_vectors(dataset, encoder, inputs)
            vectors.add(seen[-1])
            return _scores_of_tries(vectors, alignment, encoder, rows, pictures)

        tries = Tries(editing, self.how.tries, score, [alignment.identity, encoder.identity, Pixels().identity])
        tries.advance = models.advanced
        return tries


def _encoded(encoder: Encoder, pictures: pa.Table) -> pa.Table:
    """Encode pictures that were just made, and their reconstructions."""
    fresh = {
        row[name]: row[column]["bytes"]
        for row in pictures.to_pylist()
        for name, column in (("edited_image_id", "image"), ("reconstruction_id", "reconstruction"))
        if row[name] is not None
    }
    return encode(encoder, fresh, ())


def _distinct(tables: list[pa.Table]) -> pa.Table:
    rows = pa.concat_tables(tables)
    first = {key: at for at, key in reversed(list(enumerate(rows["key"].to_pylist())))}
    return rows.take(pa.array(sorted(first.values()), pa.int64()))


def _scores_of_tries(
    vectors: Vectors, alignment: Alignment, encoder: Encoder, rows: pa.Table, pictures: pa.Table
) -> pa.Table:
    """Score pictures that were just made, as aligning and measuring pixels will, for the stop rules."""
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
    aligned = scored(rows, vectors, alignment, encoder)
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


@dataclass(frozen=True)
class MeasurePixels(Step):
    """Compare the pixels of each pair's two pictures."""

    name: ClassVar = "pixels"
    table: ClassVar = "scores"
    takes: ClassVar = ("negatives", "pairs", "pictures")
    gives: ClassVar = "scores"
    kinds: ClassVar = _EDITED

    @cached_property
    def identity(self) -> list[Any]:
        return Pixels().identity

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        rows, pictures = _used(dataset, inputs)
        if pictures.num_rows == 0:
            return SCORES.empty_table()
        return Pixels()(_pixel_rows(rows, pictures, _bytes_of(dataset, inputs, rows, pictures)))


@dataclass(frozen=True)
class MeasureAttribution(Step):
    """Measure how much of what the judge sees of the changed words lies where the picture was edited."""

    judge: settings.Clip
    compute: settings.Compute
    name: ClassVar = "attribution"
    table: ClassVar = "scores"
    takes: ClassVar = ("negatives", "pairs", "pictures")
    gives: ClassVar = "scores"
    kinds: ClassVar = _EDITED

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        return ["attribution inside", 1, self._stage().identity]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        rows, pictures = _used(dataset, inputs)
        masked = pc.is_valid(pictures["mask"])
        rows, pictures = rows.filter(masked), pictures.filter(masked)
        names = pictures["edited_image_id"].to_pylist()
        data = stored_pictures(dataset, inputs.one("pairs"), inputs.all("pictures"), names)
        given = {
            "key": pictures["image_negative_id"],
            "image": pa.array([data[name] for name in names], pa.binary()),
            "caption": rows["caption"],
            "spans": rows["negative_spans"],
        }
        heats = self._stage()(pa.table(given)).to_pylist() if pictures.num_rows else []
        shares = [share_inside(h, m["bytes"]) for h, m in zip(heats, pictures["mask"].to_pylist(), strict=True)]
        known = {
            "text_negative_id": pictures["text_negative_id"],
            "image_negative_id": pictures["image_negative_id"],
            "role": pa.repeat("attribution", len(shares)),
            "model": pa.repeat(self.judge.model, len(shares)),
            "attribution_inside": pa.array(shares, pa.float32()),
        }
        return score_rows(len(shares), **known)

    def _stage(self) -> Attribution:
        return Attribution(models.loaded(Encoder, self.judge, self.compute), _NODES)


def share_inside(heat: dict[str, Any], mask: bytes) -> float | None:
    """Say which share of a heat map's positive part lies inside a mask (PNG); null where nothing is positive."""
    if heat["heat"] is None:
        return None
    grid = np.maximum(np.array(heat["heat"], np.float64).reshape(heat["rows"], heat["columns"]), 0)
    with Image.open(io.BytesIO(mask)) as image:
        inside = np.asarray(image.convert("L").resize((heat["columns"], heat["rows"]), Image.Resampling.BOX)) / 255
    return float((grid * inside).sum() / grid.sum()) if grid.sum() > 0 else None


@dataclass(frozen=True)
class LabelPictures(Step):
    """Label the edited pictures of scenes: whether they really show what the wrong caption says."""

    name: ClassVar = "picture truth"
    table: ClassVar = "labels"
    takes: ClassVar = ("negatives", "pairs", "pictures")
    gives: ClassVar = "labels"
    kinds: ClassVar = _EDITED

    @cached_property
    def identity(self) -> list[Any]:
        return PictureTruth().identity

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        rows, pictures = _used(dataset, inputs)
        for name in ("image_negative_id", "mask", "method"):
            rows = rows.append_column(name, pictures[name])
        told = can_be_told(rows)
        rows, pictures = rows.filter(told), pictures.filter(told)
        data = _bytes_of(dataset, inputs, rows, pictures)
        for name, column in (("image", "edited_image_id"), ("reconstruction", "reconstruction_id")):
            contents = [data.get(picture) for picture in pictures[column].to_pylist()]
            rows = rows.append_column(name, pa.array(contents, pa.binary()))
        return PictureTruth()(rows)


@dataclass(frozen=True)
class ProbePictures(Step):
    """Measure whether the judge's vector of a single picture gives away that it was edited."""

    judge: settings.Clip
    compute: settings.Compute
    name: ClassVar = "visual probe"
    table: ClassVar = "probes"
    takes: ClassVar = ("negatives", "pairs", "pictures", "verdicts", "scores")
    gives: ClassVar = "probes"
    over: ClassVar = "corpus"

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        return ["visual probe", 2, libraries("scikit-learn", "scipy"), self._encoder().identity]

    def sources(self, inputs: Inputs) -> list[Any]:
        return [[group.all(field) for field in self.takes[:4]] for group in inputs.groups]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        return _probed(dataset, self._encoder(), inputs)

    def _encoder(self) -> Encoder:
        return models.loaded(Encoder, self.judge, self.compute)


def _probed(dataset: Dataset, encoder: Encoder, inputs: Inputs) -> pa.Table:
    found: dict[tuple[str, str], list[tuple[str, Any, Any]]] = {}
    for group in inputs.groups:
        kept = dataset.read("verdicts", group.one("verdicts"), ["image_negative_id", "accepted", "picture_accepted"])
        kept = kept.filter(pc.and_(kept["accepted"], pc.fill_null(kept["picture_accepted"], False)))
        columns = ["image_negative_id", "text_negative_id", "edited_image_id", "reconstruction_id", "method"]
        rows = read_all(dataset, "image_negatives", group.all("pictures"), columns)
        rows = rows.filter(pc.is_in(rows["image_negative_id"], value_set=kept["image_negative_id"].combine_chunks()))
        if rows.num_rows == 0:
            continue
        known = dataset.read("text_negatives", group.one("negatives"), ["text_negative_id", "image_id"])
        rows = beside(rows, "text_negative_id", known)
        originals = rows["image_id"].to_pylist()
        vectors = picture_vectors(dataset, encoder, group)
        for original, row in zip(originals, rows.to_pylist(), strict=True):
            after = vectors.get(row["edited_image_id"])
            found.setdefault((row["method"], "original"), []).append((original, vectors.get(original), after))
            if row["reconstruction_id"] is not None:
                before = vectors.get(row["reconstruction_id"])
                found.setdefault((row["method"], "reconstruction"), []).append((original, before, after))
    probes = []
    for (method, first), pairs in sorted(found.items()):
        images, untouched, edited = zip(*pairs, strict=True)
        told = blind_probe(np.array(untouched, np.float32), np.array(edited, np.float32), list(images))
        if told is not None:
            known = {"probe": "visual", "selected": True, "method": method, "original": first, "pairs": len(pairs)}
            probes.append(known | {"accuracy": told.accuracy, "low": told.low, "high": told.high})
    return pa.Table.from_pylist(probes, PROBES)


def _used(dataset: Dataset, inputs: Inputs) -> tuple[pa.Table, pa.Table]:
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
    pictures = read_all(dataset, "image_negatives", inputs.all("pictures"), columns)
    pictures = pictures.filter(pc.and_(pc.equal(pictures["rank"], 0), pc.is_valid(pictures["edited_image_id"])))
    rows = usable(dataset, inputs.one("negatives"), inputs.one("pairs"), _SPANS)
    rows = rows.take(pc.index_in(pictures["text_negative_id"], value_set=rows["text_negative_id"].combine_chunks()))
    return rows, pictures


def _bytes_of(dataset: Dataset, inputs: Inputs, rows: pa.Table, pictures: pa.Table) -> dict[str, bytes]:
    """Read the bytes of originals, reconstructions and edited pictures of what `_used` found."""
    columns = (rows["image_id"], pictures["edited_image_id"], pictures["reconstruction_id"])
    wanted = (name for column in columns for name in column.drop_null().to_pylist())
    return stored_pictures(dataset, inputs.one("pairs"), inputs.all("pictures"), wanted)


def with_originals(dataset: Dataset, rows: pa.Table, images: str) -> pa.Table:
    """Append the encoded bytes of each row's original picture as `image`."""
    data = stored_pictures(dataset, images, [], rows["image_id"].to_pylist())
    return rows.append_column("image", pa.array([data[name] for name in rows["image_id"].to_pylist()], pa.binary()))


def _one_at_a_time(limit: str | None) -> AbstractContextManager[Any]:
    recorded = limit is not None and FlowRunContext.get() is not None
    return concurrency(limit, occupy=1, strict=False) if recorded and limit is not None else nullcontext()
