"""Which columns of a table hold what: as the config says, else by the names that people give them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from schemas.config import Source
from schemas.errors import InputError

# As `_plain` writes names, the likeliest first: those of open_clip, img2dataset, LAION, Hugging Face, Flickr8k and 30k,
# COCO, ALBEF, LLaVA. A table of addresses alone has its pictures there.
IMAGE_NAMES = (
    "image", "images", "imagepath", "imagefile", "imagefilepath", "imagefilename", "imagename", "img", "imgpath",
    "imgfile", "imgname", "filepath", "filename", "file", "path", "picture", "photo", "jpg", "jpeg", "png", "webp",
    "imagebytes", "imageid", "imgid", "imageurl", "imgurl", "photoimageurl", "url", "link",
)  # fmt: skip
CAPTION_NAMES = (
    "caption", "captions", "text", "texts", "sentence", "sentences", "title", "description", "alttext", "alt",
    "comment", "comments", "raw", "txt", "prompt", "captiontext", "imagecaption",
)  # fmt: skip
_OPTIONAL_NAMES = {
    "url": ("url", "imageurl", "cocourl", "flickrurl", "imgurl", "link"),
    "license": ("license", "licence", "licenseurl", "rights"),
    "split": ("split", "subset"),
    "scene": ("scene",),
    "regions": ("regions",),
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one table that are read."""

    image: str
    captions: tuple[str, ...]
    optional: dict[str, str]  # field of Row -> column

    @property
    def names(self) -> list[str]:
        """All of them, each once."""
        return list(dict.fromkeys((self.image, *self.captions, *self.optional.values())))

    def metadata(self, record: dict[str, Any]) -> dict[str, str | None]:
        """Take from a record what a source need not have: url, license, split, scene, regions."""
        return {field: _text(record.get(column)) for field, column in self.optional.items()}


def choose_columns(source: Source, names: list[str], where: str, pictures: Iterable[str] = ()) -> Columns:
    """Choose columns by the config and, where it names none, by their names; `pictures` are known to hold pictures.

    Raises InputError that lists what there is.
    """
    pictures = list(pictures)
    image = _named(source.image_column, names, where, "image_column") or _known(IMAGE_NAMES, pictures)
    image = image or _known(IMAGE_NAMES, names) or (pictures[0] if len(pictures) == 1 else None)
    captions = _captions(source, names, where)
    for what, setting, found in (("pictures", "image_column", image), ("captions", "caption_column", captions)):
        if not found:
            raise _missing(f"no column of {what} that goes by a known name", names, where, setting)
    return Columns(image or "", captions, optional_columns(source, names))


def optional_columns(source: Source, names: list[str]) -> dict[str, str]:
    """Find the columns that a table need not have, by the field of Row that each fills."""
    found = {}
    for field, known in _OPTIONAL_NAMES.items():
        named = getattr(source, f"{field}_column")
        column = _same(named, names) if named else _known(known, names)
        if column is not None:
            found[field] = column
    return found


def caption_in(source: Source, record: dict[str, Any]) -> Any:
    """Find the caption, or captions, in a JSON object beside a picture; None where there is none."""
    try:
        columns = _captions(source, list(record), "")
    except InputError:
        return None
    return captions_of(record, columns) or None


def captions_of(record: dict[str, Any], columns: tuple[str, ...]) -> list[Any]:
    """List the captions of a record: a cell may hold one, or a list; nulls beside captions are none."""
    found = [caption for column in columns for caption in _flat(record.get(column))]
    return [caption for caption in found if caption is not None] or found[:1]


def _captions(source: Source, names: list[str], where: str) -> tuple[str, ...]:
    named = source.caption_column
    if named is not None:
        several = (named,) if isinstance(named, str) else named
        return tuple(_named(name, names, where, "caption_column") or "" for name in several)
    for known in CAPTION_NAMES:  # "caption", and "caption_0", "caption_1", ... with it or alone
        found = [name for name in names if re.fullmatch(rf"{known}\d*", _plain(name))]
        if found:
            return tuple(sorted(found, key=lambda name: int(re.sub(r"\D", "", name) or -1)))
    return ("conversations",) if "conversations" in names else ()


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        if value and all(isinstance(turn, dict) and "from" in turn for turn in value):  # LLaVA's conversations
            return [turn.get("value") for turn in value if turn["from"] != "human"][:1]
        return [one for item in value for one in _flat(item)]
    if isinstance(value, dict):  # {"raw": ...}, {"text": ...}
        column = _known(("raw", *CAPTION_NAMES), list(value))
        return _flat(value[column]) if column is not None else [None]
    return [value]


def _named(wanted: str | None, names: list[str], where: str, setting: str) -> str | None:
    if wanted is None:
        return None
    found = _same(wanted, names)
    if found is None:
        raise _missing(f"no column {wanted!r}", names, where, setting)
    return found


def _missing(what: str, names: list[str], where: str, setting: str) -> InputError:
    there = ", ".join(name if len(name) <= 40 else f"{name[:40]}..." for name in names[:30]) or "none"
    return InputError(f"source {where}: {what} (there are: {there}); set source.{setting}")


def _same(wanted: str, names: list[str]) -> str | None:
    return wanted if wanted in names else next((name for name in names if _plain(name) == _plain(wanted)), None)


def _known(known: Iterable[str], names: Iterable[str]) -> str | None:
    plain = {_plain(name): name for name in reversed(list(names))}
    return next((plain[name] for name in known if name in plain), None)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list):  # a scene or regions in JSON
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
    return str(value) if value else None
