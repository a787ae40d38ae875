"""Shards are whole or not there; builds come and go as one; what somebody else has damaged is seen."""

import logging
import os
import pickle
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import InputError
from schemas.tables import EMBEDDINGS, IMAGES, PAIRS, UNITS
from storage.dataset import Build, DamagedShardError, Dataset
from storage.kept import kept
from storage.manifest import Manifest


def units(n: int) -> pa.Table:
    return pa.Table.from_pylist([{"unit": k.to_bytes(16, "little"), "rows": 1} for k in range(n)], UNITS)


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
    dataset.remove("units", "a")
    dataset.remove("units", "a")
    assert not dataset.has("units", "a")


def test_a_stage_that_breaks_its_schema_is_caught(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected"):
        Dataset(str(tmp_path)).write("pairs", "a", units(1))


def test_the_newest_build_is_current_and_old_ones_stay_readable(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    with pytest.raises(InputError, match="no finished build"):
        dataset.build()
    dataset.commit(build("20260102T000000-b", "b"))
    dataset.commit(build("20260101T000000-a", "a"))  # begun earlier, ended later
    assert dataset.build().shards == {"units": ["b"]}
    assert dataset.build("20260101T000000-a").shards == {"units": ["a"]}
    with pytest.raises(InputError, match="no build nonsense; there are 2026"):
        dataset.build("nonsense")


@pytest.mark.parametrize("place", ["local", "memory"])
def test_no_build_overwrites_another(tmp_path: Path, place: str) -> None:
    dataset = Dataset(str(tmp_path) if place == "local" else f"memory://{tmp_path.name}")
    first = dataset.commit(build("1", "a"))
    assert dataset.commit(build("1", "a")) == first
    assert dataset.commit(replace(first, ended="later")) == first, "what is there stays"
    assert dataset.build() == first
    if place == "local":
        assert os.listdir(tmp_path / "builds") == ["1.json"]


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(
        {
            "empty": b"",
            "cut": data[:-1],
            "cut in half": data[:middle],
            "garbage": b"\x07" * len(data),
            "text": b"<html>502 Bad Gateway</html>",
            "overwritten": data[:4] + b"\x07" * (middle - 4) + data[middle:],
        }[how]
    )


CUT = ["empty", "cut", "cut in half", "garbage", "text"]


@pytest.mark.parametrize("how", CUT)
def test_a_cut_shard_is_not_there(tmp_path: Path, how: str) -> None:
    dataset = Dataset(str(tmp_path))
    dataset.write("units", "a", units(1000))
    assert list(dataset.damaged({"units": ["a"]}, Manifest())) == []
    damage(tmp_path / "units" / "a.parquet", how)
    assert not dataset.has("units", "a")
    found = dataset.damaged({"units": ["a", "b"]}, Manifest())
    assert [(one.shard, one.why) for one in found] == [("a", "cut, or overwritten"), ("b", "gone")]


@pytest.mark.parametrize("how", [*CUT, "overwritten"])
def test_reading_a_damaged_shard_says_which_and_what_to_do(tmp_path: Path, how: str) -> None:
    dataset = Dataset(str(tmp_path))
    dataset.write("units", "a", units(1000))
    path = tmp_path / "units" / "a.parquet"
    damage(path, how)
    with pytest.raises(DamagedShardError) as caught:
        dataset.read("units", "a")
    assert str(caught.value).startswith(f"{path}: cut or damaged (")
    assert str(caught.value).endswith("; remove it and run `counterfoil build` again, which makes it anew")
    if how != "overwritten":
        with pytest.raises(DamagedShardError):
            dataset.count("units", "a")


@pytest.mark.parametrize("how", [*CUT, "overwritten"])
def test_the_shards_of_a_build_are_checked(tmp_path: Path, how: str) -> None:
    dataset = Dataset(str(tmp_path))
    for name in "ab":
        dataset.write("units", name, units(1000))
    dataset.check(build("1", "a", "b"), thoroughly=True)
    damage(tmp_path / "units" / "b.parquet", how)
    with pytest.raises(DamagedShardError, match=r"units/b.parquet: cut"):
        dataset.check(build("1", "a", "b"), thoroughly=how == "overwritten")


def test_a_shard_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedShardError, match=r"units/a.parquet: gone"):
        Dataset(str(tmp_path)).read("units", "a")


def test_trouble_on_the_way_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset("memory://trouble")
    dataset.write("units", "a", units(3))
    real = dataset.fs.open

    def hang_up(*_: object, **__: object) -> None:
        raise OSError("the store hung up")

    monkeypatch.setattr(dataset.fs, "open", hang_up)
    monkeypatch.setattr(dataset.fs, "cat_file", lambda path: real(path, "rb").read())
    with pytest.raises(OSError, match="hung up") as caught:
        dataset.read("units", "a")
    assert not isinstance(caught.value, DamagedShardError)


@pytest.mark.parametrize("how", [*CUT, "overwritten"])
def test_damage_to_what_models_once_made_is_named(tmp_path: Path, how: str) -> None:
    dataset = Dataset(str(tmp_path))
    keys = [n.to_bytes(16, "little") for n in range(1000)]
    rows = pa.table([keys, [[float(n)] * 8 for n in range(1000)]], schema=EMBEDDINGS)
    dataset.write("embeddings", "model-a", rows)
    dataset.write("embeddings", "model-b", rows.slice(0, 10))
    wanted = pa.table({"key": rows["key"]})
    assert kept(dataset, "embeddings", ["model-a", "model-b"], wanted).num_rows == 1000
    damage(tmp_path / "embeddings" / "model-a.parquet", how)
    with pytest.raises(DamagedShardError, match=r"embeddings/model-a.parquet: cut or damaged"):
        kept(dataset, "embeddings", ["model-a", "model-b"], wanted)


@pytest.mark.parametrize("content", [b"", b'{"build_id": "2", "sha', b"[]", b"{}", b"\xff\x00", b'{"shards": 3}'])
def test_a_damaged_build_file_is_left_aside_and_named(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = Dataset(str(tmp_path))
    dataset.commit(build("1", "a"))
    path = tmp_path / "builds" / "2.json"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert dataset.build() == build("1", "a")
        assert dataset.build() == build("1", "a")
    told = f"counterfoil: {path}: cut or damaged, and left aside; `counterfoil prune` removes it"
    assert caplog.messages == [told], "said once"
    with pytest.raises(InputError, match=r"2.json: cut or damaged; `counterfoil prune` removes it"):
        dataset.build("2")
    (tmp_path / "builds" / "1.json").unlink()
    with pytest.raises(InputError, match=r"2.json: cut or damaged, and there is no other build; run `counterfoil bui"):
        dataset.build()


def test_pictures_follow_the_hugging_face_convention(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    dataset.write("images", "a", IMAGES.empty_table())
    schema = pq.read_schema(dataset.path("images", "a"))
    assert b'"_type": "Image"' in schema.metadata[b"huggingface"]
    assert schema.names == IMAGES.names
    assert PAIRS.names[0] == "pair_id"


def test_damage_travels_from_a_worker(tmp_path: Path) -> None:
    with pytest.raises(DamagedShardError) as caught:
        Dataset(str(tmp_path)).read("units", "a")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.table, again.shard) == (str(caught.value), "units", "a")
