"""MMVP-VLM: pairs of pictures that CLIP takes for alike, of nine visual patterns."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark, matched
from evaluation.benchmarks.files import beside, csv_columns, csv_rows, first_of
from evaluation.items import Item
from schemas.errors import InputError

_PREFIX = "a photo of "


def _questions(folder: Path) -> Path | None:
    path = first_of(folder, "Questions.csv", "MLLM_VLM_Questions.csv")
    return path if path is not None and len(csv_columns(path)) >= 3 else None


def _mmvp(folder: Path) -> Iterator[Item]:
    path = _questions(folder)
    rows = iter(csv_rows(path) if path is not None else ())
    number = 0
    while pair := list(islice(rows, 2)):  # rows come in pairs
        if len(pair) == 1:
            raise InputError(f"{path}: an odd number of rows; its pairs are two rows each")
        values = [[value.strip() for value in row.values()] for row in pair]
        pictures = [
            beside(folder, f"{each[0]}.jpg", f"MLLM_VLM Images/{each[1]}", f"images/{each[1]}") for each in values
        ]
        yield matched("mmvp-vlm", number, pictures, [_PREFIX + each[2] for each in values], category=values[0][1])
        number += 1


MMVP = Benchmark(
    "mmvp-vlm",
    "Questions.csv: id, type, statement, two rows a pair; pictures in `MLLM_VLM Images/<type>/<id>.jpg`",
    lambda folder: _questions(folder) is not None,
    _mmvp,
    {"picks_picture": "accuracy"},
    "macro",
)
