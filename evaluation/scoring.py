"""Similarities of every picture and caption of every item: each picture and caption is encoded once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.blind import Blind
from evaluation.encoded import Encoded
from evaluation.items import Item
from evaluation.models import DualEncoder
from evaluation.retrieval import ranked
from filters.embeddings import Vectors

SCORES = pa.schema(
    [
        ("model", pa.string()),
        ("benchmark", pa.string()),
        ("item_id", pa.string()),
        ("picture", pa.int32()),  # place in the item, from 0; null: the similarity of two captions
        ("caption", pa.int32()),
        ("other", pa.int32()),  # the second caption, where there is no picture
        ("score", pa.float32()),  # cosine similarity; of a blind model, what it makes of the caption alone
        # Of retrieval, where rows are right pairs: how many wrong captions of the pool are more similar to the picture,
        # and how many as similar; the same of wrong pictures and the caption.
        ("better_captions", pa.int32()),
        ("tied_captions", pa.int32()),
        ("better_pictures", pa.int32()),
        ("tied_pictures", pa.int32()),
    ]
)

LEFT_OUT = pa.schema(
    [
        ("benchmark", pa.string()),
        ("item_id", pa.string()),
        ("picture", pa.string()),  # its file, or the key of one without; of a row that is no item, where that stands
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Evaluated:
    """What a model makes of items, and the items that it could not be asked about."""

    scores: pa.Table  # SCORES
    left_out: pa.Table  # LEFT_OUT; such an item has no scores at all


def evaluate(
    model: "DualEncoder | Blind",
    items: pa.Table | Iterable[pa.Table],
    advance: Callable[[int], None] = lambda _: None,
    encoded: Encoded | None = None,
) -> Evaluated:
    """Score tables of ITEMS with a model: a row for each picture and caption of an item that are to be told apart.

    Of items with two right captions of one picture the captions are compared with one another too (SugarCrepe++).
    Retrieval is among all items of a benchmark's category that are given in this call. `advance` is told how many
    pictures were seen. Similarities are dots of float32 vectors, each computed alike wherever it stands.
    """
    rows, left_out, pools = [SCORES.empty_table()], list[dict[str, Any]](), dict[tuple[str, str], list[Item]]()
    seen = encoded or (None if isinstance(model, Blind) else Encoded(model))
    for table in [items] if isinstance(items, pa.Table) else items:
        several = table.to_pylist()
        if seen is not None:
            seen.see((picture for one in several for picture in one["pictures"]), advance)
            several = [one for one in several if _usable(one, seen, left_out)]
        choices = [one for one in several if one["task"] == "choice"]
        for one in several:
            if one["task"] == "retrieval":  # without what it was read from: the pool may be large
                shown = [{**picture, "bytes": None} for picture in one["pictures"]]
                pools.setdefault((one["benchmark"], one["category"]), []).append({**one, "pictures": shown})
        if isinstance(model, Blind):
            rows.append(_blind(model, choices, left_out))
        if seen is None:
            continue
        seen.read(caption for one in several for caption in one["captions"])
        rows.append(_cells(seen, choices))
    if seen is not None:
        rows += [_table(seen.model.name, ranked(seen, pool)) for pool in pools.values()]
    return Evaluated(pa.concat_tables(rows), pa.Table.from_pylist(left_out, LEFT_OUT))


def _usable(one: Item, seen: Encoded, left_out: list[dict[str, Any]]) -> bool:
    bad = [picture for picture in one["pictures"] if picture["key"] in seen.unusable]
    left_out += [
        {"benchmark": one["benchmark"], "item_id": one["item_id"], "picture": picture["path"] or picture["key"],
         "reason": seen.unusable[picture["key"]]}
        for picture in bad
    ]  # fmt: skip
    return not bad


def _cells(seen: Encoded, items: list[Item]) -> pa.Table:
    cells = [(one, *cell) for one in items for cell in _pairs_of(one)]
    if not cells:
        return SCORES.empty_table()
    sides = (
        [one["pictures"][p]["key"] if p is not None else None for one, p, _, _ in cells],
        [one["captions"][o] if o is not None else None for one, _, _, o in cells],
    )
    captions = seen.captions([one["captions"][c] for one, _, c, _ in cells])
    first = np.empty_like(captions)
    pictured = np.array([key is not None for key in sides[0]])
    if pictured.any():
        first[pictured] = seen.pictures([key for key in sides[0] if key is not None])
    if not pictured.all():
        first[~pictured] = seen.captions([caption for caption in sides[1] if caption is not None])
    # Row by row, not as a product of matrices: there equal vectors may differ in their last bit, and ties are counted.
    scores = np.einsum("ij,ij->i", first, captions)
    return _rows_of(seen.model.name, cells, scores)


def _pairs_of(one: Item) -> Iterator[tuple[int | None, int, int | None]]:
    """Name the cells of an item: picture, caption, second caption."""
    captions, truth = range(len(one["captions"])), one["truth"]
    for p in range(len(one["pictures"])):
        yield from ((p, c, None) for c in captions)
    if len(one["pictures"]) == 1 and sum(truth) > 1 and not all(truth):
        yield from ((None, c, other) for c in captions for other in captions if c < other)


def _blind(model: Blind, items: list[Item], left_out: list[dict[str, Any]]) -> pa.Table:
    of = model.scores(list(dict.fromkeys(caption for one in items for caption in one["captions"])))
    read = [one for one in items if all(caption in of for caption in one["captions"])]
    left_out += [
        {"benchmark": one["benchmark"], "item_id": one["item_id"], "picture": None, "reason": f"{model.name}: too long"}
        for one in items
        if not all(caption in of for caption in one["captions"])
    ]
    cells = [(one, p, c, None) for one in read for p, c, _ in _pairs_of(one) if p is not None]
    return _rows_of(model.name, cells, np.array([of[one["captions"][c]] for one, _, c, _ in cells], np.float32))


def _rows_of(model: str, cells: Sequence[tuple[Item, int | None, int, int | None]], scores: Vectors) -> pa.Table:
    return _table(
        model,
        {
            "benchmark": [one["benchmark"] for one, _, _, _ in cells],
            "item_id": [one["item_id"] for one, _, _, _ in cells],
            "picture": [p for _, p, _, _ in cells],
            "caption": [c for _, _, c, _ in cells],
            "other": [other for _, _, _, other in cells],
            "score": scores,
        },
    )


def _table(model: str, columns: dict[str, Any]) -> pa.Table:
    rows = len(columns["item_id"])
    known = {**columns, "model": pa.repeat(model, rows)}
    return pa.table(
        [pa.array(known[f.name], f.type) if f.name in known else pa.nulls(rows, f.type) for f in SCORES], schema=SCORES
    )
