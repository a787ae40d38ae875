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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.events import emit_event

from filters.expectations import check_expectations
from flows.build import build
from flows.finetune import finetune
from flows.recording import piece_of_work
from flows.run import run_build
from flows.serve import deployments
from schemas.config import BuildConfig, load_config
from schemas.errors import InputError
from schemas.recipe import load_recipe
from storage.dataset import Dataset
from tests.flows.conftest import write_config
from tests.flows.test_build import content
from tests.pictures import make_csv_source
from training.config import FineTune

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
        artifacts = {one.key: str(one.data) for one in client.read_artifacts() if one.flow_run_id == flow_run.id}
    assert "| operation | candidates |" in artifacts.pop("dataset-card")
    if find_spec("matplotlib") is not None:
        assert artifacts.pop("dataset-plots").startswith("![funnel](data:image/png;base64,")
    assert artifacts == {}
    assert flow_run.state is not None
    assert flow_run.state.is_completed()
    shards = len(made.shards["pairs"])
    assert shards > 1
    for task, table in (("parse", "parses"), ("text negatives", "text_negatives"), ("select", "verdicts")):
        assert {name for name in names if name.startswith(task)} == {f"{task} {s[:8]}" for s in made.shards[table]}
    plain = run_build(str(config), str(tmp_path / "plain"), str(source), [])
    assert plain.shards == {**made.shards, "ledger": plain.shards["ledger"]}


def published(dataset: Path) -> list[dict[str, Any]]:
    """Read the payloads of the events that tell of a build of a dataset, in order, as soon as the server has them."""
    from prefect.client.orchestration import get_client
    from prefect.events.filters import EventFilter, EventResourceFilter

    end = emit_event("counterfoil.test.end", {"prefect.resource.id": f"counterfoil.dataset.{dataset}"})
    assert end is not None
    with get_client(sync_client=True) as client:
        for _ in range(240):
            # A filter ends at the moment when it is made.
            only = EventFilter(resource=EventResourceFilter(id=[end.resource.id]))
            events = client.read_events(only, limit=50).events
            if end.id in {event.id for event in events}:
                break
            time.sleep(0.25)
        else:
            pytest.fail("the server has no events")
    told = sorted((event for event in events if event.id != end.id), key=lambda event: event.occurred)
    assert {event.event for event in told} <= {"counterfoil.build.published"}
    return [event.payload for event in told]


@pytest.mark.slow
def test_a_build_that_becomes_current_is_told_to_whoever_waits_for_it(
    harness: None,  # noqa: ARG001
    source: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    recipe = BuildConfig.model_validate(yaml.safe_load(write_config(tmp_path).read_text()))
    first = build(recipe, str(out), str(source))
    assert build(recipe, str(out), str(source)) == first  # nothing has changed: nobody is told
    state = build(recipe, str(out), str(source), ["seed=1", "expect.enough=accepted > 1000000"], return_state=True)
    assert state.is_failed()
    assert "expect.enough: broken: accepted > 1000000: accepted " in str(state.message)
    second = build(recipe, str(out), str(source), ["seed=1"])
    build.fn(recipe, str(out), str(source), ["seed=2"])  # no flow run: no Prefect to tell
    assert published(out) == [
        {"dataset": str(out), "build_id": made.build_id, "counts": made.counts} for made in (first, second)
    ]


@pytest.mark.slow
def test_a_deployment_asks_for_the_recipe_in_a_form_and_refuses_a_misspelt_key(
    harness: None,  # noqa: ARG001
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    [nightly, ray, tune] = deployments(REPOSITORY / "prefect.yaml")
    assert (nightly.name, nightly.tags, nightly.work_pool_name) == ("nightly", ["counterfoil", "nightly"], None)
    assert (ray.name, ray.tags, ray.concurrency_limit) == ("ray", ["counterfoil", "ray"], 1)
    assert (tune.entrypoint, [one.expect for one in tune.triggers]) == (
        "flows.finetune.finetune",
        [{"counterfoil.build.published"}],
    )
    assert nightly.schedules is not None
    assert [schedule.active for schedule in nightly.schedules] == [False]
    made = nightly.apply()
    with get_client(sync_client=True) as client:
        schema = client.read_deployment(made).parameter_openapi_schema
        assert schema is not None
        assert {"$ref": "#/definitions/BuildConfig"} in schema["properties"]["config"]["anyOf"]
        assert set(schema["definitions"]["BuildConfig"]["properties"]) == set(BuildConfig.model_fields)
        assert schema["definitions"]["Text"]["properties"]["tries"]["description"]
        assert schema["required"] == ["config", "out"]
        for wrong in ({"text": {"tris": 8}}, {"txt": {}}, {"text": {"tries": "many"}}):
            with pytest.raises(PrefectHTTPStatusError, match="409"):
                client.create_flow_run_from_deployment(made, parameters={"config": wrong})
        assert client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[made]))) == []
        for right in ({"text": {"tries": 8}}, "configs/photos.yaml"):
            run = client.create_flow_run_from_deployment(made, parameters={"config": right})
            assert run.parameters["config"] == right
            client.delete_flow_run(run.id)


