"""What a step of a build is: one entry of the list in flows/stages.py, and everything that others must know of it."""

from functools import cached_property
from typing import Any, ClassVar, Literal

import pyarrow as pa

from flows.groups import Inputs, Kind
from schemas.ids import fingerprint
from storage.dataset import Dataset


class Step:
    """One stage, with where its rows come from and go to. Frozen, small and picklable: it travels to workers.

    Subclasses are frozen dataclasses of the parts of the config that they need; models are loaded where `make` runs.
    """

    name: ClassVar[str]
    """What progress, ledger and Prefect call it."""
    table: ClassVar[str]
    """The table that its shards are of."""
    takes: ClassVar[tuple[str, ...]]
    """The fields that must be there: `pairs`, or what other steps give."""
    gives: ClassVar[str]
    """The field that its shards go to; several steps may give the same."""
    over: ClassVar[Literal["group", "corpus"]] = "group"
    """Whether it makes shards of one group, or one shard of all groups together: a barrier."""
    kinds: ClassVar[tuple[Kind, ...]] = ("rules", "rewrites", "mined")
    """The kinds of groups that it works on."""
    makes: ClassVar[Kind | None] = None
    """The kind of group that each of its shards begins, where it does not join the group that it was made of."""
    unit: ClassVar[str] = "captions"
    published: bool = True
    """Whether its shards are part of the build; what a later step puts in another's place is not."""

    @property
    def on_device(self) -> bool:
        """Whether it runs a model that wants the accelerator, or all cores where there is none."""
        return False

    @cached_property
    def identity(self) -> list[Any]:
        """JSON values that the rows depend on besides the inputs; no weights are loaded for it."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing before any work."""

    def parts(self, dataset: Dataset, inputs: Inputs) -> list[Inputs]:  # noqa: ARG002
        """Divide a group into what one shard each is made of."""
        return [inputs]

    def sources(self, inputs: Inputs) -> list[Any]:
        """Name the shards that the rows depend on: all of those that it takes."""
        of = inputs.groups if self.over == "corpus" else (inputs,)
        return [[[group.all(field) for field in self.takes] for group in of], inputs.part]

    def name_of(self, inputs: Inputs) -> str:
        """Name the shard that is made of these inputs."""
        return fingerprint(self.identity, self.sources(inputs))

    def size(self, inputs: Inputs) -> int:
        """Count the units of work of one shard, for progress."""
        return inputs.captions

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:
        """Make the rows of one shard."""
        raise NotImplementedError
