"""Prune removes what it knows to be its own, and nothing else."""

from pathlib import Path

import pytest

from schemas.errors import InputError
from storage.dataset import Build, Dataset
from storage.prune import prune


def test_a_folder_that_is_no_dataset_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "results" / "precious.parquet"
    precious.parent.mkdir()
    precious.write_bytes(b"a year of work")
    with pytest.raises(InputError, match="no finished build here"):
        prune(Dataset(str(tmp_path)), keep=1)
    assert precious.exists()


def test_files_of_others_inside_a_dataset_are_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / "mine.parquet", tmp_path / "exports" / "images" / "a.parquet", tmp_path / "units" / "note.txt"]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not a shard")
    dataset = Dataset(str(tmp_path))
    dataset.commit(Build("1", {}, {}, {}, {}, "", ""))
    assert prune(dataset, keep=1) == (0, 0, 0, 0)
    assert all(path.exists() for path in others)
