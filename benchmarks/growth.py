"""A dataset of many shards: how long it takes to open, to ask, to build again without a change, and with a small one.

    python -m benchmarks.growth                                          # 1,000 shards, 1,000,000 negatives
    python -m benchmarks.growth --shards 10000 --negatives 10000000      # half an hour, 12 GB of disk
    python -m benchmarks.growth --folder /data/growth                    # kept there, and taken from there again

Rows are copies with ids and words of their own; names, shards, ledgers, manifests and the build are what the engine
makes of any. Each figure is of a process of its own. What is not in it: ingest, which reads the source, and the making.
"""

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Set
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.copies import Copies, ledger
from benchmarks.corpus import ROOT
from flows.build import described, kept_lexicon
from flows.engine import Engine
from flows.groups import Group
from flows.progress import Board
from flows.publish import moment, publish
from flows.runner import Runner
from flows.stages import stages
from flows.work import Work
from schemas.config import BuildConfig, Compute, load_config
from schemas.ids import fingerprint
from schemas.tables import TABLES
from storage.catalog import connect
from storage.dataset import Dataset
from storage.presence import Presence

_INGESTED = ("images", "pairs", "rejects", "units")
_MACROS = (
    "acceptance_by_method()", "acceptance_by_operation()", "why_dropped()", "captions_without_negatives()",
    "why_pictures_dropped()", "pictures_by_operation()", "examples_of('implausible', 5)", "hardest(10)",
    "blind_accuracy()", "text_probes()", "refinement_by_operation()", "precision_and_recall()",
    "checks_against_truth()", "matching_scores('judge')", "yield_of_checks()", "cost_of_accepted()",
    "cost_by_method()", "human_agreement()", "time_by_stage()", "help()", "runs", "reasons",
)  # fmt: skip
_ROLES = {"plausibility": "language", "words": "words", "align with judge": "judge"}  # by step


class Took:
    """Seconds by part: of the clock, and of all cores together, which a busy machine changes less."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}
        self.written = 0  # bytes

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Take the time of a part."""
        started, worked = time.perf_counter(), time.process_time()
        yield
        self.seconds[part] = time.perf_counter() - started, time.process_time() - worked


class Growth:
    """One dataset of the benchmark."""

    def __init__(self, folder: Path, negatives: int) -> None:
        self.dataset, self.copies = Dataset(str(folder)), Copies(negatives)
        self.config: BuildConfig = load_config(
            str(ROOT / "configs" / "photos.yaml"),
            ["rewrite=null", "text.rank=null", "select={}", f"judge={{model: 'local-dir:{ROOT}/models/shapes-clip'}}"],
            "growth.csv",
        )
        self.steps = stages(self.config)

    def groups(self, shards: int) -> list[Group]:
        """List the groups of so many shards of pairs."""
        names = [fingerprint("growth", number) for number in range(shards)]
        self._numbers = {name: number for number, name in enumerate(names)}
        return [Group(number, "rules", self.copies.captions, name) for number, name in enumerate(names)]

    def ingest(self, groups: list[Group]) -> None:
        """Write the shards that a source would come to."""
        for group in groups:
            if not self.dataset.has("pairs", group.pairs):
                made = {table: self.copies.rows(table, group.number) for table in _INGESTED}
                self.dataset.write_work(group.pairs, ledger("ingest", group.pairs), made)

    def build(self, shards: int, call: Callable[..., None]) -> Took:
        """Do what a build does once the source is read; returns seconds of its parts."""
        took, started = Took(), moment(self.dataset)
        groups, previous = self.groups(shards), self.dataset.current()
        with took("engine"), Board() as board:
            engine = Engine(self.steps, self.dataset, groups, call, board, Presence(self.dataset, previous))
            lexicon = kept_lexicon(self.dataset, self.config, self.steps, groups, previous)
            if lexicon is not None:
                engine.keep("describe", lexicon["fingerprint"])
            made = engine.run(Compute(runner="inline"))
        lexicon = lexicon or described(self.steps, groups, made.corpus["describe"])
        ingested = {table: [group.pairs for group in groups] for table in _INGESTED}
        with took("publish"):
            publish(self.dataset, self.config, {**ingested, **made.shards(self.steps)}, lexicon, started)
        return took

    def copy(
        self, _root: str, _runner: Runner, batch: tuple[Work, ...], _over: Set[str], _advance: Callable[[int], None]
    ) -> None:
        """Write, in place of what a batch of work would make, copies."""
        for work in batch:
            name, table = work.step.name, work.step.table
            number = self._numbers[work.inputs.one("pairs")] if work.step.over == "group" else -1
            if name in _ROLES:
                rows = self.copies.scores(_ROLES[name], number)
            else:
                rows = self.copies.rows(table, number) if number >= 0 else TABLES[table].empty_table()
            self.dataset.write_work(work.shard, ledger(name, work.shard), {table: rows})


