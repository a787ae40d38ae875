"""The visual generator of the shapes world: draw the scene again with the one change that a wrong caption names."""

import random
import time
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from generators.ledger import entries
from generators.shapes.changes import changed_things, minimal_change
from generators.shapes.claims import Claim, is_true
from generators.shapes.drawing import draw, mask, png
from generators.shapes.reading import UnreadableError, read
from generators.shapes.world import Scene
from schemas.ids import image_id, image_negative_id, row_seed
from schemas.stage import with_ledger
from schemas.tables import IMAGE_NEGATIVES

_METHOD, _MODEL = "render", "shapes"


class Render:
    """Turn wrong captions of known scenes into pictures of which they are true: right by construction.

    As in EqBen's synthetic subsets (arXiv 2303.14465). The change is the smallest that makes the wrong caption
    true and, unless that is impossible, the original false.
    """

    version = 2

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @property
    def identity(self) -> list[Any]:
        """Stage name, version and seed."""
        return ["render", self.version, self.seed]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, operation, original, caption, scene and width into IMAGE_NEGATIVES.

        One row each; where nothing can be drawn the row says why in `failed_check` and has no image.
        """
        seconds: dict[str, float] = defaultdict(float)
        made = []
        for row in table.to_pylist():
            started = time.perf_counter()
            made.append(self._row(row))
            seconds[row["operation"]] += time.perf_counter() - started
        result = pa.Table.from_pylist(made, IMAGE_NEGATIVES)
        return with_ledger(result, entries(table["operation"].to_pylist(), made, seconds, _METHOD, _MODEL))

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        negative = row["text_negative_id"]
        seed = row_seed(negative, self.seed, _METHOD)
        known = {
            "image_negative_id": image_negative_id(negative, _METHOD, _MODEL, seed),
            "text_negative_id": negative,
            "method": _METHOD,
            "model": _MODEL,
            "seed": seed,
            "tries": 1,
            "rank": 0,
        }
        edited = edited_scene(row, self.seed)
        if isinstance(edited, str):
            return {**known, "failed_check": edited}
        picture = _picture(edited.before, edited.after, row["width"])
        return {**known, **picture, "original_still_true": is_true(edited.right, edited.after)}


class Edited(NamedTuple):
    """A scene, what it becomes, and what the original caption claims."""

    before: Scene
    after: Scene
    right: Claim


def edited_scene(row: dict[str, Any], seed: int) -> Edited | str:
    """Find the smallest change of a row's scene of which its wrong caption is true, or the check that fails.

    Takes text_negative_id, original, caption and scene; the seed is the config's.
    """
    if row["scene"] is None:
        return "no_scene"
    try:
        scene, right, wrong = Scene.from_json(row["scene"]), read(row["original"]), read(row["caption"])
    except (UnreadableError, ValueError):
        return "unreadable"
    after = minimal_change(scene, right, wrong, random.Random(row_seed(row["text_negative_id"], seed, _METHOD)))
    return Edited(scene, after, right) if after is not None else "no_change"


def _picture(scene: Scene, edited: Scene, size: int) -> dict[str, Any]:
    data = png(draw(edited, size))
    changed = changed_things(scene, edited)
    allowed = png(mask(changed, size) if changed else np.full((size, size), 255, np.uint8))  # else the background
    name = image_id(data)
    return {
        "edited_image_id": name,
        "image": {"bytes": data, "path": f"{name}.png"},
        "mask": {"bytes": allowed, "path": f"{name}-mask.png"},
        "scene": edited.to_json(),
    }
