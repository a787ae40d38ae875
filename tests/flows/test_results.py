"""Answers in every form: what other programs read back is what DuckDB said."""

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from flows.results import FORMATS, save, show
from schemas.errors import InputError
from storage.query import answer

EVERYTHING = """
    SELECT * FROM (VALUES
        (1, 1, 'nan'::DOUBLE, [1.5, 'inf'::DOUBLE, NULL], {'x': '-inf'::FLOAT, 'end': [DATE '2026-01-02']},
         'NaN "Infinity" é'),
        (2, 2, NULL, [], NULL, ''),
        (3, NULL, 0.1, NULL, {'x': 1, 'end': NULL}, NULL)
    ) AS t(a, b, number, list, struct, text)
    JOIN (SELECT 1 AS a, DATE '2026-01-02' AS day, TIMESTAMP '2026-01-02 03:04:05' AS at, 1.10::DECIMAL(5, 2) AS money,
          '0babe37f-3e08-470f-a416-2763005582e5'::UUID AS id, INTERVAL '1 month 2 days' AS span,
          '\\xAA\\x00'::BLOB AS blob,
          MAP {'k': 'nan'::DOUBLE} AS map, 170141183460469231731687303715884105727 AS huge, true AS yes) u USING (a)
    ORDER BY a
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def shown(connection: duckdb.DuckDBPyConnection, sql: str, form: str) -> str:
    out = StringIO(newline="")
    with answer(connection, sql) as rows:
        show(rows, form, out)
    return out.getvalue()


def strict(text: str) -> object:
    """Read JSON as the standard has it."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_json_is_one_array_that_every_reader_takes(connection: duckdb.DuckDBPyConnection) -> None:
    assert strict(shown(connection, EVERYTHING, "json")) == [
        {
            "a": 1, "b": 1, "number": None, "list": [1.5, None, None],
            "struct": {"x": None, "end": ["2026-01-02"]}, "text": 'NaN "Infinity" é', "day": "2026-01-02",
            "at": "2026-01-02 03:04:05", "money": 1.1, "id": "0babe37f-3e08-470f-a416-2763005582e5",
            "span": "1 month 2 days", "blob": "\\xAA\\x00", "map": {"k": None},
            "huge": 170141183460469231731687303715884105727, "yes": True,
        }
    ]  # fmt: skip
    assert strict(shown(connection, "SELECT 1 WHERE false", "json")) == []
    many = strict(shown(connection, "SELECT range AS n FROM range(5000)", "json"))
    assert many == [{"n": n} for n in range(5000)]


def test_columns_of_one_name_stay_apart(connection: duckdb.DuckDBPyConnection) -> None:
    assert strict(shown(connection, "SELECT 1 AS a, 2 AS a, 3 AS A", "json")) == [{"a": 1, "a_1": 2, "A_2": 3}]
    assert shown(connection, "SELECT 1 AS a, 2 AS a", "csv") == "a,a_1\n1,2\n"


def test_jsonl_is_an_object_a_line(connection: duckdb.DuckDBPyConnection) -> None:
    lines = shown(connection, "SELECT 'a\nb' AS t, [NULL, 'nan'::FLOAT] AS l FROM range(3)", "jsonl").splitlines()
    assert [strict(line) for line in lines] == [{"t": "a\nb", "l": [None, None]}] * 3
    assert shown(connection, "SELECT 1 WHERE false", "jsonl") == ""


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_every_type_of_duckdb_has_a_form_in_json(connection: duckdb.DuckDBPyConnection, form: str) -> None:
    text = shown(connection, "FROM test_all_types()", form)
    rows = strict(text) if form == "json" else [strict(line) for line in text.splitlines()]
    assert isinstance(rows, list)
    assert len(rows) == 3
    assert rows[1]["varchar_array"] == ["🦆🦆🦆🦆🦆🦆", "goose", None, ""]
    assert rows[1]["double_array"] == [42.0, None, None, None, None, -42.0]


@pytest.mark.parametrize("sql", [
    "SELECT * FROM (VALUES (1, ['a', 'b, c', NULL], 'x\"y', {'end': 1}), (2, [], '', NULL), (3, NULL, NULL, NULL), "
    "(4, [' d'], E'line\\nbreak\\r', {'end': 2})) t(n, l, s, \"a, struct\")",
    "SELECT * EXCLUDE (tuple) FROM test_all_types()", "SELECT 1 AS a, 2 AS a", "SELECT 'é' AS é WHERE false",
])  # fmt: skip
def test_csv_is_what_duckdb_writes(connection: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str) -> None:
    connection.execute(f"COPY ({sql}) TO '{tmp_path}/x.csv'")
    assert shown(connection, sql, "csv") == (tmp_path / "x.csv").read_bytes().decode()


def test_lists_in_csv_are_read_back(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    text = shown(connection, "SELECT ['a', 'b, \"c\"', NULL] AS l, {'end': 1} AS s", "csv")
    (tmp_path / "x.csv").write_text(text, newline="")
    columns = "{'l': 'VARCHAR[]', 's': 'STRUCT(\"end\" INT)'}"
    read = connection.sql(f"FROM read_csv('{tmp_path}/x.csv', columns = {columns})").fetchall()
    assert read == [(["a", 'b, "c"', None], {"end": 1})]
    assert [len(row) for row in csv.reader(StringIO(text, newline=""))] == [2, 2]


def test_markdown_keeps_its_columns(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT 'a|b' AS \"x|y\", E'two\nlines' AS t, 1 AS n, NULL::VARCHAR AS z, '[red]' AS r"
    assert shown(connection, sql, "markdown").splitlines() == [
        "| x\\|y | t | n | z | r |",
        "| --- | --- | ---: | --- | --- |",
        "| a\\|b | two<br>lines | 1 |  | [red] |",
    ]


def test_a_table_shows_the_first_rows_and_counts_all(connection: duckdb.DuckDBPyConnection) -> None:
    lines = shown(connection, "SELECT range AS n, '[red]' AS t FROM range(1234)", "table").splitlines()
    assert lines[0].split() == ["n", "t"]
    assert lines[2].split() == ["0", "[red]"]
    assert lines[-1] == "1,234 rows, the first 200 shown; --format csv gives all of them"
    assert shown(connection, "SELECT 1 AS one WHERE false", "table").splitlines()[-1] == "no rows"
    assert "Projection" in shown(connection, "EXPLAIN SELECT 1", "table")


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_holds_the_answer_whole_or_is_not_there(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, form: str
) -> None:
    place = tmp_path / f"it's.{form}"
    sql = "SELECT * EXCLUDE (empty_struct) FROM test_all_types()"  # Parquet has no empty structs
    with answer(connection, sql) as rows:
        save(rows, form, str(place))
    if form == "parquet":
        assert pq.read_metadata(place).num_rows == 3
    else:
        assert place.read_text(encoding="utf-8") == shown(connection, sql, form)
    before = place.read_bytes()
    late = "SELECT if(range > 5000, error('too late'), range::VARCHAR) AS n FROM range(9000)"
    with pytest.raises(InputError, match=r"^sql: .*too late") as told, answer(connection, late) as rows:
        save(rows, form, str(place))
    assert "stream" not in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == [place.name]
    assert place.read_bytes() == before
    assert shown(connection, "SELECT 1 AS one", "csv") == "one\n1\n", "the connection goes on"
