"""NegBench's multiple choice: four captions of a picture, or two, with and without negations."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark, Row
from evaluation.benchmarks.files import beside, csv_columns, csv_rows
from evaluation.items import Item, item

_PLACES = (".", "images", "val2017", "VOC2007/JPEGImages", "JPEGImages")


def _files(folder: Path) -> list[Path]:
    known = {"image_path", "caption_0", "caption_1", "correct_answer"}
    return [path for path in sorted(folder.glob("*.csv")) if known <= set(csv_columns(path))]


def _negbench(folder: Path) -> Iterator[Row]:
    for path in _files(folder):
        names = sorted(name for name in csv_columns(path) if name.removeprefix("caption_").isdigit())
        for number, row in enumerate(csv_rows(path), start=2):
            yield Row(f"{path.name} line {number}", partial(_item, folder, path.stem, number, row, names))


def _item(folder: Path, stem: str, number: int, row: dict[str, str], names: list[str]) -> Item:
    shown, captions = beside(folder, row["image_path"], _PLACES), [row[name] for name in names]
    right = [place == int(row["correct_answer"]) for place in range(len(names))]
    more = {"category": row.get("correct_answer_template") or stem, "group": shown["key"]}
    return item("negbench", f"{stem} {number}", [shown], captions, right, **more)


NEGBENCH = Benchmark(
    "negbench",
    "CSV with image_path, caption_0 to caption_3, correct_answer, correct_answer_template",
    lambda folder: bool(_files(folder)),
    _negbench,
    {"picks_caption": "MCQ accuracy"},
    "micro",
)
