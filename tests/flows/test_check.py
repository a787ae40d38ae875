"""`counterfoil check`: what a build would do and what it misses, without doing it."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flows.build import build
from flows.checking import Foreseen, foreseen, missing, same_source, where
from flows.stages import stages
from schemas.config import BuildConfig, load_config
from storage.dataset import Build, Dataset
from tests.command import counterfoil
from tests.flows.conftest import PARSER, write_config
from tests.pictures import make_csv_source


def files(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source and a build of it."""
    folder = tmp_path_factory.mktemp("checked")
    make_csv_source(folder / "source", images=12)
    config = write_config(folder / "first")
    build.fn(str(config), str(folder / "dataset"), str(folder / "source" / "captions.csv"))
    return folder


def of(folder: Path, source: Path, **sections: Any) -> BuildConfig:
    return load_config(write_config(folder / "config", **sections), [], str(source))


def test_everything_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    config = write_config(
        tmp_path,
        describe={"parser": "no_such_parser"},
        judge={"model": "local-dir:/nowhere"},
        select={"rules": {"typo": {"drop_when": "plausibilty > 1"}}},
    )
    done = counterfoil("check", config, "--source", "nowhere.csv", "--out", tmp_path / "file")
    assert done.returncode == 2
    said = (
        "nowhere.csv: no such file",
        "is a file; give a folder",
        "no_such_parser",
        "local-dir:/nowhere",
        "rules.typo",
    )
    for each in said:
        assert any(each in line for line in done.stderr.splitlines()), each
    assert done.stdout == ""
    assert "source.path: not set" in counterfoil("check", write_config(tmp_path)).stderr


def test_runners_and_devices_that_are_not_there(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.checking.find_spec", lambda _: None)
    config = of(tmp_path, source, compute={"runner": "dask", "device": "no-device"})
    lines = missing(config)
    assert lines[0] == "compute.runner: dask is not installed; pip install 'counterfoil[dask]'"
    assert lines[1].startswith("compute.device: ")


def test_before_the_first_build_the_steps_are_told_and_nothing_is_written(source: Path, tmp_path: Path) -> None:
    config, out = write_config(tmp_path), tmp_path / "out"
    done = counterfoil("check", config, "--source", source, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    steps = [line.split("  ")[1] for line in done.stdout.splitlines()[2:] if line.startswith("  ")]
    assert steps[:4] == ["parse", "describe", "text negatives", "truth"]
    assert "has no build yet: the source is read, and all is made" in " ".join(done.stdout.split())
    assert max(len(line) for line in done.stdout.splitlines() if line.startswith(" ")) <= 80
    assert not out.exists()


def test_where_steps_run(source: Path, tmp_path: Path, models: dict[str, Any]) -> None:
    config = of(tmp_path, source, **models)
    places = {step.name: where(step, config.compute) for step in stages(config)}
    assert places["parse"] == places["select"] == "workers"
    assert places["align with judge"] == places["plausibility"] == "cpu"


def test_what_is_foreseen_is_what_is_made(
    place: Path, tmp_path: Path, work: Counter[str], models: dict[str, Any]
) -> None:
    folder, source = place / "dataset", place / "source" / "captions.csv"
    dataset, before = Dataset(str(folder)), files(folder)
    made = dataset.build()

    def told(**sections: Any) -> dict[str, tuple[int, int]]:
        return {
            each.step: (each.there, each.missing)
            for each in foreseen(dataset, of(tmp_path, source, **sections), dataset.build())
        }

    groups = len(made.shards["pairs"])
    assert groups > 1
    assert {missing for _, missing in told().values()} == {0}
    changed = {"select": {"rules": {"all": {"drop_when": "true"}}}}
    foretold = told(**changed)
    assert {step for step, (_, missing) in foretold.items() if missing} == {"select", "text probes"}
    assert foretold["select"] == (0, groups)
    judged = told(judge=models["judge"])
    assert judged["align with judge"] == (0, groups)
    assert judged["text negatives"] == (groups, 0)
    other = told(seed=1)
    assert other["parse"] == (groups, 0)
    assert other["text negatives"] == other["words"] == (0, groups)
    assert work == {}
    assert files(folder) == before

    shutil.copytree(folder, tmp_path / "copy")
    config = write_config(tmp_path / "config", **changed)
    again: Build = build.fn(str(config), str(tmp_path / "copy"), str(source))
    fresh = {table: set(shards) - set(made.shards[table]) for table, shards in again.shards.items()}
    assert len(fresh["verdicts"]) == groups
    assert not fresh["text_negatives"] | fresh["scores"] | fresh["parses"]


def test_shards_whose_number_hangs_on_rows_that_are_not_made_yet(place: Path, tmp_path: Path) -> None:
    dataset, source = Dataset(str(place / "dataset")), place / "source" / "captions.csv"

    def told(**sections: Any) -> dict[str, Foreseen]:
        config = of(tmp_path, source, images=[{"method": "render", "shard_pictures": 5}], **sections)
        return {each.step: each for each in foreseen(dataset, config, dataset.build())}

    usable = sum(
        dataset.read("text_negatives", shard, ["failed_check"])["failed_check"].null_count
        for shard in dataset.build().shards["text_negatives"]
    )
    known = told()["images"]
    assert (known.units, known.unit, known.there, known.more) == (usable, "pictures", 0, False)
    guessed = told(seed=1)
    assert guessed["images"].more
    assert not guessed["parse"].more


def test_another_source_is_told_from_the_same(place: Path, tmp_path: Path) -> None:
    made, source = Dataset(str(place / "dataset")).build(), place / "source" / "captions.csv"
    assert same_source(made, of(tmp_path, source, describe={"parser": PARSER, "refresh_after": 1.0}))
    assert same_source(made, of(tmp_path, source, ingest={"shard_pairs": 10, "near_duplicate_distance": 0}))
    assert not same_source(made, of(tmp_path, source, ingest={"shard_pairs": 20}))
    assert not same_source(made, of(tmp_path, source.parent))


def test_a_damaged_shard_counts_as_missing_and_is_left_to_the_build(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "dataset"
    shutil.copytree(place / "dataset", folder)
    dataset = Dataset(str(folder))
    made = dataset.build()
    path = folder / "parses" / f"{made.shards['parses'][0]}.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    before = files(folder)
    monkeypatch.setattr(Dataset, "count", lambda *_: pytest.fail("what the manifest knows is not looked up"))
    found = foreseen(dataset, of(tmp_path, place / "source" / "captions.csv"), made)
    assert {each.step: each.missing for each in found if each.missing} == {"parse": 1}
    assert files(folder) == before
