"""`counterfoil gallery`: negatives with their pictures, scores and reasons on one page, to be looked at."""

import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from flows.builds import chosen_build
from flows.progress import progress
from gallery.browsing import browsing_data
from gallery.figures import figures
from gallery.page import write_page
from gallery.rows import add_pictures, draw
from gallery.thumbnails import Thumbnails
from schemas.errors import InputError
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Dataset


@dataclass(frozen=True)
class Written:
    """What is in a page."""

    path: str
    rows: int
    found: int  # that the condition was true of
    pictures: int
    unreadable: int  # pictures that could not be decoded
    size: int  # bytes


def gallery(folder: str, out: str, where: str = "true", most: int = 2000, build: str | None = None) -> Written:
    """Write a page with negatives of a build, the current one by default; `where` is a SQL condition over `candidates`
    and `verdicts`. Of more than `most` some of each kind are shown.

    Raises InputError for a condition that is none or finds nothing, or a file that cannot be written.
    """
    dataset = Dataset(folder)
    asked_of = chosen_build(dataset, build)
    thumbnails = Thumbnails()
    with connect(dataset, asked_of) as connection, damage_named(dataset, asked_of):
        drawn = draw(connection, where, most)
        if not drawn.rows:
            raise InputError(f"--where {where}: nothing of this dataset is so")
        told = figures(connection, asked_of)
    with progress("gallery", "pictures") as advance:
        add_pictures(dataset, asked_of, drawn.rows, thumbnails, lambda more: advance(more, None))
    notes = []
    if len(drawn.rows) < drawn.found:
        notes.append(f"{len(drawn.rows):,} of {drawn.found:,} are here, some of each kind: --most shows more, --where others")
    if thumbnails.unreadable:
        notes.append(f"{thumbnails.unreadable:,} pictures could not be decoded and are not shown")
    title = os.path.basename(dataset.root.rstrip("/")) or dataset.root
    data = browsing_data(drawn, told, asked_of, title, notes)
    size = write_whole(out, lambda file: write_page(file, "browse", f"{title} · Counterfoil", data, thumbnails.urls))
    return Written(out, len(drawn.rows), drawn.found, len(thumbnails.urls), thumbnails.unreadable, size)


def write_whole(path: str, write: Callable[[IO[str]], None]) -> int:
    """Write a text file, whole or not at all; returns its size in bytes.

    Raises InputError where it cannot be written.
    """
    partial = f"{path}.tmp-{uuid.uuid4().hex}"
    try:
        with open(partial, "w", encoding="utf-8", newline="\n") as file:
            write(file)
        size = os.path.getsize(partial)
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror or error}; give a file in a folder that is there") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial)
    return size
