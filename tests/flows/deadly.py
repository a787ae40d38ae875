"""A step that no worker survives."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa

from flows.groups import Inputs
from flows.steps.step import Step
from storage.dataset import Dataset


@dataclass(frozen=True)
class Deadly(Step):
    """Ends its process, as the kernel does when memory is short."""

    name: ClassVar = "deadly"
    table: ClassVar = "pairs"
    takes: ClassVar = ()
    gives: ClassVar = "nothing"

    @cached_property
    def identity(self) -> list[Any]:
        return ["deadly"]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:  # noqa: ARG002
        os._exit(9)
