"""Peak memory of a build for different numbers of pairs: it should hardly grow.

    python -m benchmarks.memory --pairs 3000 --pairs 30000 --pairs 300000

All captions differ, and the vocabulary grows with them (benchmarks/corpus.py). No model is loaded but spaCy's: what is
measured is the pipeline.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import ROOT, write_corpus
from benchmarks.scale import watched


def main() -> None:
    """Build each size in a process of its own and print its peak."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pairs", type=int, action="append", required=True)
    given = arguments.parse_args()
    for pairs in given.pairs:
        with tempfile.TemporaryDirectory() as folder:
            table = write_corpus(Path(folder) / "source", pairs)
            command = [sys.executable, "-m", "flows.cli", "build", str(ROOT / "configs" / "photos.yaml")]
            command += ["--source", str(table), "--out", str(Path(folder) / "dataset")]
            for setting in ("plausibility=null", "rewrite=null", "text.rank=null", "select={}"):
                command += ["--set", setting]
            seconds, peak = watched(command)
        print(
            f"{pairs:>9,} pairs: peak {peak / 1e6:,.0f} MB, {seconds:,.0f} s, {pairs / seconds:,.0f} pairs/s",
            flush=True,
        )


if __name__ == "__main__":
    main()
