"""`counterfoil gallery`: negatives with their pictures, scores and reasons on one page, to be looked at."""

import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa

from flows.builds import chosen_build
from flows.progress import progress
from flows.samples import Draw, sample
from gallery.browsing import browsing_data, heat_of
from gallery.figures import figures
from gallery.page import write_page
from gallery.reviewing import review_data
from gallery.rows import Row, add_pictures, draw, rows_of, stored
from gallery.thumbnails import Thumbnails
from schemas.config import BuildConfig
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


def gallery(
    folder: str, out: str, where: str = "true", most: int = 2000, build: str | None = None, heat: int = 0
) -> Written:
    """Write a page with negatives of a build, the current one by default; `where` is a SQL condition over `candidates`
    and `verdicts`. Of more than `most` some of each kind are shown; the first `heat` of them with where the judge sees
    the changed words.

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
    if heat:
        _add_heat(dataset, asked_of, drawn.rows[:heat])
    notes = _notes(thumbnails)
    if len(drawn.rows) < drawn.found:
        notes.insert(
            0, f"{len(drawn.rows):,} of {drawn.found:,} negatives are here, some of each kind; --most shows more"
        )
    if heat:
        notes.append(f"Heat, of the first {min(heat, len(drawn.rows)):,}: where the judge sees the changed words")
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


def _add_heat(dataset: Dataset, build: Build, rows: list[Row]) -> None:
    """Put heat maps into rows, as `heat`: where the judge sees the changed words in each of the two pictures."""
    config = BuildConfig(**build.config)
    if config.judge is None:
        raise InputError("--heat: this build has no judge; name one in the config and build again")
    from filters.attribution import Attribution
    from filters.embeddings import Encoder

    pictures = {key: data for (kind, key), data in stored(dataset, build, rows) if kind == "picture" and data}
    asked = [
        {"key": f"{n} {side}", "image": pictures.get(row[picture]), "caption": row[caption], "spans": row[spans]}
        for n, row in enumerate(rows)
        for side, (picture, caption, spans) in enumerate(_SIDES)
    ]
    asked = [one for one in asked if one["image"] is not None]
    attribution = Attribution(Encoder(config.judge, config.compute))
    maps: dict[str, list[Any] | None] = {}
    with progress("heat maps", "pictures", len(asked)) as advance:
        for start in range(0, len(asked), _HEATED_AT_ONCE):
            several = asked[start : start + _HEATED_AT_ONCE]
            maps |= {one["key"]: heat_of(one) for one in attribution(pa.Table.from_pylist(several)).to_pylist()}
            advance(len(several), None)
    for n, row in enumerate(rows):
        sides = [maps.get(f"{n} {side}") for side in range(len(_SIDES))]
        row["heat"] = sides if any(sides) else None


_HEATED_AT_ONCE = 32
_SIDES = (("picture_id", "original", "original_spans"), ("edited_image_id", "caption", "negative_spans"))


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
