"""Classifiers judge images that they were not trained on, the same ones whatever comes in what order."""

import numpy as np
import numpy.typing as npt
import pytest

from filters import held_out
from filters.grams import Gains, gained
from filters.held_out import HeldOut, group_numbers

Groups = npt.NDArray[np.uint64]


def pairs(images: int, each: int = 3, seed: int = 0) -> tuple[Gains, Groups, npt.NDArray[np.int64]]:
    """Pairs in which "emu" is the wrong word nine times in ten."""
    rng = np.random.default_rng(seed)
    usual = rng.random(images * each) < 0.9
    words = [("a dog runs", "a emu runs") if each else ("a emu runs", "a dog runs") for each in usual]
    groups = group_numbers([f"image {n // each}" for n in range(images * each)], {})
    return gained(*zip(*words, strict=True)), groups, rng.permutation(images * each)


def trained(gains: Gains, groups: Groups, order: npt.NDArray[np.int64], seed: int = 0) -> HeldOut:
    found = HeldOut.trained(gains, groups, order, seed)
    assert found is not None
    return found


def test_what_tells_is_found() -> None:
    gains, groups, order = pairs(60)
    scores = trained(gains, groups, order).scores(gains, groups)
    usual = gained(["a dog runs"], ["a emu runs"])
    said = (gains @ usual.T).toarray()[:, 0]
    assert (np.sign(scores) == np.sign(said)).all()
    assert 0.8 < (scores > 0).mean() < 1


def test_an_image_is_judged_by_what_others_say() -> None:
    # Each image has a word of its own in all its wrong captions: whoever has seen one knows the others.
    images = [f"image {n // 4}" for n in range(160)]
    gains = gained(["a dog"] * 160, [f"a dog{n // 4}" for n in range(160)])
    order = np.arange(160)
    alone, shared = group_numbers([str(n) for n in range(160)], {}), group_numbers(images, {})
    of_dog = trained(gains, shared, order).scores(gains, shared)
    assert np.ptp(of_dog) < 1, "only that dog is gone is known, in each fold"
    assert trained(gains, alone, order).scores(gains, alone).mean() > of_dog.mean() + 0.3, "or there is nothing to leak"


def test_near_duplicates_are_one_image() -> None:
    numbers = group_numbers(["a", "b", "c", "a"], {"b": "a"})
    assert numbers[0] == numbers[1] == numbers[3] != numbers[2]


def test_order_of_rows_and_company_change_nothing() -> None:
    gains, groups, order = pairs(40)
    first = trained(gains, groups, order)
    shuffle = np.random.default_rng(5).permutation(len(order))
    second = trained(gains[shuffle], groups[shuffle], order[shuffle])
    scores = first.scores(gains, groups)
    assert (second.scores(gains, groups) == scores).all(), "to the last bit"
    assert (first.scores(gains[shuffle], groups[shuffle]) == scores[shuffle]).all()
    assert (trained(gains, groups, order, seed=1).scores(gains, groups) != scores).any(), "other folds"


def test_the_smallest_numbers_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "MOST", 60)
    gains, groups, _ = pairs(100)
    # The last half says the opposite, and does not teach.
    gains = gains.multiply(np.where(np.arange(300) < 150, 1, -1)[:, None]).tocsr()
    scores = trained(gains, groups, np.arange(300)).scores(gains, groups)
    assert (scores[:150] > 0).mean() > 0.8
    assert (scores[150:] < 0).mean() > 0.8


def test_an_image_with_many_pairs_teaches_once() -> None:
    # One image has 300 pairs that say one thing, 60 have one each that says the other.
    words = [("a dog", "a emu")] * 60 + [("a emu", "a dog")] * 300
    groups = group_numbers([str(min(n, 60)) for n in range(360)], {})
    gains = gained(*zip(*words, strict=True))
    assert (trained(gains, groups, np.arange(360)).scores(gains, groups)[:60] > 0).all()


def test_too_few_images_and_nothing_to_tell() -> None:
    gains, groups, order = pairs(9)
    assert HeldOut.trained(gains, groups, order) is None
    same = gained(["a dog"] * 20, ["a dog"] * 20)
    numbers = group_numbers([str(n) for n in range(20)], {})
    assert (trained(same, numbers, np.arange(20)).scores(same, numbers) == 0).all()
