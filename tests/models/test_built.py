"""Pairs as a build makes them, and soft pictures: true to what they are labelled with, without what is held out."""

import random

import numpy as np
import pytest

from generators.shapes.claims import is_true
from generators.shapes.reading import read
from generators.shapes.sampling import draw_scene
from models.built import Built, built_pairs
from models.lessons import is_allowed, make_lessons
from models.soft import _told_from, softened


@pytest.fixture(scope="module")
def pairs() -> list[Built]:
    return list(built_pairs(8, seed=4))


def test_captions_of_a_build_are_true_of_their_scenes(pairs: list[Built]) -> None:
    assert len({pair.operation for pair in pairs}) > 4
    for pair in pairs:
        right, wrong = map(read, pair.captions)
        assert (right, wrong) == pair.claims
        assert is_true(right, pair.scenes[0])
        assert not is_true(wrong, pair.scenes[0])
        assert is_true(wrong, pair.scenes[1])
        assert is_allowed(pair.claims, pair.scenes)


def test_the_same_scenes_give_the_same_pairs(pairs: list[Built]) -> None:
    assert list(built_pairs(8, seed=4)) == pairs
    assert {pair.captions for pair in built_pairs(8, seed=5)} != {pair.captions for pair in pairs}


def test_what_is_said_of_an_edit_that_went_wrong_is_false_of_what_was_asked_for(pairs: list[Built]) -> None:
    told = 0
    for number, pair in enumerate(pairs):
        rng = random.Random(number)
        shown = draw_scene(rng)
        said = _told_from(shown, pair.scenes[1], pair.claims[0], pair.captions[0], rng)
        if said is not None:
            told += 1
            assert is_true(said[0], shown)
            assert not is_true(said[0], pair.scenes[1])
            assert read(said[1]) == said[0]
    assert told > len(pairs) // 2


def test_every_second_pair_is_drawn_softly_around_what_it_differs_in() -> None:
    lessons = make_lessons(4, seed=9, workers=1)
    soft = softened(lessons, 2).images
    assert (soft[1::2] == lessons.images[1::2]).all()
    changed = (soft[::2] != lessons.images[::2]).any(-1)
    assert changed.any((2, 3)).all()
    assert not changed.all((2, 3)).any(), "what is far from the change stays as it is"
    assert np.abs(soft.astype(int) - lessons.images).mean() < 20
    first = softened(lessons, 2, first_only=True).images
    assert (first[:, 1] == lessons.images[:, 1]).all()
