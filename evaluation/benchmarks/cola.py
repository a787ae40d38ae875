"""COLA's multi-object matching: two pictures and two captions, of which it asks what each caption picks."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark, Row, matched
from evaluation.benchmarks.files import beside, first_of, json_of
from evaluation.items import Item

_FILE = ("COLA_multiobjects_matching_benchmark.json", "data/COLA_multiobjects_matching_benchmark.json")

_PICTURES = ("images", ".", "VG_100K", "VG_100K_2")


def _cola(folder: Path) -> Iterator[Row]:
    path = first_of(folder, *_FILE)
    for number, row in enumerate(json_of(path) if path else []):
        yield Row(f"row {number}", partial(_item, folder, number, row))


def _item(folder: Path, number: int, row: list[str]) -> Item:
    url0, caption0, url1, caption1 = row
    pictures = [beside(folder, url.rpartition("/")[2], _PICTURES) for url in (url0, url1)]
    return matched("cola", number, pictures, [caption0, caption1])


COLA = Benchmark(
    "cola",
    "COLA_multiobjects_matching_benchmark.json: lists of url, caption, url, caption; pictures in images/",
    lambda folder: first_of(folder, *_FILE) is not None,
    _cola,
    {"picks_picture": "multi-object accuracy"},
    "micro",
)
