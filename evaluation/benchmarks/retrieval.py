"""Plain retrieval: pictures and their captions, to be found by one another."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evaluation.benchmarks.benchmark import Benchmark, Row
from evaluation.benchmarks.files import beside, csv_columns, csv_rows, json_of, literal_list
from evaluation.items import Item, retrieval

_OWN = {f"picks_caption@{k}": f"text R@{k}" for k in (1, 5, 10)} | {
    f"picks_picture@{k}": f"image R@{k}" for k in (1, 5, 10)
}
_PLACES = (".", "images", "val2017", "val2014", "flickr30k-images", "flickr30k_images", "..")


class Described(NamedTuple):
    """A picture of Karpathy's splits."""

    file: str
    captions: list[str]
    places: tuple[str, ...]  # folders that it may lie in


def karpathy_files(folder: Path) -> list[Path]:
    """List the files of a folder that have Karpathy's form: all of `dataset_coco.json`, or the test split as a list."""
    return [path for path in sorted(folder.glob("*.json")) if _is_karpathy(path)]


def _is_karpathy(path: Path) -> bool:
    if "karpathy" not in path.name.lower() and not path.name.startswith("dataset_"):
        return False
    found = json_of(path)
    first = found[0] if isinstance(found, list) and found else None
    return (isinstance(found, dict) and "images" in found) or (
        isinstance(first, dict) and {"image", "caption"} <= first.keys()
    )


def karpathy_rows(folder: Path) -> Iterator[Described]:
    """Read the test split of Karpathy's JSON."""
    for path in karpathy_files(folder):
        found = json_of(path)
        if isinstance(found, list):
            yield from (Described(row["image"], list(row["caption"]), _PLACES) for row in found)
            continue
        for row in found["images"]:
            if row.get("split", "test") == "test":
                captions = [" ".join(sentence["raw"].split()) for sentence in row["sentences"]]
                yield Described(row["filename"], captions, (row.get("filepath", "."), *_PLACES))


def _karpathy(folder: Path) -> Iterator[Row]:
    for number, row in enumerate(karpathy_rows(folder)):
        yield Row(row.file, partial(_item, "retrieval", number, folder, row))


def _item(name: str, number: object, folder: Path, row: Described, category: str = "") -> Item:
    return retrieval(name, number, beside(folder, row.file, row.places), row.captions, category=category)


def _fine(folder: Path) -> tuple[Path, Path] | None:
    """Find the captions (JSON) and the pool of pictures (names as a numpy array) of MSCOCO-FG or Flickr30K-FG."""
    pool = next((path for path in sorted(folder.glob("*.npy"))), None)
    if pool is None:
        return None
    for path in sorted(folder.glob("*.json")):
        found = json_of(path)
        if isinstance(found, dict) and found and all(isinstance(each, list) for each in found.values()):
            return path, pool
    return None


def _fine_grained(folder: Path) -> Iterator[Row]:
    found = _fine(folder)
    if found is None:
        return
    captions: dict[str, list[str]] = {Path(name).stem: list(each) for name, each in json_of(found[0]).items()}
    pool = [str(name) for name in np.load(found[1], allow_pickle=False).tolist()]
    stems = {Path(name).stem for name in pool}
    for name in [*pool, *(name for name in captions if name not in stems)]:
        stem = Path(name).stem
        row = Described(name, captions.get(stem, []), (*_PLACES, "unlabeled2017", "train2017"))
        yield Row(name, partial(_item, "fg-retrieval", stem, folder, row))


def _tables(folder: Path) -> list[Path]:
    """List the CSV files of a folder that have a picture and a list of captions a row (NegBench's retrieval)."""
    return [path for path in sorted(folder.glob("*.csv")) if {"filepath", "captions"} <= set(csv_columns(path))]


def _negated(folder: Path) -> Iterator[Row]:
    for path in _tables(folder):
        for number, row in enumerate(csv_rows(path), start=2):
            yield Row(f"{path.name} line {number}", partial(_of_line, folder, path.stem, number, row))


def _of_line(folder: Path, stem: str, number: int, row: dict[str, str]) -> Item:
    described = Described(row["filepath"], literal_list(row["captions"]), _PLACES)
    return _item("negbench-retrieval", f"{stem} {number}", folder, described, stem)


RETRIEVAL = Benchmark(
    "retrieval",
    "Karpathy's dataset_*.json, or *karpathy*.json: a list of image and its captions; pictures beside",
    lambda folder: bool(karpathy_files(folder)),
    _karpathy,
    _OWN,
    "micro",
)
FINE_GRAINED = Benchmark(
    "fg-retrieval",
    "a JSON dictionary of picture to captions, and the pool's file names as .npy (MSCOCO-FG, Flickr30K-FG)",
    lambda folder: _fine(folder) is not None,
    _fine_grained,
    _OWN,
    "micro",
)
NEGATED = Benchmark(
    "negbench-retrieval",
    "CSV with filepath and captions, a Python list; a file each of original and negated captions",
    lambda folder: bool(_tables(folder)),
    _negated,
    _OWN,
    "micro",
)
