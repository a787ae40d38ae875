"""Shards are whole or not there; builds come and go as one."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import InputError
from schemas.tables import IMAGES, PAIRS, UNITS
from storage.dataset import Build, Dataset
from storage.prune import prune


def units(n: int) -> pa.Table:
    return pa.Table.from_pylist([{"unit": bytes([k]) * 16, "rows": 1} for k in range(n)], UNITS)


def build(name: str, *shards: str) -> Build:
    return Build(name, {"units": list(shards)}, {}, {}, {}, "", "")


@pytest.mark.parametrize("place", ["local", "memory"])
def test_what_is_written_is_read(tmp_path: Path, place: str) -> None:
    dataset = Dataset(str(tmp_path) if place == "local" else f"memory://{tmp_path.name}")
    assert not dataset.has("units", "a")
    dataset.write("units", "a", units(3))
    assert dataset.has("units", "a")
    assert dataset.count("units", "a") == 3
    assert dataset.read("units", "a").equals(units(3))
    assert dataset.read("units", "a", ["rows"]).column_names == ["rows"]
    assert dataset.shards("units") == ["a"]
    assert dataset.shards("units", prefix="b") == []


def test_a_stage_that_breaks_its_schema_is_caught(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected"):
        Dataset(str(tmp_path)).write("pairs", "a", units(1))


def test_a_failed_write_leaves_no_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(str(tmp_path))

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        dataset.write("units", "a", units(1))
    assert not dataset.has("units", "a")


def test_the_newest_build_is_current_and_old_ones_stay_readable(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    with pytest.raises(InputError, match="no finished build"):
        dataset.build()
    dataset.commit(build("20260101T000000-a", "a"))
    dataset.commit(build("20260102T000000-b", "b"))
    assert dataset.build().shards == {"units": ["b"]}
    assert dataset.build("20260101T000000-a").shards == {"units": ["a"]}
    with pytest.raises(InputError, match="no build nonsense; there are 2026"):
        dataset.build("nonsense")


def test_prune_removes_what_no_kept_build_names(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    for name in "abc":
        dataset.write("units", name, units(1))
    (tmp_path / "units" / ".tmp-1-d.parquet").write_bytes(b"half")
    dataset.commit(build("1", "a", "b"))
    dataset.commit(build("2", "b"))
    builds, shards, leftovers, size = prune(dataset, keep=1)
    assert (builds, shards, leftovers) == (1, 2, 1)
    assert size > 4
    assert dataset.shards("units") == ["b"]
    assert dataset.builds() == ["2"]


def test_pictures_follow_the_hugging_face_convention(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    dataset.write("images", "a", IMAGES.empty_table())
    schema = pq.read_schema(dataset.path("images", "a"))
    assert b'"_type": "Image"' in schema.metadata[b"huggingface"]
    assert schema.names == IMAGES.names
    assert PAIRS.names[0] == "pair_id"
