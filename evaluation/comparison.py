"""Two models on the same items: how far apart they are, and whether that may be chance."""

import duckdb
import pyarrow as pa

COMPARISONS = pa.schema(
    [
        ("first", pa.string()),
        ("second", pa.string()),
        ("benchmark", pa.string()),
        ("category", pa.string()),
        ("average", pa.string()),
        ("metric", pa.string()),
        ("difference", pa.float64()),  # of the second model's value and the first's
        ("low", pa.float64()),  # ends of its 95% interval
        ("high", pa.float64()),
        ("n", pa.int64()),  # items that both were asked about
        ("units", pa.int64()),
        (
            "gained",
            pa.int64(),
        ),  # units in which the second is ahead; null, as what follows, of macro
        ("lost", pa.int64()),  # in which it is behind
        ("p", pa.float64()),  # of so uneven a split by chance
    ]
)

# Of items that are units each, `p` is McNemar's exact test and the interval that of Bonett and Price (2012), who add an
# item that each wins, so that no difference at all is not taken for certain. Of items that share pictures a unit counts
# once, by where its items are better on the whole: a sign test.
_QUERY = """
WITH both_sides AS (
    SELECT
        second.*, second.value - first.value AS difference
    FROM outcomes first JOIN outcomes second USING (benchmark, category, item_id, metric)
    WHERE first.model = $first AND second.model = $second
)
SELECT * EXCLUDE (difference) REPLACE (difference AS value, false AS tie) FROM both_sides
"""
_BOUNDED = """
CREATE OR REPLACE TEMP TABLE bounded_differences AS
WITH summed AS (
    SELECT
        model, benchmark, of AS category, average, metric, sum(value) AS value, sum(n)::BIGINT AS n, count(*) AS units,
        count(*) FILTER (value > 1e-12) AS gained, count(*) FILTER (value < -1e-12) AS lost,
        CASE WHEN ends_with(metric, '_gap') THEN 0 ELSE 2 / sum(n) ** 2 END AS two_more,
        1.959964 * sqrt(sum(residue * residue) + two_more) AS off
    FROM united('differences') GROUP BY model, benchmark, of, average, metric
)
SELECT *, greatest(-1, value - off) AS low, least(1, value + off) AS high FROM summed
"""
_COMPARED = """
SELECT
    $first AS first, $second AS second, benchmark, category, average, metric, round(value, 12) AS difference,
    round(CASE average WHEN 'macro' THEN greatest(-1, value - greatest(below, off)) ELSE low END, 12) AS low,
    round(CASE average WHEN 'macro' THEN least(1, value + greatest(above, off)) ELSE high END, 12) AS high, n, units,
    CASE WHEN average IS DISTINCT FROM 'macro' THEN gained END AS gained,
    CASE WHEN average IS DISTINCT FROM 'macro' THEN lost END AS lost,
    CASE WHEN average IS DISTINCT FROM 'macro' THEN least(1, 2 * list_sum(list_transform(
        range(0, least(gained, lost) + 1), lambda k: exp(lgamma(gained + lost + 1) - lgamma(k + 1)
            - lgamma(gained + lost - k + 1) - (gained + lost) * ln(2))))) END AS p
FROM bounded_differences LEFT JOIN spread('bounded_differences') USING (model, benchmark, metric)
ORDER BY benchmark, average = 'macro', average = 'micro', category, metric
"""


def compared(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> pa.Table:
    """Compare two models that `metrics.measured` has outcomes of, item by item; returns COMPARISONS."""
    models = {"first": first, "second": second}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE differences AS {_QUERY}", models)
    connection.execute(_BOUNDED)
    return connection.sql(_COMPARED, params=models).to_arrow_table().select(COMPARISONS.names).cast(COMPARISONS)
