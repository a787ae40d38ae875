"""Wherever work runs, the shards are the same; a worker that is killed costs its batch."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.build import build
from flows.clusters import OnRay
from flows.engine import Engine
from flows.groups import Group, Inputs
from flows.progress import Board
from flows.recording import call
from flows.runners import Place, Processes
from flows.work import Work
from schemas.config import Compute
from schemas.errors import InputError
from storage.dataset import Build, Dataset
from tests.flows.conftest import write_config
from tests.flows.odd_work import Deadly, Hanging, OnGpu
from tests.flows.test_build import content
from tests.pictures import make_csv_source

RUNNERS = ("processes", "ray", "dask")


def run(folder: Path, source: Path, out: str, models: dict[str, Any], runner: str, **more: Any) -> Build:
    compute = {"device": "cpu", "dtype": "float32", "runner": runner, "workers": 2}
    config = write_config(folder, **models, compute=compute, **more)
    made: Build = build.fn(str(config), str(folder / out), str(source))
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Any]) -> tuple[Path, dict[str, list[Any]]]:
    folder = tmp_path_factory.mktemp("inline")
    source = make_csv_source(folder / "source", images=40)
    made = run(folder, source, "inline", models, "inline", select={"refine": {}})
    return source, content(folder / "inline", made)


@pytest.fixture(params=RUNNERS)
def runner(request: pytest.FixtureRequest) -> str:
    """A runner other than this process, where its package is there."""
    name: str = request.param
    if name != "processes":
        pytest.importorskip({"ray": "ray", "dask": "distributed"}[name], reason=f"needs the extra `{name}`")
    return name


@pytest.mark.slow
def test_shards_are_the_same_on_every_runner_though_a_worker_is_killed(
    tmp_path: Path, models: dict[str, Any], whole: tuple[Path, dict[str, list[Any]]], runner: str
) -> None:
    source, expected = whole
    killed: list[int] = []
    done = threading.Event()

    def kill_one_at_work() -> None:
        while not done.is_set() and not killed:
            if list((tmp_path / "out").glob("parses/*.parquet")):
                for child in psutil.Process().children(recursive=True):
                    if _is_worker(child, runner):
                        os.kill(child.pid, signal.SIGKILL)
                        killed.append(child.pid)
                        return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one_at_work)
    killer.start()
    try:
        made = run(tmp_path, source, "out", models, runner, select={"refine": {}})
    finally:
        done.set()
        killer.join()
    assert killed
    assert content(tmp_path / "out", made) == expected


def _is_worker(process: psutil.Process, runner: str) -> bool:
    """Tell a process that makes shards, by what it is called and by being busy."""
    try:
        line = " ".join(process.cmdline())
        named = line.startswith("ray::perform") if runner == "ray" else "spawn_main" in line
        return named and "resource_tracker" not in line and process.cpu_times().user > 0.5
    except psutil.Error:
        return False


def test_a_batch_that_kills_every_worker_ends_in_one_line(tmp_path: Path) -> None:
    runner = Processes([Place(threads=1)])
    with pytest.raises(InputError, match="deadly: 3 workers were killed over the same work"):
        runner.run(str(tmp_path), (Work(Deadly(), Inputs({}, 1), "shard"),), frozenset(), lambda _: None)
    runner.close()
    assert Dataset(str(tmp_path)).shards("pairs") == []


@pytest.mark.parametrize(("runner", "package"), [("ray", "ray"), ("dask", "distributed")])
def test_a_missing_extra_is_one_clear_line(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, runner: str, package: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(InputError, match=rf"{runner} is not installed; pip install 'counterfoil\[{runner}\]'"):
        run(tmp_path, source, "out", {}, runner)


@pytest.mark.slow
def test_each_gpu_of_a_ray_cluster_has_one_process_that_keeps_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="needs the extra `ray`")
    monkeypatch.setattr("devices.revision._commits", {("us/model",): "c0ffee"})
    ray.init(num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False)
    try:
        runner = OnRay(Compute(runner="ray", device="cuda"))
        assert (runner.width, runner.devices) == (4, 2)
        works = [Work(OnGpu(str(tmp_path)), Inputs({}, n), f"shard{n}") for n in range(8)]
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda work: runner.run(str(tmp_path), (work,), frozenset(), lambda _: None), works))
        runner.close()
        with pytest.raises(
            InputError, match=r"compute\.device: auto is cpu on this machine, but the Ray cluster has GPUs"
        ):
            OnRay(Compute(runner="ray"))
        assert OnRay(Compute(runner="ray", device="cpu")).devices == 0
    finally:
        ray.shutdown()
    notes = [note.read_text().split(maxsplit=2) for note in tmp_path.glob("note-*")]
    assert len(notes) == 8
    assert {gpu for _, gpu, _ in notes} == {"0", "1"}
    assert len({(process, gpu) for process, gpu, _ in notes}) == 2, "a process keeps to its GPU"
    assert {commits.strip() for *_, commits in notes} == {str({("us/model",): "c0ffee"})}


def hanging(folder: Path, **how: Any) -> Engine:
    """An engine whose work hangs."""
    groups = [Group(n, "rules", 10 + n, f"pairs{n}") for n in range(2)]
    return Engine([Hanging(str(folder), **how)], Dataset(str(folder)), groups, call, Board())


def hangs(folder: Path) -> list[int]:
    return [int(path.name.partition("-")[2]) for path in folder.glob("hangs-*")]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have Ctrl-C raise KeyboardInterrupt: who starts the tests in the background of a shell has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_workers_that_hang(tmp_path: Path, runner: str) -> None:
    """Nothing waits for what may never end."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        while len(hangs(tmp_path)) < 2:
            time.sleep(0.1)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        hanging(tmp_path).run(Compute(runner=runner, workers=2))  # type: ignore[arg-type]
    psutil.wait_procs([psutil.Process(pid) for pid in hangs(tmp_path) if psutil.pid_exists(pid)], timeout=30)
    assert not any(psutil.pid_exists(pid) for pid in hangs(tmp_path))


def test_a_failure_waits_for_other_batches_only_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.engine._GRACE", 0.5)
    with pytest.raises(ValueError, match="no such colour"):
        hanging(tmp_path, fails_with=11).run(Compute(runner="processes", workers=2))
    [pid] = hangs(tmp_path)
    assert not psutil.pid_exists(pid)
