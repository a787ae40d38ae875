"""Tables of one's own beside a dataset: read, under the file's name, and never changed."""

import gzip
import hashlib
from pathlib import Path

import duckdb
import fsspec
import pytest

from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset
from storage.query import answer
from tests.storage.test_catalog import dataset  # noqa: F401  # a fixture

ROWS = [("1", True), ("3", False)]


def write(path: Path) -> Path:
    """Write two labels in the form that the ending names."""
    values = "(VALUES ('1', true), ('3', false)) AS labels(id, ok)"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(b"id;ok\n'1';true\n'3';false\n".replace(b"'", b'"')))
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"CREATE TABLE labels AS FROM {values}")
            connection.execute("CREATE VIEW elsewhere AS FROM read_text('/etc/passwd')")
    else:
        kind = {".tsv": "csv, DELIMITER '\t'", ".jsonl": "json", ".json": "json, ARRAY true"}.get(path.suffix)
        with duckdb.connect() as connection:
            target = str(path).replace("'", "''")
            connection.execute(f"COPY (FROM {values}) TO '{target}' (FORMAT {kind or path.suffix[1:]})")
    return path


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mine.csv", "mine"), ("mine.tsv", "mine"), ("mine.csv.gz", "mine"), ("mine.json", "mine"),
        ("mine.jsonl", "mine"), ("mine.parquet", "mine"), ("mine.duckdb", "mine.labels"),
        ("2026 [my] *labels*'.csv", "_2026_my_labels"), ("labels.csv", "labels_csv"),
        ("Pairs.parquet", "Pairs_parquet"),
        ("Größe.csv", '"Größe"'),
    ],
)  # fmt: skip
def test_a_file_is_a_table_of_its_name(dataset: Dataset, tmp_path: Path, file: str, name: str) -> None:  # noqa: F811
    path = write(tmp_path / file)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with connect(dataset, attach=[str(path)]) as connection:
        asked = f"SELECT text_negative_id, ok FROM {name} m JOIN text_negatives n ON m.id::VARCHAR = n.text_negative_id"
        found = answer(connection, f"{asked} ORDER BY 1").read_all()
        assert [tuple(row.values()) for row in found.to_pylist()] == ROWS
        for sql in (f"INSERT INTO {name} VALUES ('9', true)", f"COPY pairs TO '{path}'"):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([file, "it's a dataset"])


def test_several_files_and_one_of_an_object_store(dataset: Dataset, tmp_path: Path) -> None:  # noqa: F811
    fsspec.filesystem("memory").pipe("/mine/more.csv", b"id,ok\n1,true\n")
    files = [str(write(tmp_path / "a.csv")), str(write(tmp_path / "a.parquet")), "memory://mine/more.csv"]
    with connect(dataset, attach=files) as connection:
        for name, rows in (("a", 2), ("a_parquet", 2), ("more", 1)):
            assert answer(connection, f"FROM {name}").read_all().num_rows == rows


def test_what_a_database_looks_at_stays_out_of_reach(dataset: Dataset, tmp_path: Path) -> None:  # noqa: F811
    path = write(tmp_path / "mine.duckdb")
    with connect(dataset, attach=[str(path)]) as connection, pytest.raises(InputError, match="no other files"):
        answer(connection, "FROM mine.elsewhere")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("no.csv", None, "no such file"), ("no.duckdb", None, "no such file"), ("x.txt", b"a", "give a CSV"),
        ("x.parquet", b"PAR1", "x.parquet: "), ("x.duckdb", b"no database", "x.duckdb: "), ("x.json", b"{", "x.json: "),
    ],
)  # fmt: skip
def test_what_cannot_be_attached_is_told(
    dataset: Dataset, tmp_path: Path, file: str, content: bytes | None, said: str  # noqa: F811
) -> None:  # fmt: skip
    path = tmp_path / file
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^--attach .*{said}") as told:
        connect(dataset, attach=[str(path)])
    assert "\n" not in str(told.value)
    assert "Traceback" not in str(told.value)
    twice = [str(write(tmp_path / "a.csv"))] * 3
    with pytest.raises(InputError, match="already a table a_csv"):
        connect(dataset, attach=twice)
