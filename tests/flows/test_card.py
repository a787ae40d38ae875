"""The card of a dataset, as the Hugging Face hub reads it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from exports.card import cell, license_of, without_header
from flows.card import dataset_card
from storage.catalog import connect
from storage.dataset import Dataset
from tests.gallery.made import HOSTILE, make


def test_its_header_says_where_the_rows_of_each_table_are(built_once: Callable[[bool], Path]) -> None:
    folder = built_once(True)
    text = (folder / "README.md").read_text(encoding="utf-8")
    told = yaml.safe_load(text.split("---\n")[1])
    assert (told["license"], told["size_categories"], told["language"]) == ("unknown", ["n<1K"], ["en"])
    configs = {each["config_name"]: each["data_files"] for each in told["configs"]}
    assert [each["config_name"] for each in told["configs"] if each.get("default")] == ["text_negatives"]
    with connect(Dataset(str(folder))) as connection:
        for table, files in configs.items():
            found = [path for name in ([files] if isinstance(files, str) else files) for path in folder.glob(name)]
            [(count,)] = connection.sql(f"SELECT count(*) FROM {table}").fetchall()
            assert sum(pq.read_metadata(path).num_rows for path in found) == count, table
    assert {"images", "pairs", "text_negatives", "verdicts", "scores"} <= set(configs)


def test_it_says_what_it_is_for_and_what_not(built_once: Callable[[bool], Path]) -> None:
    text = without_header((built_once(True) / "README.md").read_text(encoding="utf-8"))
    assert text.startswith("# Hard negatives\n")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert [each for each in headings if each in {"## Examples", "## Quality", "## Intended use", "## Limits"}] == [
        "## Examples",
        "## Quality",
        "## Intended use",
        "## Limits",
    ]


def test_what_a_source_says_is_no_markup(tmp_path: Path) -> None:
    dataset = make(tmp_path / "d")
    build = dataset.build()
    with connect(dataset, build) as connection:
        text = dataset_card(connection, build)
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\\<script\\>window.broken = 1\\</script\\>" in text
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.endswith(" |") for line in tables), "no caption breaks a row"
    assert cell("a | b\n`c` ![x](y)") == "a \\| b \\`c\\` \\!\\[x\\](y)"
    assert license_of(dict.fromkeys(HOSTILE, 1)) == "other"
