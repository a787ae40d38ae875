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

from devices import cores, device_count, pick_device, take_device
from devices.revision import hub_commits
from flows import frugal, models
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
    def devices(self) -> int | None:
        """How many batches of steps that want an accelerator to give it besides; 0: these are like the others. None:
        they are not for it, this machine makes them."""
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


class OnRay:
    """A Ray cluster: that of compute.address or RAY_ADDRESS, else one on this machine for as long as the build runs.

    What wants a GPU is made by an actor, which has one for as long as the build runs: a process that computes on one
    GPU keeps to it, and a task that Ray gives another one might come to the same process.
    """

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
        self.devices: int | None = _devices_of(compute, int(resources.get("GPU", 0)), "Ray")
        self._perform = ray.remote(num_cpus=1, max_retries=_LIVES)(perform)
        self._device = ray.remote(num_cpus=1, num_gpus=1, max_restarts=_LIVES, max_task_retries=_LIVES)(_Device)
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(self.devices):
            self._idle.put(None)
        self._actors: list[Any] = []
        self._running: set[Any] = set()

    def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Advance) -> None:  # noqa: ARG002
        """Make a batch somewhere on the cluster."""
        work = root, batch, over, None, hub_commits()
        if self.devices and batch[0].step.on_device:
            actor = self._idle.get()
            try:
                actor = actor or self._start()
                self._wait(actor.perform.remote(*work), batch)
            finally:
                self._idle.put(actor)
            return
        made = self._perform.remote(*work)
        self._running.add(made)
        try:
            self._wait(made, batch)
        finally:
            self._running.discard(made)

    def _start(self) -> Any:
        actor = self._device.remote()
        self._actors.append(actor)
        return actor

    def _wait(self, made: Any, batch: tuple[Work, ...]) -> None:
        try:
            self._ray.get(made)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            raise InputError(_killed(batch)) from error

    def kill(self) -> None:
        """End what runs on the cluster for this build, and the workers that run it."""
        for made in list(self._running):
            self._ray.cancel(made, force=True)
        for actor in self._actors:
            self._ray.kill(actor)

    def close(self) -> None:
        """Leave the cluster, and its GPUs to others."""
        for actor in self._actors:
            self._ray.kill(actor)
        if self._own:
            self._ray.shutdown()


class _Device:
    """A process on a cluster that has a GPU to itself, and keeps its models there from batch to batch."""

    def perform(self, *work: Any) -> None:
        """Make a batch here."""
        perform(*work)


class OnDask:
    """A Dask cluster: that of compute.address, else one on this machine for as long as the build runs.

    Workers with a GPU say so by `--resources GPU=1`, a worker a GPU.
    """

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
        gpus = sum(int(worker["resources"].get("GPU", 0)) for worker in workers.values())
        self.devices: int | None = _devices_of(compute, gpus, "Dask")
        self._outlives = compute.address is not None
        self._running: set[Any] = set()

    def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Advance) -> None:  # noqa: ARG002
        """Make a batch somewhere on the cluster."""
        resources = {"GPU": 1} if self.devices and batch[0].step.on_device else None
        future = self._client.submit(perform, root, batch, over, None, hub_commits(), pure=False, resources=resources)
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
        """Leave the cluster, and its memory to others."""
        if self._outlives:
            self._client.run(models.forget, on_error="ignore")
        self._client.close()


def _devices_of(compute: Compute, gpus: int, cluster: str) -> int:
    """Count the GPUs of a cluster that models are to run on.

    Raises InputError where that is not what this machine takes for granted: shards are named here, by the device and
    number format that their rows are computed with there.
    """
    kind = pick_device(compute.device).type
    if gpus and compute.device == "auto" and kind != "cuda":
        raise InputError(
            f"compute.device: auto is {kind} on this machine, but the {cluster} cluster has GPUs; set it to cuda, "
            "or to cpu"
        )
    if kind == "cuda" and not gpus:
        raise InputError(
            f"compute.device: cuda, but no machine of the {cluster} cluster offers a GPU; start one, or set it to cpu"
        )
    return gpus if kind == "cuda" else 0


def _killed(batch: tuple[Work, ...]) -> str:
    return (
        f"{batch[0].step.name}: {_LIVES} workers were killed over the same work, for want of memory maybe; set fewer "
        "compute.workers, or a smaller ingest.shard_pairs, and run the same command again"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