def _made(folder: Path, negatives: int, shards: int) -> Took:
    growth = Growth(folder, negatives)
    os.fsync = lambda _: None  # many small files: how long a disk takes to sync them is not the question
    growth.ingest(growth.groups(shards))
    return growth.build(shards, growth.copy)


def _opened(folder: Path, *_: Any) -> Took:
    took = Took()
    with took("connect"):
        connect(Dataset(str(folder))).close()
    return took


def _asked(folder: Path, *_: Any) -> Took:
    took = Took()
    with connect(Dataset(str(folder))) as connection:
        for macro in _MACROS:
            with took(macro):
                connection.sql(f"FROM {macro}").fetchall()
        [(pair,)] = connection.sql("SELECT pair_id FROM pairs LIMIT 1 OFFSET 777").fetchall()
        with took("candidates of a pair"):
            connection.execute("SELECT count(*) FROM candidates WHERE pair_id = ?", [pair]).fetchall()
    return took


def _unchanged(folder: Path, negatives: int, shards: int) -> Took:
    growth = Growth(folder, negatives)
    before = growth.dataset.builds()
    took = growth.build(shards, _never)
    if growth.dataset.builds() != before:
        print("(it has made another build: what was there was built by an older version)")
    return took


def _night(folder: Path, negatives: int, shards: int) -> Took:
    """One more shard, of ten photos."""
    growth = Growth(folder, negatives)
    growth.copies.captions = 10 * 5
    began = time.time()
    growth.ingest(growth.groups(shards + 1)[shards:])
    took = growth.build(shards + 1, growth.copy)
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    took.written = sum(stat.st_size for stat in stats if stat.st_mtime >= began)
    return took


def _never(*_: Any) -> None:
    raise SystemExit("a build without a change made a shard")


def _measured(name: str, part: Callable[..., Took], *given: Any) -> None:
    """Run one part in a process of its own; print its seconds and peak memory."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        took = pool.submit(part, *given).result()
        peak = pool.submit(_peak).result()
    for what, (seconds, of_cores) in took.seconds.items():
        print(f"{name:<10} {what:<32} {seconds:8.2f} s, {of_cores:8.2f} s of cores")
    written = f", {took.written / 1e6:,.1f} MB written" if took.written else ""
    print(f"{name:<10} {'peak':<32} {peak / 1000:8,.0f} MB{written}", flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes on Linux


def main() -> None:
    """Make a dataset, or take one that is there, and measure."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--shards", type=int, default=1_000)
    arguments.add_argument("--negatives", type=int, default=1_000_000)
    arguments.add_argument("--folder", type=Path, help="where the dataset is kept; else a temporary one")
    arguments.add_argument("--part", action="append", choices=sorted(_PARTS), help="measure this alone")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        of = (given.folder or Path(temporary) / "dataset", given.negatives // given.shards, given.shards)
        if not (of[0] / "builds").exists():
            _measured("made", _made, *of)
        for part in given.part or _PARTS:
            _measured(part, _PARTS[part], *of)


_PARTS = {"connect": _opened, "ask": _asked, "unchanged": _unchanged, "night": _night}

if __name__ == "__main__":
    main()
