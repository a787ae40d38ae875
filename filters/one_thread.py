"""Regressions on one thread: the same bits on any number of cores, and sooner on a busy machine."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Have the libraries of linear algebra take one thread: threads that wait for one another took 5 times as long
    where others were at work too."""
    limits: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limits


@cache
def _libraries() -> Any:
    """Find these libraries: once, for it reads what the process has mapped, which takes as long as a small fit."""
    import sklearn.linear_model  # noqa: F401  # and so all that it computes with is there to be found
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()
