"""Show long work: what, how many of how many, at which rate, for how much longer; several pieces of work at once."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_SECONDS_BETWEEN_LINES = 10.0
Advance = Callable[[int, int | None], None]


@dataclass(slots=True)
class _Line:
    unit: str
    total: int | None = None
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)
    bar: TaskID | None = None


class Board:
    """What is going on, a line each: bars on a terminal; elsewhere a line of text now and then, and one at the end of
    work that took a while. Any thread may tell it something."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._lines: dict[str, _Line] = {}
        self._lock = threading.RLock()
        self._bars = _bars(self._console) if self._console.is_terminal else None

    def add(self, what: str, unit: str, more: int | None) -> None:
        """Tell of more work to be done; None where nobody knows how much."""
        with self._lock:
            line = self._lines.setdefault(what, _Line(unit))
            line.total = (line.total or 0) + more if more is not None else line.total
            if self._bars is not None:
                if line.bar is None:
                    line.bar = self._bars.add_task(what, total=line.total, unit=unit, rate="")
                self._bars.update(line.bar, total=line.total)

    def begin(self, what: str) -> None:
        """Tell that work begins: its time counts from here."""
        with self._lock:
            line = self._lines[what]
            if line.done == 0:
                line.started = line.told = time.monotonic()
                if self._bars is not None and line.bar is not None:
                    self._bars.reset(line.bar, total=line.total)

    def advance(self, what: str, more: int) -> None:
        """Tell that so much more is done."""
        if more <= 0:
            return
        with self._lock:
            line = self._lines[what]
            line.done += more
            if self._bars is not None and line.bar is not None:
                self._bars.update(line.bar, advance=more)
                speed = self._bars.tasks[self._bars.task_ids.index(line.bar)].speed
                self._bars.update(line.bar, rate=f"{speed:,.0f}/s" if speed else "")
                return
            now = time.monotonic()
            over = line.total is not None and line.done >= line.total
            if now - (line.started if over else line.told) >= _SECONDS_BETWEEN_LINES and line.done:
                line.told = now
                print(_told(what, line, now), file=sys.stderr, flush=True)

    def __enter__(self) -> "Board":
        self._notes = _notes(self._console)
        self._notes.__enter__()
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bars is not None:
            self._bars.stop()
        self._notes.__exit__(None, None, None)


def _told(what: str, line: _Line, now: float) -> str:
    seconds = now - line.started
    rate = line.done / seconds if seconds else 0.0
    if line.total is not None and line.done >= line.total:
        return f"{what}: {line.done:,} {line.unit} in {seconds:,.0f} s"
    left = f", {(line.total - line.done) / rate:,.0f} s left" if line.total and rate else ""
    of = f" of {line.total:,}" if line.total else ""
    return f"{what}: {line.done:,}{of} {line.unit}, {rate:,.0f}/s{left}"


def _bars(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<22}"),
        BarColumn(24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]} {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


@contextmanager
def progress(what: str, unit: str, total: int | None = None) -> Iterator[Advance]:
    """Yield a function of (how many more are done, the total if it is known now), for one piece of work."""
    with Board() as board:
        board.add(what, unit, total)
        known = total

        def advance(more: int, now_known: int | None) -> None:
            nonlocal known
            if now_known is not None and now_known != known:
                board.add(what, unit, now_known - (known or 0))
                known = now_known
            board.advance(what, more)

        yield advance


class _Notes(logging.Handler):
    """Shows what is logged, above the bars where there are any; in a flow run Prefect does, and keeps it."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        log = _log_of_the_run()
        if log is not None and log.isEnabledFor(record.levelno):
            log.log(record.levelno, record.getMessage())
            return
        self._console.print(record.getMessage(), markup=False, highlight=False, soft_wrap=True)


def _log_of_the_run() -> Any:
    """Return the logger of a flow run; None outside of one, where Prefect, which takes a second, need not be there."""
    if "prefect" not in sys.modules:
        return None
    from prefect.exceptions import MissingContextError
    from prefect.logging import get_run_logger

    with suppress(MissingContextError):
        return get_run_logger()
    return None


@contextmanager
def _notes(console: Console) -> Iterator[None]:
    log = logging.getLogger("counterfoil")
    notes, before = _Notes(console), (log.level, log.propagate)
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    log.propagate = False  # Prefect sets up the root logger
    try:
        yield
    finally:
        log.removeHandler(notes)
        log.level, log.propagate = before
