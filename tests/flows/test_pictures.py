"""Edited pictures in a build: made once, judged, kept apart from their captions, measured for their fingerprint."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flows.build import build
from flows.run import run_build
from generators.images.editing import Editing
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset
from tests.flows.conftest import Run, _count, write_config
from tests.tiny_models import make_tiny_inpainter

FLICKR = Path(__file__).resolve().parents[3] / "shared" / "data" / "flickr8k" / "captions.csv"
SCENES = "shapes:8?seed=3&captions=1"


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_tiny_inpainter(tmp_path_factory.mktemp("pipeline")))


@pytest.fixture
def inpaint(pipeline: str) -> dict[str, Any]:
    return {"method": "inpaint", "model": pipeline, "steps": 2, "masks": {"makers": ["scene"]}}


@pytest.fixture
def edits(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counts: Counter[str] = Counter()
    _count(monkeypatch, Editing, "__call__", counts)
    return counts


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(Dataset(str(folder))) as connection:
        return list(connection.sql(sql).fetchall())


def pixels(data: bytes) -> Any:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_an_editor_of_a_share_and_one_for_the_rest(
    run: Run, tmp_path: Path, inpaint: dict[str, Any], edits: Counter[str]
) -> None:
    editors = [{**inpaint, "share": 0.5, "reconstruct": True, "shard_pictures": 4}, {"method": "render"}]
    made = run(SCENES, images=editors, attribution=True)
    data = tmp_path / "dataset"
    by_method = dict(rows(data, "SELECT method, count(*) FROM image_negatives GROUP BY 1"))
    usable = rows(data, "SELECT count(*) FROM text_negatives WHERE failed_check IS NULL")[0][0]
    assert sum(by_method.values()) == usable
    assert edits["Editing"] == by_method["inpaint"] > 5
    assert len(made.shards["image_negatives"]) > len(made.shards["text_negatives"]), (
        "pictures rest in shards of their own size"
    )

    pairs = rows(
        data,
        "SELECT i.image.bytes, e.image.bytes, e.reconstruction.bytes, e.mask.bytes, x.outside_mask_change, "
        "x.inside_mask_change FROM image_negatives e JOIN text_negatives USING (text_negative_id) "
        "JOIN images i USING (image_id) "
        "JOIN scores x ON x.image_negative_id = e.image_negative_id AND x.role = 'pixels' "
        "WHERE e.method = 'inpaint' AND e.failed_check IS NULL",
    )
    for original, edited, again, mask, outside, inside in pairs:
        allowed = pixels(mask)[:, :, 0] > 127
        assert (pixels(edited) == pixels(original))[~allowed].all(), "outside the mask not a pixel changes"
        assert (pixels(again) == pixels(original))[~allowed].all()
        assert outside == 0
        assert inside == pytest.approx(abs(pixels(edited) - pixels(again))[allowed].mean() / 255, abs=1e-5)
    other = "SELECT count(*) FROM minimal_pairs m JOIN image_negatives e USING (image_negative_id) WHERE "
    assert rows(data, f"{other} m.image_method = 'inpaint' AND m.image.bytes != e.reconstruction.bytes") == [(0,)]
    # Every picture has its truth, its pixels, and where the judge sees what changed.
    judged = "SELECT count(*) FROM candidates WHERE image_method = 'inpaint' AND image_negative_id IS NOT NULL"
    assert rows(data, judged)[0][0] == len(pairs)
    assert rows(data, f"{judged} AND (inside_mask_change IS NULL OR judge_s11 IS NULL)") == [(0,)]
    assert rows(data, f"{judged} AND attribution_inside BETWEEN 0 AND 1")[0][0] > 0
    assert rows(data, "SELECT count(*) FROM labels WHERE image_negative_id IS NOT NULL")[0][0] == len(pairs)

    edits.clear()
    assert run(SCENES, images=editors, attribution=True) == made
    assert not edits, "nothing is drawn twice"


def test_a_picture_that_is_dropped_leaves_its_caption(run: Run, tmp_path: Path, inpaint: dict[str, Any]) -> None:
    none = {"never": {"drop_when": "image_method = 'inpaint'", "hint": "no picture is good enough for this test"}}
    made = run(SCENES, images=[inpaint], select={"picture_rules": none})
    data = tmp_path / "dataset"
    usable = rows(data, "SELECT count(*) FROM text_negatives WHERE failed_check IS NULL")[0][0]
    assert made.counts["accepted"] == usable
    halves = "SELECT count(*) FROM minimal_pairs WHERE negative_image IS NULL AND judge_s11 IS NULL"
    assert rows(data, halves) == [(usable,)]
    assert rows(data, "SELECT reason FROM why_pictures_dropped() WHERE reason = 'never'") == [("never",)]
    verdicts = "SELECT count(*) FROM verdicts JOIN candidates c USING (text_negative_id) WHERE c.failed_check IS NULL"
    assert rows(data, f"{verdicts} AND verdicts.validity = c.judge_margin") == [(usable,)]


def test_tries_stop_by_the_judge_and_keep_all_scores(
    run: Run, tmp_path: Path, inpaint: dict[str, Any], edits: Counter[str]
) -> None:
    tries = {"most": 3, "enough": "s11 > s01", "hopeless_below": -2.0}
    run(SCENES, images=[{**inpaint, "tries": tries}])
    data = tmp_path / "dataset"
    drawn, best = rows(data, "SELECT count(*), count(*) FILTER (rank = 0) FROM image_negatives")[0]
    assert edits["Editing"] == drawn > best
    scored = "SELECT count(*) FROM scores JOIN image_negatives e USING (image_negative_id) WHERE role = 'judge'"
    pictured = rows(data, "SELECT count(*) FROM image_negatives WHERE edited_image_id IS NOT NULL")[0][0]
    assert rows(data, scored) == [(pictured,)], "the scores of all are kept"
    assert rows(data, "SELECT count(*) FROM image_negatives WHERE rank > 0 AND image IS NOT NULL") == [(0,)]
    assert rows(data, "SELECT max(n) FROM (SELECT count(*) AS n FROM candidates GROUP BY text_negative_id)") == [(1,)]
    enough = "SELECT count(*) FROM scores s JOIN image_negatives e USING (image_negative_id) WHERE role = 'judge'"
    assert rows(data, f"{enough} AND s11 > s01 AND rank > 0") == [(0,)]


def test_what_an_editor_misses_is_said_before_any_work(run: Run, tmp_path: Path, inpaint: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="needs a judge"):
        run(SCENES, images=[{**inpaint, "tries": {"most": 2}}], with_models=False)
    with pytest.raises(InputError, match=r"model_index\.json"):
        run(SCENES, images=[{**inpaint, "model": str(tmp_path)}], with_models=False)
    assert not (tmp_path / "dataset").exists()
    with pytest.raises(InputError, match="needs a model"):
        run(SCENES, images=[{"method": "inpaint"}])


def test_photos_are_masked_by_attribution(run: Run, source: Path, tmp_path: Path, inpaint: dict[str, Any]) -> None:
    masks = {"makers": ["given", "attribution"], "most": 1.0}
    run(source, images=[{**inpaint, "masks": masks, "share": 0.3}])
    data = tmp_path / "dataset"
    makers = dict(rows(data, "SELECT maker, count(*) FROM masks GROUP BY 1"))
    assert makers["attribution"] > 3
    edited = rows(
        data,
        "SELECT e.image.bytes, i.width, i.height FROM image_negatives e JOIN text_negatives USING (text_negative_id) "
        "JOIN images i USING (image_id) WHERE e.failed_check IS NULL",
    )
    assert len(edited) > 3
    for picture, width, height in edited:
        with Image.open(io.BytesIO(picture)) as image:
            assert image.size == (width, height)


@pytest.mark.slow
def test_pictures_take_a_slot_of_a_limit_that_is_made_for_them(
    harness: None,  # noqa: ARG001
    models: dict[str, Any],
    tmp_path: Path,
    inpaint: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from prefect.client.orchestration import get_client

    taken: list[int] = []
    real = Editing.__call__

    def watched(self: Editing, table: Any) -> Any:
        with get_client(sync_client=True) as client:
            taken.append(client.read_global_concurrency_limit_by_name("counterfoil-images").active_slots)
        return real(self, table)

    monkeypatch.setattr(Editing, "__call__", watched)
    config = write_config(tmp_path, judge=models["judge"], images=[{**inpaint, "share": 0.3}, {"method": "render"}])
    made = build(str(config), str(tmp_path / "flow"), SCENES)
    with get_client(sync_client=True) as client:
        limit = client.read_global_concurrency_limit_by_name("counterfoil-images")
        names = {run.name for run in client.read_task_runs()}
    assert (limit.limit, limit.active_slots) == (1, 0)
    assert set(taken) == {1}
    for shard in made.shards["image_negatives"]:
        assert {f"images {shard[:8]}", f"images 2 {shard[:8]}"} & names
    plain = run_build(str(config), str(tmp_path / "plain"), SCENES, [])
    assert plain.shards == {**made.shards, "ledger": plain.shards["ledger"]}


@pytest.mark.slow
@pytest.mark.skipif(not FLICKR.exists(), reason="needs shared/data/flickr8k beside the checkout")
def test_real_photos_keep_their_sizes_and_none_is_lost(tmp_path: Path) -> None:
    lines = FLICKR.read_text(encoding="utf-8").splitlines()
    (tmp_path / "photos.csv").write_text("\n".join([lines[0], *lines[1:201:5]]), encoding="utf-8")
    editor = {"method": "inpaint", "model": "package:shapes-inpaint", "steps": 2, "share": 0.2}
    judge = {"model": "package:shapes-clip"}  # what it says of photos means nothing, and so do these edits
    masks = {"makers": ["attribution"], "most": 1.0}
    source = {"images": str(FLICKR.parent / "images")}
    config = write_config(tmp_path, source=source, judge=judge, images=[{**editor, "masks": masks}])
    build.fn(str(config), str(tmp_path / "dataset"), str(tmp_path / "photos.csv"))
    found = rows(
        tmp_path / "dataset",
        "SELECT e.failed_check, e.image.bytes, i.image.bytes FROM image_negatives e "
        "JOIN text_negatives USING (text_negative_id) JOIN images i USING (image_id)",
    )
    taken = rows(tmp_path / "dataset", "SELECT count(*) FROM masks")
    assert taken == [(len(found),)]
    made = [(edited, original) for failed, edited, original in found if failed is None]
    assert len(made) > 0.9 * len(found) > 5
    assert len({pixels(original).shape for _, original in made}) > 1, "of several aspects"
    for edited, original in made:
        assert pixels(edited).shape == pixels(original).shape