@pytest.mark.parametrize("name", ["nightly", "ray"])
def test_what_the_deployments_set_is_a_recipe(name: str) -> None:
    [parameters] = [one.parameters for one in deployments(REPOSITORY / "prefect.yaml") if one.name == name]
    config = REPOSITORY / "configs" / Path(parameters["config"]).name
    recipe = load_config(config, parameters["settings"], parameters["source"])
    assert recipe.compute.timeout
    assert check_expectations(recipe.expect) == []
    assert set(recipe.expect) == {"clean", "steady"}
    build.validate_parameters(parameters)


def test_the_tuning_of_a_published_build_is_given_what_it_takes() -> None:
    [tune] = [one for one in deployments(REPOSITORY / "prefect.yaml") if one.name == "tune"]
    load_recipe(FineTune, REPOSITORY / "configs" / Path(tune.parameters["config"]).name)
    finetune.validate_parameters({**tune.parameters, **(tune.triggers[0].parameters or {})})


def test_an_entrypoint_that_is_no_flow_is_told(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    for entrypoint in ("flows.build.nothing", "flows.nowhere.build", "flows.build.make"):
        file.write_text(f"deployments: [{{name: one, entrypoint: {entrypoint}}}]")
        with pytest.raises(InputError, match=f"deployment one: entrypoint {entrypoint}"):
            deployments(file)


@pytest.mark.parametrize("text", [None, "deployments: nightly", "name: [", "deployments: [{tags: [one]}]"])
def test_what_is_no_prefect_yaml_is_told_in_a_line(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "prefect.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=r"prefect\.yaml: (No such file|no deployments can be read)"):
        deployments(file)


def test_a_build_that_takes_too_long_is_given_up_and_goes_on(source: Path, tmp_path: Path) -> None:
    config, out = str(write_config(tmp_path)), str(tmp_path / "out")
    with pytest.raises(InputError, match=r"compute\.timeout: given up after 1e-09 hours; what is made stays"):
        build.fn(config, out, str(source), ["compute.timeout=1e-9"])
    assert Dataset(out).builds() == []
    assert list((tmp_path / "out" / "builds").iterdir()) == []  # it does not count as running any more
    assert build.fn(config, out, str(source)).counts["pairs"] == 24


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
    environment["PYTHONPATH"] = str(REPOSITORY)  # the code of this checkout, wherever the package is installed from
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


def ask(api: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask a Prefect server; again, as its own client does, while its database is busy (503)."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api}/{path}", data, {"Content-Type": "application/json"})
    for _ in range(60):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        time.sleep(1)
    pytest.fail(f"{path}: the server was busy for a minute")


@contextmanager
def working(environment: dict[str, str], folder: Path) -> Iterator[psutil.Popen]:
    """Have a worker of the nightly deployment's pool; it and what it has started are killed at the end."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "counterfoil"]
    with (folder / "worker.log").open("a") as log:
        worker = psutil.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        yield worker
    finally:
        for process in [worker, *worker.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        worker.wait()


@pytest.mark.slow
def test_deployed_to_a_server_a_worker_that_is_killed_is_followed_by_the_next(
    server: dict[str, str], tmp_path: Path
) -> None:
    source = make_csv_source(tmp_path / "source", images=30)
    checkout, out, api = tmp_path / "checkout", tmp_path / "out", server["PREFECT_API_URL"]
    checkout.mkdir()
    shutil.copy(REPOSITORY / "prefect.yaml", checkout)
    parameters = {"config": str(write_config(tmp_path)), "out": str(out), "source": str(source)}

    for pool in ("counterfoil", "counterfoil-ray"):
        ask(api, "work_pools/", {"name": pool, "type": "process"})
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(command, env=server, cwd=checkout, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    nightly = ask(api, "deployments/name/build/nightly")["id"]

    def begun() -> str:
        return str(ask(api, f"deployments/{nightly}/create_flow_run", {"parameters": parameters})["id"])

    def wait_until(what: Callable[[], bool]) -> None:
        for _ in range(2400):
            if what():
                return
            time.sleep(0.1)
        pytest.fail((checkout / "worker.log").read_text()[-3000:])

    def state(run: str) -> str:
        return str(ask(api, f"flow_runs/{run}")["state_type"])

    killed = begun()
    with working(server, checkout):
        wait_until(lambda: bool(list(out.glob("parses/*.parquet"))))
    # Less the ledger: where the kill came between a shard's costs and the shard, both are made.
    whole = [path for path in out.glob("*/*.parquet") if path.parent.name != "ledger"]
    made = {path: path.stat().st_mtime_ns for path in whole}
    assert Dataset(str(out)).builds() == [], "it was killed on its way"
    assert state(killed) == "RUNNING", "nobody could tell"
    # What an automation on heartbeats that stay away does (docs/prefect.md); else its place is taken for five minutes.
    ask(api, f"flow_runs/{killed}/set_state", {"state": {"type": "CRASHED"}, "force": True})
    after = begun()
    with working(server, checkout):
        wait_until(lambda: state(after) in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
    assert state(after) == "COMPLETED", (checkout / "worker.log").read_text()[-3000:]
    assert {path: path.stat().st_mtime_ns for path in made} == made, "what was made is not made again"
    whole = run_build(parameters["config"], str(tmp_path / "whole"), parameters["source"], [])
    assert content(out, Dataset(str(out)).build()) == content(tmp_path / "whole", whole)
