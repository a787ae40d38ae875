"""A dual encoder whose every similarity a test has chosen, and pictures of one colour that it knows apart."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from evaluation import evaluate
from evaluation.benchmarks.every import BENCHMARKS, found_in
from evaluation.items import tables, without_pictures
from evaluation.metrics import metrics

COLOURS = {
    "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0),
    "yellow": (255, 255, 0), "pink": (255, 0, 255), "cyan": (0, 255, 255),
}  # fmt: skip
_NAMES = list(COLOURS)


def solid(colour: str, form: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    """Encode a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, COLOURS[colour]).save(file, form)
    return file.getvalue()


def put(folder: Path, **colours: str) -> None:
    """Write pictures of one colour: names without an ending become .jpg files, `__` is the border of folders."""
    for name, colour in colours.items():
        path = folder / f"{name.replace('__', '/')}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(solid(colour, "JPEG"))


class Known:
    """Similarity of a picture of a colour and a caption: what was said, else 0."""

    name = "known"

    def __init__(self, similar: Mapping[tuple[str, str], float]) -> None:
        self.similar = similar
        self.pictures_seen, self.captions_seen = 0, 0

    @property
    def identity(self) -> list[Any]:
        return ["known", sorted((*key, value) for key, value in self.similar.items())]

    def images(self, pictures: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        self.pictures_seen += len(pictures)
        means = np.array([np.asarray(picture).mean((0, 1)) for picture in pictures])
        distances = np.abs(means[:, None] - np.array(list(COLOURS.values()))[None]).sum(2)
        return np.eye(len(_NAMES) + 1, dtype=np.float32)[distances.argmin(1)]

    def captions(self, captions: Sequence[str]) -> npt.NDArray[np.float32]:
        self.captions_seen += len(captions)
        rows = np.array([[self.similar.get((name, caption), 0.0) for name in _NAMES] for caption in captions])
        rest = np.sqrt(1 - (rows**2).sum(1, keepdims=True))
        return np.hstack([rows, rest]).astype(np.float32)


def values(folder: Path, name: str, similar: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Find a benchmark in a folder by its content, read and measure it: (category or average, metric) -> value."""
    assert name in [benchmark.name for benchmark in found_in(folder)]
    rows = measure(list(tables(BENCHMARKS[name].items(folder))), similar)
    return {(row["average"] or row["category"], row["metric"]): row["value"] for row in rows}


def measure(items: list[pa.Table], similar: Mapping[tuple[str, str], float]) -> list[dict[str, Any]]:
    """Measure items; none may be left out."""
    found = evaluate(Known(similar), items)
    assert found.left_out.num_rows == 0, found.left_out.to_pylist()
    bare = without_pictures(pa.concat_tables(items))
    own = [each for benchmark in BENCHMARKS.values() for each in benchmark.reported()]
    rows: list[dict[str, Any]] = metrics(bare, found.scores, own).to_pylist()
    return rows
