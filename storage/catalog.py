"""One build as DuckDB views and macros: what SQL questions, and what the rules of `select` see."""

import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import InputError
from schemas.measures import difficulty_of, locked, smallest_margin
from schemas.reasons import HINTS
from schemas.roles import numbered
from schemas.tables import CANDIDATES, LEAKS, PIXELS, SCORES, TABLES
from storage.attach import attach_files
from storage.damage import as_told, damage_named
from storage.dataset import Build, Dataset
from storage.manifest import Manifest
from storage.packs import ADDED, catalog_files, catalog_tables, folder, has_pictures
from storage.query import LOSSLESS
from storage.readonly import SCHEME, ReadOnly

_VIEWS = {*TABLES, *ADDED, "runs", "reasons", "edits", "candidates", "minimal_pairs"}  # names that are taken
_STORAGE = "v1.3.0"  # of catalog.duckdb: the first that reads `lambda`, so that older tools open it too
_SCRIPTS = ("catalog.sql", "guards.sql")
_ROLES = {"judge": "j", "target": "t0"}
Listed = Callable[[list[str]], str]  # files of a dataset, as table/name -> an SQL list of where they are found
_FOLDER = "coalesce(getvariable('dataset') || '/', '')"
# Read when it is asked for: there may be hundreds of builds, each of which names every shard. A damaged one is no row.
_RUNS = """CREATE VIEW runs AS
SELECT
    file ->> '$.build_id' AS build_id, file -> '$.config' AS config, file -> '$.versions' AS versions,
    file -> '$.counts' AS counts, (file ->> '$.started')::TIMESTAMPTZ AS started,
    (file ->> '$.ended')::TIMESTAMPTZ AS ended,
    file -> '$.notes.broken_expectations' AS broken_expectations  -- NULL where it met all that was expected of it
FROM (SELECT try(decode(content)::JSON) AS file FROM read_blob({}))
WHERE file ->> '$.build_id' IS NOT NULL ORDER BY build_id;"""
_HEADER = """-- Counterfoil, build {}
-- Paths are relative to the folder of this file: run it there, or say first where that is, a folder or a URL:
--     SET VARIABLE dataset = '/folder/of/this/file';"""


def catalog_sql(build: Build) -> str:
    """Write the catalog of one build as a readable SQL script, right wherever the dataset lies."""
    return "\n\n".join((_HEADER.format(build.build_id), _catalog(build, _relative)))


