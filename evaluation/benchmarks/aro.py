"""ARO: relations and attributes of Visual Genome, each picture cropped to what its captions are about."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import Benchmark, Row
from evaluation.benchmarks.files import beside, json_of
from evaluation.items import Item, item, picture

_PICTURES = ("images", "vg_images", ".")
_LEAST = 25  # cases of a pair of attributes that ARO averages over


def _relation(row: dict[str, Any]) -> str:
    return str(row["relation_name"])


def _attributes(row: dict[str, Any]) -> str:
    return " / ".join(map(str, row["attributes"]))


def _aro(folder: Path, name: str, file: str, category: Callable[[dict[str, Any]], str]) -> Iterator[Row]:
    for number, row in enumerate(json_of(folder / file)):
        yield Row(f"{file} {number}", partial(_item, folder, name, number, row, category))


def _item(folder: Path, name: str, number: int, row: dict[str, Any], category: Callable[[dict[str, Any]], str]) -> Item:
    whole = beside(folder, row["image_path"], _PICTURES)
    box = [int(row[f"bbox_{side}"]) for side in ("x", "y", "w", "h")]
    shown, captions = picture(path=whole["path"], box=box), [row["true_caption"], row["false_caption"]]
    return item(name, number, [shown], captions, category=category(row), group=whole["key"])


def _benchmark(name: str, file: str, category: Callable[[dict[str, Any]], str], least: int) -> Benchmark:
    return Benchmark(
        name,
        f"{file}: image_path, bbox_x, bbox_y, bbox_w, bbox_h, true_caption, false_caption; pictures in images/",
        lambda folder: (folder / file).is_file(),
        partial(_aro, name=name, file=file, category=category),
        {"picks_caption": "accuracy"},
        "macro",
        least,
    )


RELATION = _benchmark("aro-relation", "visual_genome_relation.json", _relation, 0)
ATTRIBUTION = _benchmark("aro-attribution", "visual_genome_attribution.json", _attributes, _LEAST)
