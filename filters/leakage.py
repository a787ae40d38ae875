"""Find the pairs of a corpus whose picture or caption a benchmark holds too."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.ids import digest
from schemas.tables import LEAKS
from schemas.words import bare

Hashes = npt.NDArray[np.uint64]
_AT_ONCE = 1 << 20  # comparisons held in memory


def caption_hash(caption: str) -> str | None:
    """Hash the bare words of a caption; None where it has none."""
    words = bare(caption)
    return digest("caption", words) if words else None


class Leakage:
    """Turn rows of pair_id, image_id, caption and phash into LEAKS, against PRINTS of benchmarks.

    A picture is a benchmark's where the encoded bytes are the same or, failing that, where the perceptual hashes differ
    by no more than `distance` bits of 64: then it was scaled or encoded anew. A caption is one where the bare words are
    the same, those of the benchmark's wrong captions too: who trains on these has seen the test. Every picture is
    compared with every one: a core makes about 1e9 comparisons a second, of a million pictures with 5,000 in 5 s.
    """

    version = 1

    def __init__(self, prints: pa.Table, name: str, distance: int) -> None:
        """Take rows of PRINTS, what names them, and the most bits that alike pictures differ by."""
        self._name, self._distance = name, distance
        known = prints.filter(pc.is_null(prints["trouble"]))
        pictures, captions = (known.filter(pc.equal(known["kind"], kind)) for kind in ("picture", "caption"))
        self._files, self._captions = _by_hash(pictures), _by_hash(captions)
        self._looks = dict(_by_benchmark(pictures.filter(pc.is_valid(pictures["phash"]))))

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, what benchmarks it knows, and how alike is alike."""
        return ["leakage", self.version, self._name, self._distance]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Find what the pairs share with benchmarks: a row for each benchmark and way, a picture's surest alone."""
        looks = dict(zip(table["image_id"].to_pylist(), table["phash"].to_pylist(), strict=True))
        pictures = {image: self._picture(image, found) for image, found in self._nearest(looks)}
        rows = [
            {"pair_id": pair, "benchmark": benchmark, **leak}
            for pair, image, caption in zip(*(table[n].to_pylist() for n in _NAMES), strict=True)
            for benchmark, leak in (*pictures[image].items(), *self._caption(caption))
        ]
        return pa.Table.from_pylist(rows, LEAKS)

    def _picture(self, image: str, nearest: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Tell what a picture is of each benchmark that has it."""
        same = {name: {"how": "picture", "distance": 0, "place": place} for name, place in self._files.get(image, ())}
        return dict(sorted((nearest | same).items()))

    def _caption(self, caption: str) -> Iterator[tuple[str, dict[str, Any]]]:
        name = caption_hash(caption)
        for benchmark, place in self._captions.get(name, ()) if name is not None else ():
            yield benchmark, {"how": "caption", "distance": None, "place": place}

    def _nearest(self, looks: dict[str, int | None]) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
        """Find for each picture the nearest alike one of each benchmark; of several as near, the first."""
        found: dict[str, dict[str, dict[str, Any]]] = {image: {} for image in looks}
        images = [image for image, look in looks.items() if look is not None]
        ours = np.array([looks[image] for image in images], np.uint64)
        for benchmark, (theirs, places) in self._looks.items():
            for part in np.array_split(np.arange(len(ours)), len(ours) * len(theirs) // _AT_ONCE + 1):
                apart = np.bitwise_count(ours[part, None] ^ theirs)
                nearest = apart.argmin(axis=1)
                for row in np.flatnonzero(apart.min(axis=1, initial=64) <= self._distance):
                    at = nearest[row]
                    leak = {"how": "alike", "distance": int(apart[row, at]), "place": places[at]}
                    found[images[part[row]]][benchmark] = leak
        yield from found.items()


_NAMES = ("pair_id", "image_id", "caption")


def _by_benchmark(prints: pa.Table) -> Iterator[tuple[str, tuple[Hashes, list[str]]]]:
    """Yield the perceptual hashes of each benchmark, and the places of its pictures."""
    for benchmark in pc.unique(prints["benchmark"]).to_pylist():
        own = prints.filter(pc.equal(prints["benchmark"], benchmark))
        yield benchmark, (own["phash"].to_numpy(), own["place"].to_pylist())


def _said(prints: pa.Table) -> Iterator[tuple[str, str]]:
    return zip(prints["benchmark"].to_pylist(), prints["place"].to_pylist(), strict=True)


def _by_hash(prints: pa.Table) -> dict[str, list[tuple[str, str]]]:
    """List benchmark and place of the first print of each hash in each benchmark."""
    found: dict[str, dict[str, str]] = {}
    for name, (benchmark, place) in zip(prints["sha256"].to_pylist(), _said(prints), strict=True):
        if name is not None:
            found.setdefault(name, {}).setdefault(benchmark, place)
    return {name: list(places.items()) for name, places in found.items()}
