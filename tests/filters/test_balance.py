"""The balance over all shards: signals are SQL, what is dropped gets its reason, shards may come in any order."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from filters.balance import Refinement, balanced
from schemas.config import Refine
from schemas.errors import InputError
from schemas.tables import CANDIDATES, VERDICTS


def candidates(number: int, seed: int, operation: str = "replace_object") -> pa.Table:
    """Negatives that are less plausible than their originals, most of them, of any length and with any words."""
    rng = random.Random(seed)
    rows = [
        {"text_negative_id": f"{seed} {row}", "image_id": f"{seed} {row // 2}", "operation": operation,
         "original": "x" * rng.randint(14, 26), "caption": "x" * rng.randint(14, 26),
         "plausibility_gaps": [rng.gauss(1, 2)], "frequency_gap": rng.gauss(0.5, 2),
         "acceptability_gaps": [rng.gauss(0.1, 0.4)]}
        for row in range(number)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, CANDIDATES)


def kept_of(config: Refine, *shards: pa.Table) -> dict[str, bool]:
    stage = Refinement(config)
    for shard in shards:
        stage.add(shard)
    found = stage.table()
    return dict(zip(found["text_negative_id"].to_pylist(), found["kept"].to_pylist(), strict=True))


def test_every_signal_and_their_sum_are_balanced_by_operation() -> None:
    stage = Refinement(Refine())
    stage.add(candidates(400, 1))
    stage.add(candidates(400, 2, "negate"))
    found = stage.table()
    for operation in ("replace_object", "negate"):
        rows = [row for row in found.to_pylist() if row["operation"] == operation]
        gaps = np.array([row["gaps"] for row in rows if row["kept"]])
        assert gaps.shape[1] == 6
        assert len(gaps) > 100
        assert (np.sign(gaps).sum(axis=0) == 0).all()
    before = np.array(found["gaps"].to_pylist())
    assert (np.sign(before)[:, 0].sum()) > 200, "they leaned before"


def test_each_number_of_a_list_is_a_signal_of_its_own() -> None:
    """Of two language models that disagree, balancing one leaves the other; a model that is unknown asks nothing."""
    rng = random.Random(5)
    rows = [
        {"text_negative_id": str(row), "image_id": str(row), "operation": "negate", "original": "a", "caption": "b",
         "plausibility_gaps": [rng.gauss(1, 2), rng.gauss(-1, 2), None]}
        for row in range(300)
    ]  # fmt: skip
    second = np.array([row["plausibility_gaps"][1] for row in rows])  # type: ignore[index]
    leaning = []
    for signal in ("plausibility_gaps[1]", "plausibility_gaps"):
        config = Refine(signals={"plausibility": signal}, together=False, learned=False)
        kept = kept_of(config, *(pa.Table.from_pylist(part, CANDIDATES) for part in (rows[:100], rows[100:])))
        assert sum(kept.values()) > 90
        leaning.append(np.sign(second[[kept[str(row)] for row in range(300)]]).sum())
    assert leaning[0] < -30
    assert leaning[1] == 0


def test_shards_may_come_in_any_order() -> None:
    first, second = candidates(100, 1), candidates(100, 2)
    assert kept_of(Refine(), first, second) == kept_of(Refine(), second, first)


def test_a_signal_that_nobody_knows_asks_nothing() -> None:
    shard = candidates(50, 1)
    at = shard.column_names.index("plausibility_gaps")
    unknown = shard.set_column(at, CANDIDATES.field(at), pa.array([[None]] * 50, pa.list_(pa.float32())))
    alone = {"together": False, "learned": False, "fewest": 0}
    only_length = Refine(signals={"length": "length(original) - length(caption)"}, **alone)
    plausibility_too = Refine(signals={"plausibility": "plausibility_gaps", **only_length.signals}, **alone)
    assert sum(kept_of(plausibility_too, unknown).values()) == sum(kept_of(only_length, shard).values()) > 0


def test_what_is_too_little_to_balance_is_kept_and_marked() -> None:
    """Of 99 nothing is dropped, though most are less plausible; of 100 what has no mate is, whatever else there is."""
    stage = Refinement(Refine())
    stage.add(pa.concat_tables([candidates(99, 1, "negate"), candidates(100, 2), candidates(1, 3, "add_object")]))
    found = stage.table().to_pylist()
    kept = Counter((row["operation"], row["balanced"], row["kept"]) for row in found)
    assert kept["negate", False, True] == 99
    assert kept["add_object", False, True] == 1
    assert kept["replace_object", True, True] + kept["replace_object", True, False] == 100
    assert 0 < kept["replace_object", True, True] < 60
    assert len(found) == 200


def test_less_than_the_fewest_can_be_asked_for() -> None:
    """Captions that all lean one way have no mates: balanced, nothing is left of them."""
    few = candidates(20, 1)
    at = few.column_names.index("plausibility_gaps")
    told = few.set_column(at, CANDIDATES.field(at), pa.array([[2.0]] * 20, pa.list_(pa.float32())))
    assert not any(kept_of(Refine(fewest=0), told).values())
    assert all(kept_of(Refine(), told).values())


def test_no_rows_and_no_signals() -> None:
    assert kept_of(Refine()) == {}
    assert kept_of(Refine(), CANDIDATES.empty_table()) == {}
    assert all(kept_of(Refine(signals={}), candidates(5, 1)).values()), "and too few images to learn from"


def test_a_word_that_gives_negatives_away_is_learned_and_balanced() -> None:
    """Both captions are as long and as plausible: only which words are put in tells them."""
    rng = random.Random(3)
    rows: list[dict[str, Any]] = []
    for row in range(600):
        usual = rng.random() < 0.8
        first, second = ("dog", "emu") if usual else ("emu", "dog")
        rows.append({"text_negative_id": str(row), "image_id": str(row // 3), "operation": "replace_object",
                     "original": f"a {first} runs", "caption": f"a {second} runs",
                     "plausibility_gap": rng.gauss(0, 1)})  # fmt: skip
    table = pa.Table.from_pylist(rows, CANDIDATES)
    signals = {"plausibility": "plausibility_gap"}
    leaning = {}
    for learned in (False, True):
        kept = kept_of(Refine(signals=signals, learned=learned), table)
        told = [1 if row["caption"] == "a emu runs" else -1 for row in rows if kept[row["text_negative_id"]]]
        leaning[learned] = sum(told) / len(told)
        assert len(told) > 150
    assert leaning[False] > 0.5
    assert leaning[True] == 0


def test_what_was_learned_does_not_hang_on_the_order_of_shards() -> None:
    """Every third caption has the word that tells; the same rows in other shards give the same scores."""
    table = candidates(300, 4)
    at = table.column_names.index("caption")
    captions = [f"{caption} emu" if n % 3 == 0 else caption for n, caption in enumerate(table["caption"].to_pylist())]
    table = table.set_column(at, CANDIDATES.field(at), pa.array(captions))
    found = []
    for shards in ((table,), (table.slice(200), table.slice(0, 200))):
        stage = Refinement(Refine())
        for shard in shards:
            stage.add(shard)
        rows = stage.table().to_pylist()
        found.append({row["text_negative_id"]: row["gaps"] for row in rows})
    assert found[0] == found[1]
    learned = [found[0][key][4] for key in table["text_negative_id"].to_pylist()]
    assert min(learned[::3]) > 0, "the word tells, on images that were not learned from"


def test_what_is_dropped_gets_its_reason_and_keeps_its_place() -> None:
    rows = [
        {"text_negative_id": "a", "accepted": True, "reasons": []},
        {"text_negative_id": "b", "accepted": True, "reasons": []},
        {"text_negative_id": "c", "accepted": False, "reasons": ["synonym"]},
    ]
    refined = pa.table({"text_negative_id": ["b", "a"], "kept": [False, True], "balanced": [True, False]})
    found = balanced(pa.Table.from_pylist(rows, VERDICTS), refined)
    assert found.schema == VERDICTS
    assert found["accepted"].to_pylist() == [True, False, False]
    assert found["reasons"].to_pylist() == [[], ["unbalanced"], ["synonym"]]
    assert found["balanced"].to_pylist() == [False, True, None]


def test_a_signal_must_be_a_number() -> None:
    with pytest.raises(InputError, match=r"select\.refine\.signals\.odd: 'nonsense' is not an SQL number"):
        Refinement(Refine(signals={"odd": "nonsense"})).check()
