"""Tell of any wrong caption of a known scene whether it really is wrong."""

from typing import Any

import pyarrow as pa

from generators.shapes.claims import is_true
from generators.shapes.reading import UnreadableError, read
from generators.shapes.world import Scene
from schemas.tables import LABELS


class Truth:
    """Label text negatives by computing what is true; rows without a scene have no label."""

    version = 1

    @property
    def identity(self) -> list[Any]:
        """Stage name and version."""
        return ["truth", self.version]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, original, caption and scene (JSON or null) into rows of LABELS."""
        names = ("text_negative_id", "original", "caption", "scene")
        rows = zip(*(table[name].to_pylist() for name in names), strict=True)
        labels = [{"text_negative_id": row, **_label(*captions)} for row, *captions in rows if captions[-1]]
        return pa.Table.from_pylist([{**label, "labeller": "truth"} for label in labels], LABELS)


def _label(original: str, caption: str, text: str) -> dict[str, Any]:
    try:
        scene = Scene.from_json(text)
        return {"valid": is_true(read(original), scene) and not is_true(read(caption), scene)}
    except (UnreadableError, ValueError) as error:
        return {"valid": None, "detail": str(error)}
