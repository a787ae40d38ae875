"""Where an export goes: a new folder, or a URL, whose manifest names every file with its hash."""

import hashlib
import io
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO, TextIO, cast

from exports.pairs import Picture
from schemas.errors import InputError
from storage.files import LEFTOVER, Files

MANIFEST = "manifest.json"


class Written(io.BufferedIOBase):
    """A file on its way out: counts and hashes what goes by."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0  # bytes
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: Any) -> int:
        """Write bytes."""
        seen = memoryview(data).cast("B")
        self.hash.update(seen)
        self._file.write(seen)
        self.size += len(seen)
        return len(seen)

    def tell(self) -> int:
        """Tell how many bytes were written."""
        return self.size


class Folder:
    """A folder that appears once all is in it; at a URL, where folders cannot be renamed, its manifest comes last.

    Used as a context manager: what was written goes again where something fails. Raises InputError for a place that is
    taken or cannot be written.
    """

    def __init__(self, root: str) -> None:
        files = self._files = Files(root)
        self._fs, self._local = files.fs, files.local
        if not root or not files.base:
            raise InputError(f"{root}: give a folder for the export")
        self.location = os.path.abspath(files.base) if self._local else root.rstrip("/")  # as others will find it
        self._end = self.location if self._local else files.base
        if self._taken():
            raise InputError(f"{root}: it is there already and not empty; give a new folder, or remove it first")
        parent, name = os.path.split(self._end)
        self._at = f"{parent}/{LEFTOVER}{uuid.uuid4().hex}-{name}" if self._local else self._end
        self._spool = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed by __exit__
        self._open: dict[str, tuple[int, str]] = {}  # files that may still be renamed
        self.pictures = 0

    def __enter__(self) -> "Folder":
        self._make_folder(self._at)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._spool.close()
        if self._local:
            shutil.rmtree(self._at, ignore_errors=True)  # there only if something failed
        elif kind is not None:
            with suppress(Exception):  # what failed first is what is told
                self._fs.rm(self._at, recursive=True)

    @contextmanager
    def open(self, name: str) -> Iterator[Written]:
        """Give a file to write bytes into."""
        with self._file(name) as file:
            written = Written(file)
            yield written
        self._open[name] = (written.size, written.hash.hexdigest())

    @contextmanager
    def open_text(self, name: str) -> Iterator[TextIO]:
        """Give a file to write UTF-8 into; line ends stay as they are written."""
        with self.open(name) as file:
            text = io.TextIOWrapper(cast(BinaryIO, file), encoding="utf-8", newline="")
            yield text
            text.flush()
            text.detach()

    def rename(self, name: str, to: str) -> None:
        """Give a file that was written another name."""
        self._fs.mv(f"{self._at}/{name}", f"{self._at}/{to}")
        self._open[to] = self._open.pop(name)

    def picture(self, folder: str, picture: Picture) -> str:
        """Write a picture, once; returns its name below the export."""
        name = f"{folder}/{picture.name}"
        if not self._fs.exists(f"{self._at}/{name}"):
            with self._file(name) as file:
                file.write(picture.data)
            self._note(name, len(picture.data), hashlib.sha256(picture.data).hexdigest())
            self.pictures += 1
        return name

    def finish(self, told: Mapping[str, Any]) -> None:
        """Write the manifest, what is told and then all files, and let the folder appear."""
        for name, facts in sorted(self._open.items()):
            self._note(name, *facts)
        self._spool.seek(0)
        with self._file(MANIFEST) as file:
            file.write(json.dumps(dict(told), indent=1, ensure_ascii=False).removesuffix("\n}").encode())
            file.write(b',\n "files": [')
            for number, line in enumerate(self._spool):
                file.write(f"{',' if number else ''}\n  {line.rstrip()}".encode())
            file.write(b"\n ]\n}\n")
        if self._local:
            with suppress(FileNotFoundError):
                os.rmdir(self._end)  # empty, as was seen
            os.rename(self._at, self._end)

    @contextmanager
    def _file(self, name: str) -> Iterator[IO[bytes]]:
        path = f"{self._at}/{name}"
        if "/" in name:
            self._make_folder(path.rpartition("/")[0])
        try:
            opened = self._fs.open(path, "wb")
        except NotImplementedError as error:
            raise InputError(f"{self.location}: this kind of address can only be read; give a folder") from error
        with opened as file:
            yield file

    def _make_folder(self, path: str) -> None:
        if self._files.has_folders:
            self._fs.makedirs(path, exist_ok=True)

    def _note(self, name: str, size: int, digest: str) -> None:
        self._spool.write(json.dumps({"name": name, "size": size, "sha256": digest}, ensure_ascii=False) + "\n")

    def _taken(self) -> bool:
        if self._local:
            with suppress(FileNotFoundError):
                return bool(os.listdir(self._end))
            return False
        return bool(self._files.list(self._end) or self._files.folders(self._end))
