"""Steps: equal however they are interrupted, split in parts or shared by processes; what is frozen stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.two import weights_of_two
from training.config import FineTune
from training.examples import Examples
from training.patching import between
from training.trainer import Trainer, accelerator_for

Make = Callable[..., FineTune]


def trained(recipe: FineTune, examples: Examples, folder: Path, until: int | None = None) -> dict[str, Tensor]:
    folder.mkdir(exist_ok=True)
    trainer = Trainer(recipe, examples, folder, accelerator_for(recipe, folder))
    trainer.train(until=until)
    return trainer.weights()


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def far(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return max((one[name].float() - other[name].float()).abs().max().item() for name in one)


def test_a_training_learns_what_it_is_shown(recipe: Make, examples: Examples, tmp_path: Path) -> None:
    given = recipe(steps=60, learning_rate=3e-3)
    losses: list[float] = []
    trainer = Trainer(given, examples, tmp_path, accelerator_for(given, tmp_path))
    trainer.train(lambda *told: losses.append(told[2]["total"]))
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


@pytest.mark.parametrize(
    "more",
    [
        {"losses": {"ce_clip": {}, "eqsim": {}, "distillation": {"decay": 0.9}}},
        {"lora": {"rank": 2}},
        {"freeze": "images", "data": {"negatives": 2, "curriculum": True}},
    ],
)
def test_interrupted_and_gone_on_with_it_ends_with_equal_weights(
    recipe: Make, examples: Examples, tmp_path: Path, more: dict[str, Any]
) -> None:
    given = recipe(**more)
    whole = trained(given, examples, tmp_path / "whole")
    # Stopped after the third step, one after the last checkpoint that is kept on the way.
    trainer = Trainer(given, examples, tmp_path, accelerator_for(given, tmp_path))
    trainer.train(until=2)
    torch.manual_seed(5)
    torch.rand(7)
    assert equal(trained(given, examples, tmp_path), whole)
    steps = [line.split(",")[0] for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert steps == [f'{{"step": {n}' for n in (1, 2, 3, 4)]


def test_parts_of_a_batch_give_the_gradient_of_the_whole(recipe: Make, examples: Examples, tmp_path: Path) -> None:
    losses = {"negclip": {}, "own_negatives": {}, "distillation": {}}
    whole = trained(recipe(losses=losses, steps=2), examples, tmp_path / "whole")
    parts = trained(recipe(losses=losses, steps=2, micro_batch_size=2), examples, tmp_path / "parts")
    assert far(whole, parts) < 2e-5


def test_a_part_that_does_not_fit_is_halved(
    recipe: Make, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = recipe(steps=1)
    whole = trained(given, examples, tmp_path / "whole")
    trainer = Trainer(given, examples, tmp_path, accelerator_for(given, tmp_path))
    encode = trainer.towers.encode_pictures

    def small(pictures: Tensor) -> Tensor:
        if len(pictures) > 3:
            raise torch.OutOfMemoryError
        return encode(pictures)

    monkeypatch.setattr(trainer.towers, "encode_pictures", small)
    trainer.train()
    assert far(trainer.weights(), whole) < 2e-5


@pytest.mark.slow
def test_two_processes_learn_what_one_does(recipe: Make, examples: Examples, tmp_path: Path) -> None:
    losses = {"negclip": {}, "own_negatives": {}, "grouped": {}}
    given = recipe(losses=losses, steps=2)
    one = trained(given, examples, tmp_path / "one")
    two = weights_of_two(given, examples.folder, tmp_path)
    assert far(one, two) < 2e-5


@pytest.mark.parametrize(("freeze", "still"), [("images", "visual."), ("captions", "transformer.")])
def test_a_frozen_tower_stays(recipe: Make, examples: Examples, tmp_path: Path, freeze: str, still: str) -> None:
    first = trained(recipe(steps=1, learning_rate=1e-12), examples, tmp_path / "first")
    tuned = trained(recipe(freeze=freeze), examples, tmp_path / "tuned")
    for name in first:
        if name.startswith(still):
            assert far({name: first[name]}, {name: tuned[name]}) < 1e-9, name
    assert far(first, tuned) > 1e-4


def test_adapters_are_merged_into_weights_of_the_first_names(recipe: Make, examples: Examples, tmp_path: Path) -> None:
    first = trained(recipe(steps=1, learning_rate=1e-12), examples, tmp_path / "first")
    tuned = trained(recipe(lora={"rank": 2}, learning_rate=1e-2), examples, tmp_path / "tuned")
    assert tuned.keys() == first.keys()
    moved = {name for name in first if far({name: first[name]}, {name: tuned[name]}) > 1e-6}
    assert moved
    assert all("resblocks" in name for name in moved), "only maps in blocks have adapters"


def test_examples_that_fill_no_batch_are_said_to(recipe: Make, examples: Examples, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{len(examples)} examples fill no batch of 500"):
        trained(recipe(batch_size=500), examples, tmp_path)


def test_weights_between_two_models() -> None:
    first = {"a": torch.tensor([0.0, 2.0]), "n": torch.tensor([1])}
    tuned = {"a": torch.tensor([1.0, 0.0]), "n": torch.tensor([3])}
    assert between(first, tuned, 0.25)["a"].tolist() == [0.25, 1.5]
    assert equal(between(first, tuned, 1.0), tuned)
