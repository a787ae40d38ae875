"""Models for the length of a step: loaded once in each process that needs them, given back when nobody will again."""

import threading
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from devices.memory import give_back

T = TypeVar("T")
_step: ContextVar[str] = ContextVar("step", default="")
_advance: ContextVar[Callable[[int], None] | None] = ContextVar("advance", default=None)
_loaded: dict[tuple[Any, ...], Any] = {}
_users: dict[tuple[Any, ...], set[str]] = {}
_lock = threading.RLock()


def loaded(kind: Callable[..., T], *how: Any) -> T:
    """Return what `kind(*how)` makes, the same object each time: stages hold models. `how` is hashable."""
    key = (kind, *how)
    with _lock:
        if key not in _loaded:
            _loaded[key] = kind(*how)
        _users.setdefault(key, set()).add(_step.get())
        made: T = _loaded[key]
        return made


@contextmanager
def working_for(step: str, advance: Callable[[int], None] | None = None) -> Iterator[None]:
    """Say which step works here, and whom to tell how far it is."""
    tokens = _step.set(step), _advance.set(advance)
    try:
        yield
    finally:
        _step.reset(tokens[0])
        _advance.reset(tokens[1])


def advanced(units: int) -> None:
    """Tell whoever watches that so many units of a long piece of work are done."""
    advance = _advance.get()
    if advance is not None:
        advance(units)


def release(over: Set[str]) -> None:
    """Give back what only these steps have used, which are over."""
    with _lock:
        gone = [key for key, users in _users.items() if users - {""} and users - {""} <= over]
        for key in gone:
            del _loaded[key], _users[key]
    if gone:
        give_back()


def forget() -> None:
    """Give back all that steps have used."""
    with _lock:
        release(frozenset().union(*_users.values()))
