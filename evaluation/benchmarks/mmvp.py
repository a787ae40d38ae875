"""MMVP-VLM: pairs of pictures that CLIP takes for alike, of nine visual patterns."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark, Row, matched
from evaluation.benchmarks.files import beside, csv_columns, csv_rows, first_of
from evaluation.items import Item

_PREFIX = "a photo of "


def _questions(folder: Path) -> Path | None:
    path = first_of(folder, "Questions.csv", "MLLM_VLM_Questions.csv")
    return path if path is not None and len(csv_columns(path)) >= 3 else None


def _mmvp(folder: Path) -> Iterator[Row]:
    path = _questions(folder)
    rows = list(csv_rows(path) if path is not None else ())
    for start in range(0, len(rows), 2):  # a pair is two rows
        yield Row(f"line {start + 2}", partial(_item, folder, start // 2, rows[start : start + 2]))


def _item(folder: Path, number: int, rows: list[dict[str, str]]) -> Item:
    if len(rows) < 2:
        raise ValueError("the last pair has one row")
    values = [[value.strip() for value in row.values()] for row in rows]
    pictures = [beside(folder, f"{n}.jpg", (f"MLLM_VLM Images/{kind}", f"images/{kind}")) for n, kind, _ in values]
    return matched("mmvp-vlm", number, pictures, [_PREFIX + each for _, _, each in values], category=values[0][1])


MMVP = Benchmark(
    "mmvp-vlm",
    "Questions.csv: id, type, statement, two rows a pair; pictures in `MLLM_VLM Images/<type>/<id>.jpg`",
    lambda folder: _questions(folder) is not None,
    _mmvp,
    {"picks_picture": "accuracy"},
    "macro",
)
