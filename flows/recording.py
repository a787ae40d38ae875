"""What Prefect is told of a build: a task run for each batch of shards, tried again as on the plain command line."""

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectAlreadyExists
from prefect.utilities.timeout import timeout

from flows.again import DELAYS, steadily, worth_another_try
from flows.runner import Runner
from flows.work import Work
from schemas.config import BuildConfig
from schemas.errors import InputError

T = TypeVar("T")


@task(
    task_run_name="{what}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=len(DELAYS),
    retry_delay_seconds=list(DELAYS),
    retry_condition_fn=worth_another_try,
)
def piece_of_work(what: str, work: Callable[[], Any]) -> Any:  # noqa: ARG001
    """Do a piece of work, under a name that a person can read."""
    return work()


def recorded(what: str, work: Callable[[], T]) -> T:
    """Do a piece of work: recorded by Prefect inside of a flow run, a plain call elsewhere; tried again in both where
    that can help."""
    if FlowRunContext.get() is None:
        return steadily(work)
    done: Any = piece_of_work(what, work)
    return cast(T, done)


def call(root: str, runner: Runner, batch: tuple[Work, ...], over: Set[str], advance: Callable[[int], None]) -> None:
    """Have a runner make a batch of shards."""
    more = f" and {len(batch) - 1} more" if len(batch) > 1 else ""
    recorded(f"{batch[0].step.name} {batch[0].shard:.8}{more}", lambda: runner.run(root, batch, over, advance))


class _GivenUpError(TimeoutError):
    """The time of a build is over: not to be taken for a request's, which may be made again."""


@contextmanager
def within(hours: float | None) -> Iterator[None]:
    """Give up what is done inside after so many hours; None gives it all the time that it takes.

    Raises InputError then, once the shards that are being made have ended.
    """
    try:
        with timeout(None if hours is None else hours * 3600, _GivenUpError):
            yield
    except _GivenUpError as error:
        raise InputError(
            f"compute.timeout: given up after {hours:g} hours; what is made stays, run it again to go on from here"
        ) from error


def make_limit(config: BuildConfig) -> None:
    """Make the concurrency limit that pictures take a slot of, where Prefect has none of that name."""
    if not config.images or config.compute.limit is None or FlowRunContext.get() is None:
        return
    with get_client(sync_client=True) as client:
        try:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=config.compute.limit, limit=1))
        except ObjectAlreadyExists:
            return  # somebody has set it, perhaps to another number
