"""Tell of any wrong caption of a known scene whether it really is wrong, and of its picture whether it is right."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from devices.pictures import decoded
from generators.shapes.changes import answers
from generators.shapes.claims import is_true
from generators.shapes.nearest import nearest_scene, shows
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


class PictureTruth:
    """Label edited pictures of scenes by the scene nearest to what they show; no model takes part.

    Right is a picture that the wrong caption is true of and, unless that says all that the original says and more,
    the original is false of; where the original picture was made anew too, the original caption must be true of that.
    """

    version = 1

    @property
    def identity(self) -> list[Any]:
        """Stage name and version."""
        return ["picture truth", self.version]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, image_negative_id, original, caption, scene (JSON or null), method, image and
        reconstruction (encoded, the second nullable) and mask into rows of LABELS, one for each of `can_be_told`."""
        rows = table.filter(can_be_told(table)).to_pylist()
        return pa.Table.from_pylist([{**_picture_label(row), "labeller": "truth"} for row in rows], LABELS)


class SceneTruth:
    """Label pictures that were drawn from another scene, which is known; by no look at the picture."""

    version = 1

    @property
    def identity(self) -> list[Any]:
        """Stage name and version."""
        return ["scene truth", self.version]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, image_negative_id, original, caption and scene (JSON, of the other picture, or
        null: no label) into rows of LABELS."""
        labels = [{**_scene_label(row), "labeller": "truth"} for row in table.to_pylist() if row["scene"] is not None]
        return pa.Table.from_pylist(labels, LABELS)


def _scene_label(row: dict[str, Any]) -> dict[str, Any]:
    known = {name: row[name] for name in ("text_negative_id", "image_negative_id")}
    try:
        valid = answers(Scene.from_json(row["scene"]), read(row["original"]), read(row["caption"]))
    except (UnreadableError, ValueError) as error:
        return {**known, "valid": None, "detail": str(error)}
    return {**known, "valid": valid, "detail": row["scene"]}


def can_be_told(table: pa.Table) -> pa.ChunkedArray:
    """Tell of rows of scene and method whether there is a scene, and the picture was not simply drawn from one."""
    return pc.and_(pc.is_valid(table["scene"]), pc.not_equal(table["method"], "render"))


def _picture_label(row: dict[str, Any]) -> dict[str, Any]:
    known = {name: row[name] for name in ("text_negative_id", "image_negative_id")}
    try:
        scene, right, wrong = Scene.from_json(row["scene"]), read(row["original"]), read(row["caption"])
    except (UnreadableError, ValueError) as error:
        return {**known, "valid": None, "detail": str(error)}
    picture = _pixels(row["image"])
    mask = _pixels(row["mask"]["bytes"])[:, :, 0] > 127 if row["mask"] else np.ones(picture.shape[:2], bool)
    shown = nearest_scene(picture, scene, mask).scene
    valid = answers(shown, right, wrong)
    if row["reconstruction"] is not None:
        valid = valid and shows(_pixels(row["reconstruction"]), scene, mask, right)
    return {**known, "valid": valid, "detail": shown.to_json()}


def _pixels(data: bytes) -> Any:
    return np.asarray(decoded(data))
