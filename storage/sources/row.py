"""One row of a source as its reader found it, good or bad."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.config import Source


@dataclass(frozen=True, slots=True)
class Row:
    """One caption with its image; `reason` says why it cannot be used, if it cannot."""

    key: str  # what the source calls the row
    name: str = ""  # what the source calls the image
    location: str = ""  # JSON: where the bytes are, for `read_image`
    caption: str | None = None
    url: str | None = None
    license: str | None = None
    split: str | None = None
    scene: str | None = None  # JSON ground truth, where the source has it
    regions: str | None = None  # JSON list of boxes and what they show, where the source has it
    reason: str | None = None  # a name from schemas.reasons.REJECTS
    detail: str | None = None

    def rejected(self, reason: str, detail: str) -> "Row":
        """Return this row as one that cannot be used."""
        return replace(self, reason=reason, detail=detail)


_OPTIONAL = ("url", "license", "split", "scene", "regions")


def optional_columns(source: Source) -> tuple[str, ...]:
    """Name the columns that a source need not have: url, license, split, scene and regions, in this order."""
    return tuple(getattr(source, f"{field}_column") for field in _OPTIONAL)


def metadata(source: Source, record: dict[str, Any]) -> dict[str, Any]:
    """Take what a source need not have from a record that may have it."""
    fields = zip(_OPTIONAL, optional_columns(source), strict=True)
    return {field: _text(record.get(column)) for field, column in fields}


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list):  # a scene or regions in JSONL
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
    return str(value) if value else None


def located(*where: Any) -> str:
    """Write down where an image's bytes are."""
    return json.dumps(where)


def read_image(location: str) -> bytes:
    """Read the bytes that a location names.

    Raises OSError when they are not there any more.
    """
    kind, path, *rest = json.loads(location)
    if kind == "file":
        return Path(path).read_bytes()
    if kind == "tar":
        offset, size = rest
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)
    group, row, column = rest
    data: bytes = _row_group(path, group, column)[row].as_py()["bytes"]
    return data


@lru_cache(maxsize=2)
def _row_group(path: str, group: int, column: str) -> pa.ChunkedArray:
    # Rows are asked for in order, or nearly: the group at hand is kept.
    return pq.ParquetFile(path).read_row_group(group, columns=[column])[column]


def check_caption(row: Row, caption: Any) -> Row:
    """Fill in the caption, or reject the row when there is none that can be read."""
    if not isinstance(caption, str) or not caption.strip():
        return row.rejected("empty_caption", "the caption is blank" if isinstance(caption, str) else "no caption")
    if any("\ud800" <= character <= "\udfff" for character in caption):
        readable = caption.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return row.rejected("caption_not_utf8", f"read as {readable!r}")
    return replace(row, caption=caption.strip())


def check_file(row: Row, root: Path) -> Row:
    """Find the image file that a row names below a folder, or reject the row."""
    if not row.name:
        return row.rejected("missing_image", "the row names no image")
    path = Path(root, row.name)
    if os.path.isabs(row.name) or not path.resolve().is_relative_to(root.resolve()):
        return row.rejected("unsafe_path", f"{row.name} is outside {root.name}")
    if not path.is_file():
        return row.rejected("missing_image", f"no file {row.name}")
    return replace(row, location=located("file", str(path)))


def with_defaults(rows: Iterator[Row], source: Source) -> Iterator[Row]:
    """Fill in the split and the licence that the config gives to rows that name none."""
    for row in rows:
        yield replace(row, split=row.split or source.split, license=row.license or source.license)
