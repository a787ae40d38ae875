"""`counterfoil gallery`: negatives with their pictures, scores and reasons on one page, to be looked at."""

import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from flows.builds import chosen_build
from flows.progress import progress
from flows.samples import Draw, sample
from gallery.browsing import browsing_data
from gallery.figures import figures
from gallery.page import write_page
from gallery.reviewing import review_data
from gallery.rows import Row, add_pictures, draw, rows_of
from gallery.thumbnails import Thumbnails
from schemas.errors import InputError
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Build, Dataset

_REVIEWED = 720  # pixels of the longer side of a picture that somebody judges


@dataclass(frozen=True)
class Written:
    """What is in a page."""

    path: str
    what: str  # in words
    size: int  # bytes
    notes: tuple[str, ...]  # what is not in it, and why
    then: str = ""  # what to do with it


def gallery(folder: str, out: str, where: str = "true", most: int = 2000, build: str | None = None) -> Written:
    """Write a page with negatives of a build, the current one by default; `where` is a SQL condition over `candidates`
    and `verdicts`. Of more than `most` some of each kind are shown.

    Raises InputError for a condition that is none or finds nothing, or a file that cannot be written.
    """
    dataset = Dataset(folder)
    asked_of = chosen_build(dataset, build)
    with connect(dataset, asked_of) as connection, damage_named(dataset, asked_of):
        drawn = draw(connection, where, most)
        if not drawn.rows:
            raise InputError(f"--where {where}: nothing of this dataset is so")
        told = figures(connection, asked_of)
    thumbnails = _pictures(dataset, asked_of, drawn.rows, Thumbnails())
    notes = _notes(thumbnails)
    if len(drawn.rows) < drawn.found:
        notes.insert(
            0, f"{len(drawn.rows):,} of {drawn.found:,} negatives are here, some of each kind; --most shows more"
        )
    title = title_of(dataset)
    data = browsing_data(drawn, told, asked_of, title, notes)
    size = write_whole(out, lambda file: write_page(file, "browse", f"{title} · Counterfoil", data, thumbnails.urls))
    return Written(out, f"{len(drawn.rows):,} negatives, {len(thumbnails.urls):,} pictures", size, tuple(notes))


def review_page(folder: str, out: str, wanted: Draw, build: str | None = None) -> Written:
    """Write a page that asks people of a sample whether the wrong captions are false, and edited pictures right.

    Raises InputError where nothing is to be asked, or the file cannot be written.
    """
    dataset = Dataset(folder)
    asked_of = chosen_build(dataset, build)
    with connect(dataset, asked_of) as connection, damage_named(dataset, asked_of):
        rows = rows_of(connection, sample(connection, asked_of, wanted))
    thumbnails = _pictures(dataset, asked_of, rows, Thumbnails(_REVIEWED))
    title = title_of(dataset)
    data = review_data(rows, asked_of, title, wanted.seed)
    if not data["questions"]:
        raise InputError(f"{folder}: none of the pictures can be shown, so there is nothing to judge")
    size = write_whole(out, lambda file: write_page(file, "review", f"{title} · review", data, thumbnails.urls))
    asked = len(data["questions"])
    twice = sum(question["again"] for question in data["questions"])
    what = f"{asked:,} questions about {len(rows):,} negatives, {twice:,} of them asked twice"
    return Written(out, what, size, tuple(_notes(thumbnails)), f"counterfoil labels {folder} FILE.csv")


def shown(written: Written) -> str:
    """Tell a person what was written, what was not, and what to do with it."""
    lines = [f"{written.path}: {written.what}, {written.size / 1e6:,.1f} MB", *(f"  {note}" for note in written.notes)]
    if written.then:
        lines += ["The page keeps answers in the browser; when they are downloaded:", f"  {written.then}"]
    return "\n".join(lines)


def title_of(dataset: Dataset) -> str:
    """Name a dataset as its folder is named."""
    return os.path.basename(dataset.base.rstrip("/")) or dataset.root


def _pictures(dataset: Dataset, build: Build, rows: list[Row], thumbnails: Thumbnails) -> Thumbnails:
    with progress("gallery", "pictures") as advance:
        add_pictures(dataset, build, rows, thumbnails, advance)
    return thumbnails


def _notes(thumbnails: Thumbnails) -> list[str]:
    return (
        [f"{thumbnails.unreadable:,} pictures could not be decoded and are not shown"] if thumbnails.unreadable else []
    )


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
