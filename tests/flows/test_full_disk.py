"""A disk that is full or read-only in the middle of a build: it fails, leaves nothing half, and goes on when it can."""

import errno
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from storage.dataset import Build, Dataset
from tests.flows.conftest import Run

Sized = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Sized]:
    """A small disk at `dataset`; call it with mount options to change it."""
    folder = tmp_path / "dataset"
    folder.mkdir()

    def mount(*options: str) -> None:
        command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("needs the right to mount a small disk")

    mount("-o", "size=64k")
    try:
        yield lambda options: mount("-o", f"remount,{options}")
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def without_ledger(made: Build) -> dict[str, list[str]]:
    return {**made.shards, "ledger": []}


# Full among the shards, and beside the catalog.
@pytest.mark.parametrize("size", ["64k", "150k", "250k", "300k", "350k", "450k"])
def test_on_a_full_disk_a_build_fails_and_goes_on_when_there_is_room(
    run: Run, source: Path, tmp_path: Path, built_once: Callable[[bool], Path], disk: Sized, size: str
) -> None:
    disk(f"size={size}")
    with pytest.raises((OSError, duckdb.Error)) as caught:
        run(source, with_models=False)
    assert isinstance(caught.value, duckdb.Error) or caught.value.errno == errno.ENOSPC  # type: ignore[attr-defined]
    folders = [path for path in (tmp_path / "dataset").iterdir() if path.is_dir()]
    assert [path for folder in folders for path in folder.iterdir() if path.name.startswith(".")] == []
    root = tmp_path / "dataset"
    for path in root.rglob("*.parquet"):
        assert Dataset(str(root)).has(path.parent.relative_to(root).as_posix(), path.stem)
    disk("size=64m")
    made = run(source, with_models=False)
    assert without_ledger(made) == without_ledger(Dataset(str(built_once(False))).build())
    with duckdb.connect(str(tmp_path / "dataset" / "catalog.duckdb"), read_only=True) as connection:
        connection.execute(f"SET VARIABLE dataset = '{tmp_path / 'dataset'}'")
        assert connection.sql("SELECT count(*) FROM verdicts").fetchall() == [(made.counts["verdicts"],)]


def test_a_read_only_disk_is_told_before_any_work(
    run: Run, source: Path, disk: Sized, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk("ro")
    monkeypatch.setattr("flows.build.read_source", lambda *_: pytest.fail("work has begun"))
    with pytest.raises(OSError, match="Read-only file system"):
        run(source, with_models=False)
