"""A dataset made by hand that has one of everything an export must mind."""

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from schemas.tables import TABLES
from storage.dataset import Build, Dataset
from tests.pictures import picture

# What each negative is, in the order of the pictures: operation, right caption, wrong caption, phrases.
CHANGES = (
    ("replace_attribute", "A red cup .", "A blue cup .", "red", "blue"),
    ("swap_attribute", "A red cup on a blue plate .", "A blue cup on a red plate .", "red / blue", "blue / red"),
    ("replace_relation", "A cup on a plate .", "A cup under a plate .", "on", "under"),
    ("add_attribute", 'A "red" cup , 杯\t.', "A blue cup , 杯\t.", "red", "blue"),
    ("replace_object", "A cup's on a plate .", "A spoon's on a plate .", "cup", "spoon"),
    ("negate", "A man sits .", "A man does not sit .", "sits", "does not sit"),
)
IMAGES = 30


@dataclass
class Made:
    """Where it lies, and what is true of it."""

    folder: Path
    pictures: dict[str, bytes] = field(default_factory=dict)  # of captions that are true of one, by id of picture
    right: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # text_negative_id -> right caption and picture
    wrong: dict[str, tuple[str, bytes | None]] = field(default_factory=dict)  # the same of the wrong one
    half: set[str] = field(default_factory=set)  # without an edited picture
    still_true: set[str] = field(default_factory=set)  # whose right caption is true of both pictures
    alike: dict[str, int] = field(default_factory=dict)  # text_negative_id -> number of its picture's group
    operations: dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> set[str]:
        """The 2x2 items."""
        return set(self.right) - self.half - self.still_true


def make(folder: Path, splits: bool = False, images: int = IMAGES) -> Made:
    """Write a dataset of so many pictures with two negatives each: every third has edited pictures, made anew or not.

    Of six pictures the first two are near duplicates. With `splits` the source names them.
    """
    made = Made(folder)
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("images", "pairs", "text_negatives", "image_negatives", "verdicts", "near_duplicates",
                              "paraphrases")
    }  # fmt: skip
    for n in range(images):
        data = _strange(n)
        image = _put(rows, data, f"{n}.x")
        if n % 6 == 1:
            first = rows["images"][-2]["image_id"]
            rows["near_duplicates"].append({"image_id": image, "near_duplicate_of": first, "distance": 1})
        pair = f"pair{n:04d}"
        split = ("train", "val", "test", None)[n % 4] if splits else None
        rows["pairs"].append({
            "pair_id": pair, "image_id": image, "caption": CHANGES[n % 6][1] if n % 6 != 3 else "A cup , 杯\t.",
            "source": "shop", "source_key": f"{n}.x", "split": split, "url": f"https://example.org/{n}",
            "license": "CC BY 4.0",
        })  # fmt: skip
        rows["paraphrases"].append(
            {"paraphrase_id": f"w{n}", "pair_id": pair, "image_id": image, "caption": f"Other words {n} ."}
        )
        for k, change in enumerate((CHANGES[n % 6], CHANGES[n % 6])):
            _add(made, rows, n, k, pair, image, data, change)
    dataset = Dataset(str(folder))
    shards: dict[str, list[str]] = {}
    for table, several in rows.items():
        for start in range(0, len(several), 25):  # of several shards
            shard = f"s{start}"
            dataset.write(table, shard, pa.Table.from_pylist(several[start : start + 25], TABLES[table]))
            shards.setdefault(table, []).append(shard)
    dataset.commit(Build("20260101T000000000Z-abcdef12", shards, {"describe": {"parser": "p"}}, {}, {}, "2026", "2026"))
    return made


def _strange(n: int) -> bytes:
    """Draw picture n: PNG, JPEG, one that lies on its side, one of a kind that loaders do not open."""
    if n % 6 == 2:
        return picture(n, "BMP")
    if n % 6 == 4:
        exif = Image.Exif()
        exif[0x0112] = 6
        file = io.BytesIO()
        Image.open(io.BytesIO(picture(n))).save(file, "JPEG", exif=exif)
        return file.getvalue()
    return picture(n, "JPEG" if n % 6 == 5 else "PNG")


def _put(rows: dict[str, list[dict[str, Any]]], data: bytes, name: str) -> str:
    image = hashlib.sha256(data).hexdigest()
    rows["images"].append({"image_id": image, "image": {"bytes": data, "path": name}})
    return image


def _add(
    made: Made, rows: dict[str, list[dict[str, Any]]], n: int, k: int, pair: str, image: str, data: bytes,
    change: tuple[str, str, str, str, str],
) -> None:  # fmt: skip
    operation, original, negative, before, after = change
    name = f"{n:03d}-{k}"
    negative = negative if k == 0 else negative.replace("blue", "green").replace("under", "by").replace("spoon", "fork")
    start = original.find(before.split(" / ")[0])
    rows["text_negatives"].append({
        "text_negative_id": name, "pair_id": pair, "image_id": image, "original": original, "caption": negative,
        "operation": operation, "method": "replace", "original_phrase": before, "negative_phrase": after,
        "original_spans": [{"start": start, "end": start + len(before.split(" / ")[0])}],
        "negative_spans": [{"start": 0, "end": 1}],
        "unit": original.strip(" ."), "foil": negative.strip(" ."),
    })  # fmt: skip
    edited = reconstruction = None
    if n % 3 != 0:
        edited = picture(1000 + 2 * n + k)
        reconstruction = picture(5000 + n, "PNG") if n % 3 == 2 and k == 1 else None
        still_true = n % 10 == 4
        rows["image_negatives"].append({
            "image_negative_id": f"e{name}", "text_negative_id": name, "rank": 0, "method": "inpaint",
            "edited_image_id": hashlib.sha256(edited).hexdigest(), "image": {"bytes": edited, "path": "e.png"},
            "mask": {"bytes": picture(9000 + n, mode="L"), "path": "m.png"}, "original_still_true": still_true,
            "reconstruction": reconstruction and {"bytes": reconstruction, "path": "r.png"},
            "reconstruction_id": reconstruction and hashlib.sha256(reconstruction).hexdigest(),
        })  # fmt: skip
        if still_true:
            made.still_true.add(name)
    else:
        made.half.add(name)
    rows["verdicts"].append({
        "text_negative_id": name, "image_negative_id": edited and f"e{name}", "accepted": True, "reasons": [],
        "picture_accepted": edited and True, "validity": 0.25, "difficulty": 0.5,
    })  # fmt: skip
    made.right[name] = original, reconstruction or data
    made.wrong[name] = negative, edited
    made.alike[name] = n // 6 * 6 if n % 6 < 2 else n
    made.operations[name] = operation
