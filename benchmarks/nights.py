"""Nights on which nothing is new: how many pictures ingest reads, and how long it takes, the first time and after.

    python -m benchmarks.nights --pictures 2000 --kilobytes 150

The difference is what a disk, or a network, has to give; on a disk whose pages are in memory it is the least.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from schemas.config import Ingest, Source
from storage import seen
from storage.dataset import Build, Dataset
from storage.ingest import TABLES, ingest
from storage.sources import stamps
from tests.pictures import make_csv_source


def main() -> None:
    """Ingest the same source three times: new, known to the tables alone, and known by its files too."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pictures", type=int, default=2000)
    arguments.add_argument("--kilobytes", type=int, default=150)
    given = arguments.parse_args()
    reads: list[int] = []
    real = seen.read_image

    def counted(location: str) -> bytes:
        data = real(location)
        reads.append(len(data))
        return data

    seen.read_image = counted
    with tempfile.TemporaryDirectory() as folder:
        source = make_csv_source(Path(folder) / "source", images=given.pictures)
        padding = np.random.default_rng(0).bytes(given.kilobytes * 1000)
        for path in source.parent.rglob("*.png"):
            path.write_bytes(path.read_bytes() + padding)  # what follows a picture's end is no part of it
        time.sleep(stamps.TICK + 0.1)
        dataset, previous = Dataset(f"{folder}/out"), None
        for night in ("the first night", "nothing new, the memory removed", "nothing new"):
            if night.endswith("removed"):
                for path in Path(folder, "out", "seen").iterdir():
                    path.unlink()
            reads.clear()
            started = time.perf_counter()
            found = ingest(Source(path=str(source)), Ingest(), dataset, previous)
            seconds = time.perf_counter() - started
            previous = Build("b", dict.fromkeys(TABLES, found.shards), {}, {}, {}, "", "")
            print(f"{night}: {seconds:.2f} s, {len(reads):,} pictures read, {sum(reads) / 1e6:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
