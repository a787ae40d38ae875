"""The 2x2 matrix of image-caption similarities under one dual encoder."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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
        """Turn rows of ids, unit vectors (image0, caption0, caption1, image1 or null) and reads_change into SCORES.

        `s_ij` is the cosine of image i and caption j. Directional similarity is the cosine of the change in
        image space and the change in caption space (StyleGAN-NADA, arXiv 2108.00946; InstructPix2Pix, arXiv
        2211.09800), null where one of them is no change at all.
        """
        image0, caption0, caption1 = (_matrix(table[name]) for name in ("image0", "caption0", "caption1"))
        columns: dict[str, pa.Array] = {
            "s00": _cosine(image0, caption0),
            "s01": _cosine(image0, caption1),
            "text_similarity": _cosine(caption0, caption1),
        }
        edited = table["image1"].is_valid().combine_chunks()
        if edited.true_count:
            columns |= self._edited(table, edited.to_numpy(zero_copy_only=False), image0, caption0, caption1)
        ids = {name: table[name] for name in ("text_negative_id", "image_negative_id", "reads_change")}
        rows = table.num_rows
        known = {**ids, "role": pa.repeat(self.role, rows), "model": pa.repeat(self.model, rows), **columns}
        return score_rows(rows, **known)

    def _edited(
        self, table: pa.Table, edited: npt.NDArray[np.bool_], image0: Matrix, caption0: Matrix, caption1: Matrix
    ) -> dict[str, pa.Array]:
        image1 = np.zeros_like(image0)
        image1[edited] = _matrix(table["image1"].drop_null())
        moved = _unit(image1 - image0), _unit(caption1 - caption0)
        none = ~edited
        return {
            "s10": _cosine(image1, caption0, none),
            "s11": _cosine(image1, caption1, none),
            "image_similarity": _cosine(image0, image1, none),
            "directional_similarity": _cosine(*moved, none | ~moved[0].any(1) | ~moved[1].any(1)),
        }


def _matrix(vectors: pa.ChunkedArray) -> Matrix:
    lists = vectors.combine_chunks()
    flat = lists.flatten().to_numpy(zero_copy_only=False)
    width = len(flat) // len(lists) if len(lists) else 0  # a shard may have no usable row
    matrix: Matrix = flat.reshape(len(lists), width).astype(np.float32, copy=False)
    return matrix


def _cosine(first: Matrix, second: Matrix, null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(np.einsum("ij,ij->i", first, second), pa.float32(), mask=null)


def _unit(vectors: Matrix) -> Matrix:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Matrix = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6)
    return unit
