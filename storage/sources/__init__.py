"""Read image-caption pairs from wherever a team keeps them, one row at a time."""

import glob
from collections.abc import Iterator
from pathlib import Path

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.coco import read_coco
from storage.sources.folder import IMAGE_SUFFIXES, read_folder
from storage.sources.huggingface import has_image_struct, read_huggingface
from storage.sources.row import Row, read_image, with_defaults
from storage.sources.table import TABLE_SUFFIXES, read_table
from storage.sources.webdataset import read_webdataset

__all__ = ["Row", "open_source", "read_image", "source_name"]

_READERS = {
    "table": read_table,
    "coco": read_coco,
    "folder": read_folder,
    "webdataset": read_webdataset,
    "huggingface": read_huggingface,
}


def open_source(source: Source) -> Iterator[Row]:
    """Go through the rows of a source; memory stays bounded whatever its size.

    Raises InputError when nothing at all can be read.
    """
    if source.path is None:
        raise InputError("source.path: not set; give --source PATH or name it in the config")
    paths = _paths(source.path)
    form = _detect(paths) if source.format == "auto" else source.format
    return with_defaults(_READERS[form](source, paths), source)


def source_name(source: Source) -> str:
    """Name a source in the tables: as the config says, else by its file or folder."""
    return source.name or Path(source.path or "").stem


def _paths(path: str) -> list[Path]:
    if any(character in path for character in "*?["):
        found = [Path(name) for name in sorted(glob.glob(path, recursive=True))]
        if not found:
            raise InputError(f"source {path}: nothing matches; check the pattern")
        return found
    if not Path(path).exists():
        raise InputError(f"source {path}: no such file or folder")
    return [Path(path)]


def _detect(paths: list[Path]) -> str:
    first = paths[0]
    inside = sorted(p.suffix.lower() for p in first.rglob("*")) if first.is_dir() else [first.suffix.lower()]
    if ".tar" in inside:
        return "webdataset"
    if ".parquet" in inside:
        file = first if first.is_file() else next(first.rglob("*.parquet"))
        return "huggingface" if first.is_dir() or has_image_struct(file) else "table"
    if first.is_file() and first.suffix.lower() == ".json":
        return "coco"
    if first.is_file() and first.suffix.lower() in TABLE_SUFFIXES:
        return "table"
    if first.is_dir() and any(suffix in IMAGE_SUFFIXES for suffix in inside):
        return "folder"
    known = "CSV, TSV, JSONL, Parquet, COCO JSON, WebDataset tars, or a folder of images with .txt files"
    raise InputError(f"source {first}: cannot tell what this is; expected {known}, or set source.format")
