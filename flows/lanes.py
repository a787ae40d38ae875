"""The lanes of a build: threads that wait for runners, those of workers and those of this machine's devices."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass

from flows.groups import Group
from flows.progress import Board
from flows.runner import Runner
from flows.runners import Inline
from flows.steps.step import Step
from flows.work import Work

Call = Callable[[str, Runner, tuple[Work, ...], frozenset[str], Callable[[int], None]], None]


class _Told:
    """Passes on what a long piece of work tells of itself, and counts it."""

    def __init__(self, board: Board, step: str) -> None:
        self._board, self._step, self.units = board, step, 0

    def __call__(self, units: int) -> None:
        self.units += units
        self._board.advance(self._step, units)


@dataclass
class _Running:
    on_device: bool
    batch: list[tuple[Work, Group | None]]
    told: _Told


class Lanes:
    """The threads that wait for runners: as many as these are wide."""

    def __init__(self, root: str, runner: Runner, on_device: Runner) -> None:
        """`on_device` makes what wants a device of this machine, unless the runner has devices of its own."""
        self._root = root
        self._inline = isinstance(runner, Inline) and isinstance(on_device, Inline)
        self._shared = runner.devices is not None or self._inline
        self._runners = {False: runner, True: runner if self._shared else on_device}
        self._widths = {False: runner.width, True: runner.devices or self._runners[True].width}
        # What waits for a device leaves the places of other work alone, unless that is the same places.
        self._one_lane = self._shared and not runner.devices
        width = runner.width if self._one_lane else sum(self._widths.values())
        self._threads = ThreadPoolExecutor(width, thread_name_prefix="build")
        self._running: dict[Future[None], _Running] = {}

    def width(self, step: Step) -> int:
        """How many batches of a step may run at once."""
        return self._widths[step.on_device]

    def has_room(self, step: Step) -> bool:
        """Tell whether one more batch of a step may begin now."""
        lane = [one for one in self._running.values() if self._one_lane or one.on_device == step.on_device]
        return len(lane) < self.width(step)

    def start(self, call: Call, batch: list[tuple[Work, Group | None]], over: frozenset[str], board: Board) -> None:
        """Have a batch made."""
        step, works = batch[0][0].step, tuple(work for work, _ in batch)
        runner, told = self._runners[step.on_device], _Told(board, step.name)
        board.begin(step.name)
        if self._inline:  # in this thread: an interruption ends it, and a debugger finds it
            future: Future[None] = Future()
            try:
                call(self._root, runner, works, over, told)
                future.set_result(None)
            except BaseException as error:
                future.set_exception(error)
                if not isinstance(error, Exception):
                    raise
        else:
            future = self._threads.submit(copy_context().run, call, self._root, runner, works, over, told)
        self._running[future] = _Running(step.on_device, batch, told)

    def finished(self, board: Board) -> Iterator[list[tuple[Work, Group | None]]]:
        """Wait until a batch has ended, and go through those that have; raises what one raised."""
        if not self._running:
            raise RuntimeError("the build stalls: nothing runs, and nothing can begin")
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        for future in done:
            one = self._running.pop(future)
            size = sum(work.step.size(work.inputs) for work, _ in one.batch)
            board.advance(one.batch[0][0].step.name, size - one.told.units)
            yield one.batch

    def give_up(self, grace: float) -> None:
        """Begin no more, and end the workers unless all that they do is done within so many seconds."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        all_done = False
        try:
            all_done = not wait(self._running, grace).not_done
        finally:  # nobody has to wait for the grace either
            if not all_done:
                for runner in self._each():
                    runner.kill()

    def close(self) -> None:
        """Wait for what runs, and let workers go; begin no more."""
        self._threads.shutdown(cancel_futures=True)
        for runner in self._each():
            runner.close()

    def _each(self) -> list[Runner]:
        return [self._runners[False]] if self._shared else list(self._runners.values())
