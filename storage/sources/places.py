"""Where a source's files lie: local paths and any URL that fsspec knows, read the same way."""

import gzip
import io
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, cast

from fsspec.core import OpenFile, get_compression
from fsspec.implementations.local import LocalFileSystem
from upath import UPath

from schemas.errors import InputError

IMAGE_SUFFIXES = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif",
        ".jp2", ".ppm", ".pgm",
    }
)  # fmt: skip
COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst"})
_SPLIT = re.compile(r"(train|training|val|valid|validation|dev|test|testing)", re.IGNORECASE)
_HEAD = 1000  # bytes that tell an encoding
_WILD = re.compile(r"[*?\[]")


def place(text: str) -> UPath:
    """Name a file or folder: a local path (`~` is the home folder) or a URL such as s3://bucket/captions.csv.

    Raises InputError where the package for that kind of URL is not installed.
    """
    try:
        return UPath(text if is_remote(text) else os.path.expanduser(text))
    except (ImportError, ValueError) as error:
        raise InputError(f"source {text}: cannot be opened: {one_line(error)}") from error


def places(text: str) -> list[UPath]:
    """Find what a source's path names: one file or folder or, where nothing has that very name, all that match it.

    Raises InputError when there is none.
    """
    named = place(text)
    if exists(named):
        return [named]
    if not _WILD.search(text):
        raise InputError(f"source {text}: no such file or folder")
    if is_remote(text):
        found = [UPath(named.fs.unstrip_protocol(name)) for name in sorted(named.fs.glob(named.path))]
    else:
        import glob

        found = [UPath(name) for name in sorted(glob.glob(os.path.expanduser(text), recursive=True))]
    if not found:
        raise InputError(f"source {text}: nothing matches; check the pattern")
    return found


def is_remote(text: str) -> bool:
    """Tell a URL from a local path."""
    return "://" in text and not text.startswith("file://")


def exists(path: UPath) -> bool:
    """Tell whether a file or folder is there; what cannot be asked for is not."""
    try:
        return bool(path.exists())
    except (OSError, ValueError):
        return False


def suffix_of(path: UPath | str) -> str:
    """Return a file's suffix in lower case; of a compressed file, the one before: `.csv` of captions.csv.gz."""
    name = PurePosixPath(str(path).partition("?")[0] if is_remote(str(path)) else str(path))
    if name.suffix.lower() in COMPRESSED:
        name = PurePosixPath(name.stem)
    return name.suffix.lower()


def open_binary(path: UPath) -> IO[bytes]:
    """Open a file for reading, decompressed where its name ends as compressed files do."""
    compression = get_compression(str(path).partition("?")[0], "infer")
    if not is_remote(str(path)) and compression is None:
        return open(str(path), "rb")
    fs = path.fs if is_remote(str(path)) else LocalFileSystem()
    return cast(IO[bytes], OpenFile(fs, path.path, "rb", compression=compression).open())


def encoding_of(head: bytes) -> str:
    """Tell a text's encoding from its first bytes: UTF-8 unless a byte order mark or its zeros say otherwise."""
    for mark, name in ((b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"), (b"\xef\xbb\xbf", "utf-8-sig"),
                       (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):  # fmt: skip
        if head.startswith(mark):
            return name
    if len(head) > 3 and not head[1::2].strip(b"\0") and head[0::2].strip(b"\0"):
        return "utf-16-le"
    if len(head) > 3 and not head[0::2].strip(b"\0") and head[1::2].strip(b"\0"):
        return "utf-16-be"
    return "utf-8"


def encoding_in(path: UPath) -> str:
    """Tell the encoding of a text file by its first bytes."""
    with open_binary(path) as file:
        return encoding_of(file.read(_HEAD))


@contextmanager
def open_text(path: UPath, encoding: str, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Open a text file for reading, a line at a time; a bad byte is kept as `decoded_text` keeps it."""
    with open_binary(path) as file, io.TextIOWrapper(file, encoding, _on_bad_bytes(encoding), newline=newline) as text:
        yield text


def decoded_text(data: bytes) -> str:
    """Decode a small text file; a byte that is no text becomes a lone surrogate, which `check_caption` finds."""
    encoding = encoding_of(data[:_HEAD])
    return data.decode(encoding, _on_bad_bytes(encoding))


def _on_bad_bytes(encoding: str) -> str:
    # surrogateescape keeps a bad byte inside its own cell, where check_caption finds it.
    return "surrogateescape" if encoding.lower().startswith("utf-8") else "replace"


def files_below(root: UPath) -> Iterator[tuple[UPath, list[str]]]:
    """Go through a folder and its subfolders in the order of names, with the names of the files in each.

    Links are followed, each folder once. Hidden files and folders (`.git`, `._photo.jpg` of macOS) are passed over.
    """
    if is_remote(str(root)):
        folders: dict[str, list[str]] = {}
        for path in sorted(root.fs.find(root.path)):
            folder, _, name = path.rpartition("/")
            if not any(part.startswith(".") for part in PurePosixPath(path[len(root.path) :]).parts):
                folders.setdefault(folder, []).append(name)
        for folder, names in folders.items():
            yield UPath(root.fs.unstrip_protocol(folder), **root.storage_options), names
        return
    seen: set[str] = set()
    for path, subfolders, names in os.walk(str(root), followlinks=True):
        real = os.path.realpath(path)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield UPath(path), sorted(name for name in names if not name.startswith("."))


def split_of(path: str) -> str | None:
    """Tell a split by the name of a folder (`train/0.jpg`) or of a shard (`train-00000-of-00003.parquet`)."""
    *folders, name = PurePosixPath(path).parts or ("",)
    for part in folders:
        if _SPLIT.fullmatch(part):
            return part.lower()
    found = re.match(_SPLIT.pattern + r"[-_.]\d+", name, re.IGNORECASE)
    return found[1].lower() if found else None


def is_outage(error: Exception, path: UPath) -> bool:
    """Tell trouble of a network, which is over when one tries again, from what is wrong with a file itself."""
    own = (InputError, ValueError, EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError,
           FileNotFoundError, PermissionError)  # fmt: skip
    return is_remote(str(path)) and not isinstance(error, own)


def one_line(error: object) -> str:
    """Say what an error says, in one line of bounded length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}..."
