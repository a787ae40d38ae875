"""Builds that measure their pairs: kept, dropped or reassigned, with nothing lost and nothing made twice."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.build import build
from flows.checking import foreseen
from generators.shapes.source import Order, draw_source
from schemas.config import load_config
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Build, Dataset
from storage.prune import prune
from tests.flows.conftest import write_config

SHAPES: dict[str, Any] = {
    "judge": {"model": "package:shapes-clip-bag", "batch_size": 16},
    "text": {"operations": ["replace_attribute"]},
    "ingest": {"shard_pairs": 12},
}
CURATE = {"pictures": 4}
MOVED = (3, 8, 17)  # scenes whose captions were exchanged


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes of a caption each, some with another's."""
    folder = tmp_path_factory.mktemp("shapes")
    table = draw_source(Order(24, 11, captions=1), folder)
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    said = [row["captions"] for row in rows]
    for at, of in zip(MOVED, [*MOVED[1:], MOVED[0]], strict=True):
        rows[at]["captions"] = said[of]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return table


@pytest.fixture
def run(tmp_path: Path, shapes: Path) -> Callable[..., Build]:
    """Build of these scenes; keywords are sections of the config."""

    def made(**sections: Any) -> Build:
        config = write_config(tmp_path, **{**SHAPES, **sections})
        found: Build = build.fn(str(config), str(tmp_path / "dataset"), str(shapes), ["source.scene_column=scene"])
        return found

    return made


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    dataset = Dataset(str(folder))
    names = ("pairs", "alignment", "rejects", "images", "candidates", "minimal_pairs")
    with connect(dataset) as connection:
        return {name: connection.sql(f"FROM {name}").to_arrow_table().to_pylist() for name in names}


def test_pairs_are_measured_and_stay(run: Callable[..., Build], tmp_path: Path, work: Counter[str]) -> None:
    rule = {"drop_when": "misassigned AND pair_weight < 1", "hint": "fits another picture"}
    made = run(curate=CURATE, select={"rules": {"elsewhere": rule}})
    found = tables(tmp_path / "dataset")
    assert {row["pair_id"] for row in found["pairs"]} == {row["pair_id"] for row in found["alignment"]}
    assert len(found["alignment"]) == len(found["pairs"]) == 24
    elsewhere = {row["pair_id"] for row in found["alignment"] if row["better_image_id"] is not None}
    assert len(elsewhere) >= 2
    numbers = {row["pair_id"]: int(row["source_key"].partition("-")[2][:6]) for row in found["pairs"]}
    assert {numbers[one] for one in elsewhere} <= set(MOVED), "what was exchanged"
    weights = {row["pair_id"]: row["weight"] for row in found["alignment"]}
    for row in found["candidates"]:
        assert row["misassigned"] == (row["pair_id"] in elsewhere)
        assert row["pair_weight"] == weights[row["pair_id"]]
    assert all(row["pair_weight"] == 1 for row in found["minimal_pairs"] if row["misassigned"]), "rules see it"
    # The vectors are those that the judge's scores are made of: none is computed twice, and no stage works again.
    with connect(Dataset(str(tmp_path / "dataset"))) as connection:
        assert connection.sql("FROM misassigned()").fetchall()
        assert connection.sql("SELECT sum(pairs) FROM alignment_of_pairs() WHERE source = 'all'").fetchall() == [(24,)]
    work.clear()
    assert run(curate=CURATE, select={"rules": {"elsewhere": rule}}) == made
    assert work == {}


def test_a_build_without_judge_cannot_measure(run: Callable[..., Build]) -> None:
    with pytest.raises(InputError, match="curate: measures with the vectors of a judge; name one under `judge`"):
        run(judge=None, curate={})


