"""One build of different captions in one process, in two, on Ray and on Dask: seconds, memory, and equal shards.

    python -m benchmarks.scale --pairs 30000 --runner inline --runner processes --runner ray --runner dask

No model is loaded but spaCy's: what is measured is the text work, the probes and the pipeline. Seconds by step are
those of all workers together. Run it on a quiet machine: what counts is the ratio to the first runner.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.corpus import ROOT, write_corpus
from storage.catalog import connect
from storage.dataset import Dataset

# A table of a build but what it cost.
_LEFT_OUT = {"ledger"}


@dataclass(frozen=True)
class Run:
    """What one build took."""

    runner: str
    seconds: float
    peak: int  # bytes of all processes together; what they share counts each time
    steps: dict[str, float]
    shards: dict[str, list[str]]


def main() -> None:
    """Build the same corpus with each runner and compare."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pairs", type=int, default=30_000)
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--runner", action="append", choices=("inline", "processes", "ray", "dask"))
    arguments.add_argument("--config", type=Path, default=ROOT / "configs" / "photos.yaml")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = write_corpus(Path(folder) / "source", given.pairs)
        runs = []
        for runner in given.runner or ["inline", "processes"]:
            runs.append(measured(table, Path(folder) / runner, given.config, runner, given.workers))
            told(runs[-1], runs[0], given.pairs)


def measured(table: Path, out: Path, config: Path, runner: str, workers: int) -> Run:
    """Run one build in a process of its own and watch the memory of its process tree."""
    settings = [
        "plausibility=null",
        "rewrite=null",
        "text.rank=null",
        "select={refine: {}}",
        f"compute.runner={runner}",
    ]
    command = [sys.executable, "-m", "flows.cli", "build", str(config), "--source", str(table), "--out", str(out)]
    command += [part for setting in (*settings, f"compute.workers={workers}") for part in ("--set", setting)]
    seconds, peak = watched(command)
    dataset = Dataset(str(out))
    build = dataset.build()
    with connect(dataset, build) as connection:
        steps = {stage: took for stage, _, took in connection.sql("FROM time_by_stage()").fetchall()}
    return Run(runner, seconds, peak, steps, {t: s for t, s in build.shards.items() if t not in _LEFT_OUT})


def watched(command: list[str]) -> tuple[float, int]:
    """Run a command; returns its seconds, and the peak memory of its process tree in bytes."""
    started, peak = time.monotonic(), 0
    process = psutil.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            peak = max(peak, sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]))
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with status {process.returncode}")
    return time.monotonic() - started, peak


def told(run: Run, first: Run, pairs: int) -> None:
    """Print what a build took, and how it compares with the first."""
    same = "the same shards" if run.shards == first.shards else "OTHER SHARDS"
    print(
        f"{run.runner}: {run.seconds:,.0f} s, {pairs / run.seconds:,.0f} captions/s, "
        f"{first.seconds / run.seconds:.2f} times {first.runner}, peak {run.peak / 1e6:,.0f} MB, {same}"
    )
    for step, seconds in sorted(run.steps.items(), key=lambda step: -step[1])[:8]:
        print(f"    {step}: {seconds:,.1f} s, {pairs / seconds if seconds else 0:,.0f} captions/s", flush=True)


if __name__ == "__main__":
    main()
