"""Files that SQL may read, and nothing else: a filesystem with a few named files that cannot be written.

DuckDB has its own access to local files, which a single word (COPY, in a CTE too) turns into writing. So the
connection that answers a person's SQL has none: every file comes to it through here, on a disk as in a bucket.
"""

import errno
import os
import threading
from datetime import UTC, datetime
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

SCHEME = "counterfoil://"
Place = tuple[AbstractFileSystem, str]  # a filesystem, and a path as it names it


class ReadOnly(AbstractFileSystem):  # type: ignore[misc]  # fsspec comes without types
    """Named files of any filesystems, to be read as `counterfoil://NAME`; all else is refused."""

    protocol = "counterfoil"
    cachable = False  # each connection has its own

    def __init__(self, files: dict[str, Place]) -> None:
        super().__init__()
        self.files = files
        self._remote: dict[str, dict[str, Any]] = {}  # asked for once: an answer may take as long as the reading

    def open(self, path: str, mode: str = "rb", **_: Any) -> "_Reading":
        """Open a named file for reading.

        Raises PermissionError for any other mode and any other file, FileNotFoundError where a named one is gone.
        """
        fs, place = self._place(path)
        if mode not in {"r", "rb"}:
            raise PermissionError(errno.EROFS, "this is read-only", path)
        return _Reading(fs, place, int(self._facts(path)["size"]))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Tell size and type of a named file."""
        return {"name": path, "size": self._facts(path)["size"], "type": "file"}

    def modified(self, path: str) -> datetime:
        """Tell when a named file was written: DuckDB keeps what it has read for as long as this is the same."""
        return datetime.fromtimestamp(self._facts(path).get("mtime", 0), UTC)

    def exists(self, path: str, **_: Any) -> bool:
        """Tell whether a file has a name here."""
        return self._name(path) in self.files

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the one file of this name: names are no patterns, and nothing can be listed."""
        return [self._name(path)] if self.exists(path) else []

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List nothing."""
        raise PermissionError(errno.EACCES, "nothing is listed here", path, detail)

    def _facts(self, path: str) -> dict[str, Any]:
        fs, place = self._place(path)
        if place in self._remote:
            return self._remote[place]
        try:
            facts = dict(fs.info(place))
        except FileNotFoundError:
            raise FileNotFoundError(f"the file is gone: {path}") from None
        if not isinstance(fs, LocalFileSystem):
            facts = self._remote[place] = {"size": facts["size"]}
        return facts

    def _name(self, path: str) -> str:
        return path.removeprefix(SCHEME)

    def _place(self, path: str) -> Place:
        try:
            return self.files[self._name(path)]
        except KeyError:
            raise PermissionError(errno.EACCES, "not a file of this dataset", path) from None


class _Reading:
    """One open file, which threads of DuckDB share: some read on from where another stopped, some seek first and read
    then; between these two no other thread may come.
    """

    def __init__(self, fs: AbstractFileSystem, place: str, size: int) -> None:
        self._fs, self._place, self._size = fs, place, size
        self._at = 0
        self._sought = threading.local()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, and return it."""
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        self._sought.at = self._at = at
        return at

    def tell(self) -> int:
        """Return where this thread reads next."""
        sought = getattr(self._sought, "at", None)
        return self._at if sought is None else int(sought)

    def read(self, size: int = -1) -> bytes:
        """Read some bytes, or all that are left."""
        start = self.tell()
        self._sought.at = None
        end = self._size if size < 0 else min(start + size, self._size)
        read = bytes(self._fs.cat_file(self._place, start=start, end=end)) if end > start else b""
        self._at = start + len(read)
        return read

    def close(self) -> None:
        """Nothing is held open."""
