"""`counterfoil diff`: what came, went and changed verdict between two builds made by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flows.differences
from flows.differences import Change, Moved, MovedNegatives, Reason, difference
from storage.dataset import Build, Dataset
from tests.command import counterfoil
from tests.flows.test_builds import IDS, commit

Verdict = tuple[bool, list[str]]
YES: Verdict = (True, [])


def shard(pair: str, verdicts: dict[str, Verdict], pictures: dict[str, Verdict] | None = None) -> dict[str, Any]:
    """Make a shard of one pair with negatives of these verdicts; the first letter of a negative is its operation."""
    pictured = pictures or {}
    negatives = [
        {
            "text_negative_id": f"{pair}-{name}",
            "pair_id": pair,
            "image_id": f"image {pair}",
            "original": f"right {pair}",
            "caption": f"wrong {name}",
            "operation": name[0],
        }
        for name in verdicts
    ]
    judged: list[dict[str, Any]] = [
        {"text_negative_id": f"{pair}-{name}", "accepted": accepted, "reasons": reasons}
        for name, (accepted, reasons) in verdicts.items()
    ]
    for row in judged:
        if (found := pictured.get(row["text_negative_id"].partition("-")[2])) is not None:
            row |= {"image_negative_id": "e", "picture_accepted": found[0], "picture_reasons": found[1]}
    edited = [
        {"image_negative_id": f"{pair}-{name}", "text_negative_id": f"{pair}-{name}", "rank": 0} for name in pictured
    ]
    return {
        "images": [{"image_id": f"image {pair}", "phash": 1}],
        "pairs": [{"pair_id": pair, "image_id": f"image {pair}", "caption": f"right {pair}"}],
        "text_negatives": negatives,
        "verdicts": judged,
        "image_negatives": edited,
    }


def build(dataset: Dataset, which: int, *shards: dict[str, Any], **config: Any) -> Build:
    tables = {table: [each[table] for each in shards if each[table]] for table in shards[0]}
    return commit(dataset, IDS[which], tables, config)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(str(tmp_path / "it's a dataset"))


def test_what_came_and_went(dataset: Dataset) -> None:
    kept, gone = shard("a", {"x1": YES, "y1": (False, ["synonym"])}), shard("b", {"x1": YES, "x2": (False, ["long"])})
    new = shard("c", {"y1": YES, "y2": YES, "z1": (False, ["long"])}, {"y1": YES})
    found = difference(dataset, build(dataset, 0, kept, gone), build(dataset, 1, kept, new))
    assert found.rows == [
        Moved("images", 1, 1),
        Moved("pairs", 1, 1),
        Moved("negatives", 3, 2),
        Moved("edited pictures", 1, 0),
    ]
    assert found.negatives == [
        MovedNegatives("x", 0, 0, 2, 1),
        MovedNegatives("y", 2, 2, 0, 0),
        MovedNegatives("z", 1, 0, 0, 0),
    ]
    assert (found.verdicts, found.config) == ([], [])


def test_rows_that_only_moved_to_another_shard_have_not_changed(dataset: Dataset) -> None:
    a, b = shard("a", {"x1": YES}), shard("b", {"x1": YES, "y1": (False, ["long"])})
    together = {table: [*a[table], *b[table]] for table in a}
    found = difference(dataset, build(dataset, 0, a, b), build(dataset, 1, together))
    assert [(each.came, each.went) for each in found.rows] == [(0, 0)] * 4
    assert (found.negatives, found.verdicts) == ([], [])


def test_verdicts_that_changed_and_why(dataset: Dataset) -> None:
    before = build(
        dataset,
        0,
        shard(
            "a",
            {
                "x1": YES,
                "x2": YES,
                "x3": (False, ["long"]),
                "x4": (False, ["long", "rare"]),
                "x5": (False, ["a", "b"]),
                "x6": YES,
            },
        ),
    )
    after = build(
        dataset,
        1,
        shard(
            "a",
            {
                "x1": (False, ["long"]),
                "x2": (False, ["long", "odd"]),
                "x3": YES,
                "x4": (False, ["rare", "odd"]),
                "x5": (False, ["b", "a"]),
                "x6": YES,
            },
        ),
    )

    def example(*names: str) -> list[dict[str, str]]:
        return [{"original": "right a", "negative": f"wrong {name}"} for name in names]

    assert difference(dataset, before, after).verdicts == [
        Change(
            "negatives", "dropped", 2, [Reason("long", 2, 0, example("x1", "x2")), Reason("odd", 1, 0, example("x2"))]
        ),
        Change("negatives", "accepted", 1, [Reason("long", 0, 1, example("x3"))]),
        Change("negatives", "otherwise", 1, [Reason("long", 0, 1, example("x4")), Reason("odd", 1, 0, example("x4"))]),
    ]
    assert [each.count for each in difference(dataset, after, before).verdicts] == [1, 2, 1]


def test_verdicts_on_pictures(dataset: Dataset) -> None:
    captions = {"x1": YES, "x2": YES, "x3": YES}
    before = build(dataset, 0, shard("a", captions, {"x1": YES, "x2": (False, ["flat"])}))
    after = build(dataset, 1, shard("a", captions, {"x1": (False, ["noise"]), "x2": YES, "x3": YES}))
    found = difference(dataset, before, after)
    assert [(each.of, each.change, each.count) for each in found.verdicts] == [
        ("pictures", "dropped", 1),
        ("pictures", "accepted", 1),
    ]
    assert found.rows[3] == Moved("edited pictures", 1, 0)


def test_keys_of_the_config_that_differ(dataset: Dataset) -> None:
    same = shard("a", {"x1": YES})
    before = build(dataset, 0, same, seed=1, judge=None, select={"rules": {}}, text={"tries": 8})
    after = build(
        dataset, 1, same, seed=2, judge={"model": "m"}, select={"rules": {"a": {"hint": "h"}}}, text={"tries": 8}
    )
    assert difference(dataset, before, after).config == [
        {"key": "seed", "before": 1, "after": 2},
        {"key": "judge.model", "before": None, "after": "m"},
        {"key": "select.rules.a.hint", "before": None, "after": "h"},
    ]


def test_shards_of_both_builds_are_not_read(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [shard(f"k{n}", {"x1": YES}) for n in range(3)]
    before = build(dataset, 0, *kept, shard("a", {"x1": YES}))
    after = build(dataset, 1, *kept, shard("a", {"x1": (False, ["long"])}))
    read: dict[str, list[str]] = {}
    real: Callable[..., Any] = flows.differences.connect_shards

    def noted(of: Dataset, views: dict[str, tuple[str, list[str]]]) -> Any:
        read.update({name: shards for name, (_, shards) in views.items()})
        return real(of, views)

    monkeypatch.setattr(flows.differences, "connect_shards", noted)
    [change] = difference(dataset, before, after).verdicts
    assert change.reasons[0].examples == [{"original": "right a", "negative": "wrong x1"}]
    assert read["old_verdicts"] == before.shards["verdicts"][3:]
    assert read["new_verdicts"] == after.shards["verdicts"][3:]
    assert read["judged"] == after.shards["text_negatives"][3:]
    assert read["old_pairs"] == read["new_pairs"] == read["new_text_negatives"] == []


def test_as_people_and_programs_see_it(dataset: Dataset) -> None:
    build(dataset, 0, shard("a", {"x1": YES}), shard("b", {"x1": YES}), seed=1)
    build(dataset, 1, shard("a", {"x1": (False, ["long"])}), seed=2)
    done = counterfoil("diff", dataset.root)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    for line in (["images", "0", "1"], ["x", "0", "0", "1", "1"], ["long", "1", "0"], ["seed", "1", "2"]):
        assert line in lines
    assert "Negatives of both builds, accepted before, dropped now: 1" in done.stdout
    assert "right a   wrong x1" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = json.loads(counterfoil("diff", dataset.root, IDS[0], IDS[1], "--format", "json").stdout)
    assert told["verdicts"][0]["reasons"][0] == {
        "reason": "long",
        "gained": 1,
        "lost": 0,
        "examples": [{"original": "right a", "negative": "wrong x1"}],
    }
    assert "name two at most" in counterfoil("diff", dataset.root, "a", "b", "c").stderr
    assert counterfoil("diff", dataset.root, "--format", "xml").returncode == 2


def test_a_damaged_shard_is_named(dataset: Dataset) -> None:
    before = build(dataset, 0, shard("a", {"x1": YES}))
    build(dataset, 1, shard("a", {"x1": (False, ["long"])}))
    path = Path(dataset.path("verdicts", before.shards["verdicts"][0]))
    path.write_bytes(path.read_bytes()[:40])
    done = counterfoil("diff", dataset.root)
    assert done.returncode == 2
    assert f"{path}: cut, or overwritten" in done.stderr
