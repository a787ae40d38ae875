"""Guards in a build: what benchmarks hold and licences that are not allowed are marked, dropped, counted and told."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from flows.checking import missing
from flows.report import report
from schemas.config import load_config
from storage.catalog import connect
from storage.dataset import Dataset
from tests.flows.conftest import Run, write_config
from tests.flows.test_rewriting import answer
from tests.generators.text.llm.chat_server import serving
from tests.pictures import CAPTIONS, picture
from tests.tiny_models import make_tiny_clip

# Picture of the source, caption, licence. CAPTIONS[4] is of the benchmark, as are the pictures 0 and 1.
_ROWS = (
    (0, CAPTIONS[0], "CC BY 4.0"),
    (1, CAPTIONS[1], "https://creativecommons.org/licenses/by/4.0/"),
    (2, CAPTIONS[4], "cc-by-4.0"),
    (3, CAPTIONS[3], "CC BY-NC 4.0"),
    (4, CAPTIONS[5], ""),
    (5, CAPTIONS[1], "cc-by-4.0"),
)


def rescaled(data: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").resize((200, 160), Image.Resampling.BICUBIC).save(file, "JPEG", quality=60)
    return file.getvalue()


@pytest.fixture
def licensed(tmp_path: Path) -> Path:
    folder = tmp_path / "licensed"
    (folder / "images").mkdir(parents=True)
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "caption", "license"])
        for number, caption, license in _ROWS:
            (folder / "images" / f"{number}.png").write_bytes(picture(number))
            writer.writerow([f"{number}.png", caption, license])
    return folder / "captions.csv"


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """SugarCrepe's layout, with one picture as it is in the source, one scaled, and a caption in other case."""
    folder = tmp_path / "sugarcrepe"
    (folder / "val2017").mkdir(parents=True)
    (folder / "val2017" / "0.png").write_bytes(picture(0))
    (folder / "val2017" / "1.jpg").write_bytes(rescaled(picture(1)))
    rows = [
        {"filename": "0.png", "caption": "Nothing of ours", "negative_caption": "Something of theirs"},
        {"filename": "1.jpg", "caption": CAPTIONS[4].upper().rstrip(" ."), "negative_caption": "A dog"},
        {"filename": "gone.jpg", "caption": "Nor this", "negative_caption": "Nor that"},
    ]
    (folder / "swap_att.json").write_text(json.dumps(dict(enumerate(rows))))
    return folder


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(Dataset(str(folder))) as connection:
        return list(connection.sql(sql).fetchall())


def test_what_a_benchmark_holds_and_what_is_not_allowed_stays_out(
    run: Run, licensed: Path, benchmark: Path, tmp_path: Path
) -> None:
    guards = {"leakage": [str(benchmark)], "licenses": ["CC-BY-4.0"]}
    with serving(answer) as server:
        asked = {"model": "a-model", "server": server.url}
        made = run(licensed, with_models=False, guards=guards, rewrite=asked)
    data = tmp_path / "dataset"
    found = rows(data, "SELECT i.image.path, how, distance <= 4, place FROM leaks JOIN pairs USING (pair_id) "
                       "JOIN images i USING (image_id) ORDER BY ALL")  # fmt: skip
    assert [(Path(path).name, *rest) for path, *rest in found] == [
        ("0.png", "picture", True, "swap_att 0"),
        ("1.png", "alike", True, "swap_att 1"),
        ("2.png", "caption", None, "swap_att 1"),
    ]
    [leakage] = rows(data, "FROM leakage()")
    assert leakage[:8] == ("sugarcrepe", 2, 6, 1, 3, 1, 1, 1)
    assert leakage[8] > 2
    reasons = "SELECT DISTINCT unnest(reasons) FROM verdicts JOIN text_negatives USING (text_negative_id) "
    by_pair = f"{reasons} JOIN pairs USING (pair_id) WHERE verdicts.failed_check IS NULL AND"
    assert rows(data, f"{by_pair} pair_id IN (SELECT pair_id FROM leaks)") == [("in_benchmark",)]
    assert rows(data, f"{by_pair} coalesce(license, '') IN ('', 'CC BY-NC 4.0')") == [("unlicensed",)]
    accepted = rows(data, "SELECT license, leaked_from FROM candidates JOIN verdicts USING (text_negative_id) "
                          "WHERE accepted GROUP BY ALL")  # fmt: skip
    assert accepted == [("cc-by-4.0", None)]
    licenses = {name: (captions, kept > 0) for name, captions, _, _, kept in rows(data, "FROM licenses()")}
    assert licenses["not stated"] == licenses["CC BY-NC 4.0"] == (1, False)
    assert licenses["cc-by-4.0"] == (2, True)
    told = " ".join((data / "README.md").read_text(encoding="utf-8").split())
    assert "| CC BY-NC 4.0 | 1 | 1 |" in told
    out = io.StringIO()
    with connect(Dataset(str(data)), made) as connection:
        Console(file=out, width=160).print(report(connection, made))
    assert "Benchmarks: what was compared" in out.getvalue()
    assert "Licences that the source states" in out.getvalue()
    kept = "accepted, count(*) > 0 FROM candidates JOIN verdicts USING (text_negative_id) WHERE candidates.method"
    rewritten = f"SELECT leaked_from IS NOT NULL, {kept} = 'rewrite' AND candidates.failed_check IS NULL GROUP BY ALL"
    assert (True, False, True) in rows(data, rewritten), "a language model's captions of a leaked pair are dropped too"
    assert (True, True, True) not in rows(data, rewritten)


