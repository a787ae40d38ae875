"""Whole builds on a real S3 server: two at once, an outage in the middle, prune meanwhile; the end is the same."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.exceptions
import fsspec
import pytest

from flows import again
from flows.build import build
from flows.errors import told
from flows.steps.selection import ProbeCaptions
from storage.catalog import connect
from storage.dataset import Build, Dataset
from storage.prune import Pruned, prune
from tests.command import Running, counterfoil
from tests.flows.conftest import Run, write_config
from tests.s3_server import BUCKET, KEY, SECRET, S3Server


def without_ledger(made: Build) -> dict[str, list[str]]:
    return {**made.shards, "ledger": []}


def told_by(dataset: Dataset) -> set[str]:
    """Say which build the catalog, the card and the newest build file are of."""
    catalog, card = (dataset.files.read(f"{dataset.base}/{name}").decode() for name in ("catalog.sql", "README.md"))
    found = [re.search(r"build (\S+)", catalog), re.search(r"build `(\S+)`", card)]
    return {dataset.build().build_id, *(one.group(1) for one in found if one is not None)}


def test_a_build_in_a_bucket_equals_one_in_a_folder(run: Run, source: Path, tmp_path: Path, place: str) -> None:
    here = run(source, with_models=False)
    config = write_config(tmp_path)
    there: Build = build.fn(str(config), place, str(source))
    assert without_ledger(there) == without_ledger(here)
    assert build.fn(str(config), place, str(source)) == there, "nothing is done twice"
    with connect(Dataset(place)) as connection:
        assert connection.sql("SELECT count(*) FROM minimal_pairs").fetchall() == [(here.counts["accepted"],)]
    assert told_by(Dataset(place)) == {there.build_id}
    assert {os.path.basename(info["name"]) for info in Dataset(place).files.list(Dataset(place).base)} == {
        "README.md",
        "catalog.sql",
    }


@pytest.mark.slow
def test_two_builds_at_once_both_end_well(source: Path, tmp_path: Path, place: str) -> None:
    configs = [write_config(tmp_path / name, seed=seed) for name, seed in (("a", 0), ("b", 1))]
    for running in [Running("build", config, "--source", source, "--out", place) for config in configs]:
        done = running.ended()
        assert done.returncode == 0, done.stderr
    dataset = Dataset(place)
    assert len(dataset.builds()) == 2
    newest = dataset.build()
    assert told_by(dataset) == {newest.build_id}
    assert f"Build {newest.build_id}" in counterfoil("status", place).stdout
    alone: Build = build.fn(str(configs[newest.config["seed"]]), str(tmp_path / "alone"), str(source))
    assert without_ledger(newest) == without_ledger(alone)
    assert list(dataset.damaged(newest.shards, dataset.manifest(newest))) == []


@pytest.fixture
def own_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> Iterator[S3Server]:  # noqa: ARG001
    """A server that a test may stop; its clients do not try for long."""
    server = S3Server(tmp_path / "s3").start()
    monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": server.url, "key": KEY, "secret": SECRET})
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    fsspec.filesystem("s3", use_listings_cache=False).mkdir(BUCKET)
    try:
        yield server
    finally:
        server.stop()


def before(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Do something in the middle of a build: once, before captions are probed."""
    real, done = ProbeCaptions.make, []

    def meanwhile(*arguments: Any) -> Any:
        if not done:
            done.append(work())
        return real(*arguments)

    monkeypatch.setattr(ProbeCaptions, "make", meanwhile)


@pytest.mark.slow
def test_an_outage_in_mid_build_is_waited_for(
    source: Path,
    tmp_path: Path,
    own_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    before(monkeypatch, own_server.stop)
    # The server is back by the time that the task is tried again.
    monkeypatch.setattr(again, "sleep", lambda _: own_server.start())
    made: Build = build.fn(str(write_config(tmp_path)), f"s3://{BUCKET}/data", str(source))
    said = capfd.readouterr().err
    assert re.search(r"^counterfoil: Could not connect.*; trying again in 2 s$", said, re.MULTILINE), said
    alone: Build = build.fn(str(tmp_path / "config.yaml"), str(tmp_path / "alone"), str(source))
    assert without_ledger(made) == without_ledger(alone)


@pytest.mark.slow
def test_an_outage_that_lasts_ends_in_one_line_and_the_next_build_goes_on(
    source: Path, tmp_path: Path, own_server: S3Server, monkeypatch: pytest.MonkeyPatch, work: Counter[str]
) -> None:
    before(monkeypatch, own_server.stop)
    monkeypatch.setattr(again, "sleep", lambda _: None)
    config, out = str(write_config(tmp_path)), f"s3://{BUCKET}/data"
    with pytest.raises(botocore.exceptions.EndpointConnectionError) as caught:
        build.fn(config, out, str(source))
    said = told(caught.value)
    assert said is not None
    assert said.startswith(f"{own_server.url}/{BUCKET}/data/")
    assert said.endswith("; check address, credentials and network, then run it again")
    assert "\n" not in said
    own_server.start()
    work.clear()
    made: Build = build.fn(config, out, str(source))
    assert work == {}, "all that was done is still there"
    alone: Build = build.fn(config, str(tmp_path / "alone"), str(source))
    assert without_ledger(made) == without_ledger(alone)


def test_prune_takes_nothing_of_a_running_build(
    source: Path, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, dataset = str(write_config(tmp_path)), Dataset(place)
    first: Build = build.fn(config, place, str(source))
    # What the next build finds, though no build names it any more.
    dataset.files.remove(f"{dataset.base}/builds/{first.build_id}.json")
    dataset.commit(replace(first, build_id="1", shards={table: [] for table in first.shards}, config={}))
    gone: list[Pruned] = []
    monkeypatch.setattr("flows.build.make_limit", lambda _: gone.append(prune(dataset, 1, timedelta(microseconds=1))))
    second: Build = build.fn(config, place, str(source))
    assert gone[0].shards == []
    assert gone[0].running == 1
    assert second.shards == first.shards
    assert list(dataset.damaged(second.shards, dataset.manifest(second))) == []
