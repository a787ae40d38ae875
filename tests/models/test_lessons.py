"""Lessons: the same on any number of workers, true to the scenes, and without what is held out."""

import numpy as np
import pytest

from generators.shapes.claims import is_true
from generators.shapes.reading import read
from generators.shapes.world import Scene, Thing
from generators.shapes.wrongs import OPERATIONS
from models.facts import FACTS, facts_of_claim, facts_of_scene
from models.lessons import HELD_OUT, OPERATION_NAMES, Lessons, make_lessons, patch_labels
from models.scoring import group_scores
from tests.generators.shapes.scenes import HAND


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return make_lessons(60, seed=5, workers=1, chunk=30)


def test_lessons_do_not_depend_on_workers(lessons: Lessons) -> None:
    again = make_lessons(60, seed=5, workers=2, chunk=30)
    for name in ("images", "captions", "patches", "shown", "said", "operation", "entailed"):
        assert (getattr(lessons, name) == getattr(again, name)).all(), name
    assert (make_lessons(30, seed=5, workers=1, chunk=30).images == lessons.images[:30]).all()


def test_both_sides_of_a_pair_differ_in_picture_and_words(lessons: Lessons) -> None:
    assert (lessons.images[:, 0] != lessons.images[:, 1]).any((1, 2, 3)).all()
    assert (lessons.captions[:, 0] != lessons.captions[:, 1]).all()
    assert len(set(lessons.operation.tolist())) == len(OPERATION_NAMES)


def test_what_is_held_out_is_never_shown_or_spoken_of(lessons: Lessons) -> None:
    for caption in lessons.captions.reshape(-1):
        for mention in read(caption).mentions:
            assert (mention.what.value("colour"), mention.what.value("shape")) not in HELD_OUT
    numbers = [FACTS["both", shape, colour] for colour, shape in HELD_OUT]
    shown = np.unpackbits(lessons.shown, axis=-1, count=len(FACTS))
    assert not shown[..., numbers].any()
    held_out = make_lessons(20, seed=5, held_out=True, workers=1)
    assert np.unpackbits(held_out.shown, axis=-1, count=len(FACTS))[:, 0][:, numbers].any(1).all()


def test_facts_of_a_scene_and_of_a_caption() -> None:
    shown = {fact for fact, number in FACTS.items() if facts_of_scene(HAND)[number]}
    assert {
        ("both", "circle", "red"),
        ("count", "star", "2"),
        ("ground", HAND.background),
        ("left", "circle", "square"),
        ("above", "blue", "green"),
    } <= shown
    assert ("count", "star", "1") not in shown
    assert ("left", "square", "circle") not in shown


def facts(caption: str) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
    said, denied = facts_of_claim(read(caption))
    return {fact for fact, n in FACTS.items() if said[n]}, {fact for fact, n in FACTS.items() if denied[n]}


def test_what_a_caption_says_and_what_it_denies() -> None:
    said, denied = facts("A blue square is not right of a circle")
    assert said == {
        ("denied",), ("both", "square", "blue"), ("count", "square", "1"), ("count", "blue", "1"),
        ("count", "blue square", "1"), ("count", "circle", "1"),
    }  # fmt: skip
    assert denied == {("left", "circle", "square")}, "its ends may well be there"
    said, denied = facts("There is not a red star")
    assert said == {("denied",)}
    assert ("both", "star", "red") in denied
    assert {("count", "red star", str(n)) for n in range(1, 5)} <= denied
    assert facts("There are not two red stars")[1] == {("count", kind, "2") for kind in ("star", "red", "red star")}, (
        "one of them may be there"
    )
    said, denied = facts("Two stars are not on a pink background")
    assert ("count", "star", "2") in said
    assert denied == {("count", "star", "1"), ("count", "star", "3"), ("count", "star", "4"), ("ground", "pink")}


def test_a_number_denies_other_numbers_of_all_that_it_counts() -> None:
    _, denied = facts("Two red stars")
    assert denied == {("count", "red star", n) for n in "134"}, "other stars may be there"
    assert facts("Two small red stars")[1] == set()
    assert facts("A star")[1] == set(), "at least one"


def test_a_claim_that_is_true_speaks_of_facts_that_are_shown() -> None:
    for caption in ("Two green stars below a red circle", "A large red circle left of a striped blue square"):
        assert is_true(read(caption), HAND)
        said, denied = facts_of_claim(read(caption))
        assert (facts_of_scene(HAND) >= said).all()
        assert not (facts_of_scene(HAND) & denied).any()


def test_patch_labels_are_where_things_are() -> None:
    scene = Scene((Thing("cross", "white", "large", "plain", 48, 208, 44),), "grey")
    labels = patch_labels(scene).reshape(8, 8, 4)
    assert labels[6, 1].tolist() == [6, 8, 2, 1]
    assert not labels[0].any()
    assert not labels[:, 4:].any()


def test_group_scores_against_a_table_worked_by_hand(lessons: Lessons) -> None:
    rows = len(lessons)
    images = np.zeros((rows, 2, 2), np.float32)
    images[:, 0, 0] = images[:, 1, 1] = 1
    perfect = group_scores(images, images.copy(), lessons)
    assert perfect["all"] == [1.0, 1.0, 1.0]
    assert group_scores(images, images[:, ::-1].copy(), lessons)["all"] == [0.0, 0.0, 0.0]
    assert group_scores(images, np.ones_like(images), lessons)["all"] == [0.0, 0.0, 0.0], "ties are misses"


def test_every_operation_has_its_share_of_the_lessons() -> None:
    assert set(OPERATION_NAMES) == set(OPERATIONS)
