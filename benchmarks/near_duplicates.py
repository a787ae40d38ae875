"""Near duplicates among many hashes: seconds, what comparing all with all would take, and peak memory.

    python benchmarks/near_duplicates.py [--images 1000000] [--distance 4]

Hashes are drawn in three ways: `even`, as of photos; `copies`, three of each photo with up to two bits changed;
`white`, as of pictures that have most in common: 24 bits differ, the others hardly ever.
"""

import argparse
import resource
import time

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.duplicates import near_duplicates

Hashes = npt.NDArray[np.uint64]
_SAMPLE = 4096


def main() -> None:
    """Search each kind and print what it took."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--images", type=int, default=1_000_000)
    arguments.add_argument("--distance", type=int, default=4)
    given = arguments.parse_args()
    rng = np.random.default_rng(0)
    ids = pa.array([f"{number:064x}" for number in rng.permutation(given.images)])
    for kind in ("even", "copies", "white"):
        hashes = drawn(kind, given.images, rng)
        images, before = pa.table({"image_id": ids, "phash": hashes}), _peak()
        started = time.perf_counter()
        found = near_duplicates(images, given.distance)
        seconds = time.perf_counter() - started
        ratio = all_with_all(hashes) / seconds
        print(f"{kind:7} {given.images:,} images: {seconds:.1f} s, {ratio:,.0f} times as fast as all with all; "
              f"{found.num_rows:,} found; peak memory {before:,.0f} MB before, {_peak():,.0f} MB")  # fmt: skip


def drawn(kind: str, images: int, rng: np.random.Generator) -> Hashes:
    """Draw hashes of one kind."""
    if kind == "copies":
        originals = rng.integers(2**64, size=images // 3 + 1, dtype=np.uint64)
        return flipped(rng.choice(originals, images), 2, 0.5, 0, rng)
    if kind == "white":
        return flipped(rng.integers(2**24, size=images, dtype=np.uint64), 3, 0.3, 24, rng)
    return rng.integers(2**64, size=images, dtype=np.uint64)


def flipped(hashes: Hashes, times: int, share: float, first: int, rng: np.random.Generator) -> Hashes:
    """Turn over one of the bits from `first` on, in a share of the hashes, several times."""
    for _ in range(times):
        turned = (rng.random(len(hashes)) < share).astype(np.uint64)
        hashes = hashes ^ (turned << rng.integers(first, 64, size=len(hashes), dtype=np.uint64))
    return hashes


def all_with_all(hashes: Hashes) -> float:
    """Estimate the seconds of comparing every two of them, from some."""
    some = hashes[:_SAMPLE]
    started = time.perf_counter()
    for row in range(0, len(some), 256):
        np.count_nonzero(np.bitwise_count(some[row : row + 256, None] ^ some) <= 4)
    return (time.perf_counter() - started) / len(some) ** 2 * len(hashes) ** 2 / 2


def _peak() -> float:
    """Peak resident memory of this process in MB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
