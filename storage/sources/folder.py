"""Read a folder of pictures, each with its captions in a file beside it."""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from upath import UPath

from schemas.config import Source
from storage.sources.columns import Columns, caption_in, optional_columns
from storage.sources.pictures import located
from storage.sources.places import IMAGE_SUFFIXES, decoded_text, files_below, is_outage, one_line, open_binary, split_of
from storage.sources.row import Row, captioned

TEXT_SUFFIXES = (".txt", ".caption")


def read_folder(source: Source, root: UPath) -> Iterator[Row]:
    """Go through a folder, subfolders too, in the order of names.

    Beside `photo.jpg` captions are looked for in `photo.txt`, `photo.caption`, `photo.jpg.txt` (a caption a line) and
    `photo.json` (one or a list, under a known name): the first that has any.
    """
    for folder, names in files_below(root):
        below = str(folder)[len(str(root)) :].strip("/")
        yield from _rows(source, folder, f"{below}/" if below else "", names)


def _rows(source: Source, folder: UPath, below: str, names: list[str]) -> Iterator[Row]:
    by_name = {name.lower(): name for name in names}
    pictures = [name for name in names if _suffix(name) in IMAGE_SUFFIXES]
    used: set[str] = set()
    for name in pictures:
        beside = [by_name[one] for one in sidecars(name) if one in by_name]
        used.update(beside)
        row = Row(below + name, below + name, located("file", str(folder / name)), split=split_of(below + name))
        yield from _captioned(source, row, [folder / one for one in beside])
    for name in names:
        if _suffix(name) in TEXT_SUFFIXES and name not in used and not describes_all(name):
            yield Row(below + name).rejected("missing_image", f"no image beside {below + name}")


def describes_all(name: str) -> bool:
    """Tell a text about a whole folder, such as README.txt, from one about a picture."""
    return PurePosixPath(name).stem.lower() in {"readme", "license", "licence", "classes", "requirements"}


def sidecars(name: str) -> list[str]:
    """List the names, in lower case, under which the captions of a picture may lie."""
    stem, whole = PurePosixPath(name).stem.lower(), name.lower()
    return [base + suffix for suffix in (*TEXT_SUFFIXES, ".json") for base in (stem, whole)]


def _captioned(source: Source, row: Row, sidecars: list[UPath]) -> Iterator[Row]:
    contents = {}
    for path in sidecars:
        try:
            with open_binary(path) as file:
                contents[path.name] = file.read()
        except OSError as error:
            if is_outage(error, path):
                raise
            yield row.rejected("unreadable_file", f"{path.name}: {one_line(error.strerror or error)}")
            return
    if not contents:
        yield row.rejected("empty_caption", f"no {PurePosixPath(row.name).stem}.txt or .json beside it")
        return
    yield from captions_beside(source, row, contents)


def captions_beside(source: Source, row: Row, contents: dict[str, bytes]) -> Iterator[Row]:
    """Turn the contents of the files beside a picture, by name in order of rank, into rows: one for each caption."""
    said: list[Any] = []
    for name, content in contents.items():
        if name.lower().endswith(".json"):
            data = _json(content)
            row = _described(source, row, data)
            captions = caption_in(source, data) if isinstance(data, dict) else data
            found = captions if isinstance(captions, list) else [captions]
        else:
            found = decoded_text(content).splitlines()
        found = [caption for caption in found if isinstance(caption, str) and caption.strip()]
        said = said or found
    yield from captioned(row, said or [""])


def _described(source: Source, row: Row, data: Any) -> Row:
    """Take what a JSON file says of a picture besides captions."""
    if not isinstance(data, dict):
        return row
    known = Columns("", (), optional_columns(source, list(data))).metadata(data)
    fields = {name: value for name, value in known.items() if value is not None}
    return Row(row.key, row.name, row.location, **{"split": row.split, **fields})


def _json(content: bytes) -> Any:
    try:
        return json.loads(decoded_text(content))
    except (ValueError, RecursionError):
        return None  # a caption or its absence speaks for the row


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
