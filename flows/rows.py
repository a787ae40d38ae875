"""Rows put beside each other, as the stages want them; vectors that are kept."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc

from filters.embeddings import Encoder
from flows.groups import Inputs
from schemas.ids import embedding_key
from schemas.tables import TABLES
from storage.dataset import Dataset
from storage.kept import kept

_USABLE = ["text_negative_id", "pair_id", "image_id", "original", "caption", "operation", "failed_check"]


def usable(dataset: Dataset, negatives: str, pairs: str, more: Iterable[str] = ()) -> pa.Table:
    """Read the negatives of a shard that passed their checks, with the scene and regions beside each, and more columns
    of theirs."""
    rows = dataset.read("text_negatives", negatives, [*_USABLE, *more])
    rows = rows.filter(pc.is_null(rows["failed_check"]))
    return beside(rows, "pair_id", dataset.read("pairs", pairs, ["pair_id", "scene", "regions"]))


def both_captions(dataset: Dataset, negatives: str, pairs: str) -> pa.Table:
    """Read the usable negatives of a shard: caption0 is the original, caption1 the wrong one."""
    rows = usable(dataset, negatives, pairs)
    captions = {"caption0": rows["original"], "caption1": rows["caption"]}
    return pa.table({name: rows[name] for name in ("text_negative_id", "image_id", "operation")} | captions)


def beside(rows: pa.Table, key: str, known: pa.Table) -> pa.Table:
    """Append the columns of a table with one row a key."""
    at = pc.index_in(rows[key], value_set=known[key].combine_chunks())
    for name in known.column_names:
        if name != key:
            rows = rows.append_column(name, known[name].take(at))
    return rows


def with_pictures(dataset: Dataset, rows: pa.Table, edited: Iterable[str]) -> pa.Table:
    """Put the edited pictures beside the negatives: a row for each picture, one with nulls where there is none."""
    columns = ["text_negative_id", "image_negative_id", "edited_image_id", "reconstruction_id", "rank"]
    pictures = read_all(dataset, "image_negatives", edited, columns)
    pictures = pictures.filter(pc.is_valid(pictures["edited_image_id"]))
    of: dict[str, list[int | None]] = {}
    for at, negative in enumerate(pictures["text_negative_id"].to_pylist()):
        of.setdefault(negative, []).append(at)
    pairs = [(at, picture) for at, negative in enumerate(rows["text_negative_id"].to_pylist())
             for picture in of.get(negative, [None])]  # fmt: skip
    both = rows.take(pa.array([at for at, _ in pairs], pa.int64()))
    chosen = pa.array([picture for _, picture in pairs], pa.int64())
    for name in columns[1:]:
        both = both.append_column(name, pictures[name].take(chosen))
    return both


def read_all(dataset: Dataset, table: str, shards: Iterable[str], columns: list[str]) -> pa.Table:
    """Read some columns of several shards of one table."""
    parts = [dataset.read(table, shard, columns) for shard in shards]
    if parts:
        return pa.concat_tables(parts)
    return TABLES[table].empty_table().select(columns)


def stored_pictures(dataset: Dataset, images: str, edited: Iterable[str], wanted: Iterable[str]) -> dict[str, bytes]:
    """Read the encoded bytes of pictures, originals and edited ones, by their ids; those not kept are left out."""
    ids = pa.array(sorted(set(wanted)), pa.string())
    places = [("images", images, "image_id", "image")]
    for shard in edited:
        places += [("image_negatives", shard, "edited_image_id", "image"),
                   ("image_negatives", shard, "reconstruction_id", "reconstruction")]  # fmt: skip
    data: dict[str, bytes] = {}
    for table, shard, name, column in places:
        found = dataset.read(table, shard, [name, column])
        found = found.filter(pc.is_in(found[name], value_set=ids))
        data.update((row[name], row[column]["bytes"]) for row in found.to_pylist() if row[column] is not None)
    return data


class Vectors:
    """Vectors of captions and pictures (by their ids) under one model."""

    def __init__(self, encoder: Encoder, *kept: pa.Table) -> None:
        """Take rows of EMBEDDINGS."""
        self._model = encoder.fingerprint
        self._known: dict[bytes, list[float]] = {}
        for rows in kept:
            self.add(rows)

    def add(self, rows: pa.Table) -> None:
        """Take more rows of EMBEDDINGS."""
        self._known.update(zip(rows["key"].to_pylist(), rows["embedding"].to_pylist(), strict=True))

    def get(self, content: str | None) -> list[float] | None:
        """Return the vector of a caption or picture; None where it has none."""
        return self._known.get(embedding_key(self._model, content)) if content is not None else None


def embeddings(
    dataset: Dataset, encoder: Encoder, shard: str, contents: Callable[[], tuple[dict[str, bytes], Iterable[str]]]
) -> pa.Table:
    """Return the embeddings of what comes of a shard: pictures by their ids, and captions.

    Encoded when first asked for, and kept under the names of model and shard: who asks again opens this one file.
    `contents` must be the same for a shard every time.
    """
    name = embeddings_of(encoder, shard)
    if dataset.has("embeddings", name):
        return dataset.read("embeddings", name)
    made = encode(encoder, *contents())
    dataset.write("embeddings", name, made)
    return made


def encode(encoder: Encoder, pictures: dict[str, bytes], captions: Iterable[str]) -> pa.Table:
    """Encode pictures and captions, each once, into EMBEDDINGS."""
    named, written = sorted(pictures), sorted(set(captions))
    rows = {
        "key": pa.array([embedding_key(encoder.fingerprint, one) for one in (*named, *written)], pa.binary(16)),
        "image": pa.array([*(pictures[one] for one in named), *(None for _ in written)], pa.binary()),
        "caption": pa.array([*(None for _ in named), *written], pa.string()),
    }
    return encoder(pa.table(rows)).replace_schema_metadata(None)


def embeddings_of(encoder: Encoder, shard: str) -> str:
    """Name the shard that keeps the embeddings of what comes of another one."""
    return f"{encoder.fingerprint}-{shard}"


def _pictures_in(dataset: Dataset, table: str, shard: str, columns: tuple[tuple[str, str], ...]) -> dict[str, bytes]:
    """Read the encoded bytes of all pictures of a shard by their ids, from pairs of columns (id, picture)."""
    data: dict[str, bytes] = {}
    for name, column in columns:
        for row in dataset.read(table, shard, [name, column]).to_pylist():
            if row[name] is not None and row[column] is not None:
                data[row[name]] = row[column]["bytes"]
    return data


def group_vectors(dataset: Dataset, encoder: Encoder, inputs: Inputs) -> Vectors:
    """Return the vectors of all that is compared in a group: its captions, wrong ones and pictures.

    The pairs' own captions and pictures are shared by all groups and builds of the same pairs.
    """
    pairs, negatives = inputs.one("pairs"), inputs.one("negatives")

    def own() -> tuple[dict[str, bytes], list[str]]:
        return {}, dataset.read("pairs", pairs, ["caption"])["caption"].to_pylist()

    def wrong() -> tuple[dict[str, bytes], set[str]]:
        rows = dataset.read("text_negatives", negatives, ["original", "caption", "vouched_by", "failed_check"])
        rows = rows.filter(pc.is_null(rows["failed_check"]))
        longer = rows.filter(pc.is_valid(rows["original"]))["original"].to_pylist()
        return {}, {*rows["caption"].to_pylist(), *longer} - set(own()[1])

    captions = [embeddings(dataset, encoder, f"{pairs}-captions", own), embeddings(dataset, encoder, negatives, wrong)]
    return Vectors(encoder, *captions, *_pictures(dataset, encoder, inputs))


def picture_vectors(dataset: Dataset, encoder: Encoder, inputs: Inputs) -> Vectors:
    """Return the vectors of a group's pictures: originals, edited ones, and originals passed through the editor."""
    return Vectors(encoder, *_pictures(dataset, encoder, inputs))


