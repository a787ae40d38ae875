"""What tests have workers do: steps that they do not survive or come back from, and work that tells where it is."""

import os
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from devices.revision import hub_commits
from flows.groups import Inputs
from flows.steps.step import Step
from schemas.tables import UNITS
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


@dataclass(frozen=True)
class OnGpu(Step):
    """Leaves a note of the process that it is made in, and of the GPU which that sees."""

    folder: str
    name: ClassVar = "on gpu"
    table: ClassVar = "units"
    takes: ClassVar = ()
    gives: ClassVar = "nothing"
    on_device: ClassVar = True  # type: ignore[misc]

    @cached_property
    def identity(self) -> list[Any]:
        return ["on gpu"]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:  # noqa: ARG002
        note = f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')} {hub_commits()}\n"
        Path(self.folder, f"note-{inputs.captions}").write_text(note)
        time.sleep(0.1)
        return UNITS.empty_table()


@dataclass(frozen=True)
class Hanging(Step):
    """Never comes back, once it has told which process it is in; but for one group, of which it fails at once."""

    folder: str
    fails_with: int = -1  # captions of the group that it fails with
    name: ClassVar = "hanging"
    table: ClassVar = "units"
    takes: ClassVar = ("pairs",)
    gives: ClassVar = "nothing"

    @cached_property
    def identity(self) -> list[Any]:
        return ["hanging"]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:  # noqa: ARG002
        if inputs.captions == self.fails_with:
            while not list(Path(self.folder).glob("hangs-*")):
                time.sleep(0.05)
            raise ValueError("no such colour")
        Path(self.folder, f"hangs-{os.getpid()}").touch()
        while True:
            time.sleep(60)


@dataclass(frozen=True)
class Seeing(Step):
    """Notes the device that its process sees, and the process."""

    folder: str
    name: ClassVar = "seeing"
    table: ClassVar = "units"
    takes: ClassVar = ("pairs",)
    gives: ClassVar = "nothing"

    @property
    def on_device(self) -> bool:
        return True

    @cached_property
    def identity(self) -> list[Any]:
        return ["seeing"]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:  # noqa: ARG002
        note = Path(self.folder, f"seen-{inputs.one('pairs')}")
        note.write_text(f"{os.environ['CUDA_VISIBLE_DEVICES']} {os.getpid()}")
        time.sleep(0.3)  # so that the other has something to do
        return UNITS.empty_table()


def parse(folder: str, parser: str) -> tuple[pa.Table, set[str]]:
    """Parse as a step of a build does; tell what that took, and see that torch can be had all the same."""
    from flows.steps.text import Parse
    from schemas.config import Describe

    made = Parse(Describe(parser=parser)).make(Dataset(folder), Inputs({"pairs": ("a",)}, 2))
    taken = set(sys.modules)
    __import__("torch")
    return made, taken
