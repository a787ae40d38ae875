"""The captions of a corpus by their places, on the disk: what goes in by shards comes out as pairs to be read."""

import os
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from generators.text.mining.bucket import Bucket, Vectors, buckets, paired
from schemas.tables import MINED, PARSES

_MEMORY = "768MB"
_ROWS = 200_000  # places that are read at a time; a bucket that is larger is read whole
_READ = 256  # pairs of captions, with all captions of both pictures

CAPTIONS = pa.schema(
    [
        ("caption", pa.int64()),  # its number, in the order of the corpus
        ("picture", pa.int64()),  # the picture's number
        ("alike", pa.uint64()),  # hash of what the picture is, or is nearly
        ("pair_id", pa.string()),
        ("image_id", pa.string()),
        ("text", pa.string()),
        PARSES.field("tokens"),
        ("pairs", pa.string()),  # the shard of its pair
        ("images", pa.string()),  # and of its picture
        ("scene", pa.string()),
    ]
)
PLACES = pa.schema(
    [
        ("caption", pa.int64()),
        ("operation", pa.string()),
        ("rest", pa.uint64()),
        ("phrase", pa.uint64()),
        ("first", pa.int32()),
        ("last", pa.int32()),
        ("draw", pa.uint64()),  # an order that hangs on nothing but the caption's pair
    ]
)


# Two captions, and where they differ.
_PAIRS = pa.schema(
    [
        ("operation", pa.string()),
        ("a", pa.int64()),
        ("b", pa.int64()),
        *((f"{end}_{side}", pa.int32()) for side in "ab" for end in ("first", "last")),
        ("similarity", pa.float32()),
    ]
)
FOUND = pa.schema([*MINED, ("number", pa.int64()), ("draw", pa.string())])  # of its caption; what ties are broken by


