"""The steps that make minimal pairs out of the corpus's own pictures and captions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from tempfile import TemporaryFile
from typing import Any, ClassVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.splits import put_splits
from filters.duplicates import groups_of
from filters.embeddings import Encoder
from flows import models
from flows.groups import Inputs
from flows.rows import beside, original_vectors, usable
from flows.steps.step import Step
from generators.shapes.truth import SceneTruth
from generators.text.mining.bucket import Ints, Vectors
from generators.text.mining.frames import groups_of_frames
from generators.text.mining.mining import METHOD, Mining
from schemas import config as settings
from schemas.errors import InputError
from schemas.ids import embedding_key, fingerprint, image_negative_id
from schemas.mining import Mine
from schemas.tables import IMAGE_NEGATIVES, LEXICON, MINED, TEXT_NEGATIVES
from storage.dataset import Dataset


@dataclass(frozen=True)
class FindMinimalPairs(Step):
    """Hold the captions of the whole corpus against each other."""

    mine: Mine
    parser: str
    clip: settings.Clip | None
    compute: settings.Compute
    name: ClassVar = "mining"
    table: ClassVar = "mined"
    takes: ClassVar = ("parses", "lexicon", "near_duplicates")
    gives: ClassVar = "mined"
    over: ClassVar = "corpus"
    kinds: ClassVar = ("rules",)

    @property
    def on_device(self) -> bool:
        return self.mine.nearest is not None

    @cached_property
    def identity(self) -> list[Any]:
        encoder = self._encoder().identity if self.mine.nearest is not None else None
        return [*self._stage(LEXICON.empty_table()).identity, encoder]

    def check(self) -> None:
        if self.mine.nearest is not None:
            self._encoder().check()

    def _encoder(self) -> Encoder:
        if self.clip is None:
            raise InputError(f"mine.nearest: {self.mine.nearest}: the config names none; name one, or leave this out")
        return models.loaded(Encoder, self.clip, self.compute)

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        if not inputs.groups:
            return MINED.empty_table()
        cells = _cells(dataset, inputs, self.mine)
        alike = {} if self.mine.groups else groups_of(
            dataset.read("near_duplicates", inputs.groups[0].one("near_duplicates"))
        )  # fmt: skip
        with self._stage(dataset.read("lexicon", inputs.groups[0].one("lexicon"))) as stage:
            for group in inputs.groups:
                parses = dataset.read("parses", group.one("parses"))
                scenes = dataset.read("pairs", group.one("pairs"), ["image_id", "scene"])
                about = {
                    image: (cells[image], alike.get(image, image), scene)
                    for image, scene in zip(*(column.to_pylist() for column in scenes.columns), strict=True)
                }
                stage.add(parses, group.one("pairs"), group.one("pairs"), about)  # images have their pairs' name
            if self.mine.nearest is None:
                return stage.table()
            with TemporaryFile() as file:
                return stage.table(_vectors(dataset, self._encoder(), inputs, stage.pictures, file))

    def _stage(self, lexicon: pa.Table) -> Mining:
        return Mining(self.mine, lexicon, self.parser)


def _cells(dataset: Dataset, inputs: Inputs, mine: Mine) -> dict[str, str]:
    """Say of every picture where it may be looked for: among those of its split and, of frames, of its video.

    The split is the source's or, where that names none, the one that an export will draw: so no picture of a test set
    is the negative of one that is trained on. Frames of one video go into one split anyway.
    """
    shards = [group.one("pairs") for group in inputs.groups]
    pairs = pa.concat_tables([dataset.read("pairs", shard, ["image_id", "split"]) for shard in shards])
    if mine.groups is not None:
        images = [dataset.read("images", shard, ["image_id", "image.path"]) for shard in shards]
        names = {row["image_id"]: row["path"] or "" for table in images for row in table.to_pylist()}
        found = groups_of_frames(names, mine.groups)
        splits = zip(*(column.to_pylist() for column in pairs.columns), strict=True)
        return {image: f"{split} {found[image]}" if image in found else f"alone {image}" for image, split in splits}
    with duckdb.connect() as connection:
        connection.register("pairs", pairs)
        alike = dataset.read("near_duplicates", inputs.groups[0].one("near_duplicates"))
        connection.register("near_duplicates", alike)
        columns = ("image_id", "edited_image_id", "picture_id", "image_method")
        connection.execute(f"CREATE TABLE chosen ({', '.join(f'{name} VARCHAR' for name in columns)})")
        put_splits(connection)
        return dict(connection.sql("FROM split_of").fetchall())


def _vectors(dataset: Dataset, encoder: Encoder, inputs: Inputs, numbers: Mapping[str, int], file: Any) -> Vectors:
    """Put the vectors of all pictures into a file, half as exact, from which a few at a time are read."""
    keys = {embedding_key(encoder.fingerprint, image): number for image, number in numbers.items()}
    held: Any = None
    for group in inputs.groups:
        rows = original_vectors(dataset, encoder, group.one("pairs"))
        for key, vector in zip(rows["key"].to_pylist(), rows["embedding"].to_pylist(), strict=True):
            if held is None:
                held = np.memmap(file, np.float16, "w+", shape=(max(1, len(numbers)), len(vector)))
            if key in keys:
                held[keys[key]] = vector

    def read(wanted: Ints) -> Any:
        return held[wanted].astype(np.float32)

    return read


@dataclass(frozen=True)
class TakeMined(Step):
    """Take from what was found in the corpus what is of one shard of pairs."""

    name: ClassVar = "mined negatives"
    table: ClassVar = "text_negatives"
    takes: ClassVar = ("mined",)
    gives: ClassVar = "negatives"
    kinds: ClassVar = ("rules",)
    makes: ClassVar = "mined"

    @cached_property
    def identity(self) -> list[Any]:
        return ["mined negatives", 1]

    def parts(self, dataset: Dataset, inputs: Inputs) -> list[Inputs]:
        found = _found(dataset, inputs)
        return [replace(inputs, part=fingerprint(found.to_pylist()))] if found.num_rows else []

    def sources(self, inputs: Inputs) -> list[Any]:
        # Not what was found of other shards: a corpus that grows leaves most of what was mined as it was.
        return [inputs.one("pairs"), inputs.part]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        return _found(dataset, inputs).select(TEXT_NEGATIVES.names)


@dataclass(frozen=True)
class TakePictures(Step):
    """Name the pictures that mined captions are true of; they rest where they are."""

    name: ClassVar = "mined pictures"
    table: ClassVar = "image_negatives"
    takes: ClassVar = ("negatives", "mined")
    gives: ClassVar = "pictures"
    kinds: ClassVar = ("mined",)
    unit: ClassVar = "pictures"

    @cached_property
    def identity(self) -> list[Any]:
        return ["mined pictures", 1]

    def sources(self, inputs: Inputs) -> list[Any]:
        return [inputs.one("negatives")]  # which are named by all that was found of them

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        rows = _found(dataset, inputs).filter(pc.field("failed_check").is_null()).to_pylist()
        return pa.Table.from_pylist([_picture(row) for row in rows], IMAGE_NEGATIVES)


def _picture(row: dict[str, Any]) -> dict[str, Any]:
    fits = row["picture_check"] is None
    negative, other = row["text_negative_id"], row["other_image_id"]
    place = {"bytes": None, "path": f"images/{row['other_images']}.parquet"}
    return {
        "image_negative_id": image_negative_id(negative, METHOD, other, 0),
        "text_negative_id": negative,
        "edited_image_id": other if fits else None,
        "image": place if fits else None,
        "tries": 1,
        "rank": 0,
        "method": METHOD,
        "scene": row["scene"] if fits else None,
        "failed_check": None if fits else "fits_both",
    }


def _found(dataset: Dataset, inputs: Inputs) -> pa.Table:
    rows = models.loaded(dataset.read, "mined", inputs.one("mined"))
    return rows.filter(pc.field("pairs") == inputs.one("pairs"))


@dataclass(frozen=True)
class LabelMined(Step):
    """Label the mined pictures of scenes: whether the wrong caption is true of the other scene, the right one not."""

    name: ClassVar = "mined truth"
    table: ClassVar = "labels"
    takes: ClassVar = ("negatives", "pairs", "pictures")
    gives: ClassVar = "labels"
    kinds: ClassVar = ("mined",)

    @cached_property
    def identity(self) -> list[Any]:
        return SceneTruth().identity

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        columns = ["text_negative_id", "image_negative_id", "scene"]
        pictures = dataset.read("image_negatives", inputs.one("pictures"), columns)
        rows = usable(dataset, inputs.one("negatives"), inputs.one("pairs")).drop_columns(["scene"])
        return SceneTruth()(
            beside(pictures, "text_negative_id", rows.select(["text_negative_id", "original", "caption"]))
        )
