"""SPEC: size, position, existence and count, asked from the picture's side and from the caption's."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import Benchmark, Row
from evaluation.benchmarks.files import beside, json_of
from evaluation.items import Item, item

_FILES = ("image2text.json", "text2image.json")


def _parts(folder: Path) -> list[Path]:
    return sorted(
        {path.parent for name in _FILES for path in (*folder.glob(f"*/{name}"), *folder.glob(f"data/*/{name}"))}
    )


def _spec(folder: Path) -> Iterator[Row]:
    for part in _parts(folder):
        for name in _FILES:
            for number, row in enumerate(json_of(part / name) if (part / name).is_file() else []):
                yield Row(f"{part.name}/{name} {number}", partial(_item, part, name, number, row))


def _item(part: Path, name: str, number: int, row: dict[str, Any]) -> Item:
    shown, read = ([row["query"]], row["keys"]) if name == _FILES[0] else (row["keys"], [row["query"]])
    pictures = [beside(part, each, (".", "images", "..")) for each in shown]
    right = [place == int(row["label"]) for place in range(len(row["keys"]))]
    return item("spec", f"{part.name} {name[:5]} {number}", pictures, read, right, category=part.name)


SPEC = Benchmark(
    "spec",
    "a folder a subset, absolute_size/ and others, each with image2text.json and text2image.json",
    lambda folder: bool(_parts(folder)),
    _spec,
    {"picks_caption": "I2T accuracy", "picks_picture": "T2I accuracy"},
    "macro",
)
