"""One build as DuckDB views and macros: what SQL questions, and what the rules of `select` see."""

import json
import os
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import duckdb
import pyarrow as pa

from schemas.errors import InputError
from schemas.measures import smallest_margin
from schemas.reasons import HINTS
from schemas.tables import CANDIDATES, PIXELS, SCORES, TABLES
from storage.dataset import Build, Dataset

_HIDDEN = ("embeddings", "answers", "units")  # caches, and a ledger of the ingest: of no use to an analyst
_ROLES = {"judge": "j", "target": "t", "language": "l"}


def catalog_sql(dataset: Dataset, build: Build) -> str:
    """Write the catalog of one build as a readable SQL script."""
    # The view of images looks at near_duplicates, which therefore comes first.
    tables = sorted((table for table in TABLES if table not in _HIDDEN), key=lambda table: table == "images")
    views = [_view(dataset, build, table) for table in tables]
    parts = [f"-- Counterfoil, build {build.build_id}", *views, _runs(dataset), _reasons(build)]
    parts.append(f"CREATE VIEW candidates AS\n{_candidates('text_negatives', 'pairs')};")
    parts.append(files("storage").joinpath("catalog.sql").read_text(encoding="utf-8"))
    return "\n\n".join(parts)


def connect(dataset: Dataset, build: Build | None = None) -> duckdb.DuckDBPyConnection:
    """Open the catalog of a build, the current one by default, in memory.

    On a local dataset the connection reads its files and no others.
    """
    build = build or dataset.build()
    connection = duckdb.connect()
    if dataset.local:
        connection.execute(f"SET allowed_directories = [{_quoted(os.path.abspath(dataset.base))}]")
        connection.execute("SET enable_external_access = false")
    else:
        connection.register_filesystem(dataset.fs)
    connection.execute(catalog_sql(dataset, build))
    connection.execute("SET lock_configuration = true")
    return connection


