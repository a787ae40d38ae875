"""Which build is current is one thing, for catalog, card, status and the next build, whichever ends last."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import flows.publish
from flows import again
from flows.build import build
from flows.steps.selection import MarkNearDuplicates, Select
from storage.dataset import Build, Dataset
from tests.flows.conftest import Run, write_config


def told_by(folder: Path) -> set[str]:
    """Name the builds that the catalogs, the card and the newest whole build file are of."""
    with duckdb.connect(str(folder / "catalog.duckdb"), read_only=True) as connection:
        [(sql,)] = connection.sql("SELECT sql FROM duckdb_views() WHERE view_name = 'verdicts'").fetchall()
    by_verdicts = {made.packs["verdicts"][0]: made.build_id for made in all_builds(folder) if made.packs}
    shard = re.search(r"(\w+)\.parquet", sql)
    catalog = re.search(r"build (\S+)", (folder / "catalog.sql").read_text())
    card = re.search(r"build `(\S+)`", (folder / "README.md").read_text())
    assert shard is not None
    assert catalog is not None
    assert card is not None
    current = Dataset(str(folder)).build().build_id
    return {by_verdicts[shard.group(1)], catalog.group(1), card.group(1), current}


def all_builds(folder: Path) -> list[Build]:
    dataset = Dataset(str(folder))
    return [dataset.build(build_id) for build_id in dataset.builds()]


@pytest.fixture
def other(tmp_path: Path, source: Path) -> Callable[[], Build]:
    """Build with another seed into the same dataset."""
    config = write_config(tmp_path / "other", seed=1)

    def run_other() -> Build:
        made: Build = build.fn(str(config), str(tmp_path / "dataset"), str(source))
        return made

    return run_other


def once(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, work: Callable[[], Any], after: bool = False) -> None:
    """Do something before or after a function's first call."""
    real, done = getattr(place, name), []

    def meanwhile(*arguments: Any) -> Any:
        first = not done
        done.append(True)
        if first and not after:
            work()
        result = real(*arguments)
        if first and after:
            work()
        return result

    monkeypatch.setattr(place, name, meanwhile)


def test_an_older_build_that_ends_last_leaves_the_newer_one_current(
    run: Run, source: Path, tmp_path: Path, other: Callable[[], Build], monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    newer: list[Build] = []
    once(monkeypatch, MarkNearDuplicates, "make", lambda: newer.append(other()))
    returned = run(source, with_models=False)
    assert returned == newer[0]
    older, current = all_builds(tmp_path / "dataset")
    assert (older.config["seed"], current) == (0, newer[0])
    assert told_by(tmp_path / "dataset") == {current.build_id}
    assert capfd.readouterr().err.endswith(
        f"counterfoil: build {current.build_id}, which was begun later, has ended before: it is current; this one is "
        f"kept as {older.build_id}\n"
    )


@pytest.mark.parametrize("step", ["connect", "write_catalog"])
@pytest.mark.parametrize("after", [False, True])
def test_a_build_that_becomes_current_while_another_presents_itself_is_presented(
    run: Run, source: Path, tmp_path: Path, other: Callable[[], Build], monkeypatch: pytest.MonkeyPatch,
    step: str, after: bool,
) -> None:  # fmt: skip
    once(monkeypatch, flows.publish, step, other, after)
    returned = run(source, with_models=False)
    assert returned.config["seed"] == 1
    assert told_by(tmp_path / "dataset") == {returned.build_id}


def test_what_is_the_same_as_an_older_build_becomes_current_again(run: Run, source: Path, tmp_path: Path) -> None:
    made = [run(source, with_models=False, seed=seed) for seed in (0, 1, 0)]
    assert [one.build_id for one in made] == Dataset(str(tmp_path / "dataset")).builds()
    assert told_by(tmp_path / "dataset") == {made[2].build_id}
    assert {**made[2].shards, "lexicon": []} == {**made[0].shards, "lexicon": []}


@pytest.mark.parametrize("newest", ["20990101T000000000-ffffffff", "20991231T235959999-ffffffff"])
def test_a_clock_that_lags_behind_makes_no_build_that_is_old_before_it_is_there(
    run: Run, source: Path, tmp_path: Path, newest: str
) -> None:
    first = run(source, with_models=False)
    dataset = Dataset(str(tmp_path / "dataset"))
    dataset.commit(Build(newest, first.shards, {}, first.counts, {}, first.started, first.ended))
    second = run(source, with_models=False, seed=1)
    assert second.build_id > newest
    assert dataset.build() == second
    assert told_by(tmp_path / "dataset") == {second.build_id}


def test_trouble_that_may_pass_is_tried_again_without_prefect_too(
    run: Run, source: Path, monkeypatch: pytest.MonkeyPatch, work: Counter[str]
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(again, "sleep", waits.append)

    def trouble(place: Any, name: str, times: int) -> list[int]:
        real, tries = getattr(place, name), [0]

        def call(*arguments: Any) -> Any:
            tries[0] += 1
            if tries[0] <= times:
                raise duckdb.IOException("IO Error: the store hung up")
            return real(*arguments)

        monkeypatch.setattr(place, name, call)
        return tries

    presented, selected = trouble(flows.publish, "present", 1), trouble(Select, "make", 2)
    made = run(source, with_models=False)
    assert waits == [2, 20, 2]
    assert (presented, selected) == ([2], [len(made.shards["verdicts"]) + 2])
    assert work["Selection"] == made.counts["text_negatives"]
    marked = trouble(MarkNearDuplicates, "make", 99)
    with pytest.raises(duckdb.IOException):
        run(source, with_models=False, ingest={"shard_pairs": 10, "near_duplicate_distance": 3})
    assert marked == [3]
