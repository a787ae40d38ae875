"""The probe finds what was planted, finds nothing where there is nothing, and never sees a group twice."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

from filters.probe import Probe, blind_probe

Vectors = npt.NDArray[np.float64]
Groups = npt.NDArray[np.intp]


def unit(vectors: Vectors) -> Vectors:
    found: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return found


def pairs(groups: int, edits: int, seed: int = 0, dimensions: int = 32) -> tuple[Vectors, Vectors, Groups]:
    """Originals, each as often as it has edits, and edits that differ from them at random."""
    chance = np.random.default_rng(seed)
    ids = np.repeat(np.arange(groups), edits)
    first = chance.normal(size=(groups, dimensions))[ids]
    return unit(first), unit(first + 0.5 * chance.normal(size=first.shape)), ids


def probed(first: Any, second: Any, groups: Any, **settings: int) -> Probe:
    found = blind_probe(first, second, groups, **settings)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(5))
def test_where_there_is_nothing_to_see_it_guesses(seed: int) -> None:
    found = probed(*pairs(100, 2, seed))
    assert found.low <= 0.5 <= found.high
    assert found.high - found.low < 0.25
    assert found.unpaired_accuracy == pytest.approx(0.5, abs=0.1)
    assert (found.n, found.groups) == (200, 100)


@pytest.mark.parametrize("edits", [1, 4])
def test_a_fingerprint_is_found(edits: int) -> None:
    first, second, groups = pairs(60, edits)
    fingerprint = np.random.default_rng(9).normal(size=32)
    found = probed(first, unit(second + 0.3 * fingerprint), groups)
    assert found.accuracy > 0.98
    assert found.unpaired_accuracy > 0.95
    assert 0.85 < found.low < found.accuracy <= found.high <= 1


def test_a_fingerprint_too_weak_for_single_pictures_shows_in_pairs() -> None:
    first, second, groups = pairs(300, 1)
    second = first + 0.1 * (second - first)
    second[:, 0] += 0.05
    found = probed(first, second, groups)
    assert found.accuracy > 0.95
    assert found.unpaired_accuracy < 0.75


def test_groups_never_leak() -> None:
    # Each original is edited in a way of its own: whoever has seen one of its edits knows the others.
    chance = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    first = chance.normal(size=(60, 256))[groups]
    second = first + chance.normal(size=(60, 256))[groups]
    found = probed(first, second, groups)
    assert found.low <= 0.5 <= found.high
    leaked = probed(first, second, np.arange(300))
    assert leaked.accuracy > 0.95, "or there would be nothing to leak"


def test_an_original_with_many_edits_is_learned_from_once() -> None:
    # One original has 300 edits that move one way, 60 have one each that moves the other way.
    groups = np.concatenate([np.arange(60), np.full(300, 60)])
    first = np.random.default_rng(0).normal(size=(61, 4))[groups]
    second = first + np.where(groups < 60, 2.0, -2.0)[:, None]
    assert probed(first, second, groups).accuracy == pytest.approx(60 / 360)


def test_copies_of_pairs_add_nothing() -> None:
    first, second, groups = pairs(80, 1)
    second[:, 0] += 0.1
    once = probed(first, second, groups)
    copied = probed(np.tile(first, (5, 1)), np.tile(second, (5, 1)), np.tile(groups, 5))
    assert 0.5 < once.accuracy < 1
    for name in ("accuracy", "low", "high", "unpaired_accuracy", "groups"):
        assert getattr(copied, name) == pytest.approx(getattr(once, name), abs=0.01), name
    assert copied.n == 5 * once.n


def test_the_order_of_rows_does_not_matter() -> None:
    first, second, groups = pairs(50, 3)
    second[:, 0] += 0.1
    found = probed(first, second, groups)
    assert probed(first, second, groups) == found, "nothing is left to chance"
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(groups))
        shuffled = probed(first[order], second[order], groups[order])
        for name in ("accuracy", "low", "high", "unpaired_accuracy"):
            assert getattr(shuffled, name) == pytest.approx(getattr(found, name), abs=0.01), name


def test_the_seed_draws_the_folds() -> None:
    first, second, groups = pairs(50, 3)
    assert len({probed(first, second, groups, seed=seed).accuracy for seed in range(4)}) > 1


def test_either_side_may_be_first() -> None:
    first, second, groups = pairs(60, 2)
    second[:, 0] += 0.1
    there, back = probed(first, second, groups), probed(second, first, groups)
    assert there.accuracy == pytest.approx(back.accuracy, abs=0.01)
    assert there.unpaired_accuracy == pytest.approx(back.unpaired_accuracy, abs=0.01)


def test_pairs_without_a_difference_are_ties() -> None:
    first, _, groups = pairs(40, 2)
    found = probed(first, first, groups)
    assert (found.accuracy, found.unpaired_accuracy) == (0.5, 0.5)
    assert found.low < 0.5 < found.high


def test_float32_and_ids_as_words() -> None:
    first, second, groups = pairs(40, 2)
    second[:, 0] += 0.1
    words = [f"{n:04d}" for n in groups]
    found = probed(first.astype(np.float32), second.astype(np.float32), words)
    assert found.accuracy == pytest.approx(probed(first, second, groups).accuracy, abs=0.01)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array])
def test_words_of_captions(form: Any) -> None:
    # Of 500 words one tells: the wrong captions have it in 9 of 10 cases, the right ones in 1 of 10.
    chance = np.random.default_rng(0)
    first = (chance.random((100, 500)) < 0.02).astype(np.int64)
    second = first.copy()
    second[np.arange(100), chance.integers(1, 500, 100)] ^= 1
    first[:, 0], second[:, 0] = np.arange(100) % 10 == 0, np.arange(100) % 10 != 0
    found = probed(form(first), form(second), np.arange(100))
    assert found.accuracy == pytest.approx(0.9, abs=0.02)
    assert found.low < 0.9 < found.high
    equal = probed(form(first), form(first), np.arange(100))
    assert equal.accuracy == 0.5


def test_too_few_groups_say_nothing() -> None:
    first, second, groups = pairs(10, 8)
    assert blind_probe(first, second, groups) is not None
    assert blind_probe(first[8:], second[8:], groups[8:]) is None
    assert blind_probe(first[8:], second[8:], groups[8:], folds=4) is not None
    assert blind_probe(first[:0], second[:0], groups[:0]) is None


def test_what_does_not_go_together_is_refused() -> None:
    first, second, groups = pairs(20, 1)
    with pytest.raises(ValueError, match="do not go together"):
        blind_probe(first, second[1:], groups)
    with pytest.raises(ValueError, match="do not go together"):
        blind_probe(first, second, groups[1:])
