"""COLA's multi-object matching: two pictures and two captions, of which it asks what each caption picks."""

from collections.abc import Iterator
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark, matched
from evaluation.benchmarks.files import beside, first_of, json_of
from evaluation.items import Item

_FILE = ("COLA_multiobjects_matching_benchmark.json", "data/COLA_multiobjects_matching_benchmark.json")


def _cola(folder: Path) -> Iterator[Item]:
    path = first_of(folder, *_FILE)
    for number, (url0, caption0, url1, caption1) in enumerate(json_of(path) if path else []):
        pictures = [
            beside(folder, url.rpartition("/")[2], "images", ".", "VG_100K", "VG_100K_2") for url in (url0, url1)
        ]
        yield matched("cola", number, pictures, [caption0, caption1])


COLA = Benchmark(
    "cola",
    "COLA_multiobjects_matching_benchmark.json: lists of url, caption, url, caption; pictures in images/",
    lambda folder: first_of(folder, *_FILE) is not None,
    _cola,
    {"picks_picture": "multi-object accuracy"},
    "micro",
)
