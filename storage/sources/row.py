"""One row of a source as its reader found it, good or bad."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from schemas.config import Source

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BREAKS = re.compile(r"\s*[\x00-\x1f\x7f\x85\u2028\u2029]+\s*")


@dataclass(frozen=True, slots=True)
class Row:
    """One caption with its image; `reason` says why it cannot be used, if it cannot."""

    key: str  # what the source calls the row
    name: str = ""  # what the source calls the image
    location: str = ""  # JSON: where the bytes are, for `read_image`
    caption: str | None = None
    raw_caption: str | None = None  # as it came, where `caption` is not that to the letter
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


def check_caption(row: Row, caption: Any) -> Row:
    """Fill in the caption, or reject the row when there is none that can be read.

    White space at both ends goes, a line break within is a blank, and what was written for HTML (`&#39;`, `&amp;`) is
    the character that it stands for.
    """
    if not isinstance(caption, str):
        return row.rejected("empty_caption", "no caption" if caption is None else f"no text: {shortened(caption)}")
    if any("\ud800" <= character <= "\udfff" for character in caption):
        readable = caption.encode("utf-8", "surrogateescape" if _are_bytes(caption) else "replace")
        return row.rejected("caption_not_utf8", f"read as {shortened(readable.decode('utf-8', 'replace'))!r}")
    clean = _BREAKS.sub(" ", _unescaped(caption)).strip()
    if not clean:
        return row.rejected("empty_caption", "the caption is blank")
    return replace(row, caption=clean, raw_caption=caption if clean != caption.strip() else None)


def captioned(row: Row, captions: list[Any]) -> Iterator[Row]:
    """Turn what is known of an image and its captions into rows, at least one; a failed image keeps its reason."""
    for caption in captions or [None]:
        yield check_caption(row, caption) if row.reason is None else row


def _unescaped(caption: str) -> str:
    for _ in range(3):  # "&amp;#39;" was written for HTML twice
        plain = _ENTITY.sub(lambda found: html.unescape(found[0]), caption)
        if plain == caption:
            break
        caption = plain
    return caption


def _are_bytes(text: str) -> bool:
    """Tell bad bytes that were kept as surrogates from halves of a character that a JSON file spelt out."""
    return all("\udc80" <= c <= "\udcff" for c in text if "\ud800" <= c <= "\udfff")


def shortened(value: Any, most: int = 80) -> str:
    """Write a value for a person: one line, no longer than `most` characters, nothing that is not text."""
    text = " ".join(str(value).split()).encode("utf-8", "replace").decode()
    return text if len(text) <= most else f"{text[:most]}..."


def with_defaults(rows: Iterator[Row], source: Source) -> Iterator[Row]:
    """Fill in the split and the licence that the config gives to rows that name none."""
    for row in rows:
        yield replace(row, split=row.split or source.split, license=row.license or source.license)