def original_vectors(dataset: Dataset, encoder: Encoder, pairs: str) -> pa.Table:
    """Return the vectors of the pictures of a shard of pairs, as rows of EMBEDDINGS: encoded once, for all builds."""
    return _encoded(dataset, encoder, "images", pairs, (("image_id", "image"),))


def _encoded(
    dataset: Dataset, encoder: Encoder, table: str, shard: str, columns: tuple[tuple[str, str], ...]
) -> pa.Table:
    return embeddings(dataset, encoder, shard, lambda: (_pictures_in(dataset, table, shard, columns), ()))


def _pictures(dataset: Dataset, encoder: Encoder, inputs: Inputs) -> Iterator[pa.Table]:
    yield original_vectors(dataset, encoder, inputs.one("pairs"))
    edited = (("edited_image_id", "image"), ("reconstruction_id", "reconstruction"))
    for shard in inputs.all("pictures"):
        others = _others(dataset, shard)
        if others:
            yield _vectors_of(dataset, encoder, others)
        else:
            yield _encoded(dataset, encoder, "image_negatives", shard, edited)


def _others(dataset: Dataset, shard: str) -> dict[str, str]:
    """Name, of mined pictures, the shard of pairs that each rests in."""
    rows = dataset.read("image_negatives", shard, ["edited_image_id", "method", "image.path"])
    rows = rows.filter((pc.field("method") == "mined") & pc.field("edited_image_id").is_valid())
    return {row["edited_image_id"]: PurePath(row["path"]).stem for row in rows.to_pylist()}


def _vectors_of(dataset: Dataset, encoder: Encoder, pictures: Mapping[str, str]) -> pa.Table:
    """Return the vectors of single pictures, of which it is told in which shard of pairs each is."""
    shards = sorted(set(pictures.values()))
    for shard in shards:
        if not dataset.has("embeddings", embeddings_of(encoder, shard)):
            original_vectors(dataset, encoder, shard)
    keys = pa.array(sorted(embedding_key(encoder.fingerprint, one) for one in pictures), pa.binary(16))
    return kept(dataset, "embeddings", [embeddings_of(encoder, shard) for shard in shards], pa.table({"key": keys}))


def scored(rows: pa.Table, vectors: Vectors, alignment: Callable[[pa.Table], pa.Table], encoder: Encoder) -> pa.Table:
    """Score rows of ids, image_id, reconstruction_id, edited_image_id and captions; without those whose edited picture
    was neither kept nor encoded."""
    gone = [name is not None and vectors.get(name) is None for name in rows["edited_image_id"].to_pylist()]
    rows = rows.filter(pa.array([not one for one in gone], pa.bool_()))
    contents = {
        "image0": pc.coalesce(rows["reconstruction_id"], rows["image_id"]),
        "caption0": rows["original"],
        "caption1": rows["caption"],
        "image1": rows["edited_image_id"],
    }
    columns = {
        name: pa.array([vectors.get(content) for content in column.to_pylist()], pa.list_(pa.float32()))
        for name, column in contents.items()
    }
    columns["reads_change"] = encoder.reading(rows["original"].to_pylist(), rows["caption"].to_pylist())
    return alignment(pa.table({name: rows[name] for name in ("text_negative_id", "image_negative_id")} | columns))
