"""VisMin: pictures with a minimal change, from the bench's Arrow files or in the form that its trainers read."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import MATCHING, Benchmark, Row, matched
from evaluation.benchmarks.files import beside, columns_of, inside, json_of, table_rows
from evaluation.items import Item

_COLUMNS = {"image_0", "text_0", "image_1", "text_1"}


def _vismin(folder: Path) -> Iterator[Row]:
    for number, row in enumerate(table_rows(folder)):
        yield Row(f"row {number}", partial(_item, folder, number, row))


def _item(folder: Path, number: int, row: dict[str, Any]) -> Item:
    pictures, category = [inside(row[f"image_{n}"], folder) for n in (0, 1)], str(row.get("category") or "")
    return matched("vismin", row.get("id", number), pictures, [row["text_0"], row["text_1"]], category=category)


def _lists(folder: Path) -> list[Path]:
    """List the JSON files of pictures with their edits (VisMin's training set, our own export)."""
    return [path for path in sorted(folder.glob("*.json")) if _is_list_of_edits(path)]


def _is_list_of_edits(path: Path) -> bool:
    found = json_of(path)
    first = found[0] if isinstance(found, list) and found else None
    return isinstance(first, dict) and {"image_path", "caption", "negatives"} <= first.keys()


def _edits(folder: Path) -> Iterator[Row]:
    for path in _lists(folder):
        for number, row in enumerate(json_of(path)):
            for place in range(max(len(row.get("negatives", ())), 1)):
                name = f"{path.stem} {number} {place}"
                yield Row(name, partial(_edit, folder, name, row, place))


def _edit(folder: Path, name: str, row: dict[str, Any], place: int) -> Item:
    edit = row["negatives"][place]
    pictures = [beside(folder, each) for each in (row["image_path"], edit["edited_image_path"])]
    captions, category = [row["caption"], edit["edited_caption"]], str(edit.get("category") or "")
    return matched("vismin-edits", name, pictures, captions, category=category)


VISMIN = Benchmark(
    "vismin",
    "Arrow files of save_to_disk, or Parquet: image_0, text_0, image_1, text_1, category",
    lambda folder: columns_of(folder) >= _COLUMNS,
    _vismin,
    MATCHING,
)
EDITS = Benchmark(
    "vismin-edits",
    "lists of image_path, caption and negatives (edited_image_path, edited_caption, category)",
    lambda folder: bool(_lists(folder)),
    _edits,
)
