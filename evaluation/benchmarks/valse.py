"""VALSE: captions and foils of eleven linguistic phenomena, those that people found valid."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import Benchmark, Row, chosen
from evaluation.benchmarks.files import beside, json_of
from evaluation.items import Item

_PICTURES = (
    ".", "images", "coco", "coco2017/val2017", "val2017", "train2017", "val2014", "train2014", "visual7w", "swig",
    "visdial",
)  # fmt: skip
_VOTES = 2  # of three people who found the caption right: fewer, and the row is none of the benchmark


def _files(folder: Path) -> list[Path]:
    found = sorted([*folder.glob("*.json"), *folder.glob("data/*.json")])
    return [path for path in found if _first(path).keys() >= {"foil", "caption", "image_file", "mturk"}]


def _first(path: Path) -> dict[str, object]:
    found = json_of(path)
    first: Any = next(iter(found.values()), {}) if isinstance(found, dict) else {}
    return first if isinstance(first, dict) else {}


def _valse(folder: Path) -> Iterator[Row]:
    for path in _files(folder):
        for number, row in json_of(path).items():
            yield Row(f"{path.name} {number}", partial(_item, folder, path.stem, number, row))


def _item(folder: Path, stem: str, number: str, row: dict[str, Any]) -> Item | None:
    if (row["mturk"] or {}).get("caption", 0) < _VOTES:
        return None
    shown, category = beside(folder, row["image_file"], _PICTURES), row.get("linguistic_phenomena") or stem
    return chosen("valse", f"{stem} {number}", shown, row["caption"], [row["foil"]], category=category)


VALSE = Benchmark(
    "valse",
    "JSON dictionaries with caption, foil, image_file, mturk (rows with fewer than two votes are none of it)",
    lambda folder: bool(_files(folder)),
    _valse,
    {"picks_caption": "acc_r"},
)
