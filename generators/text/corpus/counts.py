"""Counts of what a corpus says, exact whatever its size: what is too much for memory rests in a temporary file."""

from collections import Counter
from collections.abc import Iterable
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from schemas.tables import LEXICON

# Form columns of LEXICON, in order: kind, word, form, tag, context, object.
Key = tuple[str, str, str, str, str, str]

_HELD = 200_000  # different keys in memory, some 400 bytes each
_MEMORY = "256MB"  # of DuckDB, which keeps the rest on disk
_NAMES = ", ".join(f'"{name}"' for name in LEXICON.names[:-1])


class Counts:
    """How often each key was seen."""

    def __init__(self) -> None:
        self._new: Counter[Key] = Counter()
        self._spill: TemporaryDirectory[str] | None = None
        self._all: duckdb.DuckDBPyConnection | None = None
        self._most = 5 * _HELD  # rows on disk, before counts of one key are added up

    def update(self, keys: Iterable[Key]) -> None:
        """Count each of these once."""
        self._new.update(keys)
        if len(self._new) > _HELD:
            self._put_away()

    def table(self, least: float = 0) -> pa.Table:
        """Return rows of LEXICON, most frequent first: of keys that were seen `least` times or more.

        Of nouns what is rarer is added up over the slots that they stand in, and is a row without a slot where it is
        frequent enough together: whether a noun has a plural or an article is known without.
        """
        connection = self._put_away()
        whole = f"SELECT {_NAMES}, sum(frequency)::BIGINT AS frequency FROM counts GROUP BY ALL"
        slotless = _NAMES.replace('"context"', "''").replace('"kind"', "'noun'")
        rare = (
            f"SELECT {slotless}, sum(frequency)::BIGINT AS frequency FROM whole "
            "WHERE kind = 'noun' AND frequency < $least GROUP BY ALL"
        )
        return (
            connection.sql(
                f"WITH whole AS MATERIALIZED ({whole}) SELECT * FROM (FROM whole UNION ALL {rare}) "
                f"WHERE frequency >= $least ORDER BY frequency DESC, {_NAMES}",
                params={"least": least},
            )
            .to_arrow_table()
            .cast(LEXICON)
        )

    def _put_away(self) -> duckdb.DuckDBPyConnection:
        if self._all is None:
            self._spill = TemporaryDirectory()
            settings = {"memory_limit": _MEMORY, "temp_directory": self._spill.name, "preserve_insertion_order": False}
            self._all = duckdb.connect(config=settings)
            self._all.execute(f"CREATE TABLE counts ({_NAMES.replace(',', ' VARCHAR,')} VARCHAR, frequency BIGINT)")
        columns = list(zip(*self._new, strict=True)) or [()] * 6
        arrays = [pa.array(column, pa.string()) for column in columns]
        rows = pa.table([*arrays, pa.array(self._new.values(), pa.int64())], schema=LEXICON)
        self._new.clear()
        self._all.register("rows", rows)
        self._all.execute("INSERT INTO counts FROM rows")
        self._all.unregister("rows")
        if self._rows() > self._most:
            self._all.execute(
                f"CREATE TABLE less AS SELECT {_NAMES}, sum(frequency) AS frequency FROM counts GROUP BY ALL"
            )
            self._all.execute("DROP TABLE counts; ALTER TABLE less RENAME TO counts")
            self._most = max(self._most, 2 * self._rows())
        return self._all

    def _rows(self) -> int:
        if self._all is None:
            return 0
        [[rows]] = self._all.execute("SELECT count(*) FROM counts").fetchall()
        return int(rows)
