"""Where work runs: in this process, in processes of this machine, on a Ray or a Dask cluster.

A runner makes a batch of shards and comes back; the engine calls it from as many threads as it is wide. Workers get
names and settings and write what they make themselves, so a worker that is killed costs its batch, which is made again
by another one.
"""

import logging
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Sequence, Set
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Protocol

from devices import cores, device_count, take_device
from flows import frugal
from flows.work import Work, perform
from schemas.config import Compute
from schemas.errors import InputError

Advance = Callable[[int], None]
_LIVES = 3  # workers that may die over one batch
_GIVEN_UP = "the build was given up"


class Runner(Protocol):
    """Makes batches of shards, as many at once as it is wide."""

    @property
    def width(self) -> int:
        """How many batches to give it at once."""
        ...

    @property
    def takes_device_work(self) -> bool:
        """Whether batches of steps that want an accelerator are its own too; else this process makes them."""
        ...

    def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Advance) -> None:
        """Make a batch; raises what a step raises."""

    def kill(self) -> None:
        """End workers now, whatever they do: one may hang. `run` raises wherever it waits for one."""

    def close(self) -> None:
        """Let workers go, which are idle."""


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
    takes_device_work = False

    def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Advance) -> None:
        """Make a batch here."""
        perform(root, batch, over, advance)

    def kill(self) -> None:
        """Nothing to end but this process itself."""

    def close(self) -> None:
        """Nothing to let go."""


class Processes:
    """Processes of this machine, started when first needed, each with its share of the cores."""

    takes_device_work = False

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
            for life in range(_LIVES):
                worker = worker or self._start(place)
                try:
                    self._submitted(worker, root, batch, over).result()
                    return
                except BrokenProcessPool:
                    self._end(worker)
                    worker = None
                    if self._given_up or life == _LIVES - 1:
                        raise InputError(_killed(batch)) from None
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
                raise InputError(_GIVEN_UP)
            return worker.submit(perform, root, batch, over)

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


class OnRay:
    """A Ray cluster: that of compute.address or RAY_ADDRESS, else one on this machine for as long as the build runs."""

    takes_device_work = True

    def __init__(self, compute: Compute) -> None:
        try:
            import ray
        except ImportError as error:
            raise InputError("compute.runner: ray is not installed; pip install 'counterfoil[ray]'") from error
        self._ray, self._own = ray, not ray.is_initialized()
        if self._own:
            where: dict[str, Any] = {"address": compute.address} if compute.address else {}
            if not where and "RAY_ADDRESS" not in os.environ:
                where = {"num_cpus": cores(compute.workers), "include_dashboard": False}
            try:
                ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise InputError(f"compute.address: no Ray cluster answers: {_first_line(error)}") from error
        resources = ray.cluster_resources()
        self.width = compute.workers or int(resources.get("CPU", 1))
        self._gpus = int(resources.get("GPU", 0))
        # By default Ray ends a worker after one task on a GPU, and its models with it.
        self._perform = ray.remote(num_cpus=1, max_retries=_LIVES, max_calls=0)(perform)
        self._running: set[Any] = set()

    def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Advance) -> None:  # noqa: ARG002
        """Make a batch somewhere on the cluster."""
        gpus = 1 if self._gpus and batch[0].step.on_device else 0
        made = self._perform.options(num_gpus=gpus).remote(root, batch, over)
        self._running.add(made)
        try:
            self._ray.get(made)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            raise InputError(_killed(batch)) from error
        finally:
            self._running.discard(made)

    def kill(self) -> None:
        """End what runs on the cluster for this build, and the workers that run it."""
        for made in list(self._running):
            self._ray.cancel(made, force=True)

    def close(self) -> None:
        """Leave the cluster."""
        if self._own:
            self._ray.shutdown()


class OnDask:
    """A Dask cluster: that of compute.address, else one on this machine for as long as the build runs."""

    takes_device_work = True

    def __init__(self, compute: Compute) -> None:
        try:
            import distributed
        except ImportError as error:
            raise InputError("compute.runner: dask is not installed; pip install 'counterfoil[dask]'") from error
        self._distributed = distributed
        try:
            self._client = distributed.Client(
                **({"address": compute.address} if compute.address else
                   {"n_workers": cores(compute.workers), "threads_per_worker": 1, "dashboard_address": None}),
                set_as_default=False, timeout="30s",
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise InputError(f"compute.address: no Dask cluster answers: {_first_line(error)}") from error
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        self.width = compute.workers or max(1, sum(worker["nthreads"] for worker in workers.values()))
        self._gpus = any("GPU" in worker["resources"] for worker in workers.values())
        self._running: set[Any] = set()

    def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Advance) -> None:  # noqa: ARG002
        """Make a batch somewhere on the cluster; workers with a device say so by `--resources GPU=1`."""
        resources = {"GPU": 1} if self._gpus and batch[0].step.on_device else None
        future = self._client.submit(perform, root, batch, over, pure=False, resources=resources)
        self._running.add(future)
        try:
            future.result()
        except self._distributed.KilledWorker as error:
            raise InputError(_killed(batch)) from error
        except CancelledError as error:
            raise InputError(_GIVEN_UP) from error
        finally:
            self._running.discard(future)

    def kill(self) -> None:
        """Wait no more for what runs on the cluster; workers of this build's own end with it."""
        for future in list(self._running):
            future.cancel()

    def close(self) -> None:
        """Leave the cluster."""
        self._client.close()


def _killed(batch: tuple[Work, ...]) -> str:
    return (
        f"{batch[0].step.name}: {_LIVES} workers were killed over the same work, for want of memory maybe; set fewer "
        "compute.workers, or a smaller ingest.shard_pairs, and run the same command again"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
