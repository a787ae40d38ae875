"""The making of shards, wherever it runs: a shard that is there is whole, and nothing is done."""

import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from devices.revision import HubCommits, agree_on
from flows import models
from flows.groups import Inputs
from flows.steps.step import Step
from schemas.stage import ledger_of
from schemas.tables import LEDGER
from storage.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Work:
    """One shard to be made."""

    step: Step
    inputs: Inputs
    shard: str


def perform(
    root: str,
    batch: tuple[Work, ...],
    over: Set[str],
    advance: Callable[[int], None] | None = None,
    commits: HubCommits | None = None,
) -> None:
    """Make shards, one after the other; models of the steps that are `over` are given back first.

    `commits` are those of hub models by which whoever sends the work has named the shards. Raises what a step raises;
    what was made before stays.
    """
    models.release(over)
    agree_on(commits or {})
    dataset = _dataset(root)
    for work in batch:
        with models.working_for(work.step.name, advance):
            _make(dataset, work)


@lru_cache(maxsize=4)
def _dataset(root: str) -> Dataset:
    return Dataset(root)


def _make(dataset: Dataset, work: Work) -> None:
    step, shard = work.step, work.shard
    if dataset.has(step.table, shard):
        return
    started = time.perf_counter()
    rows = step.make(dataset, work.inputs)
    ledger = ledger_of(rows, step.name, shard)
    if ledger["check_name"].null_count == 0:  # nothing is said of the work itself
        known = {"stage": step.name, "shard": shard, "rows_out": rows.num_rows}
        work = pa.Table.from_pylist([{**known, "seconds": time.perf_counter() - started}], LEDGER)
        ledger = pa.concat_tables([work, ledger])
    dataset.write_work(shard, ledger, {step.table: rows.replace_schema_metadata(None)})
