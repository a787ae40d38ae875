"""Read image-caption pairs from wherever a team keeps them, one row at a time."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from upath import UPath

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.folder import describes_all, read_folder, sidecars
from storage.sources.pictures import located, read_image
from storage.sources.places import IMAGE_SUFFIXES, files_below, place, places, suffix_of
from storage.sources.row import Row, with_defaults
from storage.sources.table import OPENERS, read_tables
from storage.sources.webdataset import read_webdataset

__all__ = ["Row", "open_source", "read_image", "source_name"]

log = logging.getLogger("counterfoil.source")

# Which tables of a folder describe it, the likeliest first: those of a Hugging Face image folder, shards, other tables.
_METADATA = frozenset({"metadata.csv", "metadata.jsonl", "metadata.parquet", "metadata.json"})
_TABLES = ((".parquet", ".pq"), (".csv", ".tsv", ".jsonl", ".ndjson", ".psv", ".tab"), (".json",), (".txt",))
_KNOWN = "a CSV, TSV, JSONL, JSON or Parquet table, WebDataset tars, or a folder of pictures with captions beside them"


def open_source(source: Source, scratch: Path) -> Iterator[Row]:
    """Go through the rows of a source; memory stays bounded whatever its size, but for JSON files that are one value.

    `scratch` is a folder for what must be unpacked, which `read_image` needs until it is done.

    Raises InputError when nothing at all can be read.
    """
    if source.path is None:
        raise InputError("source.path: not set; give --source PATH or name it in the config")
    return with_defaults(_rows(source, places(source.path), scratch), source)


def source_name(source: Source) -> str:
    """Name a source in the tables: as the config says, else by its file or folder."""
    if source.name is not None or not source.path:
        return source.name or ""
    path = place(source.path)
    return path.stem or path.absolute().stem


def _rows(source: Source, paths: list[UPath], scratch: Path) -> Iterator[Row]:
    for folder in (path for path in paths if path.is_dir()):
        yield from _folder(source, folder, scratch)
    files = [path for path in paths if not path.is_dir()]
    tars = [path for path in files if source.format == "webdataset" or _is_tar(path.name)]
    if tars:
        yield from read_webdataset(source, tars, scratch)
    tables = [path for path in files if path not in tars]
    if tables:
        unknown = next((path for path in tables if suffix_of(path) not in OPENERS), None)
        if unknown is not None and source.format != "table":
            raise _unknown(unknown)
        yield from read_tables(source, tables[0].parent, tables)


def _folder(source: Source, root: UPath, scratch: Path) -> Iterator[Row]:
    """Read a folder as what it is by what lies in it, said in one line."""
    found = Contents.of(root)
    form = found.form if source.format == "auto" else source.format
    if form is None:
        raise _unknown(root)
    if form == "webdataset":
        log.info("%s: %s", root.name, f"{len(found.tars):,} WebDataset shards")
        yield from read_webdataset(source, found.tars, scratch)
    elif form == "folder":
        log.info("%s: %s", root.name, f"{found.pictures:,} pictures, {found.captioned:,} with captions beside them")
        yield from read_folder(source, root)
    else:
        tables = found.tables
        log.info("%s: %s", root.name, f"{found.pictures:,} pictures; captions from {_listed(tables)}")
        named = set()
        for row in read_tables(source, root, tables):
            named.add(row.location)
            yield row
        if found.metadata:
            yield from _unnamed(root, named)


def _unnamed(root: UPath, named: set[str]) -> Iterator[Row]:
    """Tell of the pictures of an image folder that its tables do not name."""
    for folder, names in files_below(root):
        for name in names:
            path = str(folder / name)
            if suffix_of(name) in IMAGE_SUFFIXES and located("file", path) not in named:
                key = path[len(str(root)) :].lstrip("/")
                yield Row(key, key).rejected("empty_caption", f"the folder's metadata does not name {key}")


@dataclass
class Contents:
    """What lies in a folder, as far as it tells how to read it."""

    pictures: int = 0
    captioned: int = 0  # pictures with a file beside them that may hold captions
    tars: list[UPath] = field(default_factory=list)
    metadata: list[UPath] = field(default_factory=list)
    others: list[UPath] = field(default_factory=list)  # other tables

    @classmethod
    def of(cls, root: UPath) -> "Contents":
        """Look through a folder and its subfolders."""
        found = cls()
        for folder, names in files_below(root):
            lower = {name.lower() for name in names}
            beside = {one for name in names if suffix_of(name) in IMAGE_SUFFIXES for one in sidecars(name)}
            for name in names:
                if suffix_of(name) in IMAGE_SUFFIXES:
                    found.pictures += 1
                    found.captioned += not lower.isdisjoint(sidecars(name))
                elif _is_tar(name):
                    found.tars.append(folder / name)
                elif name.lower() in _METADATA:
                    found.metadata.append(folder / name)
                elif _is_table(name) and name.lower() not in beside and not _is_note(name, folder, root):
                    found.others.append(folder / name)
        return found

    @property
    def form(self) -> str | None:
        """Name the reader: the first that these contents are made for."""
        if self.tars:
            return "webdataset"
        if self.captioned and 2 * self.captioned >= self.pictures:
            return "folder"
        if self.tables:
            return "table"
        return "folder" if self.pictures else None

    @property
    def tables(self) -> list[UPath]:
        """List the tables that describe the folder."""
        if self.metadata:
            return self.metadata
        for suffixes in _TABLES:
            found = [path for path in self.others if suffix_of(path) in suffixes]
            if found:
                return [path for path in found if "caption" in path.name.lower()] or found
        return []


def _is_tar(name: str) -> bool:
    return suffix_of(name) == ".tar" or name.lower().endswith((".tgz", ".tbz2", ".txz"))


def _is_table(name: str) -> bool:
    return suffix_of(name) in OPENERS


def _is_note(name: str, folder: UPath, root: UPath) -> bool:
    """Tell a text that is no table: tables of that suffix lie at the top of a folder."""
    return suffix_of(name) == ".txt" and (str(folder) != str(root) or describes_all(name))


def _listed(paths: list[UPath]) -> str:
    return paths[0].name if len(paths) == 1 else f"{len(paths):,} tables such as {paths[0].name}"


def _unknown(path: UPath) -> InputError:
    return InputError(f"source {path}: cannot tell what this is; expected {_KNOWN}, or set source.format")