def connect(
    dataset: Dataset, build: Build | None = None, attach: Sequence[str] = (), memory: str | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the catalog of a build, the current one by default, in memory, with files of one's own beside it.

    The connection reads the files that the build names, those to attach, and no others; it writes none, whatever is
    run on it. `storage.attach` says what can be attached. What takes more than `memory` ("768MB"; by default most of
    what the machine has) goes on in temporary files.

    Raises DamagedShardError where a file is cut or gone, InputError where a file to attach cannot be read, or the build
    is of an older version and lacks a column.
    """
    build = build or dataset.build()
    files = catalog_files(dataset, build)
    for damage in dataset.damaged(files, dataset.manifest(build, files)):
        raise as_told(damage)
    runs = [f"builds/{build_id}.json" for build_id in dataset.builds()]
    views = "\n\n".join(_view(build, table, _named) for table in catalog_tables())
    added = {
        table: _added(table, _named([_file(table, name) for name in files[table]]) if files[table] else None)
        for table in ADDED
    }
    rest = _questions(build, _named, _named(runs), added)
    return _opened(dataset, files, views, {table: table for table in catalog_tables()}, runs, rest, attach, memory)


def connect_shards(dataset: Dataset, views: Mapping[str, tuple[str, list[str]]]) -> duckdb.DuckDBPyConnection:
    """Open shards of any builds, in memory and to be read alone, as views: name -> table and shards.

    Raises DamagedShardError where a shard is cut or gone, InputError where one is of an older version and lacks a
    column.
    """
    shards: dict[str, list[str]] = {}
    for table, several in views.values():
        shards.setdefault(table, []).extend(several)
    for damage in dataset.damaged(shards, Manifest()):
        raise damage
    sql = "\n".join(f"CREATE VIEW {_name(name)} AS {_rows(table, several, TABLES[table], _named)};"
                    for name, (table, several) in views.items())  # fmt: skip
    return _opened(dataset, shards, sql, {name: table for name, (table, _) in views.items()})


def _opened(
    dataset: Dataset,
    files: Mapping[str, Sequence[str]],
    views: str,
    tables: Mapping[str, str],
    others: Sequence[str] = (),
    rest: str = "",
    attach: Sequence[str] = (),
    memory: str | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open a connection that reads these files, by folder, others by their names, those to attach, and no more; run two
    scripts on it, the first of which makes views of tables."""
    names = {_file(folder, name): dataset.path(folder, name) for folder, several in files.items() for name in several}
    names |= {name: f"{dataset.base}/{name}" for name in others}
    connection = duckdb.connect()
    try:
        # A query larger than the memory goes on in a folder of its own, which DuckDB makes and removes.
        spill = f"{tempfile.gettempdir()}/counterfoil-{uuid.uuid4().hex}"
        connection.execute(f"SET temp_directory = {_quoted(spill)}")
        if memory is not None:
            connection.execute(f"SET memory_limit = {_quoted(memory)}")
        # A bar of progress would stand among the rows of an answer.
        for setting in ("python_enable_replacements", "allow_persistent_secrets", "enable_progress_bar"):
            connection.execute(f"SET {setting} = false")
        reading = ReadOnly({name: (dataset.fs, path) for name, path in names.items()})
        connection.register_filesystem(reading)
        attached = attach_files(attach, connection, reading, _VIEWS)
        connection.execute(f"SET allowed_directories = [{_quoted(SCHEME)}]")
        connection.execute("SET enable_external_access = false")
        with damage_named(dataset, files):
            connection.execute(views)
            _check_columns(dataset, connection, tables)
            if rest:
                connection.execute(rest)
        attached(connection)
        connection.execute(f"SET allowed_configs = ['{LOSSLESS}']")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_columns(dataset: Dataset, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> None:
    """Raise InputError where a view lacks a column of its table: what asks for it would fail in words of DuckDB's."""
    found = connection.sql("SELECT table_name, list(column_name) FROM duckdb_columns() WHERE NOT internal GROUP BY 1")
    there = dict(found.fetchall())
    for view, table in tables.items():
        lacking = [name for name in TABLES[table].names if name not in there[view]]
        if lacking:
            raise InputError(
                f"{dataset.root}: {table} has no column {', '.join(lacking)}: it was built by an older version of "
                "Counterfoil; run `counterfoil build` again"
            )


def write_catalog(dataset: Dataset, build: Build) -> None:
    """Put catalog.sql and, on a local path, catalog.duckdb beside the shards, whole or not at all.

    Raises OSError or duckdb.Error where the disk takes no more; what was there before then stays.
    """
    sql = catalog_sql(build)
    for table, schema in ADDED.items():
        empty = pa.BufferOutputStream()
        pq.write_table(schema.empty_table(), empty)
        with suppress(FileExistsError):  # a pattern that no file is found by would be an error
            dataset.files.create(dataset.path(table, "none"), empty.getvalue().to_pybytes())
    dataset.put_text("catalog.sql", sql)
    if not dataset.local:
        return
    partial = f"{dataset.base}/.tmp-{uuid.uuid4().hex}-catalog.duckdb"
    try:
        with duckdb.connect(partial, config={"storage_compatibility_version": _STORAGE}) as connection:
            connection.execute(f"SET VARIABLE dataset = {_quoted(os.path.abspath(dataset.base))}")
            # In one transaction: else the disk would be waited for after every view and macro.
            connection.execute(f"BEGIN;\n{sql}\nCOMMIT;")
            connection.execute("CHECKPOINT")  # closing would do it too, and say nothing where the disk is full
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, f"{dataset.base}/catalog.duckdb")
    finally:
        for left in (partial, f"{partial}.wal"):
            with suppress(FileNotFoundError):
                os.unlink(left)


def candidates_of(
    dataset: Dataset,
    negatives: str,
    pairs: str,
    images: Sequence[str],
    scores: Sequence[str],
    leaks: Sequence[str],
    alignment: pa.Table,
) -> pa.Table:
    """Join a shard of negatives with its pairs, edited images, scores, leaks and ALIGNMENT: rows of CANDIDATES, in its
    order."""
    table = dataset.read("text_negatives", negatives)
    with locked() as connection:
        connection.register("negatives", table.append_column("row", pa.array(range(table.num_rows), pa.int64())))
        connection.register("pairs", dataset.read("pairs", pairs))
        connection.register("alignment", alignment)
        for table, shards, columns in (
            ("image_negatives", images, _EDITED),
            ("scores", scores, SCORES.names),
            ("leaks", leaks, LEAKS.names),
        ):
            rows = [dataset.read(table, shard, columns) for shard in shards]
            connection.register(table, pa.concat_tables(rows) if rows else TABLES[table].empty_table())
        roles = {role for (role,) in connection.sql("SELECT DISTINCT role FROM scores").fetchall()}
        weighers, targets = (
            next(place for place in count() if numbered(role, place) not in roles) for role in ("language", "target")
        )
        query = _candidates("negatives", "pairs", "image_negatives", weighers, targets)
        joined = connection.sql(f"SELECT * FROM ({query}) ORDER BY row")
        return joined.to_arrow_table().select(CANDIDATES.names).cast(CANDIDATES)


def _candidates(negatives: str, pairs: str, edits: str, weighers: int, targets: int) -> str:
    """Write the query of rows of CANDIDATES, whose scores are of so many language models and targets."""
    roles = list(_ROLES.items())
    languages = [f"l{place}" for place in range(max(1, weighers))]
    aimed = [f"t{place}" for place in range(max(1, targets))]
    difficulties = f"[{', '.join(f'-{smallest_margin(alias, _STILL_TRUE)}' for alias in aimed)}][:{targets}]"
    scored = [("judge", "j"), *((numbered("target", place), alias) for place, alias in enumerate(aimed))]
    wide = [f"{alias}.{name} AS {role}_{name}" for role, alias in roles for name in _WIDE]
    margins = [f"{alias}.s00 - {alias}.s01 AS {role}_margin" for role, alias in roles]
    joins = [
        f"LEFT JOIN (SELECT * FROM scores WHERE role = '{role}') {alias} "
        f"ON {alias}.text_negative_id = n.text_negative_id "
        f"AND {alias}.image_negative_id IS NOT DISTINCT FROM e.image_negative_id"
        for role, alias in (*scored, ("pixels", "x"), ("attribution", "a"))
    ]
    columns = [
        "n.*",
        "e.image_negative_id, e.method AS image_method, e.failed_check AS image_failed_check, e.original_still_true",
        "p.source, p.source_key, p.split, p.license",
        "f.similarity AS pair_similarity, f.rank AS pair_rank, f.weight AS pair_weight, "
        "f.better_image_id IS NOT NULL AND f.source_pair_id = f.pair_id AS misassigned",
        "k.benchmark AS leaked_from, k.how AS leaked_how",
        *wide,
        *margins,
        "j.reads_change AS judge_reads_change",
        f"{' AND '.join(f'{alias}.reads_change' for alias in aimed)} AS target_reads_change",
        f"[{', '.join(f'{alias}.s00 - {alias}.s01' for alias in aimed)}][:{targets}] AS target_margins",
        f"{smallest_margin('j', _STILL_TRUE)} AS validity",
        f"{difficulty_of(difficulties)} AS difficulty, {difficulties} AS difficulties",
        f"l0.plausibility0, l0.plausibility1, {_PLAUSIBILITY_GAP.format('l0')} AS plausibility_gap",
        "l0.tokens0, l0.tokens1",
        "w.frequency0, w.frequency1, w.frequency0 - w.frequency1 AS frequency_gap",
        *(f"{_ACCEPTABILITY.format('l0', side)} AS acceptability{side}" for side in (0, 1)),
        f"{_ACCEPTABILITY_GAP.format('l0')} AS acceptability_gap",
        f"[{', '.join(map(_PLAUSIBILITY_GAP.format, languages))}][:{weighers}] AS plausibility_gaps",
        f"[{', '.join(map(_ACCEPTABILITY_GAP.format, languages))}][:{weighers}] AS acceptability_gaps",
        "a.attribution_inside",
        *(f"x.{name}" for name in PIXELS),
    ]
    select = ",\n    ".join(columns)
    joined = "\n".join(joins)
    return (
        f"SELECT\n    {select}\nFROM {negatives} n\nJOIN {pairs} p USING (pair_id)\n"
        f"LEFT JOIN (SELECT * REPLACE (CASE WHEN failed_check IS NULL THEN image_negative_id END AS image_negative_id) "
        f"FROM (SELECT {', '.join(_EDITED)} FROM {edits} WHERE rank = 0)) e "
        f"ON e.text_negative_id = n.text_negative_id\n{joined}\n"
        f"{_weighed(languages)}\n"
        "LEFT JOIN (SELECT * FROM scores WHERE role = 'words') w ON w.text_negative_id = n.text_negative_id\n"
        "LEFT JOIN alignment f ON f.pair_id = n.pair_id\n"
        f"LEFT JOIN ({_SUREST_LEAK}) k ON k.pair_id = n.pair_id"
    )


_WIDE = ("s00", "s01", "s10", "s11", "text_similarity", "image_similarity", "directional_similarity")
_SUREST_LEAK = (
    "SELECT DISTINCT ON (pair_id) pair_id, benchmark, how FROM leaks "
    "ORDER BY pair_id, list_position(['picture', 'alike', 'caption'], how), distance, benchmark"
)
_EDITED = ["text_negative_id", "image_negative_id", "method", "rank", "original_still_true", "failed_check"]
_PLAUSIBILITY_GAP = "{0}.plausibility0 - {0}.plausibility1"
_ACCEPTABILITY = "(({0}.plausibility{1} - w.frequency{1}) / nullif({0}.tokens{1}, 0))::FLOAT"
_ACCEPTABILITY_GAP = f"{_ACCEPTABILITY.format('{0}', 0)} - {_ACCEPTABILITY.format('{0}', 1)}"
_STILL_TRUE = "coalesce(e.original_still_true, false)"


def _weighed(languages: list[str]) -> str:
    """Join the scores of each language model, under these names."""
    return "\n".join(
        f"LEFT JOIN (SELECT * FROM scores WHERE role = '{numbered('language', place)}') {name} "
        f"ON {name}.text_negative_id = n.text_negative_id"
        for place, name in enumerate(languages)
    )


def _catalog(build: Build, listed: Listed) -> str:
    # A build that is pruned later is then not looked for; the name of an unfinished file begins with a dot.
    runs = f"{_FOLDER} || 'builds/[!.]*.json'"
    added = {table: _added(table, f"{_FOLDER} || '{table}/[!.]*.parquet'") for table in ADDED}
    views = (_view(build, table, listed) for table in catalog_tables())
    return "\n\n".join([*views, _questions(build, listed, runs, added)])


def _questions(build: Build, listed: Listed, runs: str, added: Mapping[str, str]) -> str:
    """Write what is asked of the tables: views over several of them, and macros; given where build files are found, and
    queries of what was added beside the builds."""
    edits = "SELECT * EXCLUDE (image, mask, reconstruction) FROM image_negatives"
    if "image_negatives" in build.packs:
        edits = _read(folder(build.build_id, "image_negatives"), build.packs["image_negatives"], listed)
    parts = [f"CREATE VIEW edits AS {edits};", _RUNS.format(runs), _reasons(build)]
    parts += [f"CREATE VIEW {table} AS {query};" for table, query in added.items()]
    several = (len(build.config.get(section) or ()) for section in ("plausibility", "target"))
    parts.append(f"CREATE VIEW candidates AS\n{_candidates('text_negatives', 'pairs', 'edits', *several)};")
    parts += (files("storage").joinpath(script).read_text(encoding="utf-8") for script in _SCRIPTS)
    return "\n\n".join(parts)


def _view(build: Build, table: str, listed: Listed) -> str:
    if table in build.packs and not has_pictures(table):
        select = _rows(folder(build.build_id, table), build.packs[table], TABLES[table], listed)
    else:
        select = _rows(table, build.shards.get(table, []), TABLES[table], listed)
    if table == "images":
        select = f"SELECT i.*, d.near_duplicate_of FROM ({select}) i LEFT JOIN near_duplicates d USING (image_id)"
    return f"CREATE VIEW {table} AS {select};"


def _added(table: str, found: str | None) -> str:
    """Write the query of what was added beside the builds, given where its files are, if there are any: what older
    files have no column for is null."""
    none = _rows(table, [], ADDED[table], _named)
    return f"{none} UNION ALL BY NAME SELECT * FROM read_parquet({found}, union_by_name = true)" if found else none


def _rows(folder: str, names: Sequence[str], schema: pa.Schema, listed: Listed) -> str:
    if names:
        return _read(folder, names, listed)
    columns = ", ".join(f"NULL::{_sql_type(field.type)} AS {_name(field.name)}" for field in schema)
    return f"SELECT {columns} WHERE false"


def _read(folder: str, names: Sequence[str], listed: Listed) -> str:
    return f"SELECT * FROM read_parquet({listed([_file(folder, name) for name in names])})"


def _file(table: str, shard: str) -> str:
    return f"{table}/{shard}.parquet"


def _named(names: list[str]) -> str:
    """List files for the connection that reads through `ReadOnly`."""
    return _list(SCHEME + name for name in names)


def _relative(names: list[str]) -> str:
    """List files for any DuckDB: in the folder that it runs in or searches, or the one that a variable names."""
    return f"list_transform({_list(names)}, lambda file: {_FOLDER} || file)"


def _list(texts: Iterable[str]) -> str:
    listed = ",\n    ".join(map(_quoted, texts))
    return f"[\n    {listed}\n]"


def _reasons(build: Build) -> str:
    select: dict[str, Any] = build.config.get("select", {})
    rules = {**select.get("rules", {}), **select.get("picture_rules", {})}
    hints = {**HINTS, **{name: rule.get("hint", "") for name, rule in rules.items()}}
    listed = ",\n    ".join(f"({_quoted(name)}, {_quoted(hint)})" for name, hint in hints.items())
    return f"CREATE VIEW reasons AS SELECT * FROM (VALUES\n    {listed}\n) AS reasons(reason, hint);"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.timestamp("ms", tz="UTC"): "TIMESTAMPTZ",
}


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{_name(field.name)} {_sql_type(field.type)}' for field in kind)})"
    return _SQL_TYPES[kind]
