"""Refinement with `learned` of many negatives of one operation: seconds, peak memory, what is kept and still told.

    python -m benchmarks.learned [--rows 1000000] [--images 200000] [CAPTIONS.csv]

A negative is a caption with one word exchanged for another, as often as the corpus says it; in three of ten for one of
a few words that the generator likes. Gaps of plausibility and the like are drawn: normal, half a deviation above 0.
"""

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.text_negatives import read_pairs
from filters.balance import Refinement
from filters.text_probe import TextProbe
from schemas.config import Refine
from schemas.ids import digest
from schemas.tables import CANDIDATES

_SHARD = 5000
_LIKED = 200  # words
_GAPS = ("plausibility", "frequency", "acceptability")


def main() -> None:
    """Refine drawn negatives and print what it took, and how many pairs a new probe tells before and after."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--images", type=int, default=200_000)
    arguments.add_argument("captions", type=Path, nargs="?")
    given = arguments.parse_args()
    captions = read_pairs(given.captions)["caption"].to_pylist()
    stage = Refinement(Refine(signals={name: f"{name}_gap" for name in _GAPS}))
    before, adding = _peak(), 0.0
    for shard in drawn(captions, given.rows, given.images):
        started = time.perf_counter()
        stage.add(shard)
        adding += time.perf_counter() - started
    started = time.perf_counter()
    found = stage.table()
    seconds = time.perf_counter() - started
    kept = np.asarray(found["kept"])
    print(f"{given.rows:,} rows: {adding:.1f} s to add, {seconds:.1f} s to choose, peak memory {before:,.0f} MB before "
          f"and {_peak():,.0f} MB after; kept {kept.mean():.1%}")  # fmt: skip
    print(f"pairs told by words: {told(captions, given.rows, given.images, kept)}")


def drawn(captions: list[str], rows: int, images: int) -> Iterator[pa.Table]:
    """Draw rows of CANDIDATES, shard after shard; the same ones whenever asked."""
    words = [word for caption in captions for word in caption.split()]
    liked = np.random.default_rng(0).choice(words, _LIKED).tolist()
    for start in range(0, rows, _SHARD):
        rng, number = np.random.default_rng((1, start)), min(_SHARD, rows - start)
        made = []
        for row in range(start, start + number):
            original = _one(captions, rng).split()
            wrong = original.copy()
            wrong[rng.integers(len(wrong))] = _one(liked if rng.random() < 0.3 else words, rng)
            known = {"text_negative_id": digest(str(row)), "image_id": f"{row % images:064x}"}
            both = {"original": " ".join(original), "caption": " ".join(wrong), "operation": "replace_object"}
            made.append({**known, **both, **{f"{name}_gap": rng.normal(0.5) for name in _GAPS}})
        yield pa.Table.from_pylist(made, CANDIDATES)


def _one(some: list[str], rng: np.random.Generator) -> str:
    return some[rng.integers(len(some))]


def told(captions: list[str], rows: int, images: int, kept: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> str:
    """Train and test new classifiers of words."""
    probe = TextProbe()
    for take in (probe.add, probe.score):
        for number, shard in enumerate(drawn(captions, rows, images)):
            accepted = pa.array(kept[number * _SHARD : (number + 1) * _SHARD])
            columns = {"caption0": shard["original"], "caption1": shard["caption"], "accepted": accepted}
            known = {name: shard[name] for name in ("text_negative_id", "image_id", "operation")}
            take(pa.table(known | columns))
        if take == probe.add:
            probe.fit()
    found = {row["selected"]: row for row in probe.table().to_pylist() if row["operation"] is None}
    return ", ".join(f"{row['accuracy']:.3f} {'after' if after else 'before'}" for after, row in sorted(found.items()))


def _peak() -> float:
    """Peak resident memory of this process in MB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
