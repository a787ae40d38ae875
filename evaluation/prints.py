"""What a benchmark's folder holds, as hashes by which a corpus can be asked whether it shares any of it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from evaluation.benchmarks.benchmark import Benchmark, Refused
from evaluation.benchmarks.every import BENCHMARKS, found_in
from evaluation.items import Picture
from evaluation.opening import Unusable, opened
from filters.leakage import caption_hash
from schemas.errors import InputError
from schemas.ids import fingerprint
from schemas.tables import PRINTS
from storage.looks import look_at, phash

VERSION = 1  # raise it where other rows come out for the same folder
_MAX_PIXELS = 400_000_000  # more is no picture of a benchmark


class _Held(NamedTuple):
    """A picture, a caption or an unusable row, not hashed yet."""

    benchmark: str
    kind: str
    place: str
    picture: Picture | None = None
    caption: str | None = None
    trouble: str | None = None


def benchmarks_of(path: str, name: str | None) -> list[Benchmark]:
    """Tell which benchmarks a folder holds; raises InputError where there is none, or not the one that is named."""
    where = f"guards.leakage: {path}"
    folder = Path(path)
    if name is not None and name not in BENCHMARKS:
        raise InputError(f"{where}: unknown benchmark {name}; known are {', '.join(BENCHMARKS)}")
    if not folder.is_dir():
        raise InputError(f"{where}: no such folder; give the folder of a benchmark (docs/evaluate.md)")
    if name is not None and not BENCHMARKS[name].there(folder):
        raise InputError(f"{where}: not as {name} has it: {BENCHMARKS[name].layout}")
    found = [BENCHMARKS[name]] if name is not None else found_in(folder)
    if not found:
        raise InputError(
            f"{where}: no benchmark in a layout that is known; docs/evaluate.md has what each folder holds"
        )
    return found


def contents(path: str, name: str | None = None) -> str:
    """Name all that a folder holds by its content: captions and the bytes of pictures, wherever these lie.

    Raises InputError as `benchmarks_of`, and where a file cannot be read.
    """
    named = [
        [held.benchmark, held.kind, held.place, held.trouble, held.caption, held.picture and _bytes_hash(held.picture)]
        for held in _held(path, name)
    ]
    return fingerprint("prints", VERSION, named)


def prints(path: str, name: str | None = None) -> pa.Table:
    """Turn what a folder holds into PRINTS: each picture and caption of each benchmark once, under its first item.

    Of a picture of which a benchmark shows parts alone, all is taken. What cannot be compared has its trouble.
    """
    rows = []
    for held in _held(path, name):
        row: dict[str, Any] = {
            "benchmark": held.benchmark,
            "kind": held.kind,
            "place": held.place,
            "trouble": held.trouble,
        }
        if held.picture is not None:
            row |= _look(held.picture)
        elif held.caption is not None:
            row["sha256"] = caption_hash(held.caption)
            row["trouble"] = None if row["sha256"] is not None else "no words"
        rows.append(row)
    return pa.Table.from_pylist(rows, PRINTS)


def _held(path: str, name: str | None) -> Iterator[_Held]:
    for benchmark in benchmarks_of(path, name):
        refused: list[Refused] = []
        seen = set[tuple[str, str]]()
        for item in benchmark.items(Path(path), refused.append):
            place = item["item_id"]
            for picture in item["pictures"]:
                whole = {**picture, "box": None, "key": picture["path"] or picture["key"].partition("#")[0]}
                if ("picture", whole["key"]) not in seen:
                    seen.add(("picture", whole["key"]))
                    yield _Held(benchmark.name, "picture", place, picture=whole)
            for caption in item["captions"]:
                if ("caption", caption) not in seen:
                    seen.add(("caption", caption))
                    yield _Held(benchmark.name, "caption", place, caption=caption)
        for row in refused:
            yield _Held(benchmark.name, "row", row.place, trouble=row.reason)


def _bytes_hash(picture: Picture) -> str | None:
    """Hash the encoded bytes of a picture; None where it is not there."""
    if picture["bytes"] is not None:
        return hashlib.sha256(picture["bytes"]).hexdigest()
    try:
        with open(picture["path"], "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _look(picture: Picture) -> dict[str, str | int | None]:
    """Hash a picture both ways, or say why it cannot be."""
    if picture["path"] is not None and picture["path"].endswith(".npy"):  # a frame as numbers: no file that others have
        try:
            return {"phash": phash(opened(picture).convert("L"))}
        except Unusable as error:
            return {"trouble": str(error)}
    try:
        data = picture["bytes"] if picture["bytes"] is not None else Path(picture["path"]).read_bytes()
    except OSError:
        return {"trouble": "missing picture"}
    found = look_at(data, _MAX_PIXELS)
    if isinstance(found, tuple):
        return {"trouble": found[1]}
    return {"sha256": hashlib.sha256(data).hexdigest(), "phash": found["phash"]}
