"""What goes into the towers for one step, and what becomes of it for the losses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from schemas.operations import OPERATIONS
from training.encoded import Encoded
from training.sampler import Drawn
from training.towers import Towers

_NONE = -1
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Batch:
    """Pictures and captions of a step, and at which of their rows each example finds its own; -1 where it has none."""

    pictures: Tensor  # pictures x what the image tower takes
    tokens: Tensor  # captions x what the text tower takes
    images: Tensor  # n: rows of `pictures`, as are edits
    edits: Tensor  # n
    captions: Tensor  # n: rows of `tokens`, as are all that follow but kinds
    negatives: Tensor  # n, k
    paraphrases: Tensor  # n
    differences: Tensor  # n
    kinds: Tensor  # n, k: places in OPERATIONS
    still_true: Tensor  # n
    weights: Tensor  # n: numbers in (0, 1]


class _Rows(Generic[Thing]):
    """Things by number, in the order in which they were named."""

    def __init__(self) -> None:
        self.all: list[Thing] = []

    def add(self, one: Thing | None) -> int:
        if one is None:
            return _NONE
        self.all.append(one)
        return len(self.all) - 1


def make_batch(drawn: Sequence[Drawn], k: int, picture: Callable[[int], bytes], towers: Towers) -> Batch:
    """Read, decode and tokenise what some examples show; `picture` reads an encoded picture by its row."""
    pictures, said = _Rows[int](), _Rows[str]()
    rows: dict[str, list[Any]] = {name: [] for name in Batch.__dataclass_fields__}
    for one in drawn:
        example, first = one.example, one.negatives[0] if one.negatives else None
        spare = k - len(one.negatives)
        rows["images"].append(pictures.add(example.picture))
        rows["edits"].append(pictures.add(first.edit if first else None))
        rows["captions"].append(said.add(example.caption))
        rows["negatives"].append([*(said.add(negative.caption) for negative in one.negatives), *[_NONE] * spare])
        rows["kinds"].append([*(OPERATIONS.index(each.operation) for each in one.negatives), *[0] * spare])
        rows["paraphrases"].append(said.add(one.paraphrase))
        changed = first is not None and first.edit is not None
        rows["differences"].append(said.add(first.difference if first and changed else None))
        rows["still_true"].append(first is not None and first.still_true)
        rows["weights"].append(one.weight)
    indices = {name: torch.tensor(values) for name, values in rows.items() if values}
    encoded = [picture(row) for row in pictures.all]
    return Batch(towers.pictures(encoded), towers.tokens(said.all), **indices)


def seen_by_losses(batch: Batch, pictures: Tensor, captions: Tensor, scale: Tensor) -> Encoded:
    """Put vectors where the losses look for them: of `pictures` and of `captions`, a row each as in the batch."""

    def at(vectors: Tensor, rows: Tensor) -> Tensor:
        return vectors[rows.to(vectors.device).clamp(min=0)]

    def there(rows: Tensor) -> Tensor:
        return (rows != _NONE).to(pictures.device)

    return Encoded(
        images=at(pictures, batch.images),
        captions=at(captions, batch.captions),
        negatives=at(captions, batch.negatives),
        has_negative=there(batch.negatives),
        kinds=batch.kinds.to(pictures.device),
        edits=at(pictures, batch.edits),
        has_edit=there(batch.edits),
        still_true=batch.still_true.to(pictures.device),
        weights=batch.weights.to(pictures.device),
        paraphrases=at(captions, batch.paraphrases),
        has_paraphrase=there(batch.paraphrases),
        differences=at(captions, batch.differences),
        has_difference=there(batch.differences),
        scale=scale,
    )
