"""Ask whether a model prefers edited pictures as such: by captions that have nothing to do with what they show."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.ids import row_seed
from schemas.tables import RELEVANCE
from schemas.words import bare

Matrix = npt.NDArray[np.float32]

CAPTIONS = 16  # a picture is asked about
# Columns of TEXT_NEGATIVES that say what is changed, and what it is about: of their words none may stand in a caption.
ABOUT = ("original_phrase", "negative_phrase", "unit", "foil")
_DRAWS = 64  # how often as many are drawn before fewer must do


class Relevance:
    """Turn pairs of pictures into RELEVANCE; the arithmetic only, no model.

    Retrieval models rank generated pictures above real ones that show the same (the invisible relevance bias, arXiv
    2311.14084). There the two are compared on captions of what they show; here, because an edit changes that, on
    captions of other pictures that say nothing of what the change is about: where these fit the edited picture better,
    that is for how it was made.
    """

    version = 1

    def __init__(self, role: str, model: str, captions: Sequence[tuple[str, str]], vectors: Matrix) -> None:
        """Take captions with the picture that each is of, and their unit vectors: captions x dimensions."""
        self.role, self.model = role, model
        self._images = [image for image, _ in captions]
        self._words = [frozenset(bare(caption).split()) for _, caption in captions]
        self._vectors = vectors

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, role, model and how many captions a picture is asked about."""
        return ["relevance", self.version, self.role, self.model, CAPTIONS]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of ids, image_id, what changed and what it is about (ABOUT), and unit vectors (untouched, remade or
        null, edited) into RELEVANCE; without those for which no caption is left."""
        return pa.Table.from_pylist(list(self._rows(table)), RELEVANCE)

    def _rows(self, table: pa.Table) -> Iterator[dict[str, Any]]:
        for row in table.to_pylist():
            changed = {word for name in ABOUT for word in bare(row[name] or "").split()}
            chosen = self._neutral(row["text_negative_id"], row["image_id"], changed)
            if not chosen:
                continue
            fits = {
                name: self._vectors[chosen] @ np.array(row[name], np.float32)
                for name in ("untouched", "remade", "edited")
                if row[name] is not None
            }
            yield {
                "text_negative_id": row["text_negative_id"],
                "image_negative_id": row["image_negative_id"],
                "role": self.role,
                "model": self.model,
                "captions": len(chosen),
                **{name: float(fit.mean()) for name, fit in fits.items()},
                **{f"over_{name}": _share(fits["edited"], fit) for name, fit in fits.items() if name != "edited"},
            }

    def _neutral(self, negative: str, image: str, changed: set[str]) -> list[int]:
        """Draw captions of other pictures that have none of the changed words, by the id of the wrong caption alone."""
        if not self._images:
            return []
        rng, chosen = random.Random(row_seed(negative, 0, "neutral")), dict[int, None]()
        for _ in range(_DRAWS * CAPTIONS):
            at = rng.randrange(len(self._images))
            if self._images[at] != image and self._words[at].isdisjoint(changed):
                chosen[at] = None
            if len(chosen) == CAPTIONS:
                break
        return list(chosen)


def _share(edited: Matrix, other: Matrix) -> float:
    return float(((edited > other) + 0.5 * (edited == other)).mean())
