"""Find pictures by captions and captions by pictures, among all of a pool."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.encoded import Encoded
from evaluation.items import Item
from filters.embeddings import Vectors

_ROWS = 256  # queries at a time: what a large pool has room for


def ranked(seen: Encoded, pool: Sequence[Item]) -> dict[str, list[Any]]:
    """Score the right pairs of a pool, and count the wrong ones that are as similar or more: columns of SCORES.

    Equal pictures and equal captions are one: a caption that two pictures have is right for both, where by numbers it
    would be a wrong answer that nothing can tell from the right one.
    """
    places: list[tuple[Item, int, int]] = [
        (one, p, c) for one in pool for p in range(len(one["pictures"])) for c in range(len(one["captions"]))
    ]
    keys = list(dict.fromkeys(picture["key"] for one in pool for picture in one["pictures"]))
    texts = list(dict.fromkeys(caption for one in pool for caption in one["captions"]))
    columns: dict[str, list[Any]] = {
        "benchmark": [one["benchmark"] for one, _, _ in places],
        "item_id": [one["item_id"] for one, _, _ in places],
        "picture": [p for _, p, _ in places],
        "caption": [c for _, _, c in places],
        "other": [None] * len(places),
    }
    if not places:
        return {**columns, "score": []}
    numbers = {key: n for n, key in enumerate(keys)}, {text: n for n, text in enumerate(texts)}
    pairs = np.array([(numbers[0][o["pictures"][p]["key"]], numbers[1][o["captions"][c]]) for o, p, c in places])
    pictures, captions = seen.pictures(keys), seen.captions(texts)
    scores, better, tied = _counted(pictures, captions, pairs)
    _, better_pictures, tied_pictures = _counted(captions, pictures, pairs[:, ::-1])
    return {
        **columns,
        "score": scores.tolist(),
        "better_captions": better.tolist(),
        "tied_captions": tied.tolist(),
        "better_pictures": better_pictures.tolist(),
        "tied_pictures": tied_pictures.tolist(),
    }


def _counted(
    queries: Vectors, answers: Vectors, pairs: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Of each right pair (query, answer): its similarity, how many wrong answers are above it, how many level."""
    scores = np.empty(len(pairs), np.float32)
    better, tied = np.empty(len(pairs), np.int32), np.empty(len(pairs), np.int32)
    order = np.argsort(pairs[:, 0], kind="stable")
    starts = np.searchsorted(pairs[order, 0], np.arange(len(queries) + 1))
    for first in range(0, len(queries), _ROWS):
        similar = queries[first : first + _ROWS] @ answers.T
        for row, those in enumerate(similar, start=first):
            of = order[starts[row] : starts[row + 1]]
            right = pairs[of, 1]
            scores[of] = those[right]
            wrong = np.delete(those, right)
            better[of] = (wrong[None, :] > scores[of][:, None]).sum(1)
            tied[of] = (wrong[None, :] == scores[of][:, None]).sum(1)
    return scores, better, tied
