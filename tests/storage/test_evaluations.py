"""How models did on a dataset, beside its builds: the last counts, and damage is told."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import InputError
from schemas.tables import EVALUATIONS
from storage.catalog import connect, write_catalog
from storage.dataset import Dataset
from tests.exports.made import make

ROW = {"benchmark": "2x2", "category": "all", "average": "micro", "metric": "group", "n": 4}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    make(tmp_path / "made", images=6)
    return Dataset(str(tmp_path / "made"))


def put(dataset: Dataset, name: str, model: str, value: float, day: int) -> None:
    row = {**ROW, "model": model, "value": value, "added": datetime(2026, 1, day, tzinfo=UTC)}
    path = Path(dataset.path("evaluations", name))
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist([row], EVALUATIONS), path)


def test_a_dataset_that_was_never_evaluated_has_none(dataset: Dataset) -> None:
    with connect(dataset) as connection:
        assert connection.sql("FROM evaluations()").fetchall() == []


def test_what_was_found_last_counts(dataset: Dataset) -> None:
    put(dataset, "a", "old", 0.25, day=1)
    put(dataset, "b", "old", 0.75, day=3)
    put(dataset, "c", "old", 0.5, day=2)
    put(dataset, "d", "new", 1.0, day=1)
    with connect(dataset) as connection:
        rows = connection.sql("SELECT model, value FROM evaluations() ORDER BY 1").fetchall()
        assert rows == [("new", 1.0), ("old", 0.75)]
        assert connection.sql("FROM evaluations").to_arrow_table().num_rows == 4


def test_other_tools_see_them_in_the_catalog_whenever_they_came(dataset: Dataset) -> None:
    write_catalog(dataset, dataset.build())
    put(dataset, "a", "old", 0.25, day=1)
    with duckdb.connect(f"{dataset.base}/catalog.duckdb", read_only=True) as connection:
        connection.execute(f"SET VARIABLE dataset = '{dataset.base}'")
        assert connection.sql("SELECT value FROM evaluations()").fetchall() == [(0.25,)]


def test_a_damaged_one_is_named_with_what_to_do(dataset: Dataset) -> None:
    put(dataset, "a", "old", 0.25, day=1)
    path = Path(dataset.path("evaluations", "a"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        InputError, match=r"evaluations/a\.parquet: .*; remove it, and run `counterfoil evaluate` again"
    ):
        connect(dataset)
