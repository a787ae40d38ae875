"""The pictures of a source: where a row's picture is, and its bytes."""

import json
import os
import posixpath
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.places import exists, is_remote, place
from storage.sources.row import Row, shortened

_BESIDE = frozenset(
    {"images", "image", "imgs", "img", "pictures", "photos", "jpegimages", "flicker8k_dataset", "flickr8k_dataset",
     "flickr30k_images", "flickr30k-images"}
)  # fmt: skip
_GUESSED_SUFFIXES = (".jpg", ".png", ".jpeg", ".webp")
_WAITS = (0.5, 2.0)  # seconds before a remote picture is asked for again
_PROBES = 20


class Folders:
    """The folders that a table's rows may name their pictures from: those of the config, else the table's own and the
    folders of pictures beside it."""

    def __init__(self, source: Source, table: UPath) -> None:
        """Raises InputError where the config names a folder that is not there."""
        roots = [_root(path) for path in (_named(source) if source.images else _near(table))]
        # Absolute names may go by a folder's real path, whatever link it was named by.
        self.roots = list(dict.fromkeys([*roots, *(os.path.realpath(r) for r in roots if not is_remote(r))]))
        self._settled = False  # on an object store: whether the first root is known to be the right one
        self._probes = 0

    def find(self, row: Row) -> Row:
        """Locate the picture that a row names, or reject the row.

        A name may be relative to one of the folders, or absolute and inside of one. An http(s) address is taken as it
        is. What lies anywhere else is never read: rows come from strangers. Links are followed, since whoever named
        the folder named what is linked there.
        """
        name = row.name.strip()
        if not name:
            return row.rejected("missing_image", "the row names no image")
        if name.startswith(("http://", "https://")):
            return replace(row, location=located("file", name))
        outside = False
        for spelt in _spellings(name.removeprefix("file://")):
            inside = list(self._inside(spelt))
            outside = outside or not inside
            for path in inside:
                if self._is_there(path):
                    return replace(row, location=located("file", path))
        if outside:
            folder = posixpath.basename(self.roots[0].rstrip("/")) or self.roots[0]
            advice = "set source.images to a folder that holds it, if you trust the source"
            return row.rejected("unsafe_path", f"{shortened(name)} is outside {folder}; {advice}")
        return row.rejected("missing_image", f"no file {shortened(name)}")

    def _inside(self, name: str) -> Iterator[str]:
        for root in self.roots:
            for base in dict.fromkeys((root, root.rstrip("/").rpartition("/")[0])):
                path = _joined(base, name)
                if path is not None and (path + "/").startswith(root.rstrip("/") + "/"):
                    yield path

    def _is_there(self, path: str) -> bool:
        if not is_remote(path):
            return os.path.isfile(path)  # False too for what is no name of a file
        if self._settled or path.startswith("http"):
            return True  # asking costs as much as reading
        self._probes += 1
        there = exists(UPath(path))
        if there or self._probes > _PROBES:
            self._settled = True
            self.roots = [root for root in self.roots if there and path.startswith(root)][-1:] or self.roots[:1]
        return there


def _named(source: Source) -> list[UPath]:
    folder = place(source.images or "")
    if not is_remote(str(folder)) and not folder.is_dir():
        raise InputError(f"source.images {folder}: no such folder")
    return [folder]


def _near(table: UPath) -> list[UPath]:
    folder = table.parent
    if str(folder).startswith("http"):
        return [folder]
    try:
        beside = sorted(child for child in folder.iterdir() if child.name.lower() in _BESIDE and child.is_dir())
    except OSError:
        beside = []
    return [folder, *beside]


def _root(path: UPath) -> str:
    if is_remote(str(path)):
        return str(path).partition("?")[0].rstrip("/")
    return os.path.abspath(str(path))


def _joined(root: str, name: str) -> str | None:
    """Join a name to a folder without leaving the names of both; None where they are of two worlds."""
    if is_remote(root):
        if is_remote(name):
            head, _, tail = name.partition("://")
            return f"{head}://{posixpath.normpath(tail)}"
        scheme, _, base = root.partition("://")
        return f"{scheme}://{posixpath.normpath(posixpath.join(base, name))}" if not name.startswith("/") else None
    return None if is_remote(name) else os.path.normpath(os.path.join(root, name))


def _spellings(name: str) -> list[str]:
    """List what a name may mean: as it is, with Windows' slashes, as Flickr8k numbers captions, without a suffix."""
    names = [name]
    if "\\" in name:
        names.append(name.replace("\\", "/"))
    base, number, digits = name.rpartition("#")
    if number and digits.isdigit():
        names.append(base)
    if not posixpath.splitext(name)[1]:
        names += [name + suffix for suffix in _GUESSED_SUFFIXES]
    return names


def located(*where: Any) -> str:
    """Write down where an image's bytes are."""
    return json.dumps(where)


def read_image(location: str) -> bytes:
    """Read the bytes that a location names.

    Raises OSError or ValueError when they are not there (any more), ConnectionError when an address does not answer.
    """
    kind, path, *rest = json.loads(location)
    if kind == "file":
        return _fetched(path) if is_remote(path) else _read(path)
    if kind == "tar":
        offset, size = rest
        return _part(path, offset, size)
    group, row, column = rest
    with _LOCK:  # or every thread would read the whole group
        value = _row_group(path, group, column)[row].as_py()
    data: bytes = value["bytes"] if isinstance(value, dict) else value
    return data


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _part(path: str, offset: int, size: int) -> bytes:
    if is_remote(path):
        remote = UPath(path)
        data: bytes = remote.fs.cat_file(remote.path, start=offset, end=offset + size)
        return data
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)


def _fetched(path: str) -> bytes:
    """Read a whole remote object, more than once if need be.

    Of an object store what is not about this one object is raised as it is: an outage rejects no row. A web address
    that does not answer costs its own row.
    """
    waits = iter(_WAITS)
    while True:
        try:
            remote = UPath(path)
            data: bytes = remote.fs.cat_file(remote.path)  # opening asks first, and takes every trouble for "not found"
            return data
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except Exception as error:
            status = getattr(error, "status", 0)
            if 400 <= status < 500:
                raise FileNotFoundError(f"the server answers {status}") from error
            wait = next(waits, None)
            if wait is None and path.startswith("http"):
                raise ConnectionError(f"the address does not answer ({type(error).__name__})") from error
            if wait is None:
                raise
            time.sleep(wait)


def forget_tables() -> None:
    """Let go of what was read of tables, as one opens one: it may have been exchanged since."""
    _row_group.cache_clear()


_LOCK = threading.Lock()


@lru_cache(maxsize=2)
def _row_group(path: str, group: int, column: str) -> pa.ChunkedArray:
    # Rows are asked for in order, or nearly: the group at hand is kept.
    with UPath(path).open("rb") as file:
        return pq.ParquetFile(file).read_row_group(group, columns=[column])[column]
