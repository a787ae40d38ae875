"""Read a COCO captions file and its folder of images."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.row import Row, check_caption, check_file


def read_coco(source: Source, paths: list[Path]) -> Iterator[Row]:
    """Go through the annotations of COCO JSON files, read whole into memory as the format demands."""
    for path in paths:
        yield from _read(source, path)


def _read(source: Source, path: Path) -> Iterator[Row]:
    data = _load(path)
    root = Path(source.images) if source.images else _folder(path)
    images = {image.get("id"): image for image in data["images"]}
    licenses = {entry.get("id"): entry.get("url") or entry.get("name") for entry in data.get("licenses", [])}
    for annotation in data["annotations"]:
        key = str(annotation.get("id"))
        image = images.get(annotation.get("image_id"))
        if image is None:
            yield Row(key).rejected("missing_image", f"no image with id {annotation.get('image_id')}")
            continue
        url = image.get("coco_url") or image.get("flickr_url")
        row = Row(key, str(image.get("file_name", "")), url=url, license=licenses.get(image.get("license")))
        row = check_file(row, root)
        yield check_caption(row, annotation.get("caption")) if row.reason is None else row


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"source {path}: not JSON: {error}") from error
    if not isinstance(data, dict) or not {"images", "annotations"} <= set(data):
        raise InputError(f"source {path}: not a COCO captions file: it has no images and annotations")
    return data


def _folder(path: Path) -> Path:
    # COCO's own layout: annotations/captions_val2017.json beside val2017/.
    named = path.parent.parent / path.stem.removeprefix("captions_")
    candidates = (named, path.parent / "images", path.parent)
    return next(folder for folder in candidates if folder.is_dir())
