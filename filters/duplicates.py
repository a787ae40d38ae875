"""Find images that look alike by their perceptual hashes, exactly and without comparing all with all."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import NEAR_DUPLICATES

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

VERSION = 2  # raise it where other rows come out for the same images
_BITS = 64
_FEW = 128  # hashes of one band that are compared in step with those of all other bands
_WORTH = 128  # queries a band: with fewer, comparing all is faster than sorting by bands once more
_AT_ONCE = 1 << 20  # comparisons held in memory


def near_duplicates(images: pa.Table, distance: int) -> pa.Table:
    """Turn image_id (distinct) and phash into NEAR_DUPLICATES: each image with its most alike one of smaller id.

    Of several that are equally alike, the one of smallest id. Images without a hash are like none.

    Beside the table it takes some 150 bytes an image; for a million, 10 s to two minutes of one core
    (benchmarks/near_duplicates.py).
    """
    known = images.filter(pc.is_valid(images["phash"])).sort_by("image_id")
    hashes = known["phash"].to_numpy()
    # From here on an image is its place in the order of ids: a smaller id is an earlier place.
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    nearest, bits = first[group], np.zeros(len(hashes), np.int32)
    firsts = np.sort(first)
    search = _Search(hashes[firsts], distance)
    alike = search.nearest >= 0
    nearest[firsts[alike]] = firsts[search.nearest[alike]]
    bits[firsts] = search.bits
    found = np.flatnonzero(nearest < np.arange(len(hashes)))
    columns = [known["image_id"].take(pa.array(places)) for places in (found, nearest[found])]
    return pa.table([*columns, pa.array(bits[found])], schema=NEAR_DUPLICATES)


def groups_of(alike: pa.Table) -> dict[str, str]:
    """Name the group of each image of NEAR_DUPLICATES: the image that one comes to from alike to alike.

    It is the smallest id of its group. An image that is not in the table is a group of its own, under its own id. Two
    images that are alike may be of two groups where each is more alike another one.
    """
    of = dict(zip(alike["image_id"].to_pylist(), alike["near_duplicate_of"].to_pylist(), strict=True))
    for image in sorted(of):  # each points to a smaller id, whose group is known by then
        of[image] = of.get(of[image], of[image])
    return of


class _Search:
    """For each of n different hashes, the nearest earlier one within some bits.

    Radius after radius, from 1 bit on: what has found an earlier one has its nearest, and asks no more. So where many
    hashes lie close together, as those of pictures with white grounds do, few still ask when the radius is large: any
    two that do are further apart than the radius before.

    Two hashes within r bits agree in at least one of r + 1 bands of bits (the pigeonhole principle). Hashes that share
    a band are sorted together and compared; where they are many they are cut into bands once more, of those bits in
    which they differ among themselves (so that bits that are the same in a whole corpus cost nothing), until they are
    few or bands would no longer tell them apart. Comparisons are made in pieces: memory is linear in n, whatever the
    hashes.
    """

    def __init__(self, hashes: Hashes, distance: int) -> None:
        self._hashes = hashes
        self.nearest: Places = np.full(len(hashes), -1, np.int64)  # place of the nearest earlier one, or -1
        self.bits = np.zeros(len(hashes), np.int32)  # in which the two differ
        self._asks = np.ones(len(hashes), np.bool_)
        for radius in range(1, distance + 1):
            # Bands of so few bits tell nothing apart: the rest is compared at once.
            self._radius = radius if _shrinks(_BITS, radius) else distance
            self._best = np.full(len(hashes), self._unknown)
            self._compare(np.arange(len(hashes)))
            found = self._best < self._unknown
            self.bits[found], self.nearest[found] = np.divmod(self._best[found], len(hashes))
            self._asks &= ~found
            if self._radius == distance:
                return

    @property
    def _unknown(self) -> int:
        # Distance and place in one number: the smallest is the nearest, and the earliest of the nearest.
        return (self._radius + 1) * len(self._hashes)

    def _compare(self, places: Places) -> None:
        """Compare some hashes, in order of place, each that still asks with the earlier ones."""
        asking = places[self._asks[places]]
        if not len(asking):
            return
        hashes = self._hashes[places]
        told = _told(hashes)
        if len(asking) <= _WORTH * (self._radius + 1) or not _shrinks(told.sum(), self._radius):
            self._compare_all(asking, places)
            return
        bits = np.argsort(-told, kind="stable").astype(np.uint64)
        for band in range(self._radius + 1):  # each gets as many of those bits that tell most
            mask = np.bitwise_or.reduce(np.uint64(1) << bits[band :: self._radius + 1])
            for many in self._compare_few(hashes, hashes & mask, places):
                self._compare(many)

    def _compare_few(self, hashes: Hashes, bands: Hashes, places: Places) -> Iterator[Places]:
        """Compare those that share a band, if they are few; give back the others, band by band."""
        order = np.argsort(bands, kind="stable")
        hashes, bands, places = hashes[order], bands[order], places[order]
        starts = np.flatnonzero(np.r_[True, bands[1:] != bands[:-1]])
        sizes = np.diff(np.r_[starts, len(bands)])
        few = np.repeat(sizes <= _FEW, sizes)
        # How many of its band come before each: the first step takes the one before, the next the one before that.
        before = np.arange(len(bands)) - np.repeat(starts, sizes)
        at = np.flatnonzero(few & (before > 0) & self._asks[places])
        step = 1
        while len(at):
            for piece in np.array_split(at, len(at) // _AT_ONCE + 1):
                piece = piece[self._near(hashes[piece], hashes[piece - step])]
                self._note(places[piece], places[piece - step])
            step += 1
            at = at[before[at] >= step]
        for start, size in zip(starts[sizes > _FEW], sizes[sizes > _FEW], strict=True):
            yield places[start : start + size]

    def _near(self, ours: Hashes, theirs: Hashes) -> npt.NDArray[np.bool_]:
        near: npt.NDArray[np.bool_] = np.bitwise_count(ours ^ theirs) <= self._radius
        return near

    def _note(self, later: Places, earlier: Places) -> None:
        apart = np.bitwise_count(self._hashes[later] ^ self._hashes[earlier])
        np.minimum.at(self._best, later, apart.astype(np.int64) * len(self._hashes) + earlier)

    def _compare_all(self, asking: Places, places: Places) -> None:
        hashes, rows = self._hashes[places], max(1, _AT_ONCE // len(places))
        for start in range(0, len(asking), rows):
            some = asking[start : start + rows]
            earlier = np.searchsorted(places, some[-1])
            for column in range(0, earlier, _AT_ONCE):
                part = slice(column, min(earlier, column + _AT_ONCE))
                near = self._near(self._hashes[some, None], hashes[part])
                row, of = np.divmod(np.flatnonzero(near), part.stop - part.start)  # far faster than nonzero of rows
                later, other = some[row], places[part][of]
                self._note(later[other < later], other[other < later])


def _told(hashes: Hashes) -> npt.NDArray[np.float64]:
    """Return what each of the 64 bits tells of these hashes: its entropy in bits, of some of them."""
    some = hashes[:: len(hashes) // _BITS**2 + 1]
    share = (some[:, None] >> np.arange(_BITS, dtype=np.uint64) & np.uint64(1)).mean(axis=0)
    sides = np.stack([share, 1 - share])
    told: npt.NDArray[np.float64] = -(sides * np.log2(sides, where=sides > 0, out=np.zeros_like(sides))).sum(axis=0)
    return told


def _shrinks(bits: float, radius: int) -> bool:
    """Tell whether cutting hashes of so many bits into radius + 1 bands leaves less than half of the work."""
    return bool(2 * (radius + 1) < 2 ** (bits / (radius + 1)))
