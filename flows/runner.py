"""What a runner is: it makes a batch of shards somewhere and comes back; and what is said when it cannot."""

from collections.abc import Callable, Set
from typing import Protocol

from flows.work import Work

Advance = Callable[[int], None]
LIVES = 3  # workers that may die over one batch
GIVEN_UP = "the build was given up"


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


def killed(batch: tuple[Work, ...]) -> str:
    """Say that a batch has ended every worker that made it."""
    return (
        f"{batch[0].step.name}: {LIVES} workers were killed over the same work, for want of memory maybe; set fewer "
        "compute.workers, or a smaller ingest.shard_pairs, and run the same command again"
    )
