"""Read a folder of images, each with a .txt file of captions beside it, one a line."""

import os
from collections.abc import Iterator
from pathlib import Path

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.row import Row, check_caption, check_file

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


def read_folder(_: Source, paths: list[Path]) -> Iterator[Row]:
    """Go through folders, subfolders too, in the order of names."""
    for root in paths:
        if not root.is_dir():
            raise InputError(f"source {root}: not a folder")
        for folder, subfolders, names in os.walk(root):
            subfolders.sort()
            yield from _rows(root, Path(folder), sorted(names))


def _rows(root: Path, folder: Path, names: list[str]) -> Iterator[Row]:
    stems = {Path(name).stem for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES}
    for name in names:
        path = folder / name
        key = path.relative_to(root).as_posix()
        if path.suffix.lower() in IMAGE_SUFFIXES:
            row = check_file(Row(key, key), root)
            yield from _captions(row, path.with_suffix(".txt"))
        elif path.suffix.lower() == ".txt" and path.stem not in stems:
            yield Row(key).rejected("missing_image", f"no image beside {key}")


def _captions(row: Row, sidecar: Path) -> Iterator[Row]:
    if not sidecar.is_file():
        yield row.rejected("empty_caption", f"no {sidecar.name} beside it")
        return
    lines = sidecar.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    captions = [line for line in lines if line.strip()] or [""]
    for caption in captions:
        yield check_caption(row, caption) if row.reason is None else row