def test_a_guard_that_finds_nothing_to_read_is_told_before_any_work(tmp_path: Path, licensed: Path) -> None:
    held = [str(tmp_path / "none"), {"path": str(tmp_path), "benchmark": "x"}]
    lines = missing(load_config(str(write_config(tmp_path, guards={"leakage": held})), source=str(licensed)))
    first, second = (line for line in lines if line.startswith("guards.leakage"))
    assert "no such folder" in first
    assert "unknown benchmark x" in second


def test_several_targets_score_by_name_and_the_hardest_is_kept(
    run: Run, licensed: Path, tmp_path: Path, models: dict[str, Any]
) -> None:
    other = {"model": make_tiny_clip(tmp_path / "other"), "batch_size": 8}
    text = {"per_operation": 3, "operations": ["replace_object", "replace_attribute"]}
    made = run(
        licensed, with_models=False, judge=models["judge"], target=[models["target"], other], text=text,
        select={"hardest": True},
    )  # fmt: skip
    data = tmp_path / "dataset"
    assert rows(data, "SELECT DISTINCT role, model FROM scores WHERE role LIKE 'target%' ORDER BY 1") == [
        ("target", models["target"]["model"]),
        ("target 2", other["model"]),
    ]
    per = "SELECT max(n) FROM (SELECT count(*) AS n FROM minimal_pairs GROUP BY pair_id, operation)"
    assert rows(data, per) == [(1,)]
    assert made.counts["accepted"] == rows(data, "SELECT count(DISTINCT (pair_id, operation)) FROM candidates WHERE "
                                                 "failed_check IS NULL")[0][0]  # fmt: skip
    assert rows(data, "SELECT reason FROM why_dropped() WHERE reason = 'easier'") == [("easier",)]
    shares = rows(data, "SELECT DISTINCT difficulty FROM minimal_pairs ORDER BY 1")
    assert {share for (share,) in shares} <= {0.0, 0.5, 1.0}
    assert rows(data, "SELECT bool_and(len(difficulties) = 2) FROM minimal_pairs") == [(True,)]
    assert rows(data, "SELECT count(*) FROM matching_scores('target 2')") != [(0,)]
    assert "- target 2: " in (data / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("sections", "said"),
    [({}, "no target says which is hardest"), ({"target": {"model": "local-dir:none"}}, "nothing to choose")],
)
def test_there_must_be_something_to_choose_and_who_chooses(tmp_path: Path, sections: dict[str, Any], said: str) -> None:
    config = write_config(tmp_path, select={"hardest": True}, **sections)
    assert any(said in line for line in missing(load_config(str(config), source="x.csv")))
