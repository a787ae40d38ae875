"""A dataset that somebody has meddled with: verify names each file, --repair and a build make good what is wrong."""

import json
import os
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.build import build
from storage.dataset import Build, Dataset
from storage.prune import prune
from tests.command import counterfoil
from tests.flows.conftest import write_config
from tests.pictures import make_csv_source


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished dataset, its source and its config, not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    source = make_csv_source(folder / "source", images=12)
    config = write_config(folder)
    build.fn(str(config), str(folder / "dataset"), str(source))
    return folder


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, as old as the original."""
    shutil.copytree(whole / "dataset", tmp_path / "dataset")
    return tmp_path / "dataset"


def again(whole: Path, data: Path) -> Build:
    made: Build = build.fn(str(whole / "config.yaml"), str(data), str(whole / "source" / "captions.csv"))
    return made


def exchange(data: Path, table: str) -> Path:
    """Put one valid shard of a table in another's place."""
    largest, *_, smallest = sorted((data / table).glob("*.parquet"), key=lambda path: -path.stat().st_size)
    assert largest.stat().st_size != smallest.stat().st_size
    shutil.copyfile(smallest, largest)
    return largest


def overwrite(path: Path) -> None:
    """Change some bytes in the middle, and neither the size nor the time."""
    data, stat = path.read_bytes(), path.stat()
    path.write_bytes(data[:40] + b"\x07" * 8 + data[48:])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_whole_dataset_is_told_so(data: Path) -> None:
    done = counterfoil("verify", data)
    assert (done.returncode, done.stdout.endswith("MB: all are what was written.\n")) == (0, True), done.stderr
    made = Dataset(str(data)).build()
    files = 1 + sum(map(len, (*made.shards.values(), *made.packs.values())))
    assert done.stdout.startswith(f"{files:,} files, ")


@pytest.mark.parametrize("table", ["verdicts", "pairs", "parses"])
def test_a_shard_that_was_exchanged_is_refused_and_made_anew(
    whole: Path, data: Path, table: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = Dataset(str(data)).build()
    original = {path.name: path.read_bytes() for path in (data / table).iterdir()}
    path = exchange(data, table)
    told = f"{path}: cut, or exchanged ("
    asked = counterfoil("sql", data, "SELECT count(*) FROM verdicts", "--format", "csv")
    assert asked.stdout.split() == ["count_star()", str(before.counts["verdicts"])], "of what is published"
    found = counterfoil("verify", data)
    assert found.returncode == 2
    assert f"{path}: cut, or exchanged for another file (" in found.stdout
    assert "--repair removes it; `counterfoil build` makes it anew\n" in found.stdout
    assert found.stdout.endswith("files is not what was written.\n")
    made = again(whole, data)
    assert f"counterfoil: {told}" in capfd.readouterr().err
    assert (made.counts, sorted(made.shards[table])) == (before.counts, sorted(before.shards[table]))
    assert {path.name: path.read_bytes() for path in (data / table).iterdir()} == original
    assert counterfoil("verify", data).returncode == 0


def test_a_pack_that_was_exchanged_is_refused_and_made_anew(whole: Path, data: Path) -> None:
    before = Dataset(str(data)).build()
    path = data / "published" / before.build_id / "verdicts" / f"{before.packs['verdicts'][0]}.parquet"
    original = path.read_bytes()
    shutil.copyfile(data / "published" / before.build_id / "pairs" / f"{before.packs['pairs'][0]}.parquet", path)
    asked = counterfoil("sql", data, "SELECT count(*) FROM verdicts")
    assert (asked.returncode, asked.stderr.startswith(f"counterfoil: {path}: cut, or exchanged (")) == (2, True)
    found = counterfoil("verify", data)
    assert f"{path}: cut, or exchanged for another file (" in found.stdout
    assert "--repair removes it; `counterfoil build` makes it anew\n" in found.stdout
    made = again(whole, data)
    assert (made.shards, made.packs) == (before.shards, before.packs)
    assert made.build_id > before.build_id, "what a build has published is never changed"
    assert Path(str(path).replace(before.build_id, made.build_id)).read_bytes() == original
    [(count,)] = duckdb.sql(f"SELECT count(*) FROM '{data}/published/{made.build_id}/verdicts/*.parquet'").fetchall()
    assert count == before.counts["verdicts"]
    assert counterfoil("sql", data, "SELECT count(*) FROM verdicts").returncode == 0
    assert "older builds alone name it: `counterfoil prune` forgets them" in counterfoil("verify", data).stdout


def test_what_only_the_hash_tells_is_repaired(whole: Path, data: Path, work: Counter[str]) -> None:
    dataset = Dataset(str(data))
    made = dataset.build()
    paths = [data / table / f"{made.shards[table][0]}.parquet" for table in ("parses", "verdicts")]
    for path in paths:
        overwrite(path)
    done = counterfoil("verify", data, "--repair")
    assert done.returncode == 0
    for path in paths:
        assert (
            f"{path}: overwritten, or exchanged for another file (of the same size); removed; `counter" in done.stdout
        )
        assert not path.exists()
    work.clear()
    assert again(whole, data).shards["verdicts"] == made.shards["verdicts"]
    assert 0 < work["Parsing"] < made.counts["pairs"], "the rest is not made again"
    assert [path.exists() for path in paths] == [True, True]
    assert counterfoil("verify", data).returncode == 0


def test_a_build_that_changes_nothing_opens_no_shard_for_its_counts(
    whole: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    for name in ("has", "read", "count"):
        real = getattr(Dataset, name)

        def noted(self: Dataset, table: str, *rest: Any, real: Any = real) -> Any:
            opened.append(table)
            return real(self, table, *rest)

        monkeypatch.setattr(Dataset, name, noted)
    before = Dataset(str(data)).build()
    assert again(whole, data) == before
    # Ingest reads which units a shard has; build.py counts the pairs of groups and asks for the lexicon; the catalog
    # asks whether there are votes and evaluations.
    assert set(opened) <= {"units", "pairs", "lexicon", "votes", "evaluations"}


def test_an_older_dataset_gets_a_manifest_by_its_next_build(whole: Path, data: Path) -> None:
    dataset = Dataset(str(data))
    made = dataset.build()
    dataset.files.remove(dataset.manifest_path(made.build_id))
    path = data / "builds" / f"{made.build_id}.json"
    path.write_text(
        json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "manifest"})
    )
    assert counterfoil("status", data).returncode == 0
    assert counterfoil("verify", data).returncode == 0
    newer = again(whole, data)
    assert (newer.shards, newer.counts) == (made.shards, made.counts)
    assert newer.build_id > made.build_id
    assert dataset.manifest(newer).tables.keys() == {table for table, shards in made.shards.items() if shards}


def test_manifests_go_with_their_builds(whole: Path, data: Path) -> None:
    dataset = Dataset(str(data))
    first = dataset.build()
    dataset.files.remove(dataset.manifest_path(first.build_id))
    second = again(whole, data)
    (data / "builds" / "20000101T000000000-killed.parquet").write_bytes(b"of a build that was killed")
    gone = prune(dataset, 1, timedelta(0))
    assert gone.builds == [f"builds/{first.build_id}.json"]
    packs = sorted(f"published/{first.build_id}/{table}/{pack}.parquet" for table in first.packs
                   for pack in first.packs[table])  # fmt: skip
    assert gone.leftovers == ["builds/20000101T000000000-killed.parquet", *packs]
    assert sorted(path.name for path in (data / "builds").iterdir()) == [
        f"{second.build_id}.json",
        f"{second.build_id}.parquet",
    ]
