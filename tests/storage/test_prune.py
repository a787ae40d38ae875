"""Prune removes what it knows to be its own, is old, and no build needs; nothing else."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.errors import InputError
from storage.dataset import Dataset
from storage.prune import DAY, Pruned, prune
from storage.running import RUNNING, at_work
from tests.storage.test_dataset import build, units

NOW = timedelta(0)


def age(root: Path, hours: float, *names: str) -> None:
    """Make files look as if they had been written so long ago; all of them where none is named."""
    then = time.time() - hours * 3600
    for path in [root / name for name in names] or [path for path in root.rglob("*") if path.is_file()]:
        os.utime(path, (then, then))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two builds; of four shards the newer one needs b, nobody d; what a killed build left; all two days old."""
    made = Dataset(str(tmp_path))
    for name in "abcd":
        made.write("units", name, units(1))
    made.commit(build("1", "a", "b", "c"))
    made.commit(build("2", "b"))
    (tmp_path / "units" / ".tmp-1-e.parquet").write_bytes(b"half")
    age(tmp_path, 48)
    return made


def test_what_no_kept_build_names_goes(dataset: Dataset) -> None:
    gone = prune(dataset, keep=1)
    assert gone.builds == ["builds/1.json"]
    assert gone.shards == ["units/a.parquet", "units/c.parquet", "units/d.parquet"]
    assert gone.leftovers == ["units/.tmp-1-e.parquet"]
    assert gone.size > 4
    assert dataset.shards("units") == ["b"]
    assert dataset.builds() == ["2"]
    assert prune(dataset, keep=1) == Pruned([], [], [], 0, 0, 0)


def test_older_builds_are_kept_where_asked_for(dataset: Dataset) -> None:
    assert prune(dataset, keep=2).shards == ["units/d.parquet"]
    assert dataset.builds() == ["1", "2"]


def test_a_dry_run_lists_the_same_and_removes_nothing(dataset: Dataset, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    listed = prune(dataset, keep=1, dry_run=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert listed == prune(dataset, keep=1)


def test_what_is_younger_than_a_day_stays(dataset: Dataset, tmp_path: Path) -> None:
    age(tmp_path, 23, "units/a.parquet", "units/.tmp-1-e.parquet", "builds/1.json")
    gone = prune(dataset, keep=1)
    assert (gone.builds, gone.shards, gone.leftovers, gone.young) == ([], ["units/d.parquet"], [], 2)
    assert dataset.shards("units") == ["a", "b", "c"], "the young build is kept, and so are its shards"
    assert prune(dataset, 1, timedelta(hours=22)).builds == ["builds/1.json"]


def test_of_a_running_build_nothing_goes_not_even_what_it_only_found(dataset: Dataset) -> None:
    with at_work(dataset):
        gone = prune(dataset, keep=1)
        assert (gone.shards, gone.running) == ([], 1)
        assert dataset.shards("units") == ["a", "b", "c", "d"]
    assert len(prune(dataset, keep=1).shards) == 3


def test_a_build_that_was_killed_long_ago_is_not_running(dataset: Dataset, tmp_path: Path) -> None:
    for name, hours in (("killed", 30), ("killed-today", 2)):
        (tmp_path / "builds" / f"{RUNNING}{name}").write_bytes(b"host 1")
        age(tmp_path, hours, f"builds/{RUNNING}{name}")
    gone = prune(dataset, keep=1)
    assert (len(gone.shards), gone.running, gone.young) == (3, 0, 1)
    assert gone.leftovers == [f"builds/{RUNNING}killed", "units/.tmp-1-e.parquet"]


def test_nothing_stays_of_at_work_not_even_after_an_error(tmp_path: Path) -> None:
    def work() -> None:
        with at_work(Dataset(str(tmp_path))):
            assert [path.name.startswith(RUNNING) for path in (tmp_path / "builds").iterdir()] == [True]
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert list((tmp_path / "builds").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"build_id": "3"}', b"\x00" * 80, b'{"shards": {"units": 1}}'])
def test_a_damaged_build_file_goes_whatever_its_age(dataset: Dataset, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "builds" / "3.json").write_bytes(content)
    gone = prune(dataset, keep=1)
    assert gone.builds == ["builds/1.json", "builds/3.json"]
    assert dataset.build().shards == {"units": ["b"]}
    assert dataset.shards("units") == ["b"]


def test_where_every_build_file_is_damaged_shards_stay_for_the_next_build(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    dataset.write("units", "a", units(1))
    (tmp_path / "builds").mkdir()
    (tmp_path / "builds" / "1.json").write_bytes(b"{")
    age(tmp_path, 48)
    assert prune(dataset, keep=1).builds == ["builds/1.json"]
    assert dataset.shards("units") == ["a"]
    with pytest.raises(InputError, match="no finished build here"):
        prune(dataset, keep=1)


def test_in_an_object_store_its_own_clock_counts(tmp_path: Path) -> None:
    dataset = Dataset(f"memory://{tmp_path.name}")
    dataset.write("units", "a", units(1))
    dataset.commit(build("1"))
    assert (prune(dataset, 1, DAY).shards, prune(dataset, 1, DAY).young) == ([], 1)
    assert prune(dataset, 1, NOW).shards == ["units/a.parquet"]


def test_a_folder_that_is_no_dataset_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "results" / "precious.parquet"
    precious.parent.mkdir()
    precious.write_bytes(b"a year of work")
    with pytest.raises(InputError, match="no finished build here"):
        prune(Dataset(str(tmp_path)), 1, NOW)
    assert precious.exists()


def test_files_of_others_inside_a_dataset_are_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / "mine.parquet", tmp_path / "exports" / "images" / "a.parquet", tmp_path / "units" / "note.txt"]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not a shard")
    dataset = Dataset(str(tmp_path))
    dataset.commit(build("1"))
    assert prune(dataset, 1, NOW) == Pruned([], [], [], 0, 0, 0)
    assert all(path.exists() for path in others)
