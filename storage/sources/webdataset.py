"""Read WebDataset tar shards as img2dataset writes them: 000000012.jpg, .txt and .json side by side."""

import json
import tarfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.folder import IMAGE_SUFFIXES
from storage.sources.row import Row, check_caption, located, metadata

# What one member of a shard is: its key, suffix, offset and size, small text contents.
Member = tuple[str, str, int, int, bytes]


def read_webdataset(source: Source, paths: list[Path]) -> Iterator[Row]:
    """Go through tar shards in the order of names; a shard that is cut short costs only its rest."""
    shards = [shard for path in paths for shard in (sorted(path.rglob("*.tar")) if path.is_dir() else [path])]
    for shard in shards:
        rejects: list[Row] = []
        for key, members in groupby(_members(shard, rejects), key=lambda member: member[0]):
            yield _row(source, shard, key, list(members))
        yield from rejects


def _members(shard: Path, rejects: list[Row]) -> Iterator[Member]:
    try:
        tar = tarfile.open(shard, "r:")  # noqa: SIM115
    except (tarfile.TarError, OSError) as error:
        raise InputError(f"source {shard}: not a plain tar file ({error}); unpack a compressed one first") from error
    with tar:
        while True:
            try:
                info = tar.next()
            except tarfile.TarError as error:
                rejects.append(Row(shard.name).rejected("malformed_row", f"{shard.name} is cut short: {error}"))
                return
            if info is None:
                return
            tar.members = []  # type: ignore[attr-defined]  # else a large shard fills the memory
            if not info.isfile():
                if not info.isdir():
                    rejects.append(Row(info.name).rejected("unsafe_path", f"{info.name} is a link"))
                continue
            yield from _member(tar, info, shard, rejects)


def _member(tar: tarfile.TarFile, info: tarfile.TarInfo, shard: Path, rejects: list[Row]) -> Iterator[Member]:
    path = PurePosixPath(info.name)
    if path.is_absolute() or ".." in path.parts:
        rejects.append(Row(info.name).rejected("unsafe_path", f"{info.name} in {shard.name} points outside"))
        return
    stem, _, suffix = path.name.partition(".")
    suffix = "." + suffix.lower()
    content = b""
    if suffix in {".txt", ".json", ".caption"}:
        file = tar.extractfile(info)
        content = file.read() if file else b""
    yield str(path.parent / stem), suffix, info.offset_data, info.size, content


def _row(source: Source, shard: Path, key: str, members: list[Member]) -> Row:
    parts = {suffix: member for member in members for suffix in [member[1]]}
    row = Row(key, **metadata(source, _json(parts)))
    image = next((member for member in members if member[1] in IMAGE_SUFFIXES), None)
    if image is None:
        return row.rejected("missing_image", f"no image for key {key} in {shard.name}")
    _, suffix, offset, size, _ = image
    row = Row(key, f"{key}{suffix}", located("tar", str(shard), offset, size), **metadata(source, _json(parts)))
    return check_caption(row, _caption(source, parts))


def _caption(source: Source, parts: dict[str, Member]) -> str | None:
    for suffix in (".txt", ".caption"):
        if suffix in parts:
            return parts[suffix][4].decode("utf-8", "surrogateescape")
    return _json(parts).get(source.caption_column)


def _json(parts: dict[str, Member]) -> dict[str, Any]:
    try:
        data = json.loads(parts[".json"][4]) if ".json" in parts else {}
    except ValueError:
        return {}  # the caption or its absence speaks for the row
    return data if isinstance(data, dict) else {}
