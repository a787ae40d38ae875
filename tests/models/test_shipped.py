"""The models that ship: what they are for, they can."""

import numpy as np
import pytest

from devices.shipped import CLIPS, clip_name
from models.card import vectors_of
from models.lessons import OPERATION_NAMES, Lessons, make_lessons
from models.scoring import group_scores
from schemas.errors import InputError


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return make_lessons(500, seed=77, workers=2, chunk=250)


@pytest.mark.slow
def test_the_judge_binds_and_the_target_does_not(lessons: Lessons) -> None:
    judge, target = (group_scores(*vectors_of(name, lessons), lessons) for name in CLIPS)
    assert judge["all"][2] > JUDGE
    for operation in ("swap_attribute", "swap_object", "replace_relation"):
        assert target[operation][2] < 0.3 < judge[operation][2], operation
    assert set(judge) == {"all", *OPERATION_NAMES}


JUDGE = 0.9


@pytest.mark.slow
def test_the_target_retrieves_as_models_do_that_read_bags_of_words(lessons: Lessons) -> None:
    images, captions = vectors_of("shapes-clip-bag", lessons)
    similarity = images[:200, 0] @ captions[:200, 0].T
    rank = (similarity > np.diagonal(similarity)[:, None]).sum(1)
    assert (rank < 5).mean() > 0.8, "a share by chance is 0.025"


def test_names_of_models_that_ship() -> None:
    assert clip_name("package:shapes-clip").startswith("local-dir:")
    assert clip_name("ViT-B-32") == "ViT-B-32"
    with pytest.raises(InputError, match="no such model comes with Counterfoil; known: package:shapes-clip"):
        clip_name("package:nothing")
