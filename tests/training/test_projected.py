"""Projectors that learn: what frozen encoders make of pictures and captions is computed once, whatever happens."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from filters.projected.text import FrozenText
from filters.projected.vision import FrozenVision
from tests.tiny_models import make_tiny_clip, make_tiny_language_model
from training.config import FineTune
from training.examples import Examples
from training.features import Features, write_features
from training.projected import ProjectedTowers
from training.trainer import Trainer, accelerator_for

Make = Callable[..., FineTune]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("frozen")
    names = {"vision": make_tiny_clip(folder / "vision"), "text": make_tiny_language_model(folder / "text")}
    return {**names, "width": 16, "grid": 2, "context_length": 24}


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the calls of the encoders."""
    calls: Counter[str] = Counter()
    for kind in (FrozenVision, FrozenText):
        real = kind.features

        def counted(self: Any, rows: torch.Tensor, real: Any = real, name: str = kind.__name__) -> torch.Tensor:
            calls[name] += 1
            found: torch.Tensor = real(self, rows)
            return found

        monkeypatch.setattr(kind, "features", counted)
    return calls


def test_projectors_learn_what_they_are_shown(
    recipe: Make, examples: Examples, model: dict[str, Any], tmp_path: Path, encoded: Counter[str]
) -> None:
    given = recipe(model=model, steps=60, learning_rate=3e-3)
    told: list[tuple[int, int]] = []
    accelerator = accelerator_for(given, tmp_path)
    trainer = Trainer(given, examples, tmp_path, accelerator, advance=lambda *rows: told.append(rows))
    assert sum(more for more, _ in told) == told[-1][1], "all features are there before the first step"
    once, losses = dict(encoded), list[float]()
    trainer.train(lambda *each: losses.append(each[2]["total"]))
    assert encoded == once, "no step asks the encoders"
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_interrupted_it_goes_on_to_equal_weights_without_computing_features_again(
    recipe: Make, examples: Examples, model: dict[str, Any], tmp_path: Path, encoded: Counter[str]
) -> None:
    given = recipe(model=model)

    def trained(folder: Path, until: int | None = None) -> dict[str, torch.Tensor]:
        folder.mkdir(exist_ok=True)
        trainer = Trainer(given, examples, folder, accelerator_for(given, folder))
        trainer.train(until=until)
        return trainer.weights()

    whole = trained(tmp_path / "whole")
    trained(tmp_path / "killed", until=3)
    before, pictures = encoded["FrozenVision"], tmp_path / "killed" / "features" / "pictures.arrow"
    made = pictures.stat().st_mtime_ns
    again = trained(tmp_path / "killed")
    assert pictures.stat().st_mtime_ns == made
    assert encoded["FrozenVision"] - before <= 1, "but for a look at how wide they are"
    assert all(torch.equal(again[name], one) for name, one in whole.items())


def test_features_are_found_by_content_and_are_those_of_the_encoders(
    recipe: Make, examples: Examples, model: dict[str, Any], tmp_path: Path
) -> None:
    told = recipe(model=model).model
    assert not isinstance(told, str)
    kept, fresh = (ProjectedTowers.untrained(told, torch.device("cpu"), 0) for _ in range(2))
    kept.keep(examples, tmp_path)
    one = examples[0]
    captions = [one.negatives[0].caption, one.caption]
    pictures = [examples.picture(examples[1].picture), examples.picture(one.picture)]
    assert torch.allclose(kept.pictures(pictures).float(), fresh.pictures(pictures), rtol=2e-3, atol=2e-3)
    assert torch.allclose(kept.tokens(captions).float(), fresh.tokens(captions), rtol=2e-3, atol=2e-3)
    with pytest.raises(KeyError):
        kept.tokens(["a caption that nobody showed"])


def test_features_that_half_precision_does_not_hold_are_cut_off(examples: Examples, tmp_path: Path) -> None:
    def huge(things: list[Any]) -> list[np.ndarray]:
        return [np.full((1, 2), 1e6, np.float32) for _ in things]

    write_features(examples, tmp_path, huge, huge, 4, lambda *_: None)
    assert Features(tmp_path, (2, 2)).caption(examples[0].caption).tolist() == [[65504.0, 65504.0]]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"patch": {"shares": [0.5]}}, "projectors begin with nothing that could be kept"),
        ({"lora": {"rank": 2}}, "projectors begin with nothing that could be kept"),
    ],
)
def test_what_projectors_have_no_use_for_is_refused(recipe: Make, model: dict[str, Any], more: Any, said: str) -> None:
    assert recipe(model=model).patch is None
    with pytest.raises(ValidationError, match=said):
        recipe(model=model, **more)


def test_an_encoder_that_is_not_named_is_told_by_its_key(recipe: Make) -> None:
    with pytest.raises(ValidationError) as error:
        recipe(model={"vision": "package:shapes-clip"})
    assert error.value.errors()[0]["loc"] == ("model", "encoders", "text")
