"""Read JSON: a record a line, a list of records, COCO's captions, Karpathy's splits, pictures' names to captions."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from upath import UPath

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.columns import CAPTION_NAMES, Columns
from storage.sources.places import decoded_text, encoding_in, one_line, open_binary, open_text
from storage.sources.records import Record, Table, malformed, peeked

_WRAPPERS = ("data", "annotations", "images", "rows", "items", "samples")
_DECODER = json.JSONDecoder()


def open_json_lines(_: Source, path: UPath) -> Table:
    """Open a file with a JSON object in each line."""
    return _table(_lines(path))


def open_json(_: Source, path: UPath) -> Table:
    """Open a JSON file, read whole into memory; what it is is told by what is in it.

    Raises InputError when nothing in it looks like pictures with captions.
    """
    with open_binary(path) as file:
        text = decoded_text(file.read()).strip()
    if text.startswith("["):
        return _table(_listed(text))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.startswith("{") and "\n" in text and _is_json(text.partition("\n")[0]):
            return _table(_lines(path), "one JSON object a line")
        raise InputError(f"source {path}: not JSON: {one_line(error)}") from error
    for form, reads in _FORMS.items():
        records = reads(data) if isinstance(data, dict) else None
        if records is not None:
            return _table(records, form)
    raise InputError(f"source {path}: JSON, but neither a list of records nor captions as COCO or Karpathy have them")


def _table(records: Iterable[Record], form: str = "") -> Table:
    records = iter(records)
    names, first = peeked(records)

    def read(_: Columns) -> Iterator[Record]:
        return chain(first, records)

    return Table(names, read, form)


def _record(key: object, value: Any) -> Record:
    if not isinstance(value, dict):
        return malformed(key, f"record {key}: expected an object, found {type(value).__name__}")
    return Record(str(key), value)


def _lines(path: UPath) -> Iterator[Record]:
    with open_text(path, encoding_in(path)) as text:
        for number, line in enumerate(text, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield malformed(number, f"line {number}: not JSON: {one_line(error)}")
                continue
            yield _record(number, value)


def _listed(text: str) -> Iterator[Record]:
    """Go through a list as far as it can be read: a file that is cut short costs its end alone."""
    at, number = _skip(text, 1), 0
    while text[at : at + 1] not in {"]", ""}:
        number += 1
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield malformed(number, f"record {number} and what follows: not JSON: {one_line(error)}")
            return
        yield _record(number, value)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    if text[at : at + 1] != "]":
        yield malformed(number + 1, f"the list is cut short behind record {number}")


def _skip(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _coco(data: dict[str, Any]) -> Iterator[Record] | None:
    """COCO: `images` with ids, and `annotations` with the ids of their images; ids may be numbers or texts."""
    if "images" not in data or "annotations" not in data:
        return None
    images = {str(image.get("id")): image for image in _objects(data["images"])}
    licenses = {str(entry.get("id")): entry.get("url") or entry.get("name") for entry in _objects(data.get("licenses"))}
    return _annotations(data["annotations"], images, licenses)


def _annotations(annotations: Any, images: dict[str, Any], licenses: dict[str, Any]) -> Iterator[Record]:
    for number, annotation in enumerate(annotations if isinstance(annotations, list) else [], 1):
        if not isinstance(annotation, dict):
            yield _record(number, annotation)
            continue
        key = str(annotation.get("id", number))
        image = images.get(str(annotation.get("image_id")))
        if image is None:
            yield Record(key, reason="missing_image", detail=f"no image with id {annotation.get('image_id')}")
            continue
        url = image.get("coco_url") or image.get("flickr_url") or image.get("url")
        known = {"image": image.get("file_name"), "url": url, "license": licenses.get(str(image.get("license")))}
        yield Record(key, {**known, "caption": annotation.get("caption")}, named=True)


def _karpathy(data: dict[str, Any]) -> Iterator[Record] | None:
    """Karpathy's splits: `images`, each with `sentences` of `raw` text, a `split` and a `filename`."""
    images = _objects(data.get("images"))
    if not any("sentences" in image for image in images):
        return None
    return (
        Record(
            str(image.get("imgid", image.get("cocoid", number))),
            {
                "image": "/".join(str(part) for part in (image.get("filepath"), image.get("filename")) if part),
                "caption": image.get("sentences"),
                "split": image.get("split"),
            },
            named=True,
        )
        for number, image in enumerate(images, 1)
    )


def _wrapped(data: dict[str, Any]) -> Iterator[Record] | None:
    """A list of records under one name, such as `data`."""
    for name in _WRAPPERS:
        if _objects(data.get(name)):
            return (_record(number, value) for number, value in enumerate(data[name], 1))
    return None


def _mapping(data: dict[str, Any]) -> Iterator[Record] | None:
    """Names of pictures to a caption, captions, or an object with captions."""
    first = next(iter(data.values()), None)
    if isinstance(first, dict):
        return (
            Record(name, {"image": name, **value}) if isinstance(value, dict) else _record(name, value)
            for name, value in data.items()
        )
    if isinstance(first, str | list) and not any(name in CAPTION_NAMES for name in data):
        return (Record(name, {"image": name, "caption": value}) for name, value in data.items())
    return None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


_FORMS: dict[str, Callable[[dict[str, Any]], Iterator[Record] | None]] = {
    "captions as COCO has them": _coco,
    "captions as Karpathy's splits have them": _karpathy,
    "a list of records": _wrapped,
    "names of pictures with their captions": _mapping,
}
