"""What a training run learns from, written once into its folder and read by row: pictures small, captions whole."""

import io
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from devices.pictures import decoded
from exports.pairs import Pair, Picture, by_caption

# A picture is kept with a fourth more pixels a side than the model looks at, so that there is something to crop.
_SPARE = 1.25
_ROWS = 256  # a record batch
_OFTEN = 8.0  # times that an example may come in an epoch
_NEGATIVE = pa.struct(
    {
        "caption": pa.string(),
        "operation": pa.string(),
        "edit": pa.int64(),  # row of the edited picture; null without one
        "still_true": pa.bool_(),
        "difference": pa.string(),
        "difficulty": pa.float64(),
    }
)
EXAMPLES = pa.schema(
    {
        "picture": pa.int64(),
        "image_id": pa.string(),
        "caption": pa.string(),
        "paraphrases": pa.list_(pa.string()),
        "weight": pa.float64(),  # null where the build did not measure it
        "negatives": pa.list_(_NEGATIVE),
    }
)
PICTURES = pa.schema({"data": pa.large_binary()})


@dataclass(frozen=True, slots=True)
class Negative:
    """A wrong caption of an example, and where there is one the picture that it is true of."""

    caption: str
    operation: str
    edit: int | None
    still_true: bool
    difference: str | None
    difficulty: float | None


@dataclass(frozen=True, slots=True)
class Example:
    """A picture, a caption that is true of it, and what was accepted of wrong ones."""

    picture: int
    caption: str
    paraphrases: list[str]
    negatives: list[Negative]
    weight: float | None


class Examples:
    """Examples by row; of the files a few pages are in memory at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._examples = _mapped(folder / "examples.arrow")
        self._pictures = _mapped(folder / "pictures.arrow")["data"]

    def __len__(self) -> int:
        return int(self._examples.num_rows)

    def __getitem__(self, row: int) -> Example:
        told: dict[str, Any] = {name: self._examples[name][row].as_py() for name in EXAMPLES.names}
        negatives = [Negative(**one) for one in told["negatives"]]
        return Example(told["picture"], told["caption"], told["paraphrases"], negatives, told["weight"])

    def picture(self, row: int) -> bytes:
        """Return an encoded picture."""
        found: bytes = self._pictures[row].as_py()
        return found

    @cached_property
    def keys(self) -> list[frozenset[int]]:
        """Return, for each example, what no other one of its batch may have: its image and what is said of it."""
        keys: list[frozenset[int]] = []
        for batch in self._examples.to_batches():
            images, captions, negatives = (batch[name].to_pylist() for name in ("image_id", "caption", "negatives"))
            for image, caption, wrong in zip(images, captions, negatives, strict=True):
                said = {_folded(caption), *(_folded(one["caption"]) for one in wrong)}
                keys.append(frozenset(map(_number, (image, *said))))
        return keys

    @cached_property
    def difficulties(self) -> npt.NDArray[np.float64]:
        """Return the difficulty of every negative that has one, sorted."""
        lists = self._examples["negatives"].combine_chunks()
        values = lists.flatten().field("difficulty").drop_null().to_numpy(zero_copy_only=False)
        return np.sort(values)

    def shares(self, balance: float) -> tuple[dict[str, float], npt.NDArray[np.float64]]:
        """Return how much each operation's negatives weigh, and how often each example is to come in an epoch.

        A negative weighs n ** -balance where its operation has n, and an example as its negatives do together; one
        without any comes as often as the others on average.
        """
        lists = self._examples["negatives"].combine_chunks()
        named = lists.flatten().field("operation").dictionary_encode()
        codes = named.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        weights = np.maximum(np.bincount(codes), 1.0) ** -balance
        several = np.diff(lists.offsets.to_numpy())
        of_rows = np.bincount(np.repeat(np.arange(len(several)), several), weights[codes], len(several))
        if len(codes):
            of_rows[several == 0] = of_rows[several > 0].mean()
        shares = of_rows / of_rows.mean() if len(codes) else np.ones(len(several))
        return dict(zip(named.dictionary.to_pylist(), weights.tolist(), strict=True)), np.minimum(shares, _OFTEN)


def write_examples(pairs: Iterable[Pair], folder: Path, size: int, pictures: bool = True) -> Examples:
    """Write pairs as examples for a model of pictures of `size` pixels; replaces what is there.

    Pairs of one picture and right caption come one after the other and are one example. Without `pictures`, edited
    ones are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # What is written under the last name is whole.
    for name in ("examples.arrow", "pictures.arrow"):
        (folder / name).unlink(missing_ok=True)
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(pa.OSFile(str(folder / f"{name}.partial"), "wb"))
            for name in ("examples", "pictures")
        }
        kept = _Kept(stack.enter_context(pa.ipc.new_file(files["pictures"], PICTURES)), size)
        examples = stack.enter_context(pa.ipc.new_file(files["examples"], EXAMPLES))
        rows: list[dict[str, Any]] = []
        for several in by_caption(pairs):
            rows.append(_example(several, kept, pictures))
            if len(rows) == _ROWS:
                examples.write_batch(pa.RecordBatch.from_pylist(rows, schema=EXAMPLES))
                rows = []
        examples.write_batch(pa.RecordBatch.from_pylist(rows, schema=EXAMPLES))
        kept.flush()
    for name in ("pictures", "examples"):
        (folder / f"{name}.partial").rename(folder / f"{name}.arrow")
    return Examples(folder)


