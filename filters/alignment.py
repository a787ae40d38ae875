"""The 2x2 matrix of image-caption similarities under one dual encoder."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.measures import score_rows

Matrix = npt.NDArray[np.float32]


class Alignment:
    """Turn vectors of originals and negatives into scores; the arithmetic only, no model."""

    version = 2

    def __init__(self, role: str, model: str) -> None:
        self.role, self.model = role, model

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, role and model."""
        return ["alignment", self.version, self.role, self.model]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of ids, unit vectors (image0, caption0, caption1, image1; null where there is none, and so is then
        what hangs on it) and reads_change into SCORES.

        `s_ij` is the cosine of image i and caption j. Directional similarity is the cosine of the change in
        image space and the change in caption space (StyleGAN-NADA, arXiv 2108.00946; InstructPix2Pix, arXiv
        2211.09800), null where one of them is no change at all.
        """
        names = ("image0", "caption0", "caption1", "image1")
        width = max(_width(table[name]) for name in names)
        image0, caption0, caption1, image1 = (_vectors(table[name], width) for name in names)
        columns = {
            "s00": _cosine(image0, caption0),
            "s01": _cosine(image0, caption1),
            "text_similarity": _cosine(caption0, caption1),
            "s10": _cosine(image1, caption0),
            "s11": _cosine(image1, caption1),
            "image_similarity": _cosine(image0, image1),
            "directional_similarity": _cosine(_way(image0, image1), _way(caption0, caption1)),
        }
        ids = {name: table[name] for name in ("text_negative_id", "image_negative_id", "reads_change")}
        rows = table.num_rows
        known = {**ids, "role": pa.repeat(self.role, rows), "model": pa.repeat(self.model, rows), **columns}
        return score_rows(rows, **known)


@dataclass(frozen=True)
class _Vectors:
    """A vector a row; what there is none of is zeros."""

    rows: Matrix
    known: npt.NDArray[np.bool_]


def _width(lists: pa.ChunkedArray) -> int:
    return pc.max(pc.list_value_length(lists)).as_py() or 0  # a shard may have no usable row


def _vectors(lists: pa.ChunkedArray, width: int) -> _Vectors:
    known = lists.is_valid().to_numpy()
    rows: Matrix = np.zeros((len(lists), width), np.float32)
    rows[known] = (
        lists.drop_null().combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(int(known.sum()), width)
    )
    return _Vectors(rows, known)


def _cosine(first: _Vectors, second: _Vectors) -> pa.Array:
    found = np.einsum("ij,ij->i", first.rows, second.rows)
    return pa.array(found, pa.float32(), mask=~(first.known & second.known))


def _way(start: _Vectors, end: _Vectors) -> _Vectors:
    """Return the direction from one vector to another; none where they are the same."""
    way = end.rows - start.rows
    lengths = np.linalg.norm(way, axis=1, keepdims=True)
    unit = np.divide(way, lengths, out=np.zeros_like(way), where=lengths > 1e-6)
    return _Vectors(unit, start.known & end.known & unit.any(1))
