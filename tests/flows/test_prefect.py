"""The build as a Prefect flow: recorded by a harness, and once deployed to a real server and worker."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from flows.build import build
from flows.recording import piece_of_work
from flows.run import run_build
from schemas.errors import InputError
from storage.dataset import Dataset
from tests.flows.conftest import write_config

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_flow_run_records_a_task_for_every_shard(
    harness: None,  # noqa: ARG001
    source: Path,
    tmp_path: Path,
) -> None:
    from prefect.client.orchestration import get_client

    config = write_config(tmp_path)
    made = build(str(config), str(tmp_path / "flow"), str(source))
    with get_client(sync_client=True) as client:
        [flow_run] = [run for run in client.read_flow_runs() if run.name == f"build {tmp_path / 'flow'}"]
        names = [run.name for run in client.read_task_runs() if run.flow_run_id == flow_run.id]
        [artifact] = [one for one in client.read_artifacts() if one.flow_run_id == flow_run.id]
    assert artifact.key == "dataset-card"
    assert "| operation | candidates |" in str(artifact.data)
    assert flow_run.state is not None
    assert flow_run.state.is_completed()
    shards = len(made.shards["pairs"])
    assert shards > 1
    for task, table in (("parse", "pairs"), ("text negatives", "parses"), ("select", "text_negatives")):
        assert {name for name in names if name.startswith(task)} == {f"{task} {s[:8]}" for s in made.shards[table]}
    plain = run_build(str(config), str(tmp_path / "plain"), str(source), [])
    assert plain.shards == {**made.shards, "ledger": plain.shards["ledger"]}


@pytest.mark.slow
def test_passing_trouble_is_tried_again_and_bad_input_is_not(
    harness: None,  # noqa: ARG001
) -> None:
    tried: list[str] = []

    def fail_at_first(error: Exception) -> None:
        tried.append(type(error).__name__)
        if len(tried) == 1:
            raise error

    errors = (ConnectionResetError("the store hung up"), InputError("no such model"), FileNotFoundError("gone"))
    for error, tries in zip(errors, (2, 1, 1), strict=True):
        tried.clear()
        task = piece_of_work.with_options(retry_delay_seconds=0)
        if tries == 1:
            with pytest.raises(type(error)):
                task("trouble", partial(fail_at_first, error))
        else:
            task("trouble", partial(fail_at_first, error))
        assert len(tried) == tries


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Prefect server of its own on loopback, with a home of its own; yields the environment to use it."""
    port = free_port()
    quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_CLI_PROMPT": "false"}
    environment = {**os.environ, **quiet, "PREFECT_HOME": str(tmp_path / "home")}
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    api = f"http://127.0.0.1:{port}/api"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{api}/health", timeout=1)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        else:
            pytest.fail((tmp_path / "server.log").read_text()[-2000:])
        yield {**environment, "PREFECT_API_URL": api}
    finally:
        process.terminate()
        process.wait(30)


def state_of_the_run(api: str) -> str:
    ask = urllib.request.Request(f"{api}/flow_runs/filter", b"{}", {"Content-Type": "application/json"})
    with urllib.request.urlopen(ask, timeout=10) as answer:
        [run] = json.load(answer)
    return str(run["state_type"])


@pytest.mark.slow
def test_deployed_to_a_server_a_worker_builds_once(server: dict[str, str], source: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    shutil.copy(REPOSITORY / "prefect.yaml", checkout)
    config, out = write_config(tmp_path), tmp_path / "out"

    def prefect(*arguments: str) -> str:
        command = [sys.executable, "-m", "prefect", *arguments]
        done = subprocess.run(
            command, env=server, cwd=checkout, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    prefect("work-pool", "create", "counterfoil", "--type", "process")
    prefect("--no-prompt", "deploy", "--all")
    parameters = {"config_file": config, "out": out, "source": source}
    given = [part for name, value in parameters.items() for part in ("-p", f"{name}={value}")]
    prefect("deployment", "run", "build/nightly", *given)
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "counterfoil"]
    with (tmp_path / "worker.log").open("w") as log:
        process = subprocess.Popen(worker, env=server, cwd=checkout, stdout=log, stderr=log)
    try:
        state = ""
        for _ in range(240):
            time.sleep(1)
            state = state_of_the_run(server["PREFECT_API_URL"])
            if state in {"COMPLETED", "FAILED", "CRASHED"}:
                break
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:  # a worker may wait for a flow that a loaded machine has not ended
            process.kill()
    assert state == "COMPLETED", (tmp_path / "worker.log").read_text()[-3000:]
    assert Dataset(str(out)).build().counts["pairs"] == 24
