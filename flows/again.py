"""Doing work again: after trouble that may pass, and where a shard that it needs was damaged."""

import sys
from collections.abc import Callable
from time import sleep
from typing import Any, ParamSpec, TypeVar

from prefect.client.schemas.objects import State

from schemas.errors import InputError
from storage.dataset import DamagedShardError, Dataset
from storage.trouble import may_pass

P = ParamSpec("P")
R = TypeVar("R")
DELAYS = (2, 20)  # seconds before the second and the third try


def worth_another_try(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Tell Prefect whether a task that failed should be tried again."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and may_pass(error)


def steadily(work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Call a function, again after each delay where it met trouble that may pass: Prefect's rule, without Prefect."""
    for delay in DELAYS:
        try:
            return work(*arguments, **named)
        except Exception as error:
            if not may_pass(error):
                raise
            told = " ".join(str(error).split())[:200] or type(error).__name__
            print(f"counterfoil: {told}; trying again in {delay} s", file=sys.stderr, flush=True)
            sleep(delay)
    return work(*arguments, **named)


def mended(dataset: Dataset, work: Callable[[], R]) -> R:
    """Do work over shards; where one is found damaged, remove it and do the work again, which makes it anew.

    Raises InputError where the same shard is damaged twice: then the disk is, or somebody keeps removing it.
    """
    seen: set[str] = set()
    while True:
        try:
            return work()
        except DamagedShardError as damage:
            if damage.path in seen:
                raise InputError(
                    f"{damage.path}: made anew, and damaged or gone again; see whether the disk is sound, "
                    "or who else changes this dataset"
                ) from damage
            seen.add(damage.path)
            print(f"counterfoil: {damage.path}: {damage.why}; it is made anew", file=sys.stderr, flush=True)
            dataset.remove(damage.table, damage.shard)
