"""Read Parquet files with pictures inside, as Hugging Face datasets keep them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.config import Source
from schemas.errors import InputError
from storage.sources.row import Row, check_caption, check_file, located, metadata, optional_columns


def has_image_struct(path: Path) -> bool:
    """Tell whether a Parquet file has a column of struct<bytes, path>."""
    try:
        schema = pq.read_schema(path)
    except pa.lib.ArrowException as error:
        raise InputError(f"source {path}: not a Parquet file: {error}") from error
    return any(pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0 for field in schema)


def read_huggingface(source: Source, paths: list[Path]) -> Iterator[Row]:
    """Go through Parquet files row group by row group; pictures are located here and read later."""
    files = [file for path in paths for file in (sorted(path.rglob("*.parquet")) if path.is_dir() else [path])]
    for path in files:
        yield from _read(source, path)


def _read(source: Source, path: Path) -> Iterator[Row]:
    if not has_image_struct(path):
        raise InputError(f"source {path}: no column of pictures (struct<bytes, path>); set source.format to table")
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names
    for setting, name in (("image_column", source.image_column), ("caption_column", source.caption_column)):
        if name not in names:
            raise InputError(f"source {path}: no column {name!r} (there are: {', '.join(names)}); set source.{setting}")
    wanted = (source.caption_column, *optional_columns(source))
    columns = [f"{source.image_column}.path", *(name for name in wanted if name in names)]
    number = 0
    for group in range(file.num_row_groups):
        present = _has_bytes(file, group, source.image_column)
        for index, record in enumerate(file.read_row_group(group, columns=columns).to_pylist()):
            place = located("parquet", str(path), group, index, source.image_column)
            yield from _rows(source, record, f"{path.name}:{number}", place if present[index] else "", path)
            number += 1


def _has_bytes(file: pq.ParquetFile, group: int, column: str) -> list[bool]:
    values = file.read_row_group(group, columns=[f"{column}.bytes"])[column].combine_chunks()
    filled: list[bool] = values.field("bytes").is_valid().to_pylist()
    return filled


def _rows(source: Source, record: dict[str, Any], key: str, place: str, path: Path) -> Iterator[Row]:
    name = (record[source.image_column] or {}).get("path") or ""
    extra = metadata(source, record)
    row = Row(key, name or key, place, **extra)
    if not place:
        row = check_file(Row(key, name, **extra), Path(source.images or path.parent))
    captions = record.get(source.caption_column)
    for caption in captions if isinstance(captions, list) and captions else [captions]:
        yield check_caption(row, caption) if row.reason is None else row
