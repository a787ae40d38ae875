"""Where work runs: in this process, in processes of this machine, on a cluster (flows/clusters.py).

A runner makes a batch of shards and comes back; the engine calls it from as many threads as it is wide. Workers get
names and settings and write what they make themselves, so a worker that is killed costs its batch, which is made again
by another one.
"""

import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Sequence, Set
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from devices import cores, device_count, take_device
from devices.revision import hub_commits
from flows import frugal
from flows.clusters import OnDask, OnRay
from flows.runner import GIVEN_UP, LIVES, Advance, Runner, killed
from flows.work import Work, perform
from schemas.config import Compute
from schemas.errors import InputError


@dataclass(frozen=True)
class Place:
    """What a process of this machine may use."""

    threads: int  # of numeric libraries
    device: int | None = None  # the only one that it sees, by number


def runner_of(compute: Compute) -> Runner:
    """Return the runner that a config names.

    Raises InputError where the package that it needs is not installed, or no cluster answers.
    """
    kinds: dict[str, Callable[[Compute], Runner]] = {
        "inline": lambda _: Inline(), "processes": _on_cores, "ray": OnRay, "dask": OnDask,
    }  # fmt: skip
    return kinds["processes" if compute.runner == "auto" else compute.runner](compute)


def device_runner_of(compute: Compute) -> Runner:
    """Return the runner of steps that want a device of this machine: this process or, where a config names none and
    there are several, a process for each."""
    several = 1 if compute.runner == "inline" else device_count(compute.device)
    if several == 1:
        return Inline()
    return Processes([Place(max(1, cores() // several), device) for device in range(several)])


def _on_cores(compute: Compute) -> Runner:
    width = cores(compute.workers)
    return Processes([Place(max(1, cores() // width))] * width)


class Inline:
    """This process, one batch after the other."""

    width = 1
    devices = None

    def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Advance) -> None:
        """Make a batch here."""
        perform(root, batch, over, advance)

    def kill(self) -> None:
        """Nothing to end but this process itself."""

    def close(self) -> None:
        """Nothing to let go."""


class Processes:
    """Processes of this machine, started when first needed, each with its share of the cores."""

    devices = None

    def __init__(self, places: Sequence[Place]) -> None:
        """Have a process in each of these places."""
        self.width = len(places)
        # One pool for each process: when one dies, the others' work is not lost with it.
        self._idle: queue.LifoQueue[tuple[Place, ProcessPoolExecutor | None]] = queue.LifoQueue()
        for place in places:
            self._idle.put((place, None))
        self._started: set[ProcessPoolExecutor] = set()
        self._lock, self._given_up = threading.Lock(), False

    def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Advance) -> None:  # noqa: ARG002
        """Make a batch in a process that is idle, or in a new one."""
        place, worker = self._idle.get()
        try:
            for life in range(LIVES):
                worker = worker or self._start(place)
                try:
                    self._submitted(worker, root, batch, over).result()
                    return
                except BrokenProcessPool:
                    self._end(worker)
                    worker = None
                    if self._given_up or life == LIVES - 1:
                        raise InputError(killed(batch)) from None
        finally:
            self._idle.put((place, worker))

    def kill(self) -> None:
        """End the processes now, whatever they do; what waits for them is told that they were killed."""
        with self._lock:
            self._given_up = True
            for worker in self._started:
                for process in list((worker._processes or {}).values()):
                    process.kill()

    def close(self) -> None:
        """End the processes; none may be at work."""
        for worker in list(self._started):
            self._end(worker)

    def _start(self, place: Place) -> ProcessPoolExecutor:
        # Not forked: this process has threads, and maybe a model on a device.
        spawn = multiprocessing.get_context("spawn")
        worker = ProcessPoolExecutor(1, mp_context=spawn, initializer=settle, initargs=(place,))
        with self._lock:
            self._started.add(worker)
        return worker

    def _submitted(
        self, worker: ProcessPoolExecutor, root: str, batch: tuple[Work, ...], over: Set[str]
    ) -> Future[None]:
        with self._lock:  # here its process is started
            if self._given_up:
                raise InputError(GIVEN_UP)
            return worker.submit(perform, root, batch, over, None, hub_commits())

    def _end(self, worker: ProcessPoolExecutor) -> None:
        with self._lock:
            self._started.discard(worker)
        worker.shutdown(cancel_futures=True)


def settle(place: Place) -> None:
    """Prepare a worker: numeric libraries take its share of the cores, and Ctrl-C is for whoever started it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(place.threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if place.device is None:
        frugal.begin()
    else:
        take_device(place.device)
