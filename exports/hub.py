"""Parquet as the Hugging Face hub shows and `datasets` reads it: pictures inside, a file or more for each split."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from exports.folder import Folder, Written
from exports.format import About, Need
from exports.pairs import Pair, Picture, by_split
from exports.texts import json_lines
from schemas.tables import IMAGE, SPAN

_LARGE = 400_000_000  # bytes of a file, after which the next one begins
_GROUP_BYTES = 32_000_000  # of a row group's pictures: the hub's viewer takes 286 MiB at most
_GROUP_ROWS = 100
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
# The hub's names of licences that sources state, in letters and digits alone.
_LICENSES = {re.sub(r"[^a-z0-9]", "", name): name for name in (
    "apache-2.0", "mit", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0")} | {"cc0": "cc0-1.0"}  # fmt: skip
_TEXTS = ("text_negative_id", "image_negative_id", "image_id", "operation", "method", "caption", "negative_caption",
          "original_phrase", "negative_phrase")  # fmt: skip
_SOURCES = ("image_method", "source", "source_key", "url", "license")


def _schema(fields: Iterable[tuple[str, pa.DataType]]) -> pa.Schema:
    """Say which columns are pictures, beside their types."""
    schema = pa.schema(list(fields))
    features = {field.name: {"_type": "Image"} for field in schema if field.type == IMAGE}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


_PAIRS = _schema(
    [
        ("image", IMAGE),
        ("negative_image", IMAGE),
        ("mask", IMAGE),
        *((name, pa.string()) for name in _TEXTS),
        ("original_spans", pa.list_(SPAN)),
        ("negative_spans", pa.list_(SPAN)),
        ("original_still_true", pa.bool_()),
        ("validity", pa.float32()),
        ("difficulty", pa.float32()),
        ("paraphrases", pa.list_(pa.string())),
        *((name, pa.string()) for name in _SOURCES),
    ]
)
_TRIPLES = _schema([("anchor", IMAGE), ("positive", pa.string()), ("negative_1", pa.string())])


class HuggingFace:
    """Everything about a pair, a row each."""

    name = "huggingface"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:
        """Write data/<split>-00000-of-00001.parquet and so on, and README.md."""
        rows = {split: write_parquet(out, split, _PAIRS, map(_row, several)) for split, several in by_split(pairs)}
        _write_card(out, about, rows, "`caption` is true of `image`, `negative_caption` is wrong by one thing; of\n"
                    "`negative_image`, where there is one, it is true.")  # fmt: skip


def _row(pair: Pair) -> dict[str, Any]:
    shown = {"image": pair.picture, "negative_image": pair.negative_picture, "mask": pair.mask}
    told = {name: getattr(pair, name) for name in _PAIRS.names if hasattr(pair, name)}
    pictures = {name: _image(picture) for name, picture in shown.items()}
    return {**told, **pictures, "caption": pair.original, "negative_caption": pair.negative}


class SentenceTransformers:
    """A picture, its caption and a wrong one: in this order, because the trainer goes by it. An edited picture is a row
    of its own, of which the captions change places. Where rows come from stands beside the rows, line by line."""

    name = "sentence-transformers"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:
        """Write data/<split>-00000-of-00001.parquet and so on, sources/<split>.jsonl and README.md."""
        rows = {}
        for split, several in by_split(pairs):
            with json_lines(out, f"sources/{split}.jsonl") as add:
                rows[split] = write_parquet(out, split, _TRIPLES, _triples(several, add))
        _write_card(out, about, rows, "`positive` is true of the picture `anchor`, `negative_1` is wrong by one thing.")


def _triples(pairs: Iterable[Pair], add: Callable[[Any], None]) -> Iterator[dict[str, Any]]:
    for pair in pairs:
        add(pair.told)
        yield {"anchor": _image(pair.picture), "positive": pair.original, "negative_1": pair.negative}
        if pair.whole:
            add(pair.told)
            yield {"anchor": _image(pair.negative_picture), "positive": pair.negative, "negative_1": pair.original}


def _image(picture: Picture | None) -> dict[str, Any] | None:
    return None if picture is None else {"bytes": picture.data, "path": picture.name}


def write_parquet(out: Folder, split: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> int:
    """Write the rows of one split into files that are named as the hub names them; returns how many there were."""
    names: list[str] = []
    total = 0
    with ExitStack() as opened:
        file: Written | None = None
        for group in _groups(rows):
            if file is None or file.size > _LARGE:
                opened.close()
                names.append(f"data/{split}-{len(names):05d}.parquet")
                file = opened.enter_context(out.open(names[-1]))
                writer = opened.enter_context(pq.ParquetWriter(file, schema, compression="zstd", write_page_index=True))
            writer.write_table(pa.Table.from_pylist(group, schema))
            total += len(group)
    for name in names:
        out.rename(name, f"{name.removesuffix('.parquet')}-of-{len(names):05d}.parquet")
    return total


def _groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        group.append(row)
        size += sum(len(cell["bytes"]) for cell in row.values() if isinstance(cell, dict))
        if len(group) == _GROUP_ROWS or size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _write_card(out: Folder, about: About, rows: dict[str, int], columns: str) -> None:
    total = sum(rows.values())
    header = {
        "license": _license(about.licenses),
        "task_categories": ["zero-shot-image-classification", "image-to-text"],
        "tags": ["hard-negatives", "compositionality", "counterfoil"],
        "size_categories": [next((name for below, name in _SIZES if total < below), "n>10M")],
        "configs": [{"config_name": "default", "data_files": [
            {"split": split, "path": f"data/{split}-*.parquet"} for split in rows]}],
    }  # fmt: skip
    lines = [
        "---",
        yaml.safe_dump(header, sort_keys=False).rstrip(),
        "---",
        "# Hard negatives",
        "",
        f"Made by Counterfoil, build `{about.build_id}`. {columns}",
        "No picture is in two splits, near duplicates neither.",
        "",
        *_counts("split", "rows", rows),
        *_counts("operation", "pairs", about.operations),
        *_counts("source", "pairs", about.sources),
        *_counts("licence of the picture, as the source states it", "pairs", about.licenses),
    ]
    with out.open_text("README.md") as file:
        file.write("\n".join(lines))


def _counts(name: str, what: str, counts: dict[str, int]) -> list[str]:
    safe = {" ".join(key.replace("|", "\\|").split()): number for key, number in counts.items()}
    return [f"| {name} | {what} |", "| --- | ---: |", *(f"| {key} | {number:,} |" for key, number in safe.items()), ""]


def _license(stated: dict[str, int]) -> str:
    """Name the licence as the hub does: `other` where there are several, or one that it does not know."""
    if list(stated) == ["not stated"]:
        return "unknown"
    known = {_LICENSES.get(re.sub(r"[^a-z0-9]", "", name.lower()), "other") for name in stated}
    return known.pop() if len(known) == 1 else "other"
