"""SQL of a person reads the dataset and nothing else, on every store; what is asked is told apart by its parse tree."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import fsspec
import pytest

from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset
from storage.query import answer, check, is_complete, statements
from tests.storage.test_catalog import dataset as local_dataset  # noqa: F401  # a fixture

SECRET = "that is for nobody"

QUERIES = [
    "SELECT 1", "FROM pairs", "VALUES (1), (2)", "TABLE pairs", "(SELECT 1)", "SELECT 1;",
    "WITH x AS (FROM pairs) SELECT count(*) FROM x", "SELECT 1 UNION ALL SELECT 2",
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 3) FROM r",
    "DESCRIBE pairs", "DESCRIBE SELECT 1", "DESC pairs", "SUMMARIZE pairs", "SHOW TABLES", "SHOW ALL TABLES",
    "SHOW pairs", "FROM (DESCRIBE pairs)", "PRAGMA table_info('pairs')", "pragma show_tables", "PRAGMA version",
    "PIVOT pairs ON source USING count(*)", "PIVOT pairs ON source, split USING count(*) GROUP BY image_id -- why",
    "PIVOT pairs ON source IN ('s') USING count(*)", "FROM (PIVOT pairs ON source USING count(*)) LIMIT 1",
    "WITH p AS (PIVOT pairs ON source USING count(*)) FROM p", "PIVOT_WIDER pairs ON source USING count(*)",
    "PIVOT (FROM pairs JOIN images i ON i.image_id = pairs.image_id SELECT pair_id, source) ON source USING count(*)",
    "FROM scores PIVOT (avg(s00) FOR role IN ('judge', 'target'))", "UNPIVOT scores ON s00, s01",
    "EXPLAIN FROM pairs", "EXPLAIN ANALYZE FROM pairs", "EXPLAIN (FORMAT json) FROM pairs", "EXPLAIN (SELECT 1)",
    "EXPLAIN (ANALYZE) FROM pairs", "/* a */ EXPLAIN -- b\n ANALYZE (SELECT 1)",
    "EXPLAIN PIVOT pairs ON source USING count(*)",
    "FROM hardest(3)", "FROM main.help()", "FROM range(3)", "SELECT unnest([1, 2])", "FROM histogram(scores, s00)",
    "FROM pairs, LATERAL (SELECT caption || '!')", "FROM pairs POSITIONAL JOIN images i",
    "SELECT list_transform([1], lambda x: x + 1), $$;$$", "FROM pairs USING SAMPLE 1 ROWS",
    "SELECT count(*) OVER w FROM pairs WINDOW w AS (ORDER BY pair_id) QUALIFY true", "FROM information_schema.tables",
    "FROM duckdb_columns()", "SELECT * FROM pairs WHERE EXISTS (FROM images)", "-- a; b\nSELECT ';' -- ;",
    "SELECT 'COPY pairs TO x', \"caption\" FROM pairs", "FROM test_all_types()",
]  # fmt: skip

WRITES = [
    "COPY (SELECT 1) TO '{to}'", "COPY pairs TO '{to}' (FORMAT parquet)", "COPY pairs FROM '{to}'",
    "CREATE TABLE x AS SELECT 1", "CREATE OR REPLACE VIEW pairs AS SELECT 1", "CREATE MACRO m() AS 1",
    "CREATE TABLE x AS PIVOT pairs ON source USING count(*)", "COPY (PIVOT pairs ON source USING count(*)) TO '{to}'",
    "DROP VIEW pairs", "INSERT INTO pairs VALUES (1)", "DELETE FROM pairs", "UPDATE pairs SET caption = ''",
    "TRUNCATE pairs", "MERGE INTO pairs USING images ON true WHEN MATCHED THEN DELETE", "ALTER VIEW pairs RENAME TO x",
    "COMMENT ON VIEW pairs IS 'x'", "ATTACH '{to}'", "ATTACH ':memory:' AS x", "DETACH memory", "USE main",
    "SET threads = 1", "SET VARIABLE x = 1", "RESET threads", "PRAGMA threads = 1", "PRAGMA enable_profiling",
    "PRAGMA import_database('{folder}')", "IMPORT DATABASE '{folder}'", "EXPORT DATABASE '{folder}'",
    "INSTALL httpfs", "LOAD httpfs", "CALL enable_logging()", "CALL pragma_version()", "CHECKPOINT", "VACUUM",
    "ANALYZE", "BEGIN", "COMMIT", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p", "CREATE SECRET (TYPE s3)",
    "WITH x AS (COPY pairs TO '{to}') FROM x", "WITH x AS (INSERT INTO pairs VALUES (1) RETURNING *) FROM x",
    "WITH x AS (WITH y AS (SELECT 1) DELETE FROM pairs RETURNING *) SELECT 1",
    "WITH p AS (PIVOT pairs ON source USING count(*)), x AS (COPY p TO '{to}') FROM x",
    "SELECT (WITH x AS (COPY pairs TO '{to}') SELECT count(*) FROM x)",
    "DESCRIBE (WITH x AS (COPY pairs TO '{to}') FROM x)",
    "FROM enable_logging(storage = 'file', storage_path = '{folder}')", "FROM enable_profiling(save_location = '{to}')",
    "FROM checkpoint()", "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
]  # fmt: skip

READS = [
    "FROM read_text('{secret}')", "FROM read_blob('{secret}')", "FROM read_csv('{secret}')", "FROM '{secret}'",
    "FROM read_json('{secret}')", "FROM sniff_csv('{secret}')", "FROM glob('{folder}/*')",
    "FROM \"read_text\"('{secret}')",
    "FROM system.main.read_text('{secret}')", "FROM query('FROM read_text(''{secret}'')')", "FROM query_table('pairs')",
    "SELECT (SELECT content FROM read_text('{secret}'))", "FROM pairs, read_text('{secret}')",
    "FROM pairs UNION ALL BY NAME FROM READ_TEXT('{secret}')", "PIVOT read_text('{secret}') ON filename",
    "SUMMARIZE (FROM read_text('{secret}'))", "DESCRIBE FROM read_csv('{secret}')", "FROM parquet_metadata('{secret}')",
    "WITH RECURSIVE r AS (SELECT '' AS c UNION ALL (FROM read_text('{secret}') SELECT content)) FROM r",
    "SELECT getenv('HOME')", "FROM duckdb_secrets()", "FROM read_duckdb('{secret}')", "FROM 'file://{secret}'",
    "FROM read_text('memory://outside/secret.csv')", "FROM read_text('counterfoil://pairs/../../secret.csv')",
    "FROM read_text('https://example.com')", "SELECT 1 ORDER BY (SELECT content FROM read_text('{secret}'))",
]  # fmt: skip


@pytest.fixture(params=["local", "memory"])
def dataset(request: pytest.FixtureRequest, local_dataset: Dataset) -> Iterator[Dataset]:  # noqa: F811
    """The same small build on a disk and in an object store."""
    if request.param == "local":
        yield local_dataset
        return
    remote = Dataset("memory://query-test")
    for table, several in local_dataset.build().shards.items():
        for shard in several:
            remote.write(table, shard, local_dataset.read(table, shard))
    remote.commit(local_dataset.build())
    yield remote
    remote.fs.rm("query-test", recursive=True)


def fingerprints(root: str) -> dict[str, str]:
    fs, base = fsspec.core.url_to_fs(root)
    return {path: hashlib.sha256(fs.cat_file(path)).hexdigest() for path in sorted(fs.find(base))}


def attempts(dataset: Dataset, tmp_path: Path, sqls: list[str]) -> Iterator[str]:
    """Aim each attempt at a shard, at a file yet to be made, at the next build, and at a secret outside."""
    secret = tmp_path / "secret.csv"
    secret.write_text(f"secret\n{SECRET}\n")
    fsspec.filesystem("memory").pipe("/outside/secret.csv", SECRET.encode())
    root = dataset.fs.unstrip_protocol(dataset.base) if not dataset.local else dataset.base
    inside = root.replace("'", "''")
    places = (f"{inside}/verdicts/shard.parquet", f"{inside}/builds/b9.json", f"{tmp_path}/new.csv",
              "counterfoil://verdicts/shard.parquet", "counterfoil://new.parquet")  # fmt: skip
    for sql in sqls:
        for to in places if "{to}" in sql else places[:1]:
            filled = sql.format(to=to, secret=secret, folder=tmp_path)
            yield filled
            for wrapped in ("EXPLAIN {}", "EXPLAIN ANALYZE {}", "explain/**/analyze/**/{}", "SELECT 1; {}",
                            "EXPLAIN (ANALYZE, FORMAT json) {}", "-- SELECT\n{}"):  # fmt: skip
                yield wrapped.format(filled)


@pytest.mark.parametrize("sql", QUERIES)
def test_queries_are_answered(dataset: Dataset, sql: str) -> None:
    with connect(dataset) as connection:
        answer(connection, sql).read_all()


@pytest.mark.parametrize("sqls", [WRITES, READS], ids=["writes", "reads"])
def test_what_is_no_query_is_refused_whatever_wraps_it(dataset: Dataset, tmp_path: Path, sqls: list[str]) -> None:
    before = fingerprints(dataset.root)
    with connect(dataset) as connection:
        for sql in attempts(dataset, tmp_path, sqls):
            with pytest.raises(InputError, match=r"^sql: .") as told:
                answer(connection, sql).read_all()
            assert "\n" not in str(told.value)
            assert SECRET not in str(told.value)
    assert fingerprints(dataset.root) == before
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["secret.csv"]


@pytest.mark.parametrize("sqls", [WRITES, READS], ids=["writes", "reads"])
def test_the_connection_itself_can_neither_write_nor_read_elsewhere(
    dataset: Dataset, tmp_path: Path, sqls: list[str]
) -> None:
    """Should a statement ever pass for a query, no file is changed or read all the same."""
    before = fingerprints(dataset.root)
    with connect(dataset) as connection:
        for sql in attempts(dataset, tmp_path, sqls):
            if sql in ("BEGIN", "SELECT 1; BEGIN", "-- SELECT\nBEGIN") or "pairs AS SELECT" in sql:
                continue  # changes this connection alone
            try:
                said = str(connection.execute(sql).fetchall())
            except duckdb.Error as error:
                said = str(error)
            assert SECRET not in said
    assert fingerprints(dataset.root) == before
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["secret.csv"]


def test_variables_of_python_are_no_tables(dataset: Dataset) -> None:
    mine = duckdb.sql("SELECT 1")
    with connect(dataset) as connection, pytest.raises(InputError, match="mine does not exist"):
        answer(connection, "FROM mine")
    assert mine is not None


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT 'é;é'; SELECT $$;$$;", ["SELECT 'é;é'", "SELECT $$;$$"]),
        ("SELECT ';' -- a; b\n, \";\" /* ; */;\n\n;; -- end;", ["SELECT ';' -- a; b\n, \";\" /* ; */"]),
        ("-- only a comment", []),
        ("  ;\n", []),
        ("SELECT E'\\';' ; FROM x", ["SELECT E'\\';'", "FROM x"]),
    ],
)
def test_statements_are_told_apart_as_duckdb_reads_them(text: str, pieces: list[str]) -> None:
    assert statements(text) == pieces


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("SELECT 1;", True), ("SELECT 1; -- why", True), ("SELECT ';'", False), ("SELECT 'a;\n", False),
        ("SELECT 1 -- ;", False), ("SELECT $$ a;", False), ("SELECT 1 /* ;", False), ("", True), ("-- x", True),
    ],
)  # fmt: skip
def test_a_statement_is_complete_at_its_own_semicolon(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("", "nothing to run; try from help()"), ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELEC 1", "Parser Error: syntax error"), ("SELECT \ud83d", "not valid UTF-8"),
        ("FROM query('SELECT 1')", r"query\(\) is not for here.*--attach FILE"),
        ("EXPLAIN COPY pairs TO 'x'", "COPY is not allowed: only queries are"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "sql: "),
    ],
)  # fmt: skip
def test_a_refusal_says_why(sql: str, said: str) -> None:
    with duckdb.connect() as connection, pytest.raises(InputError, match=said):
        check(connection, sql)


def test_what_fails_on_the_way_is_said_in_one_line(dataset: Dataset) -> None:
    with connect(dataset) as connection:
        for sql in ("SELECT error('so it is')", "SELECT caption::INTEGER FROM pairs", "FROM nowhere", "FROM 'x.csv'"):
            with pytest.raises(InputError, match=r"^sql: ") as told:
                answer(connection, sql).read_all()
            assert "\n" not in str(told.value)
            assert "LINE" not in str(told.value)
