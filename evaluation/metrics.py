"""From scores to metrics: all of it SQL over two tables, so that every number can be asked again in another way."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import NamedTuple

import duckdb
import pyarrow as pa

from schemas.tables import EVALUATIONS

RESULTS = pa.schema([field for field in EVALUATIONS if field.name not in {"build_id", "selected", "added"}])

_ORDER = (
    "picks_caption", "picks_picture", "group", "group_match", "caption_gap", "picture_gap", "picks_original",
    "picks_paraphrase", "paraphrase_closer", "picture_0_picks", "picture_1_picks", "caption_0_picks", "caption_1_picks",
)  # fmt: skip


class Own(NamedTuple):
    """How a benchmark itself reports a metric."""

    benchmark: str
    metric: str  # ours
    own_name: str
    usual: str | None  # micro or macro
    least: int = 0  # items of a category, for it to count in the average over categories


@contextmanager
def measured(items: pa.Table, scores: pa.Table, own: Iterable[Own] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection with the tables that `metrics.sql` makes of items and scores: outcomes, results and all before.

    Items need no pictures, see `items.without_pictures`.
    """
    names = pa.schema([(name, pa.int32() if name == "least" else pa.string()) for name in Own._fields])
    with duckdb.connect() as connection:
        for name, table in (
            ("items", items),
            ("scores", scores),
            ("own", pa.Table.from_pylist([each._asdict() for each in own], names)),
        ):
            connection.register(name, table)
        connection.execute(files("evaluation").joinpath("metrics.sql").read_text(encoding="utf-8"))
        yield connection


def results(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return RESULTS of what is measured, in the order that a person reads them in; without the last digits, which
    depend on the order in which threads add up."""
    places = ", ".join(f"('{metric}', {n})" for n, metric in enumerate(_ORDER))
    found = connection.sql(
        f"""
        SELECT results.* REPLACE (round(value, 12) AS value, round(low, 12) AS low, round(high, 12) AS high)
        FROM results LEFT JOIN (VALUES {places}) AS places(metric, place) USING (metric)
        ORDER BY model, benchmark, average = 'macro', average = 'micro', category, place NULLS LAST,
            split_part(metric, '@', 1), try_cast(split_part(metric, '@', 2) AS INTEGER)
        """
    )
    return found.to_arrow_table().select(RESULTS.names).cast(RESULTS)


def metrics(items: pa.Table, scores: pa.Table, own: Iterable[Own] = ()) -> pa.Table:
    """Compute RESULTS of ITEMS and SCORES."""
    with measured(items, scores, own) as connection:
        return results(connection)
