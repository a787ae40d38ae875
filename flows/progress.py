"""Show long work: what, how many of how many, at which rate, for how much longer."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_SECONDS_BETWEEN_LINES = 10.0
Advance = Callable[[int, int | None], None]


@contextmanager
def progress(what: str, unit: str, total: int | None = None) -> Iterator[Advance]:
    """Yield a function of (how many more are done, the total if it is known now).

    A bar on a terminal; elsewhere a line now and then, and one at the end of work that took a while. What is logged to
    `counterfoil` meanwhile is shown too.
    """
    console = Console(stderr=True)
    shown = _bar(console, what, unit, total) if console.is_terminal else _lines(what, unit, total)
    with _notes(console, what), shown as advance:
        yield advance


class _Notes(logging.Handler):
    """Shows what is logged, above the bar where there is one; in a flow run Prefect does, and keeps it."""

    def __init__(self, console: Console, what: str) -> None:
        super().__init__(logging.INFO)
        self._console, self._what = console, what

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(MissingContextError):
            if get_run_logger().isEnabledFor(record.levelno):
                get_run_logger().log(record.levelno, record.getMessage())
                return
        self._console.print(f"{self._what}: {record.getMessage()}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _notes(console: Console, what: str) -> Iterator[None]:
    log = logging.getLogger("counterfoil")
    notes, before = _Notes(console, what), (log.level, log.propagate)
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    log.propagate = False  # Prefect sets up the root logger
    try:
        yield
    finally:
        log.removeHandler(notes)
        log.level, log.propagate = before


@contextmanager
def _bar(console: Console, what: str, unit: str, total: int | None) -> Iterator[Advance]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<22}"),
        BarColumn(24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]} {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(what, total=total, unit=unit, rate="")

        def advance(more: int, known: int | None) -> None:
            bars.update(task, advance=more, total=known if known is not None else total)
            speed = bars.tasks[0].speed
            bars.update(task, rate=f"{speed:,.0f}/s" if speed else "")

        yield advance


@contextmanager
def _lines(what: str, unit: str, total: int | None) -> Iterator[Advance]:
    started = last = time.monotonic()
    done, known = 0, total

    def advance(more: int, now_known: int | None) -> None:
        nonlocal done, known, last
        done += more
        known = now_known if now_known is not None else known
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES and done:
            last = now
            rate = done / (now - started)
            left = f", {(known - done) / rate:,.0f} s left" if known else ""
            of = f" of {known:,}" if known else ""
            print(f"{what}: {done:,}{of} {unit}, {rate:,.0f}/s{left}", file=sys.stderr, flush=True)

    yield advance
    seconds = time.monotonic() - started
    if seconds >= _SECONDS_BETWEEN_LINES:
        print(f"{what}: {done:,} {unit} in {seconds:,.0f} s", file=sys.stderr, flush=True)
