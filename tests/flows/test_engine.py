"""The engine on steps of a few lines: what is there is not made, what can begin begins, what fails ends the rest."""

import os
import threading
import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from devices import device_count, take_device
from flows import models
from flows.engine import Engine, Made
from flows.groups import Group, Inputs
from flows.lanes import Lanes
from flows.progress import Board
from flows.runners import Inline, Processes, device_runner_of
from flows.steps.step import Step
from flows.work import Work, perform
from schemas.config import Compute
from schemas.tables import UNITS
from storage.dataset import Dataset
from tests.flows.odd_work import Seeing

Log = list[tuple[str, Any]]
LOG: Log = []


@dataclass(frozen=True)
class Noted(Step):
    """A step that notes what it makes."""

    title: str
    fields: tuple[str, ...]
    field: str
    whole: bool = False
    only: tuple[str, ...] = ("rules", "rewrites")
    begins: str | None = None
    device: bool = False
    fails: bool = False
    table: ClassVar = "units"

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.title

    takes = property(lambda self: self.fields)  # type: ignore[assignment]
    gives = property(lambda self: self.field)  # type: ignore[assignment]
    over = property(lambda self: "corpus" if self.whole else "group")  # type: ignore[assignment]
    kinds = property(lambda self: self.only)  # type: ignore[assignment]
    makes = property(lambda self: self.begins)  # type: ignore[assignment]

    @property
    def on_device(self) -> bool:
        return self.device

    @cached_property
    def identity(self) -> list[Any]:
        return [self.title]

    def make(self, dataset: Dataset, inputs: Inputs) -> pa.Table:  # noqa: ARG002
        LOG.append((self.title, inputs))
        if self.fails:
            raise RuntimeError("no such colour")
        models.loaded(Model, self.title)
        return UNITS.empty_table()


class Model:
    def __init__(self, name: str) -> None:
        self.name = name
        LOG.append(("load", name))


STEPS = [
    Noted("parse", ("pairs",), "parses", only=("rules",)),
    Noted("describe", ("parses",), "lexicon", whole=True, only=("rules",)),
    Noted("swap", ("parses", "lexicon"), "negatives", only=("rules",)),
    Noted("rewrite", ("parses", "negatives"), "negatives", only=("rules",), begins="rewrites"),
    Noted("judge", ("negatives", "parses"), "scores"),
    Noted("words", ("negatives", "lexicon"), "scores"),
    Noted("select", ("negatives", "scores"), "verdicts"),
    Noted("probe", ("negatives", "verdicts"), "probes", whole=True),
]


def call(root: str, runner: Any, batch: tuple[Work, ...], over: Set[str], advance: Callable[[int], None]) -> None:
    runner.run(root, batch, over, advance)


def run(folder: Path, steps: list[Step], groups: int = 3, runner: str = "inline") -> Made:
    LOG.clear()
    shards = [Group(n, "rules", 10, f"pairs{n}") for n in range(groups)]
    with Board() as board:
        return Engine(steps, Dataset(str(folder)), shards, call, board).run(Compute(runner=runner))  # type: ignore[arg-type]


def made(name: str) -> list[Any]:
    return [inputs for title, inputs in LOG if title == name]


def test_each_step_is_given_what_belongs_together(tmp_path: Path) -> None:
    done = run(tmp_path, STEPS)
    assert [len(made(step.name)) for step in STEPS] == [3, 1, 3, 3, 6, 6, 6, 1]
    for inputs in made("judge"):
        [negatives], [parses] = inputs.all("negatives"), inputs.all("parses")
        group = next(
            group for group in done.groups if negatives in (*group.made.get("swap", ()), *group.made["rewrite"])
        )
        assert group.made["parse"] == (parses,)
        assert group.pairs == inputs.one("pairs")
    assert all(len(inputs.all("scores")) == 2 for inputs in made("select")), "of both scorers, in order"
    assert all(inputs.one("lexicon") == done.corpus["describe"] for inputs in made("words"))
    [probe] = made("probe")
    assert [group.one("pairs") for group in probe.groups] == ["pairs0", "pairs1", "pairs2"] * 2
    published = done.shards(STEPS)["units"]
    assert len(published) == len(set(published)) == 2 + 3 + 6 + 12 + 6


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    first = run(tmp_path, STEPS)
    again = run(tmp_path, STEPS)
    assert LOG == []
    assert again.shards(STEPS) == first.shards(STEPS)
    run(tmp_path, STEPS, groups=4)
    assert [len(made(step.name)) for step in STEPS] == [1, 1, 4, 4, 8, 8, 8, 1], "all hangs on the lexicon"


