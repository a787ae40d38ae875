"""Text, image and group score of minimal pairs, by operation (Winoground, arXiv 2204.03162; EqBen, 2303.14465)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from models.lessons import OPERATION_NAMES, Lessons

Vectors = npt.NDArray[np.float32]


def outcomes(
    images: Vectors, captions: Vectors, lessons: Lessons
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell of each minimal pair whether it counts in the text score and in the image score; ties are misses.

    Takes unit vectors of images and captions, rows x 2 x dimensions each. Where caption 0 is true of image 1 too
    ("a circle", "a red circle"), only what is decided by truth is asked: image 0 prefers caption 0, caption 1 prefers
    image 1.
    """
    s = np.einsum("rid,rcd->ric", images, captions)
    also = lessons.entailed
    text = (s[:, 0, 0] > s[:, 0, 1]) & (also | (s[:, 1, 1] > s[:, 1, 0]))
    image = (s[:, 1, 1] > s[:, 0, 1]) & (also | (s[:, 0, 0] > s[:, 1, 0]))
    return text, image


def group_scores(images: Vectors, captions: Vectors, lessons: Lessons) -> dict[str, Any]:
    """Average the text, image and group score, over all and by operation."""
    text, image = outcomes(images, captions, lessons)
    scores: dict[str, Any] = {"all": _means(text, image)}
    for index, operation in enumerate(OPERATION_NAMES):
        rows = lessons.operation == index
        scores[operation] = _means(text[rows], image[rows])
    return scores


def _means(text: npt.NDArray[np.bool_], image: npt.NDArray[np.bool_]) -> list[float]:
    return [round(float(part.mean()), 3) for part in (text, image, text & image)]