def test_what_moves_is_accounted_for(
    run: Callable[..., Build], shapes: Path, tmp_path: Path, work: Counter[str]
) -> None:
    dropped = run(curate={**CURATE, "misassigned": "drop"})
    found = tables(tmp_path / "dataset")
    _accounted_for(tmp_path / "dataset", dropped, found)
    assert Counter(row["reason"] for row in found["rejects"])["misassigned"] >= 2
    assert {row["pair_id"] for row in found["pairs"]} < {row["source_pair_id"] for row in found["alignment"]}

    curate = {**CURATE, "misassigned": "reassign"}
    moved = run(curate=curate)
    found = tables(tmp_path / "dataset")
    _accounted_for(tmp_path / "dataset", moved, found)
    assert {row["pair_id"] for row in found["pairs"]} - {row["source_pair_id"] for row in found["alignment"]}
    # Nothing is left to do; what ingest has read is there for the next night, after pruning too.
    config = load_config(write_config(tmp_path, **SHAPES, curate=curate), ["source.scene_column=scene"], str(shapes))
    assert [row.step for row in foreseen(Dataset(str(tmp_path / "dataset")), config, moved) if row.missing] == []
    prune(Dataset(str(tmp_path / "dataset")), keep=1, older_than=timedelta())
    work.clear()
    assert run(curate=curate) == moved
    assert work == {}


def test_guards_and_regions_look_at_pictures_where_captions_were_moved_to(
    run: Callable[..., Build], shapes: Path, tmp_path: Path
) -> None:
    scenes = [json.loads(line) for line in shapes.read_text().splitlines()]
    benchmark = tmp_path / "sugarcrepe"
    (benchmark / "val2017").mkdir(parents=True)
    leaked = (shapes.parent / "images" / scenes[MOVED[0]]["image"]).read_bytes()
    (benchmark / "val2017" / "0.png").write_bytes(leaked)
    row = {"filename": "0.png", "caption": "Nothing of ours", "negative_caption": "Something of theirs"}
    (benchmark / "swap_att.json").write_text(json.dumps({"0": row}))
    made = run(
        curate={**CURATE, "misassigned": "reassign"},
        guards={"leakage": [str(benchmark)]},
        judge={**SHAPES["judge"], "regions": {"makers": ["scene"], "weight": 0.5}},
    )
    found = tables(tmp_path / "dataset")
    _accounted_for(tmp_path / "dataset", made, found)
    sql = "SELECT l.pair_id, i.image.bytes FROM leaks l JOIN pairs USING (pair_id) JOIN images i USING (image_id)"
    with connect(Dataset(str(tmp_path / "dataset"))) as connection:
        leaks = dict(connection.sql(sql).fetchall())
        judged = connection.sql("SELECT DISTINCT pair_id FROM candidates WHERE judge_s00 IS NOT NULL").fetchall()
    assert set(leaks.values()) == {leaked}
    assert not {row["pair_id"] for row in found["minimal_pairs"]} & leaks.keys()
    moved = {row["pair_id"] for row in found["alignment"] if row["better_image_id"] is not None}
    assert moved & leaks.keys(), "the caption came from another picture"
    assert moved & {pair for (pair,) in judged}


def _accounted_for(folder: Path, made: Build, found: dict[str, list[dict[str, Any]]]) -> None:
    """Check that every pair of the source is a pair, as it was or of the better picture, or a reject."""
    dataset = Dataset(str(folder))
    raw = {row["pair_id"]: row for shard in made.shards["units"] for row in dataset.read("pairs", shard).to_pylist()}
    now = {row["pair_id"]: row for row in found["pairs"]}
    assert {row["source_pair_id"] for row in found["alignment"]} == set(raw)
    assert {row["pair_id"] for row in found["alignment"]} - {None} == set(now)
    assert len(now) + len(found["rejects"]) == len(raw) == made.counts["pairs"] + made.counts["rejects"]
    home = {row["image_id"]: row for row in raw.values()}
    for row in found["alignment"]:
        stays = row["better_image_id"] is None
        assert stays == (row["pair_id"] == row["source_pair_id"])
        if row["pair_id"] is not None:
            pair = now[row["pair_id"]]
            assert pair["image_id"] == (row["source_image_id"] if stays else row["better_image_id"])
            assert pair["caption"] == row["caption"] == raw[row["source_pair_id"]]["caption"]
            assert pair["scene"] == home[pair["image_id"]]["scene"], "what is said of a picture stays with it"
    assert {row["image_id"] for row in found["candidates"]} <= {row["image_id"] for row in found["images"]}
    assert all(row["image"] is not None and row["judge_s00"] is not None for row in found["minimal_pairs"])
    # Captions of a picture are neighbours, which facts of a picture are taken of.
    for shard in made.shards["pairs"]:
        order = dataset.read("pairs", shard)["image_id"].to_pylist()
        assert len(set(order)) == sum(a != b for a, b in zip(order, [None, *order], strict=False))
