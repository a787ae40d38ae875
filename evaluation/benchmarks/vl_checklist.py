"""VL-CheckList: a right and a wrong caption of one object, attribute or relation."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from evaluation.benchmarks.benchmark import Benchmark, Row, chosen
from evaluation.benchmarks.files import below, beside, json_of
from evaluation.items import Item
from schemas.errors import InputError


def _corpora(folder: Path) -> list[tuple[Path, Path, str]]:
    """List annotation file, folder of its pictures and name: what the YAML of each corpus says, else all JSON files."""
    named = []
    for path in below(folder, "*.yaml", "*.yml"):
        try:
            corpus = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise InputError(f"{path}: no YAML: {' '.join(str(error).split())[:100]}") from error
        if isinstance(corpus, dict) and {"ANNO_PATH", "IMG_ROOT"} <= corpus.keys():
            name = path.relative_to(folder).with_suffix("").as_posix().removeprefix("corpus/v1/")
            named.append((folder / corpus["ANNO_PATH"], folder / corpus["IMG_ROOT"], name))
    if named:
        return named
    there = [path for path in below(folder, "*.json") if _is_list_of_checks(json_of(path))]
    return [(path, folder / "images", path.relative_to(folder).with_suffix("").as_posix()) for path in there]


def _is_list_of_checks(found: Any) -> bool:
    first = found[0] if isinstance(found, list) and found else None
    return (
        isinstance(first, list) and len(first) == 2 and isinstance(first[1], dict) and {"POS", "NEG"} <= first[1].keys()
    )


def _checks(folder: Path) -> Iterator[Row]:
    for path, pictures, category in _corpora(folder):
        for number, row in enumerate(json_of(path)):
            yield Row(f"{category} {number}", partial(_item, pictures, category, number, row))


def _item(pictures: Path, category: str, number: int, row: list[Any]) -> Item:
    name, captions = row
    right, wrong = captions["POS"][0], captions["NEG"][0]  # the others are not read by its script either
    return chosen("vl-checklist", f"{category} {number}", beside(pictures, name), right, [wrong], category=category)


VL_CHECKLIST = Benchmark(
    "vl-checklist",
    "lists of picture and {POS, NEG}; YAML files with ANNO_PATH and IMG_ROOT, else pictures in images/",
    lambda folder: bool(_corpora(folder)),
    _checks,
    {"picks_caption": "itc accuracy"},
)
