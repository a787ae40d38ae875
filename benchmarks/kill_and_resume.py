"""Kill a build at random moments and run it again each time: the end equals a build that ran through.

python benchmarks/kill_and_resume.py [--kills 20] [--source CAPTIONS.csv]
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from storage.dataset import Dataset

ROOT = Path(__file__).resolve().parent.parent
FLICKR = ROOT.parent / "shared" / "data" / "flickr8k" / "captions.csv"


def main() -> None:
    """Kill so many fresh builds, resume each, and compare every shard."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--source", type=Path, default=FLICKR)
    given = arguments.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        started = time.monotonic()
        finish(given.source, whole)
        lasts = time.monotonic() - started
        expected = content(whole)
        print(f"a whole build takes {lasts:.1f} s and has {len(expected)} shards", flush=True)
        for n in range(given.kills):
            out = Path(folder) / str(n)
            process = run(given.source, out)
            moment = rng.uniform(0.2, lasts)
            time.sleep(moment)
            finished = process.poll() is not None
            if not finished:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            left = len(list(out.rglob("*.parquet")))
            finish(given.source, out)
            if content(out) != expected:
                sys.exit(f"kill {n} at {moment:.2f} s: the builds differ")
            how = "had finished" if finished else f"left {left} shards"
            print(f"kill {n + 1:>2} at {moment:5.2f} s {how}; resumed and equal", flush=True)


def finish(source: Path, out: Path) -> None:
    """Run a build to its end; exit where it fails."""
    if run(source, out).wait() != 0:
        sys.exit(f"the build in {out} failed")


def run(source: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start a build in a process group of its own."""
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "build",
        str(ROOT / "configs" / "photos.yaml"),
        "--source",
        str(source),
    ]
    command += [
        "--out",
        str(out),
        "--set",
        "plausibility=null",
        "--set",
        "rewrite=null",
        "--set",
        "text.rank=null",
        "--set",
        "select={}",
        "--set",
        "ingest.shard_pairs=500",
    ]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=quiet, stderr=quiet)


def content(out: Path) -> dict[tuple[str, str], object]:
    """Read every shard that the current build names, all but the ledger's timings."""
    dataset = Dataset(str(out))
    shards = dataset.build().shards
    return {(t, s): dataset.read(t, s) for t, several in shards.items() if t != "ledger" for s in several}


if __name__ == "__main__":
    main()
