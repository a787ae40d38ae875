"""BiVLC: SugarCrepe with a picture for the wrong caption too."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import Benchmark, Row, matched
from evaluation.benchmarks.files import columns_of, inside, table_rows
from evaluation.items import Item


def _bivlc(folder: Path) -> Iterator[Row]:
    for number, row in enumerate(table_rows(folder)):
        yield Row(f"row {number}", partial(_item, folder, number, row))


def _item(folder: Path, number: int, row: dict[str, Any]) -> Item:
    pictures = [inside(row["image"], folder), inside(row["negative_image"], folder)]
    category = "_".join(filter(None, (row.get("type"), row.get("subtype")))).lower()
    return matched("bivlc", number, pictures, [row["caption"], row["negative_caption"]], category=category)


BIVLC = Benchmark(
    "bivlc",
    "the hub's Parquet: image, caption, negative_image, negative_caption, type, subtype",
    lambda folder: {"image", "caption", "negative_image", "negative_caption"} <= columns_of(folder),
    _bivlc,
    {
        "picks_caption": "I2T", "picks_picture": "T2I", "group": "group", "picture_0_picks": "Ipos2T",
        "picture_1_picks": "Ineg2T", "caption_0_picks": "Tpos2I", "caption_1_picks": "Tneg2I",
    },
    "micro",
)  # fmt: skip
