"""The one table that every benchmark becomes: pictures, captions, and which of them belong together."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from devices.pictures import as_png

if TYPE_CHECKING:
    from PIL import Image

PICTURE = pa.struct(
    [
        ("key", pa.string()),  # equal for equal pictures: each is encoded once; never null
        ("path", pa.string()),  # file, where there are no bytes; `.npy` is height x width x 3, blue first (EqBen)
        ("bytes", pa.binary()),  # encoded picture
        ("box", pa.list_(pa.int32())),  # left, top, width, height in pixels to crop to; null: all of it
    ]
)

ITEMS = pa.schema(
    [
        ("benchmark", pa.string()),
        ("item_id", pa.string()),  # unique within the benchmark
        # Items with a picture or caption in common, for intervals: they do not vary on their own. Null: its own.
        ("group", pa.string()),
        ("category", pa.string()),  # what scores are told apart by
        # Larger units that are right where all of their items are (WhatsUp's pairs and sets): kind -> name.
        ("sets", pa.map_(pa.string(), pa.string())),
        # choice: within the item. retrieval: among all pictures and captions of the benchmark's category.
        ("task", pa.string()),
        ("pictures", pa.list_(PICTURE)),
        ("captions", pa.list_(pa.string())),
        # Whether a caption is true of a picture, picture by picture: of picture p and caption c it stands at
        # p * len(captions) + c.
        ("truth", pa.list_(pa.bool_())),
    ]
)

AT_A_TIME = 256  # items of a table
Picture = Mapping[str, Any]  # a value of PICTURE
Item = dict[str, Any]  # a row of ITEMS


def picture(
    data: "bytes | Image.Image | None" = None,
    path: str | None = None,
    key: str | None = None,
    box: Sequence[int] | None = None,
) -> Picture:
    """Name a picture: one in memory, encoded or not, or a file; of either, what lies in a box alone."""
    if data is not None and not isinstance(data, bytes):
        data = as_png(data)
    if key is None:
        of = hashlib.sha256(data).hexdigest() if data is not None else str(path)
        key = of if box is None else f"{of}#{','.join(map(str, box))}"
    return {"key": key, "path": path if data is None else None, "bytes": data, "box": box and list(map(int, box))}


def item(
    benchmark: str,
    item_id: object,
    pictures: Sequence[Picture],
    captions: Sequence[str],
    truth: Sequence[bool] | None = None,
    *,
    category: str = "",
    group: str | None = None,
    sets: Mapping[str, str] | None = None,
) -> Item:
    """Make a row of ITEMS. `truth` goes picture by picture; without it picture n has caption n and no other.

    So one picture with several captions has the first as its right one, and so has a caption with several pictures.
    Raises ValueError where there are not as many truths as picture-caption pairs.
    """
    if truth is None:
        truth = [p == c for p in range(len(pictures)) for c in range(len(captions))]
    if len(truth) != len(pictures) * len(captions):
        raise ValueError(f"{benchmark} {item_id}: {len(truth)} truths of {len(pictures)} x {len(captions)} pairs")
    return {
        "benchmark": benchmark, "item_id": str(item_id), "group": group, "category": category,
        "sets": list((sets or {}).items()), "task": "choice", "pictures": list(pictures),
        "captions": list(captions), "truth": list(truth),
    }  # fmt: skip


def retrieval(benchmark: str, item_id: object, shown: Picture, captions: Sequence[str], *, category: str = "") -> Item:
    """Make a row of ITEMS of a picture that is to be found by its captions, and they by it; without any it is only in
    the way."""
    row = item(benchmark, item_id, [shown], captions, [True] * len(captions), category=category)
    return {**row, "task": "retrieval"}


def tables(rows: Iterable[Item], size: int = AT_A_TIME) -> Iterator[pa.Table]:
    """Gather rows into tables of ITEMS, so many at a time."""
    left = iter(rows)
    while several := list(islice(left, size)):
        yield pa.Table.from_pylist(several, ITEMS)


def without_pictures(items: pa.Table) -> pa.Table:
    """Leave the pictures' bytes out: what metrics need of items."""
    names = [[{**one, "bytes": None} for one in several] for several in items["pictures"].to_pylist()]
    at = items.schema.get_field_index("pictures")
    return items.set_column(at, ITEMS.field("pictures"), pa.array(names, ITEMS.field("pictures").type))