def test_models_are_released_when_their_step_is_over(tmp_path: Path) -> None:
    run(tmp_path, STEPS)
    assert [name for title, name in LOG if title == "load"] == [
        "parse", "describe", "swap", "rewrite", "judge", "words", "select", "probe"
    ]  # fmt: skip
    assert not any(key[0] is Model for key in models._loaded)


def test_a_failure_on_the_device_ends_the_other_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        width, devices = 1, None

        def run(self, root: str, batch: tuple[Work, ...], over: Set[str], advance: Callable[[int], None]) -> None:
            time.sleep(0.05)
            perform(root, batch, over, advance)

        def kill(self) -> None:
            """Nothing to end."""

        def close(self) -> None:
            """Nothing to let go."""

    monkeypatch.setattr("flows.engine.runner_of", lambda _: Slow())
    steps = [*STEPS[:3], Noted("draw", ("negatives",), "pictures", device=True, fails=True)]
    with pytest.raises(RuntimeError, match="no such colour"):
        run(tmp_path, steps, groups=40, runner="processes")
    assert len(made("draw")) == 1, "no more pictures are made"
    assert len(made("swap")) < 40, "the text work did not go on to its end"
    assert threading.active_count() < 20


@pytest.mark.parametrize(("devices", "room"), [(0, [False, False]), (1, [False, True])])
def test_what_waits_for_a_device_of_a_cluster_leaves_other_work_its_places(
    tmp_path: Path, devices: int, room: list[bool]
) -> None:
    done = threading.Event()

    class Cluster:
        width = 2

        def __init__(self) -> None:
            self.devices = devices

        def run(self, *_: Any) -> None:
            done.wait()

        def kill(self) -> None:
            """Nothing to end."""

        def close(self) -> None:
            """Nothing to let go."""

    drawn, parsed = Noted("draw", (), "pictures", device=True), Noted("parse", (), "parses")
    lanes = Lanes(str(tmp_path), Cluster(), Inline())
    with Board() as board:
        for step in (drawn, parsed):
            board.add(step.name, step.unit, 9)
        for _ in range(lanes.width(drawn)):
            lanes.start(call, [(Work(drawn, Inputs({}, 1), "shard"), None)], frozenset(), board)
        assert [lanes.has_room(step) for step in (drawn, parsed)] == room
        done.set()
        lanes.close()


def test_each_device_of_a_machine_has_a_process_that_sees_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-7")
    shards = [Group(n, "rules", 10, f"pairs{n}") for n in range(6)]
    with Board() as board:
        Engine([Seeing(str(tmp_path))], Dataset(str(tmp_path)), shards, call, board).run(Compute(workers=1))
    seen = [path.read_text().split() for path in tmp_path.glob("seen-*")]
    assert len(seen) == 6
    assert {device for device, _ in seen} == {"3", "GPU-7"}
    assert len({process for _, process in seen}) == 2


@pytest.mark.parametrize(
    ("wish", "cuda", "several"),
    [("auto", 4, 4), ("cuda", 4, 4), ("auto", 1, 1), ("auto", 0, 1), ("cuda:1", 4, 1), ("cpu", 4, 1), ("mps", 0, 1)],
)
def test_a_setting_means_so_many_devices(monkeypatch: pytest.MonkeyPatch, wish: str, cuda: int, several: int) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: cuda)
    assert device_count(wish) == several
    assert isinstance(device_runner_of(Compute(device=wish)), Processes if several > 1 else Inline)
    assert isinstance(device_runner_of(Compute(device=wish, runner="inline")), Inline)


@pytest.mark.parametrize(("visible", "expected"), [(None, "1"), ("", "1"), ("5, 6", "6"), ("GPU-a,GPU-b", "GPU-b")])
def test_a_process_sees_the_device_that_it_takes(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, expected: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    take_device(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


def test_groups_of_the_same_pairs_share_what_is_made_of_these_whenever_it_is_done(tmp_path: Path) -> None:
    steps = [
        Noted("swap", ("pairs",), "negatives", only=("rules",)),
        Noted("rewrite", ("negatives",), "negatives", only=("rules",), begins="rewrites"),
        Noted("slow", ("pairs",), "leaks", only=("rules",)),  # after the second group has begun
        Noted("judge", ("negatives", "leaks"), "verdicts"),
    ]
    run(tmp_path, steps)
    assert len(made("slow")) == 3
    assert [len(inputs.all("leaks")) for inputs in made("judge")] == [1] * 6
