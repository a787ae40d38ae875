"""WhatsUp: where things are, in photos made for it and in COCO's and Visual Genome's."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import Benchmark, Row, chosen
from evaluation.benchmarks.files import beside, json_of
from evaluation.items import Item

_CONTROLLED = {"controlled_images_dataset": "A", "controlled_clevr_dataset": "B"}
# Of each set of four the two that are told apart as a pair.
_PAIRS = {"A": ({"left_of", "right_of"}, {"on", "under"}), "B": ({"left_of", "right_of"}, {"in-front_of", "behind"})}
_QUESTIONS = ("coco_qa_one_obj", "coco_qa_two_obj", "vg_qa_one_obj", "vg_qa_two_obj")
_PLACES = (".", "images", "val2017", "vg_images", "data")


def _files(folder: Path) -> list[Path]:
    known = (*_CONTROLLED, *_QUESTIONS)
    return sorted(path for path in (*folder.glob("*.json"), *folder.glob("data/*.json")) if path.stem in known)


def _whatsup(folder: Path) -> Iterator[Row]:
    for path in _files(folder):
        make = _photo if path.stem in _CONTROLLED else _question
        for number, row in enumerate(json_of(path)):
            yield Row(f"{path.name} {number}", partial(make, folder, path.stem, number, row))


def _question(folder: Path, stem: str, number: int, row: list[Any]) -> Item:
    image, right, wrong = row
    shown = beside(folder, f"{int(image):012d}" if stem.startswith("coco") else str(image), _PLACES)
    return chosen("whatsup", f"{stem} {number}", shown, right, [wrong], category=stem)


def _photo(folder: Path, stem: str, number: int, row: dict[str, Any]) -> Item:
    """Read a photo whose name says which things it shows, and how: mug_left_of_bowl."""
    which, name = _CONTROLLED[stem], Path(row["image_path"]).stem
    how = next((word for words in _PAIRS[which] for word in sorted(words) if f"_{word}_" in name), "")
    things = f"{which} {name.replace(f'_{how}_', ' / ')}" if how else f"{which} {name}"
    pair = next((n for n, words in enumerate(_PAIRS[which]) if how in words), 0)
    right, *wrong = row["caption_options"]
    shown = beside(folder, row["image_path"].removeprefix("data/"), _PLACES)
    more: dict[str, Any] = {"category": f"controlled {which}", "sets": {"pair": f"{things} {pair}", "set": things}}
    return chosen("whatsup", f"{stem} {number}", shown, right, wrong, **more)


WHATSUP = Benchmark(
    "whatsup",
    "controlled_images_dataset.json, controlled_clevr_dataset.json, coco_qa_*.json, vg_qa_*.json; pictures beside",
    lambda folder: bool(_files(folder)),
    _whatsup,
    {"picks_caption": "individual accuracy", "all_of_pair": "pair accuracy", "all_of_set": "set accuracy"},
)
