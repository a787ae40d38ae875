"""What the tasks of a build share: a shard is made once, rows are put beside each other, vectors are kept."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

from filters.embeddings import Encoder
from flows.again import DELAYS, steadily, worth_another_try
from generators.text.parsing import Parsing
from schemas.ids import embedding_key, fingerprint
from schemas.stage import ledger_of
from schemas.tables import LEDGER, TABLES
from storage.dataset import Dataset
from storage.kept import kept

P = ParamSpec("P")
R = TypeVar("R")
# Stages hold models: one of each kind, for as long as the process lives.
encoder_of = lru_cache(maxsize=2)(Encoder)
parsing_of = lru_cache(maxsize=1)(Parsing)
_USABLE = ["text_negative_id", "pair_id", "image_id", "original", "caption", "operation", "failed_check"]


def shard_task(run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that is tried again where that can help, and is shown under a name that a person can read."""
    return task(
        task_run_name=run_name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(DELAYS),
        retry_delay_seconds=list(DELAYS),
        retry_condition_fn=worth_another_try,
    )


def run(task: Task[Any, Any], *arguments: Any) -> Any:
    """Run a task: recorded by Prefect inside of a flow run, a plain function call elsewhere."""
    return task(*arguments) if FlowRunContext.get() else steadily(task.fn, *arguments)


def made(stage: str, dataset: Dataset, table: str, shard: str, make: Callable[[Dataset], pa.Table]) -> str:
    """Make a shard unless it is there; its ledger is written first, so that a shard always has one."""
    if not dataset.has(table, shard):
        started = time.perf_counter()
        rows = make(dataset)
        ledger = ledger_of(rows, stage, shard)
        if ledger.num_rows == 0:
            work = {"stage": stage, "shard": shard, "rows_out": rows.num_rows}
            ledger = pa.Table.from_pylist([{**work, "seconds": time.perf_counter() - started}], LEDGER)
        dataset.write("ledger", shard, ledger)
        dataset.write(table, shard, rows.replace_schema_metadata(None))
    return shard


def usable(dataset: Dataset, negatives: str, pairs: str, more: Iterable[str] = ()) -> pa.Table:
    """Read the negatives of a shard that passed their checks, with the scene and regions beside each, and more columns
    of theirs."""
    rows = dataset.read("text_negatives", negatives, [*_USABLE, *more])
    rows = rows.filter(pc.is_null(rows["failed_check"]))
    return beside(rows, "pair_id", dataset.read("pairs", pairs, ["pair_id", "scene", "regions"]))


def beside(rows: pa.Table, key: str, known: pa.Table) -> pa.Table:
    """Append the columns of a table with one row a key."""
    at = pc.index_in(rows[key], value_set=known[key].combine_chunks())
    for name in known.column_names:
        if name != key:
            rows = rows.append_column(name, known[name].take(at))
    return rows


def with_pictures(dataset: Dataset, rows: pa.Table, edited: list[str]) -> pa.Table:
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


def vectors_of(
    dataset: Dataset,
    encoder: Encoder,
    pictures: Iterable[str],
    captions: Iterable[str],
    load: Callable[[list[str]], dict[str, bytes]],
) -> dict[str | None, Any]:
    """Return the vectors of pictures (ids) and captions; what nobody has encoded yet is encoded and stored first.

    `load` gives the encoded bytes of pictures; one that it does not know has no vector.
    """
    model = encoder.fingerprint
    keys = {content: embedding_key(model, content) for content in (*sorted(set(pictures)), *sorted(set(captions)))}
    known = kept(dataset, "embeddings", model, pa.table({"key": pa.array(keys.values(), pa.binary(16))}))
    vectors = dict(zip(known["key"].to_pylist(), known["embedding"].to_pylist(), strict=True))
    missing = [content for content in sorted(set(pictures)) if keys[content] not in vectors]
    data = load(missing) if missing else {}
    new_captions = [content for content in sorted(set(captions)) if keys[content] not in vectors]
    if data or new_captions:
        ordered = sorted(data)
        rows = {
            "key": pa.array([keys[content] for content in (*ordered, *new_captions)], pa.binary(16)),
            "image": pa.array([*(data[name] for name in ordered), *(None for _ in new_captions)], pa.binary()),
            "caption": pa.array([*(None for _ in ordered), *new_captions], pa.string()),
        }
        fresh = encoder(pa.table(rows))
        shard = f"{model}-{fingerprint(ordered, new_captions)}"
        dataset.write("embeddings", shard, fresh.replace_schema_metadata(None))
        vectors.update(zip(fresh["key"].to_pylist(), fresh["embedding"].to_pylist(), strict=True))
    return {content: vectors[key] for content, key in keys.items() if key in vectors}


def scored(
    rows: pa.Table,
    vectors: dict[str | None, Any],
    alignment: Callable[[pa.Table], pa.Table],
    reading: Callable[[Sequence[str], Sequence[str]], pa.Array],
) -> pa.Table:
    """Score rows of ids, image_id, reconstruction_id, edited_image_id and captions; without those whose edited picture
    was neither kept nor encoded."""
    gone = [name is not None and name not in vectors for name in rows["edited_image_id"].to_pylist()]
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
    columns["reads_change"] = reading(rows["original"].to_pylist(), rows["caption"].to_pylist())
    return alignment(pa.table({name: rows[name] for name in ("text_negative_id", "image_negative_id")} | columns))
