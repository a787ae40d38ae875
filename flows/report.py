"""What a build has made, in plain words: for the end of a build and for `counterfoil status`."""

import shlex
from collections.abc import Iterator
from typing import Any

import duckdb
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from flows.card import ASSOCIATION, RELEVANCE, roles, too_few
from flows.tables import Column, Columns, numbers, seen
from storage.dataset import Build

QUERIES = (
    ("what an accepted negative costs, and which check takes most", "FROM cost_of_accepted()"),
    ("why candidates were dropped", "FROM why_dropped()"),
    ("the ten that the target finds hardest", "FROM hardest(10)"),
)


def report(connection: duckdb.DuckDBPyConnection, build: Build) -> RenderableType:
    """Lay out everything there is to say of a build; takes a connection with its catalog."""
    return Group(*_parts(connection, build))


def queries(root: str) -> RenderableType:
    """Lay out three SQL queries to try."""
    lines = [Text("Three queries to try", style="bold")]
    for what, sql in QUERIES:
        # One line each, however long: they are there to be copied.
        command = Text(f'  counterfoil sql {shlex.quote(root)} "{sql}"', no_wrap=True, overflow="ignore")
        lines += [Text(f"  # {what}", style="dim"), command]
    return Group(*lines, Text(""))


def operations_table(connection: duckdb.DuckDBPyConnection) -> RenderableType:
    """Lay out, by operation, what is right by computed truth and what judge and target get right of it."""
    columns = ("operation", "usable", "right", "accepted", "right", "recall", "judge", "target")
    title = "By operation: share really wrong before and after select, recall; captions that judge and target match"
    sql = (
        'SELECT operation, usable, "precision before", truth.accepted, "precision after", recall, judge.captions, '
        "target.captions "
        "FROM precision_and_recall() truth JOIN matching_scores('judge') judge USING (operation) "
        "JOIN matching_scores('target') target USING (operation) ORDER BY operation = 'all', operation"
    )
    return _table(connection, title, columns, sql)


def visual_probe_table(connection: duckdb.DuckDBPyConnection) -> RenderableType:
    """Lay out how well one picture of a pair, seen alone, gives away whether it was edited."""
    title = "Visual blind accuracy: edits told from originals by one picture (0.5 is perfect)"
    sql = (
        "SELECT method, original, pairs, round(accuracy::DOUBLE, 3), format('{:.3f}-{:.3f}', low, high) "
        "FROM probes WHERE probe = 'visual' ORDER BY method, original"
    )
    return _table(connection, title, ("method", "told from", "pairs", "accuracy", "95% interval"), sql)


