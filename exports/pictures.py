"""The pictures of a dataset one by one, read a row group at a time: a few of these are all that is held."""

from bisect import bisect_right
from collections import OrderedDict
from contextlib import suppress
from itertools import accumulate
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from storage.dataset import Build, Dataset

_HELD = 128_000_000  # bytes of row groups; the last read one stays whatever its size
_OPEN = 8  # shards whose footer is kept


def places(dataset: Dataset, build: Build, table: str, key: str) -> pa.Table:
    """Tell where the rows of a table with pictures are: id, shard (its place among the build's) and row in it."""
    found = [pa.table({"id": pa.array([], pa.string()), "shard": pa.array([], pa.int32()),
                       "row": pa.array([], pa.int64())})]  # fmt: skip
    for number, shard in enumerate(build.shards.get(table, [])):
        ids = dataset.read(table, shard, [key])[key]
        rows = range(len(ids))
        found.append(pa.table({"id": ids, "shard": pa.array([number] * len(ids), pa.int32()),
                               "row": pa.array(rows, pa.int64())}))  # fmt: skip
    return pa.concat_tables(found)


class Pictures:
    """Encoded pictures by shard and row: whoever asks in about their order reads each row group once."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._files: OrderedDict[tuple[str, str], tuple[pq.ParquetFile, list[int]]] = OrderedDict()
        self._groups: OrderedDict[tuple[str, str, int, str], pa.Array] = OrderedDict()

    def __enter__(self) -> "Pictures":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        while self._files:
            self._close_oldest()

    def get(self, table: str, shard: str, row: int, column: str) -> bytes | None:
        """Read the bytes of a picture; None where there is none.

        Raises DamagedShardError where the shard is gone or damaged.
        """
        try:
            file, ends = self._file(table, shard)
            group = bisect_right(ends, row)
            pictures = self._group(file, (table, shard, group, column))
        except (pa.ArrowException, OSError):
            self._dataset.read(table, shard)  # names the damage, where it is one
            raise
        found = pictures[row - (ends[group - 1] if group else 0)].as_py()
        return None if found is None else found["bytes"]

    def _file(self, table: str, shard: str) -> tuple[pq.ParquetFile, list[int]]:
        key = (table, shard)
        if key not in self._files:
            file = pq.ParquetFile(self._dataset.fs.open(self._dataset.path(table, shard), "rb"))
            rows = (file.metadata.row_group(n).num_rows for n in range(file.num_row_groups))
            self._files[key] = file, list(accumulate(rows))
            if len(self._files) > _OPEN:
                self._close_oldest()
        self._files.move_to_end(key)
        return self._files[key]

    def _group(self, file: pq.ParquetFile, key: tuple[str, str, int, str]) -> pa.Array:
        if key not in self._groups:
            *_, group, column = key
            # Of a file of Python's, Arrow's own threads would not let go in time.
            read = file.read_row_group(group, columns=[column], use_threads=False)
            self._groups[key] = read[column].combine_chunks()
            while len(self._groups) > 1 and sum(each.nbytes for each in self._groups.values()) > _HELD:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key]

    def _close_oldest(self) -> None:
        _, (file, _) = self._files.popitem(last=False)
        with suppress(OSError):
            file.close(force=True)
