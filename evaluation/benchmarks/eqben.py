"""EqBen: pairs of frames and drawn scenes, in flat lists or by video and subject, some frames as arrays."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import Benchmark, Row, matched
from evaluation.benchmarks.files import beside, json_of
from evaluation.items import Item

_KEYS = {"image0", "image1", "caption0", "caption1"}
_PICTURES = (".", "images", "..")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in (*folder.glob("*.json"), *folder.glob("*/*.json")) if path.name != "manifest.json")


def _pairs(found: Any) -> Iterator[dict[str, Any]]:
    """Find the pairs in lists, or in dictionaries of videos and subjects, wherever they are."""
    if isinstance(found, dict) and found.keys() >= _KEYS:
        yield found
    elif isinstance(found, dict):
        for part in found.values():
            yield from _pairs(part)
    elif isinstance(found, list):
        for part in found:
            yield from _pairs(part)


def _there(folder: Path) -> bool:
    return any(next(_pairs(json_of(path)), None) is not None for path in _files(folder)[:20])


def _eqben(folder: Path) -> Iterator[Row]:
    for path in _files(folder):
        where = path.relative_to(folder).with_suffix("").as_posix()
        for number, row in enumerate(_pairs(json_of(path))):
            yield Row(f"{where} {number}", partial(_item, folder, f"{where} {number}", path.stem, row))


def _item(folder: Path, number: str, stem: str, row: dict[str, Any]) -> Item:
    # Where captions are lists the first counts, as in EqBen's own script.
    captions = [each if isinstance(each, str) else each[0] for each in (row["caption0"], row["caption1"])]
    pictures = [beside(folder, _as_kept(folder, row[f"image{n}"]), _PICTURES) for n in (0, 1)]
    # The first folder of a path is the subset, in the whole set and in its tenth.
    category = Path(row["image0"]).parts[0] if "/" in row["image0"] else stem
    return matched("eqben", number, pictures, captions, category=category)


def _as_kept(folder: Path, name: str) -> str:
    """Turn a name as the lists have it into that of the file: the light release has .jpg where they say .png."""
    light = Path(name).with_suffix(".jpg").as_posix()
    return light if name.endswith(".png") and any((folder / each / light).is_file() for each in _PICTURES) else name


EQBEN = Benchmark(
    "eqben",
    "lists of image0, image1, caption0, caption1, flat or by video and subject; pictures beside, .npy frames too",
    _there,
    _eqben,
    {"picks_caption": "text score", "picks_picture": "image score", "group": "group score"},
    "macro",
)