def _parts(connection: duckdb.DuckDBPyConnection, build: Build) -> Iterator[RenderableType]:
    counts = build.counts
    yield Text.assemble(("Build ", "bold"), build.build_id, style="bold")
    yield Text(
        f"  {counts['images']:,} images, {counts['pairs']:,} captions, {counts['rejects']:,} rows rejected\n"
        f"  {counts['text_negatives']:,} candidates, {counts['accepted']:,} negatives accepted"
    )
    for role, words in _ABSENT.items():
        if not build.config.get(role):
            yield Text(f"  {words}", style="yellow")
    yield Text("")
    if counts["rejects"]:
        yield _table(connection, "Rejected rows", ("reason", "rows", "what to do"), _REJECTS)
    yield _table(
        connection,
        "Negatives by operation",
        ("operation", "candidates", "usable", "accepted", "share"),
        "FROM acceptance_by_operation()",
    )
    few = too_few(connection)
    if few:
        yield Padding(Text(few, style="yellow"), (0, 0, 1, 2))
    columns: tuple[str, ...] = ("reason", "dropped", "share", "alone", "what it means")
    yield _table(connection, "Why candidates were dropped", columns, "FROM why_dropped()")
    columns = ("benchmark", "pictures", "captions", "unusable", "shared by", "picture", "alike", "caption")
    title = "Benchmarks: what was compared, what could not be, and how many pairs share it how"
    yield _table(connection, title, columns, "SELECT * EXCLUDE (negatives) FROM leakage()")
    columns = ("licence", "captions", "images", "usable", "accepted")
    title = "Licences that the source states, and what came of each"
    yield _table(connection, title, columns, _LICENSES)
    columns = ("reason", "captions", "share", "for example", "what it means")
    yield _table(connection, "Captions without negatives", columns, "FROM captions_without_negatives()")
    if connection.sql("SELECT count(*) FROM labels").fetchall() != [(0,)]:
        columns = ("operation", "usable", "precision", "accepted", "precision after", "recall")
        title = "Against the truth, computed from the scenes: share that is really wrong"
        yield _table(connection, title, columns, "FROM precision_and_recall()")
    if build.config.get("images"):
        columns = ("method", "operation", "wanted", "made", "accepted", "share", "right", "right after")
        title = "Edited pictures; right: of those made and accepted, by computed truth if known"
        yield _table(connection, title, columns, "FROM pictures_by_operation()")
        columns = ("method", "reason", "dropped", "share", "alone", "what it means")
        yield _table(connection, "Why edited pictures were dropped", columns, "FROM why_pictures_dropped()")
        yield visual_probe_table(connection)
        columns = ("model", "method", "rather than", "pictures", "share", "95% interval")
        title = "Edited pictures preferred as such, by captions of other pictures (0.5 is perfect)"
        yield _table(connection, title, columns, RELEVANCE)
    named = roles(build)
    for role, model in named.items():
        columns = ("operation", "accepted", "captions", "pairs", "text", "image", "group")
        words = _JUDGED["judge" if role == "judge" else "target"]
        words = f"{words} ({seen(model)})" if len(named) > 2 else words
        yield _table(connection, words, columns, f"FROM matching_scores('{role}')")
    columns = ("model", "change", "captions", "error", "absent", "bias", "95% interval")
    title = "A purple lemon: share wrong where a thing has what another has, or nothing there"
    yield _table(connection, title, columns, ASSOCIATION)
    if build.config.get("plausibility"):
        columns = ("operation", "usable", "before", "accepted", "after", "language model")
        title = "Blind accuracy: how often a blind model prefers the original (0.5 is perfect)"
        yield _table(connection, title, columns, "FROM blind_accuracy()")
    columns = ("operation", "probe", "pairs", "before", "accepted", "after", "95% interval")
    title = "The same of models trained on other images' captions, on words or vectors"
    yield _table(connection, title, columns, _TEXT_PROBES)
    yield _table(
        connection,
        "What an accepted negative costs",
        ("operation", "accepted", "ms each", "tries each", "tokens", "check that takes most"),
        "SELECT operation, accepted, round(seconds_per_accepted * 1000, 1), tries_per_accepted, tokens, "
        "costliest_check FROM cost_of_accepted()",
    )
    yield _table(connection, "Time by stage", ("stage", "rows", "seconds"), "FROM time_by_stage()")


_REJECTS = (
    "SELECT reason, count(*), any_value(hint) FROM rejects LEFT JOIN reasons USING (reason) "
    "GROUP BY reason ORDER BY 2 DESC, 1"
)
# Where no row states one, there is nothing to tell.
_LICENSES = "FROM licenses() WHERE EXISTS (SELECT * FROM pairs WHERE license != '')"
_TEXT_PROBES = (
    'SELECT operation, probe, "pairs before", "accuracy before", "pairs after", "accuracy after", '
    "format('{:.3f}-{:.3f}', low, high) FROM text_probes()"
)
_JUDGED = {
    "judge": "The judge on what was accepted: share that it matches right",
    "target": "The target on what was accepted; chance is 0.5 for captions, 0.17 for group",
}
_ABSENT = {
    "judge": "No judge is named in the config: its alignment columns are null.",
    "target": "No target is named in the config: its columns and difficulty are null.",
    "plausibility": "No language model is named in the config: plausibility is null.",
}


def _table(connection: duckdb.DuckDBPyConnection, title: str, columns: tuple[str, ...], sql: str) -> RenderableType:
    rows = connection.sql(sql).fetchall()
    if not rows:
        return Group()
    shown = [_column(name, cells) for name, cells in zip(columns, zip(*rows, strict=True), strict=True)]
    return Group(Text(title, style="bold"), Padding(Columns(shown, ruled=False), (0, 0, 1, 2)))


def _column(name: str, cells: tuple[Any, ...]) -> Column:
    if any(isinstance(cell, float) for cell in cells):
        return Column(name, numbers(cells), numeric=True)
    texts = ["-" if cell is None else f"{cell:,}" if isinstance(cell, int) else seen(str(cell)) for cell in cells]
    return Column(name, texts, numeric=any(isinstance(cell, int) for cell in cells))
