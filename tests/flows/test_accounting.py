"""What must add up is checked in `python -O` too, which leaves asserts out."""

import ast
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_LOST = """
import sys
from pathlib import Path
from flows import publish
from schemas.tables import TABLES
from storage import ingest
from storage.dataset import Dataset
from storage.manifest import Manifest
from storage.presence import Presence
from storage.stock import take_stock

assert sys.flags.optimize == 0, "asserts are on"
dataset = Dataset(sys.argv[1])
for table, schema in TABLES.items():
    rows = [{name: None for name in schema.names}] if table == "text_negatives" else []
    dataset.write(table, "a", schema.empty_table().from_pylist(rows, schema))
shards = dict.fromkeys(TABLES, ("a",))
for work in (
    lambda: ingest._counted(Presence(dataset, None), ["a"], [], 3),
    lambda: publish._counts(take_stock(dataset, shards, Manifest()), shards),
):
    try:
        work()
    except RuntimeError as error:
        print(error)
"""


def test_rows_that_are_lost_end_a_build(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-O", "-c", _LOST, str(tmp_path)],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "3 rows came in, 0 pairs and 0 rejects came out",
        "1 negatives and 0 verdicts: every negative has one verdict",
    ]


def test_nothing_hangs_on_an_assert() -> None:
    folders = ("schemas", "devices", "storage", "generators", "filters", "flows", "models", "benchmarks")
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for folder in folders
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert found == []
