"""NegBench's multiple choice: four captions of a picture, or two, with and without negations."""

from collections.abc import Iterator
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark
from evaluation.benchmarks.files import beside, csv_columns, csv_rows
from evaluation.items import Item, item

_PLACES = (".", "images", "val2017", "VOC2007/JPEGImages", "JPEGImages")


def _files(folder: Path) -> list[Path]:
    known = {"image_path", "caption_0", "caption_1", "correct_answer"}
    return [path for path in sorted(folder.glob("*.csv")) if known <= set(csv_columns(path))]


def _negbench(folder: Path) -> Iterator[Item]:
    for path in _files(folder):
        names = sorted(name for name in csv_columns(path) if name.removeprefix("caption_").isdigit())
        for number, row in enumerate(csv_rows(path), start=2):
            shown = beside(folder, row["image_path"], *_PLACES)
            right = [place == int(row["correct_answer"]) for place in range(len(names))]
            yield item(
                "negbench", f"{path.stem} {number}", [shown], [row[name] for name in names], right,
                category=row.get("correct_answer_template") or path.stem, group=shown["key"],
            )  # fmt: skip


NEGBENCH = Benchmark(
    "negbench",
    "CSV with image_path, caption_0 to caption_3, correct_answer, correct_answer_template",
    lambda folder: bool(_files(folder)),
    _negbench,
    {"picks_caption": "MCQ accuracy"},
    "micro",
)