def is_written(folder: Path) -> bool:
    """Tell whether examples are there, whole."""
    return (folder / "examples.arrow").exists()


class _Kept:
    """Pictures on their way into the file, each once."""

    def __init__(self, writer: pa.ipc.RecordBatchFileWriter, size: int) -> None:
        self._writer, self._size = writer, size
        self._rows: dict[str, int] = {}
        self._waiting: list[bytes] = []

    def add(self, picture: Picture) -> int:
        row = self._rows.get(picture.picture_id)
        if row is None:
            row = self._rows[picture.picture_id] = len(self._rows)
            self._waiting.append(small(picture.data, self._size))
            if len(self._waiting) == _ROWS:
                self.flush()
        return row

    def flush(self) -> None:
        self._writer.write_batch(pa.record_batch([pa.array(self._waiting, pa.large_binary())], schema=PICTURES))
        self._waiting = []


def small(data: bytes, size: int) -> bytes:
    """Shrink an encoded picture until its shorter side has a fourth more than `size` pixels; a small one stays.

    Both pictures of a pair go the same way, so that none is known by it.
    """
    picture = decoded(data)
    short = min(picture.size)
    wanted = round(size * _SPARE)
    if short <= wanted:
        return data
    shape = [max(1, round(side * wanted / short)) for side in picture.size]
    file = io.BytesIO()
    picture.resize((shape[0], shape[1]), Image.Resampling.BICUBIC).save(file, "WEBP", quality=95)
    return file.getvalue()


def _example(pairs: list[Pair], kept: _Kept, pictures: bool) -> dict[str, Any]:
    first = pairs[0]
    return {
        "picture": kept.add(first.picture),
        "image_id": first.image_id,
        "caption": first.original,
        "paraphrases": first.paraphrases,
        "weight": first.pair_weight,
        "negatives": [_negative(pair, kept, pictures) for pair in pairs],
    }


def _negative(pair: Pair, kept: _Kept, pictures: bool) -> dict[str, Any]:
    edit = pair.negative_picture if pictures else None
    return {
        "caption": pair.negative,
        "operation": pair.operation,
        "edit": None if edit is None else kept.add(edit),
        "still_true": pair.original_still_true is True,
        "difference": pair.difference,
        "difficulty": pair.difficulty,
    }


def _mapped(file: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(file))).read_all()


def _number(text: str) -> int:
    # Not Python's own hash, which differs from process to process.
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _folded(caption: str) -> str:
    return " ".join(caption.casefold().split()).strip(" .!")
