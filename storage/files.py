"""Where the files of a dataset rest, a folder or any fsspec URL: a file is there whole, or it is not there."""

import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import fsspec

from schemas.errors import InputError

# Stores that show an object once all of it has come, under its own name. Elsewhere it is renamed when it is whole.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory"})
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", **dict.fromkeys(("az", "abfs", "abfss", "adl"), "azure")}
_NO_BUCKET = re.compile(r"(bucket|container) (does not exist|not found)", re.IGNORECASE)
LEFTOVER = ".tmp-"  # what the names of unfinished files begin with
# What stores call the time of an object's last change.
_CHANGED = ("mtime", "LastModified", "last_modified", "updated", "created")


class Listed(NamedTuple):
    """What a listing tells of a file."""

    size: int  # bytes
    changed: float | None  # seconds since 1970, by the clock of the place; None where it does not tell


class Files:
    """The files under one root, which other processes and machines change too: nothing that was listed is remembered.

    Raises InputError for a URL that nothing installed can open.
    """

    def __init__(self, root: str) -> None:
        self.root = str(root)
        protocol = self.root.partition("://")[0] if "://" in self.root else ""
        try:
            self.fs, base = fsspec.core.url_to_fs(self.root, use_listings_cache=False)
        except ImportError as error:
            extra = _EXTRAS.get(protocol)
            if extra is None:
                raise InputError(f"{self.root}: {protocol}:// needs one more package: {error}") from error
            raise InputError(
                f"{self.root}: {protocol}:// needs one more package; run pip install 'counterfoil[{extra}]'"
            ) from error
        except ValueError as error:
            raise InputError(f"{self.root}: {error}; give a folder, or a URL like s3://bucket/folder") from error
        self.base = base.rstrip("/")
        known = {self.fs.protocol} if isinstance(self.fs.protocol, str) else set(self.fs.protocol)
        self.local = "file" in known
        self._by_put = bool(known & _OBJECT_STORES)
        if self._by_put and not self.base:
            raise InputError(f"{self.root}: no bucket is named; give {protocol}://bucket/folder")

    @property
    def has_folders(self) -> bool:
        """Tell whether a file needs a folder that is there: object stores have none, and would make a bucket."""
        return not self._by_put

    def list(self, folder: str) -> list[dict[str, Any]]:
        """List the files of a folder, as fsspec describes them; none where there is no such folder."""
        try:
            found = self.fs.ls(folder, detail=True)
        except (FileNotFoundError, NotADirectoryError) as error:
            self._check_bucket(error)
            return []
        return [info for info in found if info["type"] == "file" and info["name"].rstrip("/") != folder]

    def folders(self, folder: str) -> tuple[str, ...]:
        """List the folders in a folder by name; none where there is no such folder."""
        try:
            found = self.fs.ls(folder, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(sorted(os.path.basename(info["name"].rstrip("/")) for info in found if info["type"] != "file"))

    def listing(self, folder: str) -> dict[str, Listed]:
        """List the files of a folder by name, with size and time: one call however many there are."""
        if not self.local:
            found = self.list(folder)
            return {os.path.basename(info["name"]): Listed(int(info["size"]), changed(info)) for info in found}
        listed = {}
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # renamed or removed meanwhile
                    if entry.is_file():
                        stat = entry.stat()
                        listed[entry.name] = Listed(stat.st_size, stat.st_mtime)
        return listed

    def changed(self, path: str) -> float | None:
        """Tell when a file was last changed, by the clock of the place; None where it does not tell."""
        return changed(self.fs.info(path))

    def size(self, path: str) -> int:
        """Tell how large a file is, in bytes; raises FileNotFoundError."""
        return int(self.fs.info(path)["size"])

    def sha256(self, path: str) -> bytes:
        """Hash a file, a piece at a time; raises FileNotFoundError."""
        with self.fs.open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    def read(self, path: str) -> bytes:
        """Read a whole file; raises FileNotFoundError."""
        return bytes(self.fs.cat_file(path))

    def content(self, path: str) -> bytes | None:
        """Read a whole file; None where there is none."""
        try:
            return self.read(path)
        except FileNotFoundError:
            return None

    def ends(self, path: str, size: int) -> tuple[int, bytes] | None:
        """Return how large a file is and its last `size` bytes; None where there is none."""
        try:
            if self.local:
                with open(path, "rb") as file:
                    length = file.seek(0, os.SEEK_END)
                    file.seek(max(0, length - size))
                    return length, file.read()
            length = int(self.fs.info(path)["size"])
            return length, bytes(self.fs.cat_file(path, start=length - size, end=length)) if length >= size else b""
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def put(self, path: str, data: bytes) -> None:
        """Write a file, whole or not at all, in place of what was there.

        Raises InputError where there is no such bucket: none is ever made.
        """
        if self._by_put:
            self._put_object(path, data, "overwrite")
        else:
            self._rename(path, data, os.replace if self.local else self.fs.mv)

    def create(self, path: str, data: bytes) -> None:
        """Write a file, whole or not at all, where there is none.

        Raises FileExistsError where another is; InputError where there is no such bucket.
        """
        try:
            if self._by_put:
                self._put_object(path, data, "create")
            else:
                self._rename(path, data, _link if self.local else self._move_to_nothing)
        except OSError as error:
            # A request whose answer was lost is sent again, and then meets its own file. Stores say "it is there" in
            # different words.
            there = self.content(path)
            if there is None:
                raise
            if there != data:
                raise FileExistsError(f"{path}: it is there already") from error

    @contextmanager
    def writing(self, path: str) -> Iterator[str]:
        """Give a file of this machine to write into, which then is `path`, whole; nothing is where writing fails.

        For what is too large to be held in memory. Raises as `put` does.
        """
        folder, name = path.rsplit("/", 1)
        if self.local:
            os.makedirs(folder, exist_ok=True)
            partial = f"{folder}/{LEFTOVER}{uuid.uuid4().hex}-{name}"
            try:
                yield partial
                _sync(partial)
                os.replace(partial, path)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(partial)
            return
        with tempfile.TemporaryDirectory() as here:
            yield f"{here}/{name}"
            self._send(path, lambda to: self.fs.put_file(f"{here}/{name}", to))

    def copy(self, path: str, to: str) -> None:
        """Give what a file holds another place too, whole: a second name of it where the place knows such."""
        if not self.local:
            self._send(to, lambda end: self.fs.cp_file(path, end))
            return
        os.makedirs(os.path.dirname(to), exist_ok=True)
        try:
            os.link(path, to)
        except FileExistsError:
            pass
        except OSError:  # a disk that knows no second names
            with self.writing(to) as partial:
                shutil.copyfile(path, partial)

    def _send(self, path: str, send: Callable[[str], None]) -> None:
        """Have a file written that other machines see once it is whole."""
        if self._by_put:
            try:
                send(path)
            except FileNotFoundError as error:
                self._check_bucket(error)
                raise
            return
        folder, name = path.rsplit("/", 1)
        partial = f"{folder}/{LEFTOVER}{uuid.uuid4().hex}-{name}"
        self.fs.makedirs(folder, exist_ok=True)
        try:
            send(partial)
            self.fs.mv(partial, path)
        finally:
            with suppress(Exception):
                self.fs.rm_file(partial)

    def remove(self, path: str) -> None:
        """Remove a file, or see that somebody else has."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(path)

    def _put_object(self, path: str, data: bytes, mode: str) -> None:
        try:
            # One request; of what is larger than a store takes at once, the parts are joined at the end or given up.
            self.fs.pipe_file(path, data, mode=mode)
        except FileNotFoundError as error:
            raise InputError(self._no_bucket()) from error

    def _rename(self, path: str, data: bytes, move: Callable[[str, str], None]) -> None:
        folder, name = path.rsplit("/", 1)
        partial = f"{folder}/{LEFTOVER}{uuid.uuid4().hex}-{name}"
        self.fs.makedirs(folder, exist_ok=True)
        try:
            if self.local:
                with open(partial, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            else:
                self.fs.pipe_file(partial, data)
            move(partial, path)
        finally:
            with suppress(Exception):
                self.fs.rm_file(partial)  # there only if something failed, or as a second name

    def _move_to_nothing(self, partial: str, path: str) -> None:
        if self.fs.exists(path):
            raise FileExistsError(path)
        self.fs.mv(partial, path)

    def _check_bucket(self, error: Exception) -> None:
        if self._by_put and _NO_BUCKET.search(str(error)):
            raise InputError(self._no_bucket()) from error

    def _no_bucket(self) -> str:
        bucket = self.base.strip("/").partition("/")[0]
        return f"{self.root}: there is no bucket {bucket}; correct the name, or make it first"


def _sync(path: str) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def changed(info: dict[str, Any]) -> float | None:
    """Tell when a file was last changed, from what fsspec tells of it; None where that is not told."""
    found = next((info[name] for name in _CHANGED if info.get(name)), None)
    if isinstance(found, str):
        found = datetime.fromisoformat(found)
    if isinstance(found, datetime):
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return found


def _link(partial: str, path: str) -> None:
    """Give a finished file its name, unless another has it."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError:  # a disk that knows no second names
        if os.path.exists(path):
            raise FileExistsError(path) from None
        os.replace(partial, path)