class Index:
    """Captions, their places, and what is found of them: tables of a database in a temporary folder."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="counterfoil-mining-")
        self._connection = duckdb.connect(os.path.join(self._folder.name, "index.duckdb"))
        for setting in (f"memory_limit = '{_MEMORY}'", "threads = 1", "enable_progress_bar = false"):
            self._connection.execute(f"SET {setting}")
        for table, schema in (("captions", CAPTIONS), ("places", PLACES), ("pairs", _PAIRS), ("found", FOUND)):
            self._connection.register("given", schema.empty_table())
            self._connection.execute(f"CREATE TABLE {table} AS FROM given")
            self._connection.unregister("given")

    def close(self) -> None:
        """Remove it all."""
        self._connection.close()
        self._folder.cleanup()

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table: captions, places, pairs, or what is found."""
        self._connection.register("given", rows)
        self._connection.execute(f"INSERT INTO {table} FROM given")
        self._connection.unregister("given")

    def pair(self, most: int, vectors: Vectors | None) -> int:
        """Choose who is held against whom; returns how many pairs there are."""
        for rows in self._places():
            found = self._paired(rows, most, vectors)
            if found.num_rows:
                self.add("pairs", found)
        [(count,)] = self._connection.execute("SELECT count(*) FROM pairs").fetchall()
        return int(count)

    def _places(self) -> Iterator[pa.Table]:
        """Read the places that several captions have with different phrases, those of one rest together."""
        rows = self._connection.cursor().sql(
            """
            SELECT p.*, c.picture, c.alike FROM places p
            SEMI JOIN (
                SELECT rest FROM places GROUP BY rest HAVING min(phrase) != max(phrase)
            ) USING (rest)
            JOIN captions c USING (caption) ORDER BY rest, draw, caption, first, last
            """
        )
        waiting: list[pa.Table] = []
        for batch in rows.to_arrow_reader(_ROWS):
            part = pa.Table.from_batches([batch])
            rests = part["rest"].to_numpy()
            ends = np.flatnonzero(rests != rests[-1])
            if len(ends):  # what ends here is whole
                cut = int(ends[-1]) + 1
                yield pa.concat_tables([*waiting, part.slice(0, cut)])
                waiting = [part.slice(cut)]
            else:
                waiting.append(part)
        if waiting:
            yield pa.concat_tables(waiting)

    @staticmethod
    def _paired(rows: pa.Table, most: int, vectors: Vectors | None) -> pa.Table:
        column = {name: rows[name].to_numpy() for name in ("rest", "phrase", "alike", "picture")}
        first, second, similarity = [], [], []
        for part in buckets(column["rest"]):
            if part.stop - part.start < 2:
                continue
            bucket = Bucket(*(column[name][part] for name in ("phrase", "alike", "picture")))
            found = paired(bucket, most, vectors)
            first.append(found.first + part.start)
            second.append(found.second + part.start)
            similarity.append(found.similarity)
        if not first:
            return _PAIRS.empty_table()
        a, b = (rows.take(pa.array(np.concatenate(side))) for side in (first, second))
        near = np.concatenate(similarity)
        return pa.table(
            {
                "operation": a["operation"],
                "a": a["caption"],
                "b": b["caption"],
                **{f"{name}_{side}": of[name] for side, of in (("a", a), ("b", b)) for name in ("first", "last")},
                "similarity": pa.array(near, pa.float32(), mask=np.isnan(near)),
            }
        )

    def read(self) -> Iterator[list[dict[str, Any]]]:
        """Read the pairs, some at a time, each with all captions of both pictures: `all_a`, `all_b`."""
        self._connection.execute(
            """
            CREATE TABLE shown AS
            SELECT picture, list({'caption': caption, 'text': text, 'tokens': tokens} ORDER BY caption) AS captions
            FROM captions SEMI JOIN (
                SELECT picture FROM captions JOIN (SELECT a AS caption FROM pairs UNION SELECT b FROM pairs)
                USING (caption)
            ) USING (picture) GROUP BY picture
            """
        )
        rows = self._connection.cursor().sql(
            f"""
            SELECT
                p.*, {_OF_PAIR}, x.captions AS all_a, y.captions AS all_b
            FROM pairs p JOIN captions ca ON ca.caption = p.a JOIN captions cb ON cb.caption = p.b
            JOIN shown x ON x.picture = ca.picture JOIN shown y ON y.picture = cb.picture
            """
        )
        for batch in rows.to_arrow_reader(_READ):
            yield batch.to_pylist()

    def best(self, per_operation: int) -> pa.Table:
        """Choose what is kept of what was found: rows of MINED in the order of the corpus.

        Of one operation on one caption those whose picture may be used and is most alike; where nothing is usable, one
        that failed its checks, to tell why.
        """
        order = "picture_check IS NOT NULL, similarity DESC NULLS LAST, draw, other_image_id"
        rows = self._connection.sql(
            f"""
            WITH distinct_ones AS (
                SELECT *, failed_check IS NULL AS usable FROM found
                QUALIFY row_number() OVER (PARTITION BY text_negative_id ORDER BY failed_check IS NOT NULL, {order}) = 1
            ), ranked AS (
                SELECT *, count(*) OVER one AS held, bool_or(usable) OVER one AS has_usable,
                    row_number() OVER (PARTITION BY pair_id, operation, usable ORDER BY {order}) AS place
                FROM distinct_ones WINDOW one AS (PARTITION BY pair_id, operation)
            )
            SELECT * EXCLUDE (tries), held::INTEGER AS tries FROM ranked
            WHERE CASE WHEN usable THEN place <= {per_operation:d} ELSE NOT has_usable AND place = 1 END
            ORDER BY number, operation, text_negative_id
            """
        )
        return rows.to_arrow_table().select(MINED.names).cast(MINED)

    def failed(self) -> list[tuple[str, str, int]]:
        """Count what was found and failed: operation, check, negatives."""
        found: list[tuple[str, str, int]] = self._connection.execute(
            "SELECT operation, failed_check, count(*) FROM found WHERE failed_check IS NOT NULL "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        return found


_OF_PAIR = ", ".join(
    f"c{side}.{name} AS {name}_{side}"
    for side in "ab"
    for name in ("pair_id", "image_id", "picture", "pairs", "images", "scene")
)
