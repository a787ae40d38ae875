"""Read Parquet tables: pictures inside, as bytes or in the Hugging Face Image convention, or paths to them."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.columns import Columns
from storage.sources.pictures import forget_tables, located
from storage.sources.places import one_line
from storage.sources.records import Located, Record, Table

_ROWS = 256  # at a time: pictures are large


def open_parquet(_: Source, path: UPath) -> Table:
    """Open a Parquet file.

    Raises InputError when it is none.
    """
    forget_tables()
    file = _opened(path)
    schema = file.schema_arrow
    pictures = tuple(field.name for field in schema if _is_image(field.type) or _is_binary(field.type))

    def read(columns: Columns) -> Iterator[Record]:
        kind = schema.field(columns.image).type
        inside = _is_image(kind) or _is_binary(kind)
        others = [name for name in columns.names if name != columns.image or not inside]
        number = 0
        for group in range(file.num_row_groups):
            found = _pictures(file, str(path), group, columns.image) if inside else None
            index = 0
            for batch in file.iter_batches(_ROWS, row_groups=[group], columns=others):
                for values in batch.to_pylist():
                    picture = {columns.image: found[index]} if found is not None else {}
                    yield Record(str(number), {**values, **picture})
                    index += 1
                    number += 1

    return Table(schema.names, read, pictures=pictures)


def _opened(path: UPath) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path.open("rb"))
    except (pa.lib.ArrowException, OSError) as error:
        raise InputError(f"source {path}: not a Parquet file: {one_line(error)}") from error


def _pictures(file: pq.ParquetFile, path: str, group: int, column: str) -> list[Located | Any]:
    """Find, for each row of a row group, where its picture is: bytes here, or a path to a file."""
    found: list[Located | Any] = []
    for batch in file.iter_batches(_ROWS, row_groups=[group], columns=[column]):
        values = batch.column(0)
        whole = _is_image(values.type)
        present = (values.field("bytes") if whole else values).is_valid().to_pylist()
        there = values.is_valid().to_pylist()
        named = whole and values.type.get_field_index("path") >= 0
        names = values.field("path").to_pylist() if named else [None] * len(values)
        for has_bytes, is_there, name in zip(present, there, names, strict=True):
            place = located("parquet", path, group, len(found), column)
            found.append(Located(place, name or "") if has_bytes and is_there else name if is_there else None)
    return found


def _is_image(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.StructType) and kind.get_field_index("bytes") >= 0


def _is_binary(kind: pa.DataType) -> bool:
    types = pa.types
    kinds = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)
    return any(is_kind(kind) for is_kind in kinds)
