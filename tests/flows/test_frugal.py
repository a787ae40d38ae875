"""A worker that parses does without pandas, and without torch unless the pipeline needs it."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from flows.frugal import _does_without
from flows.runners import Place, settle
from storage.dataset import Dataset
from tests.flows.conftest import PARSER
from tests.flows.odd_work import parse
from tests.generators.text.conftest import as_pairs

HEAVY = {"torch", "transformers", "diffusers", "prefect", "sklearn", "open_clip", "pandas"}


def test_a_worker_parses_the_same_without_what_it_does_not_need(tmp_path: Path) -> None:
    captions = ["A man in a red shirt sits on a bench .", "Two dogs run on the beach ."]
    Dataset(str(tmp_path)).write("pairs", "a", as_pairs(captions))
    here, _ = parse(str(tmp_path), PARSER)
    with ProcessPoolExecutor(1, get_context("spawn"), settle, (Place(threads=1),)) as worker:
        there, taken = worker.submit(parse, str(tmp_path), PARSER).result()
    assert there.equals(here)
    assert taken & HEAVY == set()


@pytest.mark.parametrize(
    ("meta", "config", "without"),
    [
        ('{"requirements": ["spacy-curated-transformers>=0.2.0"]}', "", False),
        ("{}", '[components.tagger.model]\n@architectures = "spacy.PyTorchLSTM.v1"\n', False),
        ("{}", '[components.tagger.model]\n@architectures = "spacy.Tagger.v2"\n', True),
        (None, None, False),
    ],
)
def test_a_pipeline_with_layers_of_torch_has_it(
    tmp_path: Path, meta: str | None, config: str | None, without: bool
) -> None:
    for name, text in (("meta.json", meta), ("config.cfg", config)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert _does_without(str(tmp_path)) == without
    assert _does_without(PARSER)
