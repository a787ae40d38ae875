"""Whether a caption alone gives away that it is the wrong one, to a model that was trained to tell."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices.revision import libraries
from filters.grams import gained
from filters.held_out import FOLDS, MOST, HeldOut, group_numbers
from filters.probe import Floats, blind_probe, half, interval
from schemas.ids import row_seed
from schemas.tables import PROBES

Encode = Callable[[list[str]], npt.NDArray[np.float32]]
Key: TypeAlias = tuple[str | None, bool]  # operation (None: all), and whether of accepted pairs only

# Pairs that teach at most: those whose ids hash lowest, the same ones on any machine. Vectors are dense and cost more.
# Each classifier of words sees four fifths of them.
MOST_WORDS = MOST * FOLDS // (FOLDS - 1)
MOST_EMBEDDINGS = 5_000
# What is right is counted by part of the groups, so that memory does not grow with them. Groups of one part count as
# one, which leaves the interval what it is.
_PARTS = 2**14


class TextProbe:
    """Train linear classifiers to tell wrong captions from right ones, and count how often they do.

    By operation and for all together, on all usable pairs and on the accepted ones alone: what selection left to see.
    `add` takes shard after shard and keeps a sample of so many pairs as there are to learn from at most; `fit` trains;
    `score` takes the same shards again and judges all their pairs, each by a classifier that has seen no pair of its
    image; `table` says what came out. Shards may come in any order. The probe `embeddings` is cross-validated on the
    sample: `blind_probe` says how.
    """

    version = 3

    @staticmethod
    def identity() -> list[Any]:
        """Stage name, version, and what learns."""
        return ["text probes", TextProbe.version, *libraries("scikit-learn", "scipy")]

    def __init__(self, encode: Encode | None = None, alike: Mapping[str, str] | None = None) -> None:
        """Take what turns n captions into n x d vectors, for the probe `embeddings`; without, there is none.

        `alike` has the group of each image that is nearly another one: what was seen of one is not asked of the other.
        """
        self._encode, self._alike = encode, alike or {}
        self._sample: list[pa.Table] = []
        self._most = 4 * MOST_WORDS  # rows of the sample, before those are dropped that nobody will learn from
        self._tallies: dict[Key, _Tally] = {}
        self._vectors: list[dict[str, Any]] = []

    def add(self, rows: pa.Table) -> None:
        """Take usable rows of text_negative_id, image_id, operation, caption0 (right), caption1 (wrong), accepted."""
        seeds = [row_seed(name, 0, "text probe") for name in rows["text_negative_id"].to_pylist()]
        self._sample.append(rows.append_column("seed", pa.array(seeds, pa.int64())))
        if sum(map(len, self._sample)) > self._most:
            self._most = max(self._most, 2 * len(self._thinned()))

    def fit(self) -> None:
        """Train on the sample, and forget it."""
        if not self._sample:
            return
        rows = self._thinned()
        gains, groups = self._read(rows)
        seeds = rows["seed"].to_numpy()
        for key, places in _keys(rows):
            lowest = places[np.argsort(seeds[places])[:MOST_WORDS]]
            told = HeldOut.trained(gains[lowest], groups[lowest], seeds[lowest])
            if told is not None:
                self._tallies[key] = _Tally(told)
            if self._encode is not None:
                self._vectors += self._cross_validated(key, rows.take(pa.array(lowest[:MOST_EMBEDDINGS])))
        self._sample = []

    def score(self, rows: pa.Table) -> None:
        """Judge pairs; takes what `add` takes."""
        gains, groups = self._read(rows)
        for key, places in _keys(rows):
            if key in self._tallies:
                self._tallies[key].count(gains[places], groups[places])

    def table(self) -> pa.Table:
        """Return PROBES, without those that saw too few images to say anything."""
        words = [
            {"probe": "words", **_named(key), **tally.told} for key, tally in self._tallies.items() if tally.pairs.any()
        ]
        found = sorted(words + self._vectors, key=lambda row: (row["operation"] or "", row["selected"], row["probe"]))
        return pa.Table.from_pylist(found, PROBES)

    def _thinned(self) -> pa.Table:
        rows = pa.concat_tables(self._sample).combine_chunks()
        seeds, teaches = rows["seed"].to_numpy(), np.zeros(len(rows), np.bool_)
        for _, places in _keys(rows):
            teaches[places[np.argsort(seeds[places])[:MOST_WORDS]]] = True
        self._sample = [rows.filter(pa.array(teaches))]
        return self._sample[0]

    def _read(self, rows: pa.Table) -> tuple[Any, npt.NDArray[np.uint64]]:
        captions = (rows[name].to_pylist() for name in ("caption0", "caption1"))
        return gained(*captions), group_numbers(rows["image_id"].to_pylist(), self._alike)

    def _cross_validated(self, key: Key, rows: pa.Table) -> Iterator[dict[str, Any]]:
        if self._encode is None:
            return
        vectors = self._encode([*rows["caption0"].to_pylist(), *rows["caption1"].to_pylist()])
        groups = [self._alike.get(image, image) for image in rows["image_id"].to_pylist()]
        told = blind_probe(vectors[: len(rows)], vectors[len(rows) :], groups)
        if told is not None:
            known = {"pairs": told.n, "accuracy": told.accuracy, "low": told.low, "high": told.high}
            yield {"probe": "embeddings", **_named(key), **known}


@dataclass
class _Tally:
    """How many pairs a classifier was asked about and told right, by part of the groups."""

    classifier: HeldOut
    pairs: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(_PARTS, np.int64))
    right: Floats = field(default_factory=lambda: np.zeros(_PARTS))  # of halves: exact, in any order

    def count(self, gains: Any, groups: npt.NDArray[np.uint64]) -> None:
        parts = (groups % np.uint64(_PARTS)).astype(np.int64)
        self.pairs += np.bincount(parts, minlength=_PARTS)
        self.right += np.bincount(parts, half(self.classifier.scores(gains, groups)), _PARTS)

    @property
    def told(self) -> dict[str, Any]:
        there = self.pairs > 0
        low, high = interval(self.right[there], self.pairs[there])
        pairs = int(self.pairs.sum())
        return {"pairs": pairs, "accuracy": float(self.right.sum()) / pairs, "low": low, "high": high}


def _named(key: Key) -> dict[str, Any]:
    return {"operation": key[0], "selected": key[1]}


def _keys(rows: pa.Table) -> Iterator[tuple[Key, npt.NDArray[np.int64]]]:
    """Go through what probes are of, with the places of their rows."""
    accepted = rows["accepted"].to_numpy()
    by_operation: dict[str | None, list[int]] = defaultdict(list, {None: list(range(len(rows)))})
    for place, operation in enumerate(rows["operation"].to_pylist()):
        by_operation[operation].append(place)
    for operation, listed in by_operation.items():
        places = np.array(listed, np.int64)
        yield (operation, False), places
        if accepted[places].any():
            yield (operation, True), places[accepted[places]]
