"""What a build publishes: all its rows in few files, of which a night rewrites little."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import InputError
from schemas.tables import TABLES
from storage.catalog import connect, write_catalog
from storage.dataset import Build, DamagedShardError, Dataset
from storage.manifest import Facts, Manifest
from storage.packs import Pack, are_published, columns, folder, planned, publish_packs, published
from storage.prune import prune
from storage.running import at_work
from storage.stock import take_stock
from storage.verify import verify
from tests.storage.test_catalog import ROWS
from tests.storage.test_manifest import LEDGER_ROW
from tests.storage.test_prune import NOW, age

MB = 1_000_000


@pytest.fixture(params=["local", "memory"])
def dataset(tmp_path: Path, request: pytest.FixtureRequest) -> Dataset:
    made = Dataset(str(tmp_path / "it's data") if request.param == "local" else f"memory://{tmp_path.name}")
    write_shards(made, "first")
    return made


def write_shards(dataset: Dataset, name: str, suffix: str = "") -> None:
    """Write a shard of every table, with ids that end in something."""
    rows = {
        table: [{key: f"{value}{suffix}" if key.endswith("_id") and value else value for key, value in row.items()}
                for row in several] for table, several in ROWS.items()
    }  # fmt: skip
    made = {table: pa.Table.from_pylist(several, TABLES[table]) for table, several in rows.items() if table != "ledger"}
    dataset.write_work(name, LEDGER_ROW, made)


def build(dataset: Dataset, build_id: str, *shards: str, previous: Build | None = None, **more: Any) -> Build:
    """Publish a build of these shards of every table."""
    known = dataset.manifest(previous) if previous is not None else Manifest()
    named = {table: list(shards) for table in ROWS if table != "ledger"}
    manifest = take_stock(dataset, named, known)
    named["ledger"] = list(manifest.tables["ledger"])
    packs = publish_packs(dataset, build_id, named, manifest, previous, known)
    moments = ("2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00")
    return dataset.commit(Build(build_id, named, {}, {}, {}, *moments, packs=packs, **more), manifest)


def packed(dataset: Dataset, made: Build, table: str) -> pa.Table:
    place = folder(made.build_id, table)
    return pa.concat_tables([dataset.read(place, pack) for pack in made.packs[table]])


def test_all_rows_are_there_sorted_and_without_pictures(dataset: Dataset) -> None:
    write_shards(dataset, "second", "0")
    made = build(dataset, "1", "first", "second")
    for table in ROWS:
        rows = pa.concat_tables([dataset.read(table, shard, columns(table)) for shard in made.shards[table]])
        found = packed(dataset, made, table)
        assert found.column_names == rows.column_names == [f.name for f in TABLES[table] if f.name not in PICTURES]
        assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, rows.to_pylist()))
        assert len(made.packs[table]) == 1
    assert packed(dataset, made, "pairs")["pair_id"].to_pylist() == ["a", "a0", "b", "b0"]
    assert packed(dataset, made, "scores")["text_negative_id"].to_pylist() == sorted(
        f"{row['text_negative_id']}{suffix}" for row in ROWS["scores"] for suffix in ("", "0")
    )
    assert are_published(dataset, made, dataset.manifest(made))
    assert [one.name for one in verify(dataset) if one.why is not None] == []


PICTURES = {"image", "mask", "reconstruction"}


def test_anyone_can_read_a_table_by_the_name_of_its_folder(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    write_shards(dataset, "first")
    write_shards(dataset, "second", "0")
    build(dataset, "2", "first", "second", previous=build(dataset, "1", "first"))
    for name, count in (("1", 4), ("2", 8)):
        assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/published/{name}/verdicts/*.parquet'").fetchall() == [
            (count,)
        ]
        assert pq.read_table(tmp_path / "published" / name / "verdicts").num_rows == count


def test_what_was_packed_before_is_not_written_again(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(dataset, "1", "first")
    write_shards(dataset, "second", "0")
    read: list[str] = []
    real = Dataset.read
    monkeypatch.setattr(Dataset, "read", lambda self, table, shard, *rest: (read.append(shard), real(
        self, table, shard, *rest))[1])  # fmt: skip
    second = build(dataset, "2", "first", "second", previous=first)
    assert set(read) == {"second"}
    for table in ROWS:
        assert len(second.packs[table]) == 2
        [old] = first.packs[table]
        assert old in second.packs[table]
        paths = [dataset.path(folder(made.build_id, table), old) for made in (first, second)]
        assert dataset.files.read(paths[0]) == dataset.files.read(paths[1])
        assert not dataset.local or os.path.samefile(*paths), "no byte is there twice"
    # A shard that is wanted no more takes its pack along; both builds stay as they are.
    third = build(dataset, "3", "second", previous=second)
    assert [packed(dataset, made, "verdicts").num_rows for made in (first, second, third)] == [4, 8, 4]


def test_where_the_disk_knows_no_second_names_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any) -> None:
        raise OSError("not here")

    monkeypatch.setattr(os, "link", no_links)
    dataset = Dataset(str(tmp_path))
    (tmp_path / "a").write_bytes(b"rows")
    dataset.files.copy(f"{tmp_path}/a", f"{tmp_path}/published/b")
    assert (tmp_path / "published" / "b").read_bytes() == b"rows"
    assert [path.name for path in (tmp_path / "published").iterdir()] == ["b"]


def test_nothing_is_there_where_writing_fails(dataset: Dataset) -> None:
    def fail() -> None:
        with dataset.files.writing(f"{dataset.base}/published/1/pairs/p.parquet") as file:
            Path(file).write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert dataset.files.listing(f"{dataset.base}/published/1/pairs") == {}


def test_a_damaged_shard_is_named(dataset: Dataset) -> None:
    named = {"pairs": ["first"]}
    manifest = take_stock(dataset, named, Manifest())
    data = dataset.files.read(dataset.path("pairs", "first"))
    dataset.files.put(dataset.path("pairs", "first"), data[: len(data) // 2])
    with pytest.raises(DamagedShardError, match=r"pairs/first.parquet: cut or damaged"):
        publish_packs(dataset, "1", named, manifest, None, Manifest())
    assert dataset.listing(folder("1", "pairs")) == {}


def test_rows_that_are_lost_on_the_way_stop_the_build(dataset: Dataset) -> None:
    manifest = take_stock(dataset, {"pairs": ["first"]}, Manifest())
    manifest.put("pairs", "first", Facts(3, 1000, b""))
    with pytest.raises(RuntimeError, match="pairs: 2 rows packed, of 3 that its shards have"):
        publish_packs(dataset, "1", {"pairs": ["first"]}, manifest, None, Manifest())


@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_a_damaged_pack_is_named_and_made_anew(dataset: Dataset, harm: str) -> None:
    first = build(dataset, "1", "first")
    place, [pack] = folder("1", "verdicts"), first.packs["verdicts"]
    data = dataset.files.read(dataset.path(place, pack))
    dataset.remove(place, pack)
    if harm == "cut":
        dataset.files.put(dataset.path(place, pack), data[:-9])
    assert not are_published(dataset, first, dataset.manifest(first))
    with pytest.raises(DamagedShardError, match=f"published/1/verdicts/{pack}.parquet: {harm}"):
        connect(dataset)
    assert [one.name for one in verify(dataset) if one.why is not None] == [f"published/1/verdicts/{pack}.parquet"]
    second = build(dataset, "2", "first", previous=first)
    assert second.packs == first.packs
    assert dataset.files.read(dataset.path(folder("2", "verdicts"), pack)) == data
    connect(dataset).close()


def test_the_catalog_reads_packs_and_of_pictures_shards(dataset: Dataset) -> None:
    write_shards(dataset, "second", "0")
    made = build(dataset, "1", "first", "second")
    with connect(dataset, replace(made, packs={})) as connection:
        expected = {table: connection.sql(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in VIEWS}
    for table in ROWS:
        if table not in {"images", "image_negatives"}:
            dataset.remove(table, "first")
    with connect(dataset) as connection:
        found = {table: connection.sql(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in VIEWS}
        assert found == expected
        assert connection.sql("SELECT count(*) FROM edits WHERE rank = 0").fetchall() == [(6,)]
    assert len(found["minimal_pairs"]) == 4
    if dataset.local:
        write_catalog(dataset, made)
        with duckdb.connect(f"{dataset.base}/catalog.duckdb", read_only=True) as connection:
            connection.execute("SET VARIABLE dataset = $1", [dataset.base])
            assert connection.sql("SELECT count(*) FROM minimal_pairs").fetchall() == [(4,)]
            assert connection.sql("SELECT build_id, broken_expectations FROM runs").fetchall() == [("1", None)]


VIEWS = (*(table for table in ROWS if table != "ledger"), "candidates", "minimal_pairs")


def test_runs_tell_what_a_build_broke_and_pass_over_damaged_ones(dataset: Dataset) -> None:
    first = build(dataset, "1", "first")
    build(dataset, "2", "first", previous=first, notes={"broken_expectations": {"accepted_share": "too low"}})
    for name, data in (("3", b"{"), ("4", b"\xff\xfe"), ("5", b'{"build_id": null}')):
        dataset.files.put(f"{dataset.base}/builds/{name}.json", data)
    with connect(dataset, first) as connection:
        rows = connection.sql("SELECT build_id, broken_expectations, started < ended FROM runs").fetchall()
    assert rows == [("1", None, True), ("2", '{"accepted_share":"too low"}', True)]


def test_a_dataset_of_an_older_version_says_so(dataset: Dataset) -> None:
    rows = dataset.read("pairs", "first").drop_columns(["license", "regions"])
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    dataset.files.put(dataset.path("pairs", "first"), bytes(sink.getvalue().to_pybytes()))
    made = Build("1", {"pairs": ["first"]}, {}, {}, {}, "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00")
    dataset.commit(made)
    with pytest.raises(InputError, match="pairs has no column license, regions: it was built by an older version of"):
        connect(dataset)


def test_packs_go_with_their_builds(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    write_shards(dataset, "first")
    first = build(dataset, "1", "first")
    second = build(dataset, "2", "first", previous=first)
    with at_work(dataset):
        age(tmp_path, 48, *(str(path.relative_to(tmp_path)) for path in (tmp_path / "published").rglob("*.parquet")))
        assert prune(dataset, keep=1).leftovers == [], "a build that runs may be about to name it"
    (tmp_path / "published" / "0-killed" / "pairs").mkdir(parents=True)
    (tmp_path / "published" / "0-killed" / "pairs" / "a.parquet").write_bytes(b"of a build that never came to be")
    (tmp_path / "published" / "1" / "note.txt").write_bytes(b"somebody's")
    gone = prune(dataset, 1, NOW)
    expected = [f"published/1/{table}/{pack}.parquet" for table, packs in first.packs.items() for pack in packs]
    assert sorted(gone.leftovers) == sorted([*expected, "builds/1.parquet", "published/0-killed/pairs/a.parquet"])
    assert list(dataset.damaged(published(second), dataset.manifest(second))) == []
    assert (tmp_path / "published" / "1" / "note.txt").exists()


def sizes(count: int, size: int, prefix: str = "s") -> dict[str, int]:
    return {f"{prefix}{number:05}": size for number in range(count)}


def test_many_small_shards_are_packed_and_large_ones_are_not_too_large() -> None:
    many = sizes(10_000, MB // 10)
    packs = planned(list(many), many, {})
    assert [len(pack.shards) for pack in packs] == [2560, 2560, 2560, 2320]
    assert sorted(shard for pack in packs for shard in pack.shards) == sorted(many)
    large = sizes(3, 200 * MB)
    assert planned(list(large), large, {}) == [Pack((shard,), 200 * MB) for shard in large]
    assert planned(["a", "a"], {"a": 1}, {}) == [Pack(("a",), 1)], "a shard that is named twice is one"


def test_a_year_of_small_nights_makes_few_files_and_rewrites_little() -> None:
    known = sizes(5_000, MB // 10)
    packs = planned(list(known), known, {})
    written, most = 0, 0
    for night in range(365):
        known[f"night{night:04}"] = 50_000
        before = {str(number): list(pack.shards) for number, pack in enumerate(packs)}
        now = planned(list(known), known, before)
        assert sorted(shard for pack in now for shard in pack.shards) == sorted(known)
        written += sum(pack.size for pack in now if pack not in packs)
        packs, most = now, max(most, len(now))
    assert most <= 2 + 3 * 8
    assert written < 5 * 365 * 50_000, "each row a few times; not what was there"


def test_a_shard_that_changed_costs_its_own_pack_alone() -> None:
    known = sizes(10_000, MB // 10)
    packs = planned(list(known), known, {})
    before = {str(number): pack.shards for number, pack in enumerate(packs)}
    del known["s00007"]
    known["new"] = MB // 10
    after = planned(list(known), known, before)
    assert len(set(after) & set(packs)) == len(packs) - 1
    assert sorted(shard for pack in after for shard in pack.shards) == sorted(known)


def test_a_manifest_from_before_there_were_packs_is_read(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    write_shards(dataset, "first")
    manifest = take_stock(dataset, {"pairs": ["first"], "images": ["first"]}, Manifest())
    older = pq.read_table(pa.BufferReader(manifest.encoded())).drop_columns(["pack"])
    sink = pa.BufferOutputStream()
    pq.write_table(older, sink)
    data = bytes(sink.getvalue().to_pybytes())
    assert Manifest.decoded(data) == manifest
    assert Manifest.decoded(data, tables=["pairs"]).tables == {"pairs": manifest.tables["pairs"]}
