"""The store on a real S3 server: whole objects, nothing remembered that others change, no bucket made by mistake."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest

from flows.errors import told
from schemas.errors import InputError
from storage.dataset import DamagedShardError, Dataset
from storage.files import Files
from storage.prune import prune
from storage.running import at_work
from tests.s3_server import BUCKET
from tests.storage.test_dataset import build, units

BIG = 120 * 2**20  # more than s3fs sends in one request


def test_what_is_written_is_read(place: str) -> None:
    dataset = Dataset(place)
    assert (dataset.shards("units"), dataset.builds(), dataset.has("units", "a")) == ([], [], False)
    dataset.write("units", "a", units(3))
    assert (dataset.has("units", "a"), dataset.count("units", "a")) == (True, 3)
    assert dataset.read("units", "a").equals(units(3))
    dataset.commit(build("1", "a"))
    assert Dataset(place).build() == build("1", "a")


def test_what_another_process_does_is_seen(place: str) -> None:
    here, there = Dataset(place), fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    here.write("units", "a", units(3))
    here.commit(build("1", "a"))
    assert (here.shards("units"), here.builds(), here.has("units", "a")) == (["a"], ["1"], True)
    there.cp_file(f"{place}/builds/1.json", f"{place}/builds/2.json")
    there.rm_file(f"{place}/units/a.parquet")
    assert (here.shards("units"), here.builds(), here.has("units", "a")) == ([], ["1", "2"], False)
    with pytest.raises(DamagedShardError, match=r"units/a.parquet: gone"):
        here.read("units", "a")


def test_a_build_file_is_never_overwritten(place: str) -> None:
    dataset = Dataset(place)
    first = dataset.commit(build("1", "a"))
    assert dataset.commit(build("1", "b")) == first
    assert dataset.build() == first


def test_a_file_larger_than_one_request_is_whole_and_overwrites_none(place: str) -> None:
    files = Files(place)
    path = f"{files.base}/big"
    files.create(path, b"a" * BIG)
    assert files.ends(path, 2) == (BIG, b"aa")
    with pytest.raises(FileExistsError):
        files.create(path, b"b" * BIG)
    assert files.ends(path, 2) == (BIG, b"aa")


@pytest.mark.parametrize("size", [10, BIG])
def test_a_write_that_fails_publishes_nothing(place: str, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    files = Files(place)
    real = files.fs._call_s3

    async def fail(method: str, *arguments: Any, **named: Any) -> Any:
        if method == "put_object" or (method == "upload_part" and named["PartNumber"] == 2):
            raise ConnectionResetError("hung up")
        return await real(method, *arguments, **named)

    monkeypatch.setattr(files.fs, "_call_s3", fail)
    with pytest.raises(ConnectionResetError):
        files.put(f"{files.base}/big", b"a" * size)
    monkeypatch.undo()
    assert files.list(files.base) == []


def test_a_request_that_is_sent_again_meets_its_own_file(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(place)
    real = files.fs._call_s3

    async def lose_the_answer(method: str, *arguments: Any, **named: Any) -> Any:
        if method == "put_object":
            await real(method, *arguments, **named)
        return await real(method, *arguments, **named)

    monkeypatch.setattr(files.fs, "_call_s3", lose_the_answer)
    files.create(f"{files.base}/file", b"once")
    assert files.read(f"{files.base}/file") == b"once"


def test_a_mistyped_bucket_is_one_line_and_never_made(place: str) -> None:
    typo = place.replace(BUCKET, "typo", 1)
    dataset = Dataset(typo)
    told = f"{typo}: there is no bucket typo; correct the name, or make it first"
    for work in (dataset.builds, dataset.build, lambda: dataset.put_text("a", "b"), lambda: prune(dataset, 1),
                 lambda: dataset.commit(build("1")), lambda: dataset.write("units", "a", units(1)),
                 at_work(dataset).__enter__):  # fmt: skip
        with pytest.raises(InputError) as caught:
            work()
        assert str(caught.value) == told
    assert not dataset.fs.exists("typo")
    with pytest.raises(InputError, match="no bucket is named"):
        Dataset("s3://")


def test_wrong_credentials_are_said_and_not_tried_again(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fsspec.config.conf, "s3", {"key": "somebody", "secret": "else"})
    dataset = Dataset(place)
    with pytest.raises(PermissionError) as caught:
        dataset.builds()
    assert "check the credentials" in str(told(caught.value))


def test_a_damaged_object_is_seen_when_it_is_read(place: str) -> None:
    dataset = Dataset(place)
    dataset.write("units", "a", units(1000))
    path = dataset.path("units", "a")
    whole = dataset.files.read(path)
    for content in (b"", whole[:-1], whole[:100], b"\x07" * len(whole)):
        dataset.files.put(path, content)
        assert not dataset.has("units", "a")
        with pytest.raises(DamagedShardError):
            dataset.read("units", "a")


def test_prune_goes_by_the_stores_clock_and_leaves_running_builds_alone(place: str) -> None:
    dataset = Dataset(place)
    for name in "ab":
        dataset.write("units", name, units(1))
    dataset.commit(build("1", "a"))
    assert (prune(dataset, 1).shards, prune(dataset, 1).young) == ([], 1)
    now = timedelta(0)
    with at_work(dataset):
        assert prune(dataset, 1, timedelta(hours=1)).shards == []
    assert prune(dataset, 1, now, dry_run=True).shards == ["units/b.parquet"]
    assert prune(dataset, 1, now).shards == ["units/b.parquet"]
    assert dataset.shards("units") == ["a"]


def test_the_files_of_a_bucket_are_listed_page_by_page(place: str, tmp_path: Path) -> None:
    files = Files(place)
    for n in range(1005):  # S3 lists a thousand at a time
        (tmp_path / f"{n:04d}").write_bytes(b"x")
    files.fs.put(f"{tmp_path}/", f"{files.base}/many/", recursive=True)
    assert len(files.list(f"{files.base}/many")) == 1005
