"""Links of pages: those that leave docs/ on the site, and those of the pages that are not part of it."""

import importlib.util
import logging
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def links() -> ModuleType:
    spec = importlib.util.spec_from_file_location("links", ROOT / "docs" / "hooks" / "links.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(links: ModuleType, markdown: str, repo_url: str | None = None) -> str:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))
    config = {"docs_dir": str(ROOT / "docs"), "repo_url": repo_url}
    text: str = links.on_page_markdown(markdown, page=page, config=config, files=None)
    return text


@pytest.mark.parametrize(
    ("markdown", "without", "within"),
    [
        (
            "see [prefect.yaml](../prefect.yaml).",
            "see `prefect.yaml`.",
            "see [prefect.yaml](https://example.org/us/it/blob/HEAD/prefect.yaml).",
        ),
        (
            "[its card](../models/shapes-clip/README.md)",
            "its card (`models/shapes-clip/README.md`)",
            "[its card](https://example.org/us/it/blob/HEAD/models/shapes-clip/README.md)",
        ),
        (
            "[map](../CONTRIBUTING.md#working-on-counterfoil)",
            "map (`CONTRIBUTING.md`)",
            "[map](https://example.org/us/it/blob/HEAD/CONTRIBUTING.md#working-on-counterfoil)",
        ),
        ("[sql.md](sql.md), ![x](pair.png)", "[sql.md](sql.md), ![x](pair.png)", "[sql.md](sql.md), ![x](pair.png)"),
    ],
)
def test_links_that_leave_docs(links: ModuleType, markdown: str, without: str, within: str) -> None:
    assert shown(links, markdown) == without
    assert shown(links, markdown, "https://example.org/us/it/") == within


def test_one_that_leads_nowhere_is_a_warning(links: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        shown(links, "[gone](../no/such/file.py)")
    [record] = caplog.records
    assert record.name.startswith("mkdocs."), "MkDocs counts warnings of its own loggers alone"
    assert "page.md" in record.getMessage()
    assert "no/such/file.py" in record.getMessage()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/photos/README.md"])
def test_links_of_pages_outside_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
    assert [path for path in named if not (ROOT / page).parent.joinpath(path).exists()] == []
