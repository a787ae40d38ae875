"""Refinement in a build: over all shards at once, what it takes is told, and blind models can no longer tell."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flows.report import report
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset
from tests.flows.conftest import Run
from tests.pictures import make_csv_source
from tests.tiny_models import make_tiny_language_model


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(Dataset(str(folder))) as connection:
        return list(connection.sql(sql).fetchall())


def test_accepted_negatives_are_balanced_over_all_shards(run: Run, tmp_path: Path, work: Counter[str]) -> None:
    source = make_csv_source(tmp_path / "source", images=60)
    plain = run(source)
    work.clear()
    # A signal that leans to one side, with a few equal gaps; the tiny models' own lean wholly to one, and so does what
    # is learned of six captions on many images.
    signal = "(hash(text_negative_id) % 1000)::DOUBLE / 1000 - 0.4"
    made = run(source, select={"refine": {"signals": {"leaning": signal}, "bins": 3, "learned": False, "fewest": 0}})
    data = tmp_path / "dataset"
    assert work["Plausibility"] == work["Encoder"] == work["TextNegatives"] == 0, "only select is done again"
    assert len(made.shards["text_negatives"]) > 1
    assert 0 < made.counts["accepted"] < plain.counts["accepted"]
    taken = "SELECT count(*) FROM verdicts WHERE reasons = ['unbalanced'] AND NOT accepted"
    assert rows(data, taken) == [(plain.counts["accepted"] - made.counts["accepted"],)]
    assert rows(data, "SELECT rows FROM why_dropped() WHERE reason = 'unbalanced'") == rows(data, taken)
    kept = rows(data, "SELECT kept FROM refinement_by_operation() WHERE operation = 'all'")
    assert kept == [(made.counts["accepted"],)]
    one_sided = (
        "SELECT operation FROM refinements WHERE kept GROUP BY operation "
        "HAVING count(*) FILTER (gaps[1] > 0) != count(*) FILTER (gaps[1] < 0)"
    )
    assert rows(data, one_sided) == []
    assert made.counts["accepted"] > plain.counts["accepted"] / 2, "most have a mate"


def test_of_a_few_pictures_nothing_is_dropped_for_balance_and_it_is_said(
    run: Run, source: Path, tmp_path: Path
) -> None:
    plain = run(source, with_models=False)
    made = run(source, with_models=False, select={"refine": {}})
    data = tmp_path / "dataset"
    assert made.counts["accepted"] == plain.counts["accepted"] > 0
    assert rows(data, "SELECT DISTINCT balanced FROM minimal_pairs") == [(False,)]
    assert rows(data, "SELECT DISTINCT balanced FROM verdicts WHERE NOT accepted") in ([(None,)], [])
    assert rows(data, "SELECT kept, balanced FROM refinement_by_operation() WHERE operation = 'all'") == [
        (made.counts["accepted"], False)
    ]
    said = f"{made.counts['accepted']} of the accepted negatives are not balanced, too few of their operation"
    assert said in (data / "README.md").read_text(encoding="utf-8")
    with connect(Dataset(str(data))) as connection:
        console = Console(width=2000)
        with console.capture() as shown:
            console.print(report(connection, made))
    assert said in shown.get()


def test_several_language_models_are_scored_each_and_all_balanced(
    run: Run, source: Path, tmp_path: Path, models: dict[str, Any]
) -> None:
    first, second = models["plausibility"]["model"], make_tiny_language_model(tmp_path / "second")
    run(source, with_models=False, plausibility=[first, second], select={"refine": {"learned": False}})
    data = tmp_path / "dataset"
    assert rows(data, "SELECT DISTINCT role, model FROM scores WHERE model IS NOT NULL ORDER BY role") == [
        ("language", first),
        ("language 2", second),
    ]
    usable = "FROM candidates WHERE failed_check IS NULL"
    assert rows(data, f"SELECT DISTINCT len(plausibility_gaps), len(acceptability_gaps) {usable}") == [(2, 2)]
    assert rows(data, f"SELECT count(*) {usable} AND plausibility_gaps[1] IS DISTINCT FROM plausibility_gap") == [(0,)]
    # Plausibility and acceptability of each, length, word frequency, and their sum.
    assert rows(data, "SELECT DISTINCT len(gaps) FROM refinements") == [(7,)]
    assert rows(data, "SELECT model FROM blind_accuracy() WHERE operation = 'all'") == [(first,), (second,)]
    assert f"- plausibility: {first}, {second}" in (data / "README.md").read_text(encoding="utf-8")


def test_a_signal_is_checked_before_any_work(run: Run, source: Path) -> None:
    with pytest.raises(InputError, match=r"select\.refine\.signals\.beauty: 'beauty' is not an SQL number"):
        run(source, select={"refine": {"signals": {"beauty": "beauty"}}})
