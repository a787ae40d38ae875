"""WhatsUp: where things are, in photos made for it and in COCO's and Visual Genome's."""

from collections.abc import Iterator
from pathlib import Path

from evaluation.benchmarks.benchmark import Benchmark, chosen
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


def _whatsup(folder: Path) -> Iterator[Item]:
    for path in _files(folder):
        if path.stem in _CONTROLLED:
            yield from _controlled(folder, path, _CONTROLLED[path.stem])
            continue
        for number, (image, right, wrong) in enumerate(json_of(path)):
            name = f"{int(image):012d}" if path.stem.startswith("coco") else str(image)
            shown = beside(folder, name, *_PLACES)
            yield chosen("whatsup", f"{path.stem} {number}", shown, right, [wrong], category=path.stem)


def _controlled(folder: Path, path: Path, which: str) -> Iterator[Item]:
    """Read photos whose names say which things they show, and how: mug_left_of_bowl."""
    for number, row in enumerate(json_of(path)):
        stem = Path(row["image_path"]).stem
        how = next((word for words in _PAIRS[which] for word in sorted(words) if f"_{word}_" in stem), "")
        things = f"{which} {stem.replace(f'_{how}_', ' / ')}" if how else f"{which} {stem}"
        pair = next((n for n, words in enumerate(_PAIRS[which]) if how in words), 0)
        right, *wrong = row["caption_options"]
        shown = beside(folder, row["image_path"].removeprefix("data/"), *_PLACES)
        yield chosen(
            "whatsup", f"{path.stem} {number}", shown, right, wrong, category=f"controlled {which}",
            sets={"pair": f"{things} {pair}", "set": things},
        )  # fmt: skip


WHATSUP = Benchmark(
    "whatsup",
    "controlled_images_dataset.json, controlled_clevr_dataset.json, coco_qa_*.json, vg_qa_*.json; pictures beside",
    lambda folder: bool(_files(folder)),
    _whatsup,
    {"picks_caption": "individual accuracy", "all_of_pair": "pair accuracy", "all_of_set": "set accuracy"},
)
