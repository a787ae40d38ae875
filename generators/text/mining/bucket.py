"""Who is held against whom among captions with the same rest: a few partners each, however many there are."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Vectors = Callable[[Ints], npt.NDArray[np.float32]]  # numbers of pictures -> pictures x dimensions, of unit length

_AT_ONCE = 2048  # captions that are held against one another by vectors: 16 MB of similarities


class Bucket(NamedTuple):
    """Captions with one rest, row by row."""

    phrases: Hashes  # those with the same one say the same
    alike: Hashes  # pictures that are one, or nearly
    pictures: Ints  # their numbers


class Pairs(NamedTuple):
    """Rows of a bucket, the first of each two above the second, and how alike their pictures are (NaN: not known)."""

    first: Ints
    second: Ints
    similarity: npt.NDArray[np.float32]


def paired(bucket: Bucket, most: int, vectors: Vectors | None) -> Pairs:
    """Pair captions that say another thing of another picture, each with up to `most` others.

    With vectors these are the ones whose pictures are most alike, among some two thousand at a time; without, they are
    spread evenly over all other phrases. Work and memory grow with the rows, not with their square.
    """
    rows = len(bucket.phrases)
    if vectors is None:
        return _spread(bucket, most)
    parts = [
        _nearest(bucket, np.arange(start, min(start + _AT_ONCE, rows)), most, vectors)
        for start in range(0, rows, _AT_ONCE)
    ]
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _spread(bucket: Bucket, most: int) -> Pairs:
    """Sort by phrase and go round: rows that are far apart there have different phrases."""
    rows = len(bucket.phrases)
    order = np.argsort(bucket.phrases, kind="stable")
    half = rows // 2
    steps = np.unique(np.linspace(1, half, min(half, max(1, most // 2)), dtype=np.int64))
    first = np.concatenate([order for _ in steps])
    second = np.concatenate([np.roll(order, -step) for step in steps])
    return _allowed(bucket, first, second, np.full(len(first), np.nan, np.float32))


def _nearest(bucket: Bucket, rows: Ints, most: int, vectors: Vectors) -> Pairs:
    seen = vectors(bucket.pictures[rows])
    similarity = seen @ seen.T
    differ = (bucket.phrases[rows, None] != bucket.phrases[None, rows]) & (
        bucket.alike[rows, None] != bucket.alike[None, rows]
    )
    similarity[~differ] = -np.inf
    few = min(most, len(rows))
    near = np.argpartition(-similarity, few - 1, axis=1)[:, :few]
    first, second = np.repeat(np.arange(len(rows)), few), near.ravel()
    return _allowed(bucket, rows[first], rows[second], similarity[first, second])


def _allowed(bucket: Bucket, first: Ints, second: Ints, similarity: npt.NDArray[np.float32]) -> Pairs:
    """Keep each pair of two phrases and two pictures once."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    _, once = np.unique(low * np.int64(len(bucket.phrases)) + high, return_index=True)
    differ = (bucket.phrases[low[once]] != bucket.phrases[high[once]]) & (
        bucket.alike[low[once]] != bucket.alike[high[once]]
    )
    kept = once[differ]
    return Pairs(low[kept], high[kept], similarity[kept])


def buckets(rests: Hashes) -> Iterator[slice]:
    """Divide sorted rests into rows of one each."""
    ends = np.flatnonzero(rests[1:] != rests[:-1]) + 1
    starts = [0, *ends.tolist()]
    for start, end in zip(starts, [*starts[1:], len(rests)], strict=True):
        yield slice(start, end)
