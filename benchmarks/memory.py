"""Peak memory of a build for different numbers of pairs: it should be flat.

    python benchmarks/memory.py --pairs 3000 --pairs 30000 --pairs 300000

The captions of a source are repeated with images whose bytes differ behind their end, so that every copy
is an image of its own to the build. No language model is loaded: what is measured is the pipeline.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
FLICKR = ROOT.parent / "shared" / "data" / "flickr8k" / "captions.csv"


def main() -> None:
    """Build each size in a process of its own and print its peak."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pairs", type=int, action="append", required=True)
    arguments.add_argument("--source", type=Path, default=FLICKR if FLICKR.exists() else None)
    given = arguments.parse_args()
    source = given.source or ROOT / "examples" / "photos" / "captions.csv"
    for pairs in given.pairs:
        with tempfile.TemporaryDirectory() as folder:
            table = repeated(source, Path(folder), pairs)
            seconds, peak = measured(table, Path(folder) / "dataset")
        print(
            f"{pairs:>9,} pairs: peak {peak / 1e6:,.0f} MB, {seconds:,.0f} s, {pairs / seconds:,.0f} pairs/s",
            flush=True,
        )


def repeated(source: Path, folder: Path, pairs: int) -> Path:
    """Write a table of so many pairs, in a folder with images of their own."""
    with source.open(encoding="utf-8") as file:
        rows = [(row["image"], row["caption"]) for row in csv.DictReader(file)]
    images = folder / "images"
    images.mkdir()
    path = folder / "captions.csv"
    written: set[str] = set()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "caption"])
        for n in range(pairs):
            copy, (name, caption) = n // len(rows), rows[n % len(rows)]
            own = f"{copy}-{name}"
            if own not in written:
                written = {own} if len(written) > 1 else written | {own}
                (images / own).write_bytes((source.parent / "images" / name).read_bytes() + str(copy).encode())
            writer.writerow([own, caption])
    return path


def measured(table: Path, out: Path) -> tuple[float, int]:
    """Run a build and watch the memory of its process tree; returns seconds and the peak in bytes."""
    command = [sys.executable, "-m", "flows.cli", "build", str(ROOT / "configs" / "photos.yaml")]
    command += ["--source", str(table), "--out", str(out), "--set", "plausibility=null", "--set", "select={}"]
    started, peak = time.monotonic(), 0
    process = psutil.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            peak = max(peak, sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]))
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"the build of {table} failed with status {process.returncode}")
    return time.monotonic() - started, peak


if __name__ == "__main__":
    main()
