"""Parquet as the Hugging Face hub shows and `datasets` reads it: pictures inside, a file or more for each split."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from exports.card import USE, Example, counts, examples, header
from exports.folder import Folder, Written
from exports.format import About, Need
from exports.pairs import Pair, Picture, by_split
from exports.texts import json_lines
from schemas.tables import IMAGE, SPAN

_LARGE = 400_000_000  # bytes of a file, after which the next one begins
_GROUP_BYTES = 32_000_000  # of a row group's pictures: the hub's viewer takes 286 MiB at most
_GROUP_ROWS = 100
_TEXTS = ("text_negative_id", "image_negative_id", "image_id", "operation", "method", "caption", "negative_caption",
          "original_phrase", "negative_phrase", "difference", "difference_back")  # fmt: skip
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
        ("pair_weight", pa.float32()),
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
        """Write data/<split>-00000-of-00001.parquet and so on, and README.md with examples/."""
        each = _OneEach(out)
        several = by_split(each.watch(pairs))
        rows = {split: write_parquet(out, split, _PAIRS, map(_row, some)) for split, some in several}
        columns = (
            "`caption` is true of `image`, `negative_caption` is wrong by one thing; of\n"
            "`negative_image`, where there is one, it is true."
        )
        _write_card(out, about, rows, columns, each.shown)


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


def _write_card(out: Folder, about: About, rows: dict[str, int], columns: str, shown: Sequence[Example] = ()) -> None:
    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in rows]
    lines = [
        *header(about.licenses, sum(rows.values()), [{"config_name": "default", "data_files": files}]),
        "# Hard negatives",
        "",
        f"Made by Counterfoil, build `{about.build_id}`. {columns}",
        "No picture is in two splits, near duplicates neither.",
        "",
        *counts("split", "rows", rows),
        *counts("operation", "pairs", about.operations),
        *examples(shown),
        *about.measured(),
        USE,
        *counts("source", "pairs", about.sources),
        *counts("licence of the picture, as the source states it", "pairs", about.licenses),
    ]
    with out.open_text("README.md") as file:
        file.write("\n".join(lines))


class _OneEach:
    """Lets pairs through, and keeps the first of each operation with its pictures, which it puts beside the card."""

    def __init__(self, out: Folder) -> None:
        self._out = out
        self._found: dict[str, Example] = {}

    def watch(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Let pairs through."""
        for pair in pairs:
            if pair.operation not in self._found:
                pictures = [pair.picture, *([pair.negative_picture] if pair.negative_picture is not None else [])]
                names = tuple(self._out.picture("examples", each) for each in pictures)
                self._found[pair.operation] = Example(pair.operation, pair.original, pair.negative, names)
            yield pair

    @property
    def shown(self) -> list[Example]:
        """Return the examples by operation."""
        return [self._found[name] for name in sorted(self._found)]
