"""SugarCrepe and SugarCrepe++: a COCO picture, a right and a wrong caption, in ++ the right one in other words too."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import Benchmark, Row, chosen
from evaluation.benchmarks.files import beside, json_of
from evaluation.items import Item, item

_NAMES = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")
_PICTURES = ("val2017", "images", "coco/val2017", "images/val2017", "../val2017", ".")


def _files(folder: Path) -> list[Path]:
    """List the JSON files of a folder: SugarCrepe's own, and operations that it has no name for."""
    found = [*folder.glob("*.json"), *folder.glob("data/*.json")]
    return sorted(each for each in found if each.stem in _NAMES or each.stem.split("_")[0] in _KINDS)


_KINDS = ("add", "replace", "swap", "negate")


def _rows(folder: Path) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    for path in _files(folder):
        found = json_of(path)
        # Keys, not places: swap_obj has a hole, where a caption was true after all.
        rows = found.items() if isinstance(found, dict) else ((row.get("id", n), row) for n, row in enumerate(found))
        for number, row in rows:
            yield path, str(number), row


def _has_second(folder: Path) -> bool | None:
    """Tell SugarCrepe++ from SugarCrepe; None where it is neither."""
    row = next((row for _, _, row in _rows(folder)), None)
    known = row is not None and {"filename", "caption", "negative_caption"} <= row.keys()
    return ("caption2" in row) if known and row is not None else None


def _each(folder: Path, make: Callable[[Path, str, dict[str, Any]], Item]) -> Iterator[Row]:
    for path, number, row in _rows(folder):
        yield Row(f"{path.name} {number}", partial(make, path, number, row))


def _sugarcrepe(path: Path, number: str, row: dict[str, Any]) -> Item:
    shown, wrong = beside(path.parent, row["filename"], _PICTURES), [row["negative_caption"]]
    return chosen("sugarcrepe", f"{path.stem} {number}", shown, row["caption"], wrong, category=path.stem)


def _plusplus(path: Path, number: str, row: dict[str, Any]) -> Item:
    shown = beside(path.parent, row["filename"], _PICTURES)
    captions, truth = [row["caption"], row["caption2"], row["negative_caption"]], [True, True, False]
    more = {"category": path.stem, "group": shown["key"]}
    return item("sugarcrepe++", f"{path.stem} {number}", [shown], captions, truth, **more)


SUGARCREPE = Benchmark(
    "sugarcrepe",
    "add_att.json, swap_obj.json, ...: filename, caption, negative_caption; pictures in val2017/",
    lambda folder: _has_second(folder) is False,
    partial(_each, make=_sugarcrepe),
    {"picks_caption": "accuracy"},
    "micro",
)
PLUSPLUS = Benchmark(
    "sugarcrepe++",
    "the same with caption2",
    lambda folder: _has_second(folder) is True,
    partial(_each, make=_plusplus),
    {"picks_caption": "ITT", "paraphrase_closer": "TOT", "picks_original": "P1", "picks_paraphrase": "P2"},
)
