"""CREPE: a cropped region's caption among hard negatives, for systematicity and productivity."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark, Row
from evaluation.benchmarks.files import below, beside, csv_columns, csv_rows, literal_list
from evaluation.items import Item, item, picture

_COLUMNS = {"image_id", "caption", "x", "y", "width", "height"}
_PLACES = ("images", "VG_100K", "VG_100K_2", ".", "../images")


def _files(folder: Path) -> list[Path]:
    return [path for path in below(folder, "*.csv") if set(csv_columns(path)) >= _COLUMNS]


def _crepe(folder: Path) -> Iterator[Row]:
    for path in _files(folder):
        kinds = [name for name in csv_columns(path) if name == "hard_negs" or name.startswith("valid_hard_negs")]
        for number, row in enumerate(csv_rows(path), start=2):
            for kind in kinds:
                yield Row(f"{path.name} line {number}", partial(_item, folder, path.stem, number, row, kind))


def _item(folder: Path, stem: str, number: int, row: dict[str, str], kind: str) -> Item | None:
    """Take the negatives of a kind (of atoms, of compounds, of both), where there are any."""
    wrong = literal_list(row[kind] or "[]")
    if not wrong:
        return None
    whole = beside(folder, row["image_id"], _PLACES)
    shown = picture(path=whole["path"], box=[int(float(row[side])) for side in ("x", "y", "width", "height")])
    category = stem + kind.removeprefix("valid_hard_negs").removeprefix("hard_negs")
    more = {"category": category, "group": whole["key"]}
    return item("crepe", f"{stem} {number} {kind}", [shown], [row["caption"], *wrong], **more)


CREPE = Benchmark(
    "crepe",
    "CSV with image_id, caption, x, y, width, height and hard_negs or valid_hard_negs_*; pictures in images/",
    lambda folder: bool(_files(folder)),
    _crepe,
    {"picks_caption": "R@1", "picks_caption@3": "R@3", "picks_caption@5": "R@5"},
)
