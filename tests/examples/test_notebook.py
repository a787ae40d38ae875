"""The notebook of examples/ runs from top to bottom, on a dataset of the tests' own."""

import re
from pathlib import Path
from typing import Any

import pytest

from generators.text.corpus.everyday import PARSER
from storage.catalog import write_catalog
from tests.gallery.made import make

nbformat = pytest.importorskip("nbformat", reason="needs nbclient, of the `dev` extra")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient, of the `dev` extra")
pytest.importorskip("ipykernel", reason="needs ipykernel, of the `dev` extra")
pytest.importorskip("matplotlib", reason="needs the `plots` extra")
pytest.importorskip(PARSER, reason="needs the spaCy pipeline of the `offline` extra")
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "explore.ipynb"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run the notebook; return what each cell of code shows, by its first line."""
    dataset = make(tmp_path_factory.mktemp("explore") / "it's a dataset")
    write_catalog(dataset, dataset.build())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASET", dataset.base)
        patch.setenv("PYTHONPATH", str(ROOT))
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    return {cell.source.splitlines()[0]: _shown(cell) for cell in notebook.cells if cell.cell_type == "code"}


def _shown(cell: Any) -> str:
    parts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    return "\n".join([*parts, *sorted(kinds)])


def test_what_it_shows(told: dict[str, str]) -> None:
    assert "swap_attribute: A blue cup on a red plate" in told["from flows.tries import wrong_captions"]
    assert "minimal_pairs" in told["import os"]
    assert re.search(r"replace_attribute +8\b", told['catalog.sql("FROM acceptance_by_operation()").df()'])
    assert "implausible" in told['catalog.sql("FROM why_dropped()").df()']
    assert "image/png" in told["import io"]
    assert "image/png" in told['scored = catalog.sql("""']
    kept = re.findall(r"^\d +([\d.]+) +(\d+)$", told['catalog.sql("""'], re.MULTILINE)
    assert kept == [("0.00", "24"), ("0.02", "24"), ("0.05", "18"), ("0.10", "18")], (
        "of 24, six are valid by 0.02 alone"
    )


def test_no_outputs_are_kept_in_it() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []
    assert {cell.execution_count for cell in notebook.cells if cell.cell_type == "code"} == {None}
