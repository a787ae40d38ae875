"""BiVLC: SugarCrepe with a picture for the wrong caption too."""

from collections.abc import Iterator
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark, matched
from evaluation.benchmarks.files import columns_of, inside, table_rows
from evaluation.items import Item


def _bivlc(folder: Path) -> Iterator[Item]:
    for number, row in enumerate(table_rows(folder)):
        pictures = [inside(row["image"], folder), inside(row["negative_image"], folder)]
        category = "_".join(filter(None, (row.get("type"), row.get("subtype"))))
        yield matched("bivlc", number, pictures, [row["caption"], row["negative_caption"]], category=category.lower())


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