def query(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one query that only reads; returns its columns and rows.

    Raises InputError when it would change something, is not SQL, or fails.
    """
    try:
        statements = connection.extract_statements(sql)
        reading = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
        if any(statement.type not in reading for statement in statements):
            raise InputError("sql: only queries are allowed here, the dataset is never changed by SQL")
        found = connection.sql(sql) if statements else None
        if found is None:
            raise InputError("sql: nothing to run; try from help()")
        return found.columns, found.fetchall()
    except duckdb.Error as error:
        raise InputError(f"sql: {' '.join(str(error).split())}") from error


def write_catalog(dataset: Dataset, build: Build) -> None:
    """Put catalog.sql and, on a local path, catalog.duckdb beside the shards, whole or not at all."""
    sql = catalog_sql(dataset, build)
    dataset.put_text("catalog.sql", sql)
    if not dataset.local:
        return
    partial = f"{dataset.base}/.tmp-{os.getpid()}-catalog.duckdb"
    with duckdb.connect(partial) as connection:
        connection.execute(sql)
    os.replace(partial, f"{dataset.base}/catalog.duckdb")


def candidates_of(dataset: Dataset, negatives: str, pairs: str, images: list[str], scores: list[str]) -> pa.Table:
    """Join a shard of negatives with its pairs, edited images and scores: rows of CANDIDATES, in its order."""
    table = dataset.read("text_negatives", negatives)
    with duckdb.connect() as connection:
        connection.register("negatives", table.append_column("row", pa.array(range(table.num_rows), pa.int64())))
        connection.register("pairs", dataset.read("pairs", pairs))
        for table, shards, columns in (("image_negatives", images, _EDITED), ("scores", scores, SCORES.names)):
            rows = [dataset.read(table, shard, columns) for shard in shards]
            connection.register(table, pa.concat_tables(rows) if rows else TABLES[table].empty_table())
        joined = connection.sql(f"SELECT * FROM ({_candidates('negatives', 'pairs')}) ORDER BY row")
        return joined.to_arrow_table().select(CANDIDATES.names).cast(CANDIDATES)


def _candidates(negatives: str, pairs: str) -> str:
    roles = list(_ROLES.items())[:2]
    wide = [f"{alias}.{name} AS {role}_{name}" for role, alias in roles for name in _WIDE]
    margins = [f"{alias}.s00 - {alias}.s01 AS {role}_margin" for role, alias in roles]
    joins = [
        f"LEFT JOIN (SELECT * FROM scores WHERE role = '{role}') {alias} "
        f"ON {alias}.text_negative_id = n.text_negative_id "
        f"AND {alias}.image_negative_id IS NOT DISTINCT FROM e.image_negative_id"
        for role, alias in (*roles, ("pixels", "x"), ("attribution", "a"))
    ]
    columns = [
        "n.*",
        "e.image_negative_id, e.method AS image_method, e.failed_check AS image_failed_check, e.original_still_true",
        "p.source, p.source_key, p.split",
        *wide,
        *margins,
        f"{smallest_margin('j', _STILL_TRUE)} AS validity",
        f"-{smallest_margin('t', _STILL_TRUE)} AS difficulty",
        "l.plausibility0, l.plausibility1, l.plausibility0 - l.plausibility1 AS plausibility_gap",
        "l.tokens0, l.tokens1",
        "w.frequency0, w.frequency1, w.frequency0 - w.frequency1 AS frequency_gap",
        *(f"{_ACCEPTABILITY.format(side)} AS acceptability{side}" for side in (0, 1)),
        f"{_ACCEPTABILITY.format(0)} - {_ACCEPTABILITY.format(1)} AS acceptability_gap",
        "a.attribution_inside",
        *(f"x.{name}" for name in PIXELS),
    ]
    select = ",\n    ".join(columns)
    joined = "\n".join(joins)
    return (
        f"SELECT\n    {select}\nFROM {negatives} n\nJOIN {pairs} p USING (pair_id)\n"
        f"LEFT JOIN (SELECT * REPLACE (CASE WHEN failed_check IS NULL THEN image_negative_id END AS image_negative_id) "
        f"FROM (SELECT {', '.join(_EDITED)} FROM image_negatives WHERE rank = 0)) e "
        f"ON e.text_negative_id = n.text_negative_id\n{joined}\n"
        "LEFT JOIN (SELECT * FROM scores WHERE role = 'language') l ON l.text_negative_id = n.text_negative_id\n"
        "LEFT JOIN (SELECT * FROM scores WHERE role = 'words') w ON w.text_negative_id = n.text_negative_id"
    )


_WIDE = ("s00", "s01", "s10", "s11", "text_similarity", "image_similarity", "directional_similarity", "reads_change")
_EDITED = ["text_negative_id", "image_negative_id", "method", "rank", "original_still_true", "failed_check"]
_ACCEPTABILITY = "((l.plausibility{0} - w.frequency{0}) / nullif(l.tokens{0}, 0))::FLOAT"
_STILL_TRUE = "coalesce(e.original_still_true, false)"


def _view(dataset: Dataset, build: Build, table: str) -> str:
    shards = build.shards.get(table, [])
    if not shards:
        columns = ", ".join(f"NULL::{_sql_type(field.type)} AS {field.name}" for field in TABLES[table])
        return f"CREATE VIEW {table} AS SELECT {columns} WHERE false;"
    paths = (dataset.fs.unstrip_protocol(dataset.path(table, shard)) for shard in shards)
    names = [os.path.abspath(dataset.path(table, s)) for s in shards] if dataset.local else list(paths)
    listed = ",\n    ".join(_quoted(name) for name in names)
    select = f"SELECT * FROM read_parquet([\n    {listed}\n])"
    if table == "images":
        select = f"SELECT i.*, d.near_duplicate_of FROM ({select}) i LEFT JOIN near_duplicates d USING (image_id)"
    return f"CREATE VIEW {table} AS {select};"


def _runs(dataset: Dataset) -> str:
    rows = []
    for build_id in dataset.builds():
        build = asdict(dataset.build(build_id))
        texts = [json.dumps(build[name], sort_keys=True) for name in ("config", "versions", "counts")]
        values = [build_id, *texts, build["started"], build["ended"]]
        rows.append(f"({', '.join(_quoted(value) for value in values)})")
    if not rows:
        rows = ["(NULL, NULL, NULL, NULL, NULL, NULL)"]
    columns = "build_id, config, versions, counts, started, ended"
    listed = ",\n    ".join(rows)
    return (
        f"CREATE VIEW runs AS SELECT build_id, config::JSON AS config, versions::JSON AS versions, "
        f"counts::JSON AS counts, started::TIMESTAMPTZ AS started, ended::TIMESTAMPTZ AS ended FROM (VALUES\n    "
        f"{listed}\n) AS runs({columns}) WHERE build_id IS NOT NULL;"
    )


def _reasons(build: Build) -> str:
    select: dict[str, Any] = build.config.get("select", {})
    rules = {**select.get("rules", {}), **select.get("picture_rules", {})}
    hints = {**HINTS, **{name: rule.get("hint", "") for name, rule in rules.items()}}
    listed = ",\n    ".join(f"({_quoted(name)}, {_quoted(hint)})" for name, hint in hints.items())
    return f"CREATE VIEW reasons AS SELECT * FROM (VALUES\n    {listed}\n) AS reasons(reason, hint);"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
}


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{field.name} {_sql_type(field.type)}' for field in kind)})"
    return _SQL_TYPES[kind]
