"""Winoground and what has its form: two pictures, two captions, JSON lines or a table with pictures inside."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import MATCHING, Benchmark, Row, matched
from evaluation.benchmarks.files import beside, columns_of, first_of, inside, json_lines, table_rows
from evaluation.items import Item, Picture

_COLUMNS = {"image_0", "image_1", "caption_0", "caption_1"}


def _lines(folder: Path) -> Path | None:
    return first_of(folder, "examples.jsonl", "data/examples.jsonl")


def _rows(folder: Path, name: str, category: str) -> Iterator[Row]:
    """Read examples.jsonl, whose pictures are stems in images/, else tables (the hub's Parquet)."""
    lines = _lines(folder)
    if lines is None:
        for number, row in enumerate(table_rows(folder)):
            yield Row(f"row {number}", partial(_item, name, number, row, category, partial(inside, folder=folder)))
        return
    named = partial(beside, lines.parent, inside_of=("images", "../images", "."))
    for number, row in enumerate(json_lines(lines)):
        yield Row(f"{lines.name} {number}", partial(_item, name, number, row, category, named))


def _item(name: str, number: int, row: dict[str, Any], category: str, named: Callable[[Any], Picture]) -> Item:
    pictures, captions = [named(row["image_0"]), named(row["image_1"])], [row["caption_0"], row["caption_1"]]
    return matched(name, row.get("id", number), pictures, captions, category=str(row.get(category) or ""))


def _winoground(folder: Path) -> Iterator[Row]:
    tags = ("collapsed_tag", "tag")
    lines = _lines(folder)
    there = next(json_lines(lines), {}).keys() if lines is not None else columns_of(folder)
    yield from _rows(folder, "winoground", next((tag for tag in tags if tag in there), "tag"))


def _colorswap(folder: Path) -> Iterator[Row]:
    for number, row in enumerate(table_rows(folder)):
        yield Row(f"row {number}", partial(_swapped, folder, number, row))


def _swapped(folder: Path, number: int, row: dict[str, Any]) -> Item:
    pictures = [inside(row[f"image_{n}"], folder) for n in (1, 2)]
    return matched("colorswap", row.get("id", number), pictures, [row["caption_1"], row["caption_2"]])


def _is_counterfactual(folder: Path) -> bool:
    """Tell COCO-Counterfactuals by its pictures' names: two of a number of COCO's, or by what has no tag."""
    lines = _lines(folder)
    return lines is not None and not {"tag", "collapsed_tag"} & next(json_lines(lines), {"tag": ""}).keys()


WINOGROUND = Benchmark(
    "winoground",
    "examples.jsonl (also in data/) and images/, or the hub's Parquet: image_0, image_1, caption_0, caption_1, tag",
    lambda folder: (
        (_lines(folder) is not None and not _is_counterfactual(folder))
        or (_COLUMNS | {"tag"}) <= columns_of(folder)
    ),
    _winoground,
    MATCHING,
    "micro",
)  # fmt: skip
COUNTERFACTUALS = Benchmark(
    "coco-counterfactuals",
    "examples.jsonl and images/: id, caption_0, caption_1, image_0, image_1 and no tag",
    lambda folder: _is_counterfactual(folder),
    lambda folder: _rows(folder, "coco-counterfactuals", "tag"),
    MATCHING,
    "micro",
)
COLORSWAP = Benchmark(
    "colorswap",
    "the hub's Parquet: image_1, image_2, caption_1, caption_2",
    lambda folder: {"image_1", "image_2", "caption_1", "caption_2"} <= columns_of(folder),
    _colorswap,
    MATCHING,
    "micro",
)
