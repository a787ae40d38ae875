"""Clusters that make shards, those of Ray and of Dask: they count CPUs and GPUs, and start again what dies."""

import logging
import os
import queue
from collections.abc import Set
from concurrent.futures import CancelledError
from typing import Any

from devices import cores, pick_device
from devices.revision import hub_commits
from flows import models
from flows.runner import GIVEN_UP, LIVES, Advance, killed
from flows.work import Work, perform
from schemas.config import Compute
from schemas.errors import InputError


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
        try:
            self.devices: int | None = _devices_of(compute, int(resources.get("GPU", 0)), "Ray")
        except InputError:
            self._leave()
            raise
        self._perform = ray.remote(num_cpus=1, max_retries=LIVES)(perform)
        self._device = ray.remote(num_cpus=1, num_gpus=1, max_restarts=LIVES, max_task_retries=LIVES)(_Device)
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(self.devices or 0):
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
            raise InputError(killed(batch)) from error

    def kill(self) -> None:
        """End what runs on the cluster for this build, and the workers that run it."""
        for made in list(self._running):
            self._ray.cancel(made, force=True)
        for actor in list(self._actors):
            self._ray.kill(actor)

    def close(self) -> None:
        """Leave the cluster, and its GPUs to others."""
        for actor in list(self._actors):
            self._ray.kill(actor)
        self._leave()

    def _leave(self) -> None:
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
            raise InputError(killed(batch)) from error
        except CancelledError as error:
            raise InputError(GIVEN_UP) from error
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


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
