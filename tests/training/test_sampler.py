"""Batches hold no false negative, are the same for a seed, and lose no example that has a place."""

from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.config import Data
from training.examples import Example, Examples, Negative
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
    all_steps = [(epoch, batch.tolist()) for epoch, batch in islice(sampler.steps(0), 20)]
    for start in (1, 5, 6, 13):
        later = [(epoch, batch.tolist()) for epoch, batch in islice(sampler.steps(start), 20 - start)]
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
    drawn = [_drawing(few, 3).draw(0, epoch, 0.5) for epoch in range(40)]
    assert {one.negatives[0].caption for one in drawn} == {"b", "d"}
    assert {each.caption for one in drawn for each in one.negatives[1:]} == {"a", "b", "c", "d"}
    assert all(len({each.caption for each in one.negatives}) == 3 for one in drawn)
    assert drawn[0].paraphrase == "The cup ."


def test_a_curriculum_begins_with_what_is_easy() -> None:
    few = _Few(*(_negative(str(n), difficulty=n / 10) for n in range(10)))
    hardest = [
        max(float(_drawing(few, 1, curriculum=True).draw(0, epoch, progress).negatives[0].difficulty or 0)
            for epoch in range(60))
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


def test_examples_read_back_what_was_written(examples: Examples) -> None:
    assert len(examples.keys) == len(examples)
    example = examples[0]
    assert example.caption
    assert example.negatives[0].caption != example.caption
    for negative in example.negatives:
        assert negative.edit is None or examples.picture(negative.edit)
    # The two captions that were added to are told from a caption of their own.
    assert any(negative.still_true for row in range(len(examples)) for negative in examples[row].negatives)
