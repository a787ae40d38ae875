"""Winoground and what has its form: two pictures, two captions, JSON lines or a table with pictures inside."""

from collections.abc import Iterator
from pathlib import Path

from evaluation.benchmarks.benchmark import MATCHING, Benchmark, matched
from evaluation.benchmarks.files import beside, columns_of, first_of, inside, json_lines, table_rows
from evaluation.items import Item

_COLUMNS = {"image_0", "image_1", "caption_0", "caption_1"}


def _lines(folder: Path) -> Path | None:
    return first_of(folder, "examples.jsonl", "data/examples.jsonl")


def _rows(folder: Path, name: str, category: str) -> Iterator[Item]:
    """Read examples.jsonl, whose pictures are stems in images/, else tables (the hub's Parquet)."""
    lines = _lines(folder)
    if lines is not None:
        for row in json_lines(lines):
            pictures = [beside(lines.parent, str(row[f"image_{n}"]), "images", "../images", ".") for n in (0, 1)]
            yield _item(name, row["id"], pictures, row, row.get(category))
        return
    for number, row in enumerate(table_rows(folder)):
        pictures = [inside(row[f"image_{n}"], folder) for n in (0, 1)]
        yield _item(name, row.get("id", number), pictures, row, row.get(category))


def _item(name: str, number: object, pictures: list, row: dict, category: object) -> Item:  # type: ignore[type-arg]
    return matched(name, number, pictures, [row["caption_0"], row["caption_1"]], category=str(category or ""))


def _winoground(folder: Path) -> Iterator[Item]:
    tags = ("collapsed_tag", "tag")
    lines = _lines(folder)
    there = next(json_lines(lines), {}).keys() if lines is not None else columns_of(folder)
    yield from _rows(folder, "winoground", next((tag for tag in tags if tag in there), "tag"))


def _colorswap(folder: Path) -> Iterator[Item]:
    for number, row in enumerate(table_rows(folder)):
        pictures = [inside(row[f"image_{n}"], folder) for n in (1, 2)]
        yield matched("colorswap", row.get("id", number), pictures, [row["caption_1"], row["caption_2"]])


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
