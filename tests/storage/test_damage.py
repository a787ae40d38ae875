"""What is damaged inside is named by whatever query meets it, wherever DuckDB or Arrow stumbles."""

from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.results import show
from schemas.errors import InputError
from schemas.tables import LEDGER, VERDICTS
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Build, DamagedShardError, Dataset
from storage.manifest import Manifest
from storage.query import answer
from storage.stock import take_stock
from tests.storage.test_dataset import damage

ROWS = 2_000
QUERIES = ("FROM verdicts", "FROM why_dropped()", "SELECT sum(difficulty) FROM verdicts", "FROM verdicts ORDER BY 1")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = Dataset(str(tmp_path / "dataset"))
    rng = np.random.default_rng(0)
    for name in "abc":
        rows = {
            "text_negative_id": [rng.bytes(16).hex() for _ in range(ROWS)],
            "operation": ["negate", "add_object"] * (ROWS // 2),
            "reasons": [["implausible", "rare"][: n % 3] for n in range(ROWS)],
            "difficulty": rng.random(ROWS),
        }
        columns = [pa.array(rows[f.name], f.type) if f.name in rows else pa.nulls(ROWS, f.type) for f in VERDICTS]
        ledger = pa.Table.from_pylist([{"stage": "select", "shard": name}], LEDGER)
        made.write_work(name, ledger, {"verdicts": pa.table(columns, schema=VERDICTS)})
    shards = {"verdicts": ["a", "b", "c"]}
    build = Build("b1", shards, {}, {}, {}, "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00")
    made.commit(build, take_stock(made, shards, Manifest()))
    return made


def ask(dataset: Dataset, sql: str) -> None:
    build = dataset.build()
    with connect(dataset, build) as connection, damage_named(dataset, build), answer(connection, sql) as rows:
        show(rows, "csv", StringIO())


_PLACES = 12  # of each of three fillings four: an opening of the catalog for every query


def test_wherever_it_is_overwritten_the_file_is_named(dataset: Dataset) -> None:
    path = Path(dataset.path("verdicts", "b"))
    data, rng, told = path.read_bytes(), np.random.default_rng(1), list[str]()
    for number in range(_PLACES):
        start, end = sorted(rng.integers(4, len(data) - 8, 2))
        filled = (b"\x07" * (end - start), bytes(end - start), rng.bytes(end - start))[number % 3]
        path.write_bytes(data[:start] + filled + data[end:])
        for sql in QUERIES:
            try:
                ask(dataset, sql)  # which may read nothing of what is wrong
            except InputError as error:
                told.append(str(error))
    assert len(told) > _PLACES * len(QUERIES) / 2
    for line in told:
        assert line.startswith(f"{path}: ")
        assert line.endswith("counterfoil build` again, which makes it anew")
        assert "\n" not in line
    path.write_bytes(data)
    for sql in QUERIES:
        ask(dataset, sql)


def test_a_query_that_fails_by_itself_is_not_laid_to_a_file(dataset: Dataset) -> None:
    with pytest.raises(InputError, match="Conversion Error") as told:
        ask(dataset, "SELECT operation::INTEGER FROM verdicts")
    assert "parquet" not in str(told.value)


def test_arrow_is_given_no_file_of_pythons(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its threads go on with other columns after one was told to be damaged; they let go of the file when Python may
    have gone, which ended the process with an abort."""
    given: list[tuple[type, Any]] = []
    real = pq.read_table

    def noted(source: Any, **options: Any) -> pa.Table:
        given.append((type(source), options.get("use_threads", True)))
        return real(source, **options)

    monkeypatch.setattr(pq, "read_table", noted)
    damage(Path(dataset.path("verdicts", "b")), "overwritten")
    with pytest.raises(DamagedShardError, match=r"b\.parquet: cut or damaged"):
        dataset.read("verdicts", "b")
    assert given == [(pa.OSFile, True), (pa.BufferReader, False)], (
        "bytes are Python's too: this thread alone reads them"
    )
