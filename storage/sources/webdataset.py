"""Read WebDataset tar shards as img2dataset writes them: 000000012.jpg, .txt and .json side by side."""

import tarfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from fsspec.compression import compr
from upath import UPath

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.folder import TEXT_SUFFIXES, captions_beside
from storage.sources.pictures import located
from storage.sources.places import IMAGE_SUFFIXES, is_outage, one_line
from storage.sources.row import Row

_TEXTS = (*TEXT_SUFFIXES, ".json")
_LONGEST_TEXT = 10_000_000  # bytes of a member that may be a caption
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_CHUNK = 1 << 20
_BROKEN = (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, LZMAError)


class Member(NamedTuple):
    """One file in a tar: where it is and, of a small text, what it holds."""

    offset: int
    size: int
    content: bytes


def read_webdataset(source: Source, paths: list[UPath], scratch: Path) -> Iterator[Row]:
    """Go through tar shards; one that is cut short costs only its rest. Compressed ones are unpacked into `scratch`.

    Raises InputError where none of them is a tar file.
    """
    failed: list[tuple[str, Exception]] = []
    rows = 0
    for path in paths:
        try:
            for row in _read(source, path, scratch):
                rows += 1
                yield row
        except _BROKEN as error:
            if is_outage(error, path):
                raise
            failed.append((path.name, error))
    if failed and rows == 0:
        raise InputError(f"source {failed[0][0]}: not a tar file: {one_line(failed[0][1])}") from failed[0][1]
    for name, problem in failed:
        yield Row(name).rejected("unreadable_file", f"{name} is not a tar file: {one_line(problem)}")


def _read(source: Source, path: UPath, scratch: Path) -> Iterator[Row]:
    plain, problem = _plain(path, scratch)
    rejects: list[Row] = []
    groups: dict[str, dict[str, Member]] = {}  # WebDataset's key, up to the first dot -> what follows -> member
    with plain.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
        try:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # else a large shard fills the memory
                refused = _refused(info, path.name)
                if refused is not None:
                    rejects.append(refused)
                elif info.isfile() and not PurePosixPath(info.name).name.startswith("."):
                    key, rest = _key(info.name)
                    groups.setdefault(key, {})[rest] = _member(tar, info, rest)
            file.seek(tar.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile itself stops here without a word
                problem = problem or "what follows is neither a file nor the mark of a tar's end"
        except _BROKEN as error:
            if is_outage(error, path):
                raise
            problem = problem or one_line(error)
    for key, parts in groups.items():
        for name, sample in _samples(key, parts).items():
            yield from _rows(source, str(plain), path.name, name, sample)
    if problem is not None:
        rejects.append(Row(path.name).rejected("unreadable_file", f"{path.name} is cut short: {problem}"))
    yield from rejects


def _plain(path: UPath, scratch: Path) -> tuple[UPath, str | None]:
    """Unpack a compressed tar, told by its first bytes, as far as it can be; and say what is wrong with it.

    One on the web is copied: not every server gives parts of a file.
    """
    with path.open("rb") as packed:
        head = packed.read(6)
        form = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
        if form is None and not str(path).startswith("http"):
            return path, None
        if form is not None and form not in compr:
            raise InputError(f"source {path}: compressed with {form}, which is not installed; unpack it first")
        packed.seek(0)
        plain = UPath(scratch / f"{len(list(scratch.iterdir()))}.tar")
        with compr[form](packed, mode="rb") as unpacked, plain.open("wb") as file:
            try:
                while chunk := unpacked.read(_CHUNK):
                    file.write(chunk)
            except _BROKEN as error:
                return plain, one_line(error)
    return plain, None


def _refused(info: tarfile.TarInfo, shard: str) -> Row | None:
    path = PurePosixPath(info.name)
    if info.issym() or info.islnk():
        return Row(info.name).rejected("unsafe_path", f"{info.name} is a link")
    if path.is_absolute() or ".." in path.parts:
        return Row(info.name).rejected("unsafe_path", f"{info.name} in {shard} points outside")
    return None


def _key(name: str) -> tuple[str, str]:
    path = PurePosixPath(name)
    stem, dot, rest = path.name.partition(".")
    return str(path.parent / stem), dot + rest


def _member(tar: tarfile.TarFile, info: tarfile.TarInfo, rest: str) -> Member:
    content = b""
    if rest.lower().endswith(_TEXTS) and info.size <= _LONGEST_TEXT:
        file = tar.extractfile(info)
        content = file.read() if file else b""
    return Member(info.offset_data, info.size, content)


def _samples(key: str, parts: dict[str, Member]) -> dict[str, dict[str, Member]]:
    """Tell apart what stands under one key: the pictures photo.v1.jpg and photo.v2.jpg, where there is no photo.jpg."""
    if any(rest.lower() in IMAGE_SUFFIXES for rest in parts):
        return {key: parts}
    several: dict[str, dict[str, Member]] = {}
    for rest, member in parts.items():
        more, dot, suffix = rest.rpartition(".")
        several.setdefault(key + more, {})[dot + suffix] = member
    return several


def _rows(source: Source, plain: str, shard: str, key: str, parts: dict[str, Member]) -> Iterator[Row]:
    picture = next((rest for rest in parts if rest.lower() in IMAGE_SUFFIXES), None)
    texts = {rest: parts[rest].content for suffix in _TEXTS for rest in parts if rest.lower().endswith(suffix)}
    if picture is None:
        if texts:
            yield Row(key).rejected("missing_image", f"no image for key {key} in {shard}")
        return
    row = Row(key, key + picture, located("tar", plain, parts[picture].offset, parts[picture].size))
    if texts:
        yield from captions_beside(source, row, texts)
    else:
        yield row.rejected("empty_caption", f"no .txt or .json for key {key} in {shard}")
