"""Batches hold no false negative, are the same for a seed, and lose no example that has a place."""

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import Data
from training.examples import EXAMPLES, PICTURES, Example, Examples, Negative
from training.sampler import Drawing, Sampler

KEYS = st.lists(st.frozensets(st.integers(0, 30), min_size=1, max_size=3), min_size=1, max_size=60)


@given(KEYS, st.integers(2, 8), st.integers(0, 5))
def test_no_two_examples_of_a_batch_have_a_key_in_common(keys: list[frozenset[int]], size: int, epoch: int) -> None:
    batches = Sampler(keys, size, seed=1).epoch(epoch)
    seen: list[int] = []
    for batch in batches:
        assert len(batch) == size
        assert len(frozenset().union(*(keys[row] for row in batch))) == sum(len(keys[row]) for row in batch)
        seen.extend(batch.tolist())
    assert len(seen) == len(set(seen)), "an epoch shows an example once"


def test_an_epoch_shows_nearly_all_and_another_in_another_order() -> None:
    keys = [frozenset({row}) for row in range(103)]
    sampler = Sampler(keys, 10, seed=3)
    first, second = (np.concatenate(sampler.epoch(number)) for number in (0, 1))
    assert len(first) == 100
    assert first.tolist() != second.tolist()
    assert first.tolist() == np.concatenate(Sampler(keys, 10, seed=3).epoch(0)).tolist()


def test_captions_of_one_image_are_spread_over_batches() -> None:
    keys = [frozenset({row // 5, 1000 + row}) for row in range(100)]  # five captions an image
    assert sum(map(len, Sampler(keys, 10, seed=0).epoch(0))) >= 90


def test_steps_go_on_from_anywhere() -> None:
    sampler = Sampler([frozenset({row}) for row in range(25)], 4, seed=0)
    all_steps = [batch.tolist() for batch in islice(sampler.steps(0), 20)]
    for start in (1, 5, 6, 13):
        later = [batch.tolist() for batch in islice(sampler.steps(start), 20 - start)]
        assert later == all_steps[start:]


class _Few:
    def __init__(self, *negatives: Negative) -> None:
        self._one = Example(0, "A cup .", ["The cup ."], list(negatives), 0.25)

    def __getitem__(self, row: int) -> Example:
        return self._one

    @property
    def difficulties(self) -> np.ndarray:  # type: ignore[type-arg]
        return np.sort([one.difficulty for one in self._one.negatives if one.difficulty is not None])


def _negative(caption: str, edit: int | None = None, difficulty: float | None = None) -> Negative:
    return Negative(caption, "replace_object", edit, False, None, difficulty)


def _drawing(few: _Few, negatives: int, curriculum: bool = False) -> Drawing:
    return Drawing(few, Data(negatives=negatives, curriculum=curriculum), seed=0)  # type: ignore[arg-type]


def test_the_first_negative_is_one_with_a_picture() -> None:
    few = _Few(_negative("a"), _negative("b", edit=4), _negative("c"), _negative("d", edit=5))
    drawn = [_drawing(few, 3).draw(0, step, 0.5) for step in range(40)]
    assert {one.negatives[0].caption for one in drawn} == {"b", "d"}
    assert {each.caption for one in drawn for each in one.negatives[1:]} == {"a", "b", "c", "d"}
    assert all(len({each.caption for each in one.negatives}) == 3 for one in drawn)
    assert drawn[0].paraphrase == "The cup ."


def test_a_curriculum_begins_with_what_is_easy() -> None:
    few = _Few(*(_negative(str(n), difficulty=n / 10) for n in range(10)))
    hardest = [
        max(float(_drawing(few, 1, curriculum=True).draw(0, step, progress).negatives[0].difficulty or 0)
            for step in range(60))
        for progress in (0.0, 0.5, 1.0)
    ]  # fmt: skip
    assert hardest == [0.0, 0.5, 0.9]
    assert _drawing(_Few(), 1, curriculum=True).draw(0, 0, 0.0).negatives == []


def test_an_example_has_its_weight_where_the_recipe_asks_for_weights() -> None:
    few = _Few(_negative("a"))
    weights = [
        Drawing(few, Data(weights=wanted), seed=0).draw(0, 0, 0.5).weight  # type: ignore[arg-type]
        for wanted in (None, "alignment")
    ]
    assert weights == [1.0, 0.25]


def test_rare_operations_come_as_often_as_others_where_that_is_wished(tmp_path: Path) -> None:
    """Of 40 captions all have an attribute replaced, and four have two relations."""
    examples = _written(
        tmp_path, [["replace_attribute"] * 3 + ["swap_relation"] * (row % 10 == 0) for row in range(40)]
    )
    shown = {balance: Counter[str]() for balance in (0.0, 1.0)}
    for balance, kinds in shown.items():
        weights, shares = examples.shares(balance) if balance else (None, None)
        drawing = Drawing(examples, Data(), seed=0, weights=weights)
        steps = islice(Sampler(examples.keys, 4, seed=0, shares=shares).steps(0), 400)
        drawn = [drawing.draw(int(row), step, 0.5) for step, rows in enumerate(steps) for row in rows]
        kinds.update(one.negatives[0].operation for one in drawn)
    assert shown[0.0]["swap_relation"] == pytest.approx(0.025 * 1600, rel=0.5)
    assert shown[1.0]["swap_relation"] == pytest.approx(0.5 * 1600, rel=0.1)


def test_a_caption_comes_only_so_often_however_rare_its_operation(tmp_path: Path) -> None:
    examples = _written(tmp_path, [*[["replace_attribute"]] * 99, ["swap_relation"], []])
    weights, shares = examples.shares(1.0)
    assert weights == {"replace_attribute": pytest.approx(1 / 99), "swap_relation": 1.0}
    assert shares.tolist()[-2:] == [8.0, pytest.approx(1.0)]


def _written(folder: Path, operations: list[list[str]]) -> Examples:
    """Write captions, each with wrong ones of these operations."""
    with pa.OSFile(str(folder / "examples.arrow"), "wb") as file, pa.ipc.new_file(file, EXAMPLES) as out:
        rows = [
            {"picture": 0, "image_id": str(row), "caption": f"right {row}", "paraphrases": [], "weight": None,
             "negatives": [{"caption": f"wrong {row} {at}", "operation": operation, "still_true": False}
                           for at, operation in enumerate(several)]}
            for row, several in enumerate(operations)
        ]  # fmt: skip
        out.write_batch(pa.RecordBatch.from_pylist(rows, schema=EXAMPLES))
    with pa.OSFile(str(folder / "pictures.arrow"), "wb") as file, pa.ipc.new_file(file, PICTURES):
        pass
    return Examples(folder)


def test_examples_read_back_what_was_written(examples: Examples) -> None:
    assert len(examples.keys) == len(examples)
    example = examples[0]
    assert example.caption
    assert example.negatives[0].caption != example.caption
    for negative in example.negatives:
        assert negative.edit is None or examples.picture(negative.edit)
    # The two captions that were added to are told from a caption of their own.
    assert any(negative.still_true for row in range(len(examples)) for negative in examples[row].negatives)
