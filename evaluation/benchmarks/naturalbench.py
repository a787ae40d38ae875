"""NaturalBench's retrieval: two photos, each with the caption that is true of it alone."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import MATCHING, Benchmark, Row, matched
from evaluation.benchmarks.files import beside, first_of, json_of
from evaluation.items import Item

_PLACES = (".", "images")


def _rows(folder: Path) -> list[dict[str, Any]]:
    path = first_of(folder, "metadata.json", "*/metadata.json")
    found = json_of(path) if path is not None else []
    rows = list(found.values()) if isinstance(found, dict) else found
    return [{str(name).lower(): value for name, value in row.items()} for row in rows if isinstance(row, dict)]


def _naturalbench(folder: Path) -> Iterator[Row]:
    path = first_of(folder, "metadata.json", "*/metadata.json")
    for number, row in enumerate(_rows(folder)):
        yield Row(f"row {number}", partial(_item, path.parent if path else folder, number, row))


def _item(folder: Path, number: int, row: dict[str, Any]) -> Item:
    pictures = [beside(folder, str(row[f"image_{n}"]), _PLACES) for n in (0, 1)]
    captions, category = [row["caption_0"], row["caption_1"]], str(row.get("type") or "")
    return matched("naturalbench", row.get("id", number), pictures, captions, category=category)


NATURALBENCH = Benchmark(
    "naturalbench",
    "metadata.json: image_0, image_1, caption_0, caption_1; pictures beside or in images/",
    lambda folder: bool(_rows(folder)) and _rows(folder)[0].keys() >= {"image_0", "caption_0", "image_1", "caption_1"},
    _naturalbench,
    MATCHING,
    "micro",
)
