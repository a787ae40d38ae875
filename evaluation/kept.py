"""Items and scores of an evaluation on disk: what was scored once is not scored again."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.blind import Blind
from evaluation.items import ITEMS, without_pictures
from evaluation.models import DualEncoder
from evaluation.scoring import LEFT_OUT, SCORES, Evaluated
from schemas.ids import fingerprint
from storage.files import Files

_VERSION = 1  # of what scores are of the same vectors


@dataclass(frozen=True)
class Handful:
    """Some items, by the name that their files go by."""

    name: str
    items: pa.Table  # without pictures


class Kept:
    """A folder or URL with `items/`, `scores/` and `left_out/`, of which each file is whole or not there."""

    def __init__(self, out: str) -> None:
        self._files = Files(out)
        self.location = self._files.root

    def hold(self, items: pa.Table) -> Handful:
        """Put items down, without their pictures, under a name of all that their scores depend on."""
        bare = without_pictures(items)
        files = [_stamp(one["path"]) for several in bare["pictures"].to_pylist() for one in several if one["path"]]
        name = fingerprint("items", bare.to_pylist(), files)
        if name not in self._there["items"]:
            self._put("items", name, bare)
        return Handful(name, bare)

    def scores(self, model: "DualEncoder | Blind", held: Handful) -> Evaluated | None:
        """Read what a model made of items, under the name that it has now; None where it was not asked."""
        name = self._name(model, held)
        if name not in self._there["scores"]:
            return None
        scores, left_out = self._get("scores", name), self._get("left_out", name)
        named = pa.repeat(model.name, scores.num_rows)
        return Evaluated(scores.set_column(0, SCORES.field("model"), named), left_out)

    def keep(self, model: "DualEncoder | Blind", held: Handful, found: Evaluated) -> None:
        """Put down what a model made of items; the scores last, whose file says that all of it is there."""
        name = self._name(model, held)
        self._put("left_out", name, found.left_out)
        self._put("scores", name, found.scores)

    def put(self, name: str, data: bytes | None) -> None:
        """Write a file beside them, or see that there is none."""
        path = f"{self._files.base}/{name}"
        if data is None:
            self._files.remove(path)
        else:
            self._files.put(path, data)

    @cached_property
    def _there(self) -> dict[str, set[str]]:
        folders = ("items", "scores")
        found = {folder: self._files.listing(f"{self._files.base}/{folder}") for folder in folders}
        return {folder: {name.removesuffix(".parquet") for name in names} for folder, names in found.items()}

    def _name(self, model: "DualEncoder | Blind", held: Handful) -> str:
        return fingerprint("scores", _VERSION, model.identity, held.name)

    def _put(self, folder: str, name: str, table: pa.Table) -> None:
        self.put(f"{folder}/{name}.parquet", parquet(table))
        self._there.setdefault(folder, set()).add(name)

    def _get(self, folder: str, name: str) -> pa.Table:
        data = self._files.read(f"{self._files.base}/{folder}/{name}.parquet")
        return pq.read_table(pa.BufferReader(data)).cast({"scores": SCORES, "left_out": LEFT_OUT}[folder])


def parquet(table: pa.Table) -> bytes:
    """Write a table as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def joined(tables: list[pa.Table], schema: pa.Schema = ITEMS) -> pa.Table:
    """Put tables of a schema one below the other."""
    return pa.concat_tables([schema.empty_table(), *tables])


def _stamp(path: str) -> list[Any]:
    """Tell a file from what may stand in its place later."""
    try:
        stat = Path(path).stat()
    except OSError:
        return [path, None]
    return [path, stat.st_size, stat.st_mtime_ns]
