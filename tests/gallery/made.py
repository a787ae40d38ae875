"""A dataset made by hand whose captions, file names, addresses and licences are as hostile as a web crawl's."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.tables import TABLES
from storage.dataset import Build, Dataset
from tests.pictures import picture

HOSTILE = (
    '<script>window.broken = 1</script>',
    '</script><script>window.broken = 2</script>',
    '<img src=x onerror="window.broken = 3">',
    'a \u202eder \u2066cup\u2069 <!-- not a comment',
    '{{ 7 * 7 }} &lt;b&gt; \u2028 "quoted" \'single\' `tick` ${1}',
    'A cup 杯 ☕️ 👩‍🚀 é',
)  # fmt: skip
OPERATIONS = ("replace_attribute", "swap_object", "negate")


def make(folder: Path, count: int = 24) -> Dataset:
    """Write a dataset of so many negatives: of every four the last is dropped, every second has an edited picture."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("images", "pairs", "text_negatives", "image_negatives", "scores", "verdicts", "labels")
    }
    for n in range(count):
        _add(rows, n)
    dataset = Dataset(str(folder))
    shards = {}
    for table, several in rows.items():
        dataset.write(table, "shard", pa.Table.from_pylist(several, TABLES[table]))
        shards[table] = ["shard"]
    rules = {"implausible": {"drop_when": "validity < 0.05", "hint": "<i>hint</i>"}}
    config = {
        "judge": {"model": "package:judge"}, "target": [{"model": "org/target"}], "select": {"rules": rules},
        "images": [{"method": "inpaint", "model": "org/paint"}], "describe": {"parser": "p"}, "plausibility": [],
    }  # fmt: skip
    counts = {"images": count, "pairs": count, "rejects": 0, "text_negatives": count, "accepted": count * 3 // 4}
    dataset.commit(Build("20260101T000000000Z-abcdef12", shards, config, counts, {}, "2026", "2026"))
    return dataset


def _add(rows: dict[str, list[dict[str, Any]]], n: int) -> None:
    data, edited, mask = picture(n), picture(1000 + n), picture(2000 + n, mode="L")
    image, nasty = hashlib.sha256(data).hexdigest(), HOSTILE[n % len(HOSTILE)]
    name, edit = f"t{n:05d}", f"e{n:05d}" if n % 2 else None
    original, negative = f"red {nasty} {n}", f"blue {nasty} {n}"
    rows["images"].append({"image_id": image, "image": {"bytes": data, "path": f"{nasty}.png"}})
    rows["pairs"].append({
        "pair_id": f"p{n}", "image_id": image, "caption": original, "source": nasty, "source_key": f"{n}{nasty}.png",
        "url": ("javascript:window.broken=4", "https://example.org/a?b=<c>", "data:text/html,<script>")[n % 3],
        "license": nasty,
    })  # fmt: skip
    rows["text_negatives"].append({
        "text_negative_id": name, "pair_id": f"p{n}", "image_id": image, "original": original, "caption": negative,
        "operation": OPERATIONS[n % 3], "method": "replace", "original_phrase": "red", "negative_phrase": "blue",
        "original_spans": [{"start": 0, "end": 3}], "negative_spans": [{"start": 0, "end": 4}],
    })  # fmt: skip
    if edit:
        rows["image_negatives"].append({
            "image_negative_id": edit, "text_negative_id": name, "rank": 0, "method": "inpaint",
            "edited_image_id": hashlib.sha256(edited).hexdigest(), "image": {"bytes": edited, "path": "e.png"},
            "mask": {"bytes": mask, "path": "m.png"}, "instruction": nasty, "original_still_true": False,
        })  # fmt: skip
    dropped = n % 4 == 3
    for role in ("judge", "target"):
        rows["scores"].append({
            "text_negative_id": name, "image_negative_id": edit, "role": role, "model": role, "s00": 0.6,
            "s01": 0.58 if dropped else 0.3,
            "s10": 0.2 if edit else None, "s11": 0.7 if edit else None,
        })  # fmt: skip
    rows["verdicts"].append({
        "text_negative_id": name, "image_negative_id": edit, "operation": OPERATIONS[n % 3], "method": "replace",
        "accepted": not dropped, "reasons": ["implausible"] if dropped else [],
        "picture_accepted": True if edit else None,
        "picture_reasons": [], "validity": 0.02 if dropped else 0.3, "difficulty": -0.3,
    })  # fmt: skip
    rows["labels"].append({"text_negative_id": name, "valid": not dropped, "labeller": "truth"})
