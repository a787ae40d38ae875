"""`counterfoil finetune`: a dataset and a config in, a model with its card out; killed, it goes on to equal weights."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import open_clip
import pytest
import torch
import yaml
from accelerate.state import AcceleratorState, GradientState, PartialState
from safetensors.torch import load_file
from typer.testing import CliRunner

from evaluation.models import load
from flows.cli import app
from flows.finetune import best, finetune
from flows.tuned import Measured, gains
from schemas.errors import InputError
from schemas.recipe import load_recipe
from tests.exports.made import make
from tests.tiny_models import make_tiny_clip, make_tiny_dual_encoder, make_tiny_language_model
from training.config import FineTune

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(autouse=True)
def _forget_accelerator() -> None:
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tuned on") / "dataset"
    make(folder, splits=True)
    return str(folder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


def config(folder: Path, clip: str, **more: object) -> str:
    given = {
        "model": clip, "losses": {"grouped": None, "own_negatives": {"gamma": 1.0}}, "steps": 6, "batch_size": 3,
        "learning_rate": 1e-3, "keep_every": 2, "compute": {"device": "cpu", "dtype": "float32"},
    }  # fmt: skip
    file = folder / "finetune.yaml"
    file.write_text(yaml.safe_dump(given | more))
    return str(file)


def test_weights_want_a_build_that_has_measured_them(dataset: str, clip: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data.weights: alignment: build 2026.* has none; build it with a section"):
        finetune.fn(config(tmp_path, clip, data={"weights": "alignment"}), dataset, str(tmp_path / "tuned"))


def test_a_dataset_and_a_config_make_a_model_with_its_card(dataset: str, clip: str, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    tuned = finetune.fn(config(tmp_path, clip), dataset, str(out))
    assert tuned is not None
    assert tuned.done is not None
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{out}")
    assert any((one != 0).any() for one in model.parameters())
    card = (out / "README.md").read_text()
    assert yaml.safe_load(card.split("---")[1])["library_name"] == "open_clip"
    for gain in gains(tuned.done):
        assert f"{gain.before:.3f} | {gain.after:.3f}" in card
        assert gain.low <= gain.after - gain.before <= gain.high
    assert {gain.measure for gain in gains(tuned.done)} >= {"group", "text alone", "caption R@5"}
    assert [one.share for one in tuned.shares] == [0, 0.25, 0.5, 0.75, 1]
    assert not (out / "work").exists()
    assert len((out / "losses.jsonl").read_text().splitlines()) == 6
    with pytest.raises(InputError, match="is tuned already"):
        finetune.fn(config(tmp_path, clip), dataset, str(out))


def test_a_model_of_transformers_is_tuned_too(dataset: str, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    name = make_tiny_dual_encoder(tmp_path / "siglip", "siglip")
    finetune.fn(config(tmp_path, name, patch=None), dataset, str(out))
    assert (out / "config.json").is_file()
    assert "library_name: transformers" in (out / "README.md").read_text()


def test_projectors_between_two_encoders_become_a_model_with_its_card(dataset: str, clip: str, tmp_path: Path) -> None:
    out = tmp_path / "judge"
    text = make_tiny_language_model(tmp_path / "language")
    encoders = {"vision": clip, "text": text, "width": 8, "grid": 2, "context_length": 16}
    tuned = finetune.fn(config(tmp_path, clip, model=encoders), dataset, str(out))
    assert tuned is not None
    assert {file.name for file in out.iterdir()} >= {"projectors.json", "projectors.safetensors", "losses.jsonl"}
    assert not (out / "work").exists()
    assert load(str(out)).captions(["A red cup ."]).shape == (1, 8)
    card = (out / "README.md").read_text()
    assert f"# judge: projectors on {clip} and {text}, tuned with hard negatives" in card
    assert "## Gained and lost" in card


@pytest.mark.usefixtures("one_thread")
def test_killed_and_run_again_it_ends_with_equal_weights(dataset: str, clip: str, tmp_path: Path) -> None:
    recipe = config(tmp_path, clip, steps=40, patch=None)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finetune.fn(recipe, dataset, str(whole))
    command = [sys.executable, "-m", "flows.cli", "finetune", recipe, dataset, "--out", str(killed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    log = killed / "work" / "losses.jsonl"
    while process.poll() is None and not (log.exists() and log.read_text().count("\n") > 6):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "README.md").exists()
    finetune.fn(recipe, dataset, str(killed))
    one, other = load_file(whole / WEIGHTS), load_file(killed / WEIGHTS)
    assert all((one[name] == other[name]).all() for name in one)
    steps = [json.loads(line)["step"] for line in (killed / "losses.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 41))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Have torch compute in one thread, as in a process that is told so: sums do not differ by their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["finetune-shapes", "finetune-clip-b32", "finetune-projectors-shapes"])
def test_the_configs_that_ship_are_valid(name: str) -> None:
    assert load_recipe(FineTune, ROOT / "configs" / f"{name}.yaml").terms


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"losses": {}}, "losses: name at least one of contrastive"),
        ({"losses": {"ce_clip": {"rankin": 1}}}, "losses.ce_clip.rankin: Extra inputs are not permitted"),
        ({"losses": {"clip": {}}}, "losses.clip: Extra inputs are not permitted"),
        ({"batch_size": 500}, "batch_size: "),
        ({"data": {"split": "trian"}}, "--split trian: no such split here; there are test, train, val"),
        ({"data": {"where": "colour = 'red'"}}, "--where colour = 'red': "),
        ({"model": "ViT-Q-32:openai"}, "open_clip knows no such model"),
        ({"trackers": ["wandb"]}, "trackers: wandb is not installed; pip install wandb"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    dataset: str, clip: str, tmp_path: Path, more: dict[str, object], told: str
) -> None:
    with pytest.raises(InputError) as error:
        finetune.fn(config(tmp_path, clip, **more), dataset, str(tmp_path / "tuned"))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_that_holds_something_else_is_left_alone(dataset: str, clip: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is not empty; give another --out"):
        finetune.fn(config(tmp_path, clip), dataset, str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    out = tmp_path / "tuned"
    finetune.fn(config(tmp_path, clip, patch=None), dataset, str(out))
    with pytest.raises(InputError, match="holds a fine-tuning by another config"):
        finetune.fn(config(tmp_path, clip, patch=None, seed=1), dataset, str(out))


def test_where_nothing_is_kept_back_nothing_is_claimed(clip: str, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    make(folder, splits=True, images=8)
    where = {"data": {"split": "train"}, "batch_size": 2}
    recipe = config(tmp_path, clip, **where)
    done = CliRunner().invoke(app, ["finetune", recipe, str(folder), "--out", str(tmp_path / "tuned")])
    assert done.exit_code == 0, done.output
    card = (tmp_path / "tuned" / "README.md").read_text()
    assert ("Gained and lost" in card) == ("On pictures that it has not seen" in done.output)


def test_the_best_share_is_the_highest_that_forgets_little() -> None:
    first = Measured(0, 0.4, 0.9)
    shares = [first, Measured(0.5, 0.6, 0.895), Measured(0.75, 0.7, 0.891), Measured(1, 0.9, 0.8)]
    assert best(shares, 0.01) == 0.75
    assert best(shares, 0.2) == 1
    assert best(shares, 0.001) == 0.5, "where all forget more, the one that goes least far"
