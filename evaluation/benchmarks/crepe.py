"""CREPE: a cropped region's caption among hard negatives, for systematicity and productivity."""

from collections.abc import Iterator
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark
from evaluation.benchmarks.files import below, beside, csv_columns, csv_rows, literal_list
from evaluation.items import Item, item, picture

_COLUMNS = {"image_id", "caption", "x", "y", "width", "height"}
_PLACES = ("images", "VG_100K", "VG_100K_2", ".", "../images")


def _files(folder: Path) -> list[Path]:
    return [path for path in below(folder, "*.csv") if set(csv_columns(path)) >= _COLUMNS]


def _crepe(folder: Path) -> Iterator[Item]:
    for path in _files(folder):
        kinds = [name for name in csv_columns(path) if name == "hard_negs" or name.startswith("valid_hard_negs")]
        for number, row in enumerate(csv_rows(path), start=2):
            whole = beside(folder, row["image_id"], *_PLACES)
            shown = picture(path=whole["path"], box=[int(float(row[side])) for side in ("x", "y", "width", "height")])
            for kind in kinds:
                wrong = literal_list(row[kind] or "[]", f"{path}: line {number}")
                if wrong:  # atoms alone, compounds alone, or both, where there are any
                    category = path.stem + kind.removeprefix("valid_hard_negs").removeprefix("hard_negs")
                    yield item(
                        "crepe", f"{path.stem} {number} {kind}", [shown], [row["caption"], *wrong], category=category,
                        group=whole["key"],
                    )  # fmt: skip


CREPE = Benchmark(
    "crepe",
    "CSV with image_id, caption, x, y, width, height and hard_negs or valid_hard_negs_*; pictures in images/",
    lambda folder: bool(_files(folder)),
    _crepe,
    {"picks_caption": "R@1", "picks_caption@3": "R@3", "picks_caption@5": "R@5"},
)
