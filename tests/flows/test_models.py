"""Models of steps: shared while steps use them, and gone from memory when these are over."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filters.plausibility import Plausibility
from flows import models
from flows.writers import writer_for
from generators.images.segmenter import Segmenter
from schemas import config as settings
from tests.tiny_models import make_tiny_language_model, make_tiny_segmenter

CPU = settings.Compute(device="cpu", dtype="bfloat16")


def weigher(folder: Path) -> tuple[Any, Any]:
    how = settings.Plausibility(model=make_tiny_language_model(folder))
    stage = models.loaded(Plausibility, how, CPU)
    stage.scorer.score(["A dog runs ."])
    return stage.scorer._loaded.model.lm_head.weight, stage


def writer(folder: Path) -> tuple[Any, Any]:
    found: Any = writer_for(settings.Writer(model=make_tiny_language_model(folder)), CPU)
    return found._loaded.model.lm_head.weight, found


def segmenter(folder: Path) -> tuple[Any, Any]:
    stage = models.loaded(Segmenter, make_tiny_segmenter(folder), CPU)
    return next(stage._loaded[1].parameters()), stage


@pytest.mark.parametrize("load", [weigher, writer, segmenter])
def test_weights_are_gone_when_the_last_step_that_used_them_is_over(
    tmp_path: Path, load: Callable[[Path], tuple[Any, Any]]
) -> None:
    with models.working_for("first"):
        weight, stage = load(tmp_path)
    seen = weakref.ref(weight)
    del weight, stage
    with models.working_for("second"):
        load(tmp_path)
    models.release(frozenset({"first"}))
    gc.collect()
    assert seen() is not None
    models.release(frozenset({"first", "second"}))
    gc.collect()
    assert seen() is None


def test_a_worker_that_outlives_a_build_forgets_all_of_it() -> None:
    with models.working_for("one"):
        models.loaded(list, (1,))
    with models.working_for("another"):
        models.loaded(list, (2,))
    models.forget()
    assert not any(key[0] is list for key in models._loaded)
