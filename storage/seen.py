"""What ingest knows of pictures that it has read before: unless a file has changed, it is not read again for its name.

Beside the tables of a dataset, in `seen/`, rest small files that tell of pictures which were read, by place and version
of the file that holds them. They are a memory and no more: without them everything is read, and made, as before.
"""

import hashlib
import json
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from storage.dataset import Dataset
from storage.sources import Row, read_image
from storage.sources.places import one_line
from storage.sources.row import shortened
from storage.sources.stamps import stamp_of

# A picture's name, or the reason and detail of why it has none.
Named = tuple[str, None] | tuple[None, tuple[str, str]]
SEEN = pa.schema([("key", pa.binary(16)), ("image_id", pa.binary(32))])
_VERSION = 1  # of what keys are made of
_AT_ONCE = 50_000  # pictures: so many are lost when a first ingest is killed
_MOST_ROWS = 1_000_000  # of one file
_MOST_FILES = 8  # besides full ones
_READERS = 16  # threads that read pictures ahead: most of their time is waiting
_AHEAD = 64  # rows


class Seen:
    """Pictures' names by where they lie, from the files of a dataset and from reading; asked by many threads.

    Used as a context: what was read is kept at its end, however it ends.
    """

    def __init__(self, dataset: Dataset, scratch: Path) -> None:
        """`scratch` is a folder to work in; what is unpacked there is nothing that is met again."""
        self._files, self._folder, self._scratch = dataset.files, f"{dataset.base}/seen", str(scratch)
        self._lock = threading.Lock()
        self._holders: dict[str, str | None] = {}  # a tar or table that many pictures lie in -> its stamp
        self._fresh: dict[bytes, bytes] = {}
        self._index = sqlite3.connect(scratch / "seen.sqlite", check_same_thread=False, isolation_level=None)
        self._index.execute("PRAGMA journal_mode = OFF")
        self._index.execute("BEGIN")  # to the end: nobody else reads it, and every commit would wait for the disk
        self._index.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, name BLOB, used INTEGER) WITHOUT ROWID")
        self._parts = list(self._load())

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Keep what was read; after trouble, if that can be done."""
        try:
            if kind is None:
                self._keep()
                self._tidy()
            else:
                with suppress(Exception):
                    self._keep()
        finally:
            self._index.close()

    def image_id(self, location: str) -> str:
        """Return the name of a picture, the SHA-256 of its bytes; it is read where that is not known.

        Raises OSError or ValueError as `read_image` does.
        """
        stamp = self._stamp(location)
        if stamp is None:
            return hashlib.sha256(read_image(location)).hexdigest()
        key = hashlib.sha256(f"{_VERSION} {stamp} {location}".encode("utf-8", "surrogatepass")).digest()[:16]
        known = self._known(key)
        if known is None:
            known = hashlib.sha256(read_image(location)).digest()
            with self._lock:
                self._fresh[key] = known
                if len(self._fresh) >= _AT_ONCE:
                    self._keep()
        return known.hex()

    def _stamp(self, location: str) -> str | None:
        kind, path, *_ = json.loads(location)
        if path.startswith(self._scratch):
            return None
        if kind == "file":
            return stamp_of(path)
        with self._lock:
            if path not in self._holders:
                self._holders[path] = stamp_of(path)
            return self._holders[path]

    def _known(self, key: bytes) -> bytes | None:
        with self._lock:
            if key in self._fresh:
                return self._fresh[key]
            found = self._index.execute("UPDATE seen SET used = 1 WHERE key = ? RETURNING name", (key,)).fetchall()
            return bytes(found[0][0]) if found else None

    def _load(self) -> Iterator[str]:
        """Read the files that there are, and name them; what is in none of them as it was written is removed."""
        for name in self._files.listing(self._folder):
            path = f"{self._folder}/{name}"
            if not name.endswith(".parquet") or name.startswith("."):
                continue
            try:
                data = self._files.read(path)
            except FileNotFoundError:  # another build has joined it with others
                continue
            if hashlib.sha256(data).hexdigest() != name.removesuffix(".parquet"):
                said = "cut or damaged, and removed; the pictures that it told of are read again"
                logging.getLogger("counterfoil").warning("counterfoil: %s: %s", path, said)
                self._files.remove(path)
                continue
            rows = pq.read_table(pa.BufferReader(data))
            pairs = zip(rows["key"].to_pylist(), rows["image_id"].to_pylist(), strict=True)
            self._insert(pairs, used=False)
            yield path

    def _insert(self, pairs: Iterator[tuple[bytes, bytes]], used: bool) -> None:
        self._index.executemany(f"INSERT OR REPLACE INTO seen VALUES (?, ?, {int(used)})", pairs)

    def _keep(self) -> None:
        """Write what was read since the last time."""
        if not self._fresh:
            return
        self._parts.append(self._write(list(self._fresh.items())))
        self._insert(iter(self._fresh.items()), used=True)
        self._fresh = {}

    def _tidy(self) -> None:
        """Join the files when there are many, or when most of what they tell is of what is gone or has changed."""
        [(rows, used)] = self._index.execute("SELECT count(*), coalesce(sum(used), 0) FROM seen")
        if len(self._parts) <= _MOST_FILES + used // _MOST_ROWS and rows <= 2 * used:
            return
        found = self._index.execute("SELECT key, name FROM seen WHERE used ORDER BY key")
        joined = set()
        while part := found.fetchmany(_MOST_ROWS):
            joined.add(self._write(part))
        for path in self._parts:
            if path not in joined:
                self._files.remove(path)

    def _write(self, pairs: list[tuple[bytes, bytes]]) -> str:
        """Write a file that is named by its content, so that damage shows and two builds are in nobody's way."""
        keys, names = zip(*pairs, strict=True)
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table([pa.array(keys, pa.binary(16)), pa.array(names, pa.binary(32))], SEEN), sink)
        data = sink.getvalue().to_pybytes()
        path = f"{self._folder}/{hashlib.sha256(data).hexdigest()}.parquet"
        self._files.put(path, data)
        return path


def named(rows: Iterator[Row], seen: Seen) -> Iterator[tuple[Row, Future[Named] | None]]:
    """Put beside each row the name of its picture, in the making: pictures are read ahead, the more the further away
    they are. Captions of one picture mostly stand together, and share it."""
    with ThreadPoolExecutor(_READERS) as pool:
        waiting: deque[tuple[Row, Future[Named] | None]] = deque()
        last: tuple[str, Future[Named] | None] = ("", None)
        for row in rows:
            if row.location != last[0]:
                last = (row.location, pool.submit(_named, row, seen) if row.location else None)
            waiting.append((row, last[1]))
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        yield from waiting


def _named(row: Row, seen: Seen) -> Named:
    """Return the name of a row's picture, or the reason and detail of a reject."""
    try:
        return seen.image_id(row.location), None
    except ConnectionError as error:
        return None, ("unreachable_image", f"{shortened(row.name)}: {error}")
    except (OSError, ValueError, TypeError) as error:  # what Parquet's reader raises is one of these
        said = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        return None, ("missing_image", f"{shortened(row.name)}: {said}")
