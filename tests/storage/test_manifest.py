"""A manifest says of each shard what was written: what is new is learnt from its ledger, and sizes tell at once."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.errors import InputError
from schemas.tables import EMBEDDINGS, LEDGER, VERDICTS
from storage.dataset import Build, DamagedShardError, Dataset
from storage.manifest import Facts, Manifest
from storage.presence import Presence
from storage.stock import take_stock
from storage.verify import Checked, verify
from tests.storage.test_dataset import build, damage, units
from tests.storage.test_prune import age

LEDGER_ROW = pa.Table.from_pylist([{"stage": "test"}], LEDGER)


@pytest.fixture(params=["local", "memory"])
def dataset(tmp_path: Path, request: pytest.FixtureRequest) -> Dataset:
    """Three shards that are in no build yet."""
    made = Dataset(str(tmp_path / "data") if request.param == "local" else f"memory://{tmp_path.name}")
    for name, rows in (("a", 1), ("b", 20), ("c", 300)):
        made.write_work(name, LEDGER_ROW, {"units": units(rows)})
    return made


def published(dataset: Dataset, name: str, *shards: str, previous: Build | None = None) -> Build:
    known = dataset.manifest(previous) if previous else Manifest()
    manifest = take_stock(dataset, {"units": list(shards)}, known)
    made = build(name, *shards)
    return dataset.commit(replace(made, shards={**made.shards, "ledger": list(manifest.tables["ledger"])}), manifest)


def put(dataset: Dataset, shard: str, data: bytes, table: str = "units") -> None:
    dataset.files.put(dataset.path(table, shard), data)


def content(dataset: Dataset, shard: str, table: str = "units") -> bytes:
    return dataset.files.read(dataset.path(table, shard))


def wrong(dataset: Dataset, repair: bool = False) -> dict[str, str]:
    return {one.name: one.why for one in verify(dataset, repair) if one.why is not None}


def never(*_: Any) -> Any:
    pytest.fail("a shard is opened that need not be")


def test_it_says_what_was_written(dataset: Dataset) -> None:
    made = published(dataset, "1", "a", "b", "c")
    manifest = dataset.manifest(made)
    data = content(dataset, "b")
    assert manifest.get("units", "b") == Facts(20, len(data), hashlib.sha256(data).digest())
    assert sum(facts.rows for facts in manifest.of("units", made.shards["units"])) == 321
    ledger = content(dataset, "c", "ledger")
    assert manifest.get("ledger", "c") == Facts(1, len(ledger), hashlib.sha256(ledger).digest())
    assert manifest.get("units", "d") is None
    assert Manifest.decoded(manifest.encoded()) == manifest
    assert Manifest.decoded(Manifest().encoded()) == Manifest()
    assert dataset.builds() == ["1"], "a manifest is no build"
    assert wrong(dataset) == {}


def test_verdicts_are_counted_too(dataset: Dataset) -> None:
    rows = pa.Table.from_pylist([{"accepted": value} for value in (True, False, None, True)], VERDICTS)
    dataset.write_work("v", LEDGER_ROW, {"verdicts": rows})
    manifest = take_stock(dataset, {"verdicts": ["v"]}, Manifest())
    assert [(facts.rows, facts.accepted) for facts in manifest.of("verdicts", ["v"])] == [(4, 2)]


def test_what_is_new_is_learnt_from_its_ledger_and_what_is_known_is_not_read_again(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dataset, "read", never)
    first = published(dataset, "1", "a", "b")
    looked: list[str] = []
    real = dataset.files.read
    monkeypatch.setattr(dataset.files, "read", lambda path: (looked.append(path), real(path))[1])
    if dataset.local:  # whose clock is coarse
        age(Path(dataset.base), 1, *(f"{table}/{shard}.parquet" for table in ("units", "ledger") for shard in "ab"))
    second = published(dataset, "2", "a", "b", "c", previous=first)
    assert [path.removeprefix(f"{dataset.base}/") for path in looked] == ["builds/1.parquet", "ledger/c.parquet"]
    assert dataset.manifest(second).get("units", "a") == dataset.manifest(first).get("units", "a")


def test_what_has_no_ledger_is_read(dataset: Dataset) -> None:
    before = take_stock(dataset, {"units": ["a", "b"]}, Manifest())
    dataset.remove("ledger", "a")
    after = take_stock(dataset, {"units": ["a", "b"]}, Manifest())
    assert after.tables["units"] == before.tables["units"]
    assert list(after.tables["ledger"]) == ["b"]
    put(dataset, "b", b"no Parquet", "ledger")
    after = take_stock(dataset, {"units": ["a", "b"]}, Manifest())
    assert after.tables == {"units": before.tables["units"]}


def test_a_shard_that_was_exchanged_before_it_was_published_is_named(dataset: Dataset) -> None:
    put(dataset, "b", content(dataset, "a"))
    with pytest.raises(DamagedShardError, match=r"units/b.parquet: exchanged for another file"):
        take_stock(dataset, {"units": ["a", "b"]}, Manifest())
    dataset.remove("units", "b")
    with pytest.raises(DamagedShardError, match=r"units/b.parquet: gone"):
        take_stock(dataset, {"units": ["a", "b"]}, Manifest())


@pytest.mark.parametrize("how", ["exchanged", "cut", "empty", "gone"])
def test_what_its_size_tells_is_seen_without_reading(
    dataset: Dataset, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = published(dataset, "1", "a", "b")
    data = content(dataset, "b")
    dataset.remove("units", "b")
    if how != "gone":
        put(dataset, "b", {"exchanged": content(dataset, "a"), "cut": data[:-1], "empty": b""}[how])
    monkeypatch.setattr(Dataset, "read", never)
    with pytest.raises(DamagedShardError, match=r"units/b.parquet: (gone|cut, or exchanged \([\d,]+ bytes, of )"):
        dataset.check(made)
    there = Presence(dataset, made)
    assert [there.has("units", shard) for shard in "ab"] == [True, False]
    assert dataset.shards("units") == ["a", "c"], "so that it is made anew"
    there.add("units", "b")
    assert there.has("units", "b")


def test_of_the_same_size_verify_tells_by_the_hash(dataset: Dataset) -> None:
    made = published(dataset, "1", "a", "b")
    data = content(dataset, "b")
    put(dataset, "b", data[:40] + b"\x07" * 8 + data[48:])
    dataset.check(made)
    assert wrong(dataset) == {"units/b.parquet": "overwritten, or exchanged for another file (of the same size)"}


def test_every_kind_of_damage_is_named_and_removed(dataset: Dataset) -> None:
    made = published(dataset, "1", "a", "b", "c")
    dataset.write("embeddings", "m", EMBEDDINGS.empty_table())
    put(dataset, "m", content(dataset, "m", "embeddings")[:-2], "embeddings")
    put(dataset, "a", content(dataset, "b"))
    put(dataset, "b", content(dataset, "b")[:40] + b"\x07" * 8 + content(dataset, "b")[48:])
    dataset.remove("units", "c")
    put(dataset, "a", b"", "ledger")
    found = wrong(dataset)
    assert set(found) == {f"units/{shard}.parquet" for shard in "abc"} | {"ledger/a.parquet", "embeddings/m.parquet"}
    assert found["units/a.parquet"].startswith("cut, or exchanged for another file (")
    assert found["units/b.parquet"].startswith("overwritten")
    assert found["units/c.parquet"] == "gone"
    assert found["embeddings/m.parquet"].startswith("cut or damaged (")
    assert wrong(dataset) == found, "nothing is removed unless asked for"
    assert wrong(dataset, repair=True) == found
    assert wrong(dataset) == dict.fromkeys(set(found) - {"embeddings/m.parquet"}, "gone")
    for shard, rows in (("a", 1), ("b", 20), ("c", 300)):
        dataset.write_work(shard, LEDGER_ROW, {"units": units(rows)})
    assert {one.shard for one in dataset.damaged(made.shards, dataset.manifest(made))} == set()


def test_what_was_made_again_on_another_machine_is_as_good(dataset: Dataset) -> None:
    """Models do not give the same bytes everywhere: then the ledger, written with them, is right."""
    first = published(dataset, "1", "a", "b")
    dataset.remove("units", "b")
    dataset.write_work("b", LEDGER_ROW, {"units": units(19)})
    dataset.check(first)
    assert Presence(dataset, first).has("units", "b")
    second = published(dataset, "2", "a", "b", previous=first)
    assert dataset.manifest(second) != dataset.manifest(first), "so there is a new build, which knows"
    assert [facts.rows for facts in dataset.manifest(second).of("units", "ab")] == [1, 19]
    assert wrong(dataset) == {}


@pytest.mark.parametrize("how", ["gone", "cut", "exchanged"])
def test_a_manifest_that_is_damaged_is_named_and_stops_no_reader(
    dataset: Dataset, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = published(dataset, "1", "a", "b")
    path = dataset.manifest_path("1")
    data = dataset.files.read(path)
    dataset.files.remove(path)
    if how != "gone":
        dataset.files.put(path, data[:-1] if how == "cut" else Manifest().encoded())
    assert dataset.manifest(made) == Manifest()
    dataset.check(made)
    assert f"{path}: damaged or gone" in caplog.text
    put(dataset, "b", content(dataset, "a"))
    found = wrong(dataset, repair=True)
    assert list(found) == ["builds/1.parquet", "units/b.parquet"], "its ledger tells of the shard still"
    assert not dataset.fs.exists(path)


def test_a_build_from_before_there_were_manifests_is_read_whole(dataset: Dataset) -> None:
    dataset.write("units", "old", units(1000))
    made = dataset.commit(build("1", "old"))
    assert (made.manifest, dataset.manifest(made)) == (None, Manifest())
    dataset.check(made)
    assert [one.why for one in verify(dataset)] == [None]
    data = content(dataset, "old")
    put(dataset, "old", data[:4] + b"\x07" * 4000 + data[4004:])
    [found] = [one for one in verify(dataset) if one.why is not None]
    assert found.name == "units/old.parquet"
    assert str(found.why).startswith("cut or damaged (")


def test_what_older_builds_alone_name_is_told_apart(dataset: Dataset) -> None:
    first = published(dataset, "1", "a", "b")
    published(dataset, "2", "b", previous=first)
    for shard in "ab":
        dataset.remove("units", shard)
    remedies = {one.name: one.remedy for one in verify(dataset) if one.why is not None}
    assert remedies == {
        "units/a.parquet": "older builds alone name it: `counterfoil prune` forgets them",
        "units/b.parquet": "`counterfoil build` makes it anew",
    }


def test_a_damaged_build_file_is_named(dataset: Dataset) -> None:
    published(dataset, "1", "a")
    dataset.files.put(f"{dataset.base}/builds/2.json", b"{")
    assert wrong(dataset, repair=True) == {"builds/2.json": "cut or damaged"}
    assert dataset.builds() == ["1"]
    assert next(verify(dataset)) == Checked("builds/1.parquet", dataset.files.size(dataset.manifest_path("1")),
                                            None, "`counterfoil build` writes one")  # fmt: skip


def test_where_nothing_was_built_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished build here"):
        list(verify(Dataset(str(tmp_path))))


def test_two_that_make_the_same_build_leave_one_manifest(dataset: Dataset) -> None:
    first = published(dataset, "1", "a")
    assert published(dataset, "1", "a") == first
    assert wrong(dataset) == {}


def test_what_was_garbled_after_the_manifest_in_a_folder_is_seen_though_its_size_is_right(tmp_path: Path) -> None:
    made = Dataset(str(tmp_path))
    made.write_work("a", LEDGER_ROW, {"units": units(1000)})
    first = published(made, "1", "a")
    damage(tmp_path / "units" / "a.parquet", "garbage")
    assert [one.why for one in made.damaged(first.shards, made.manifest(first))] == ["cut, or overwritten"]
