"""Examples of a small dataset, and small models in the formats of the real ones."""

from collections.abc import Callable
from typing import Any

import pytest
from accelerate.state import AcceleratorState, GradientState, PartialState

from exports.selection import Selection
from storage.dataset import Dataset
from tests.exports.made import make
from tests.tiny_models import make_tiny_clip
from training.config import FineTune
from training.examples import Examples, write_examples


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("learned") / "dataset"
    make(folder, splits=True)
    return Dataset(str(folder))


@pytest.fixture(scope="session")
def examples(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Examples:
    with Selection(dataset, dataset.build(), (), None, None) as selection:
        return write_examples(selection.pairs(), tmp_path_factory.mktemp("examples"), 32)


@pytest.fixture
def recipe(clip: str) -> Callable[..., FineTune]:
    """A recipe for the tiny model: four steps of six examples."""

    def made(**more: Any) -> FineTune:
        given: dict[str, Any] = {
            "model": clip,
            "losses": {"contrastive": {}, "own_negatives": {}},
            "steps": 4,
            "batch_size": 6,
            "learning_rate": 1e-3,
            "keep_every": 2,
            "compute": {"device": "cpu", "dtype": "float32"},
        }
        return FineTune.model_validate(given | more)

    return made


@pytest.fixture(autouse=True)
def _forget_accelerator() -> None:
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
