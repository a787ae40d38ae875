"""What is damaged inside is named by whatever query meets it, wherever DuckDB or Arrow stumbles."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.results import show
from schemas.errors import InputError
from schemas.tables import LEDGER, SCORES, VERDICTS
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Build, Dataset
from storage.manifest import Manifest
from storage.query import answer
from storage.stock import take_stock

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


def test_wherever_it_is_overwritten_the_file_is_named(dataset: Dataset) -> None:
    path = Path(dataset.path("verdicts", "b"))
    data, rng, told = path.read_bytes(), np.random.default_rng(1), list[str]()
    for number in range(30):
        start, end = sorted(rng.integers(4, len(data) - 8, 2))
        filled = (b"\x07" * (end - start), bytes(end - start), rng.bytes(end - start))[number % 3]
        path.write_bytes(data[:start] + filled + data[end:])
        for sql in QUERIES:
            try:
                ask(dataset, sql)  # which may read nothing of what is wrong
            except InputError as error:
                told.append(str(error))
    assert len(told) > 30 * len(QUERIES) / 2
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


def test_who_meets_damage_and_ends_at_once_ends_as_it_says(tmp_path: Path) -> None:
    """Arrow's threads go on with other columns; with a file of Python's in their hands they ended the process."""
    dataset, rng = Dataset(str(tmp_path)), np.random.default_rng(0)
    columns = [pa.array(rng.random(400_000), f.type) if f.type == pa.float32() else pa.nulls(400_000, f.type)
               for f in SCORES]  # fmt: skip
    path = Path(dataset.path("scores", "a"))
    path.parent.mkdir()
    pq.write_table(pa.table(columns, schema=SCORES), path, compression="zstd", row_group_size=20_000)
    data = path.read_bytes()
    path.write_bytes(data[:4] + b"\x07" * 20_000 + data[20_004:])
    code = (
        "import sys; from storage.dataset import *\n"
        "try: Dataset(sys.argv[1]).read('scores', 'a')\nexcept DamagedShardError: sys.exit(3)"
    )
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (3, "")
