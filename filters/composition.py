"""The similarity of a picture and a caption by their parts, without training."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from filters.embeddings import Vectors
from schemas.regions import Regions

Vector = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


class Composition:
    """Score a picture and a caption by unit vectors of both, of the caption's words, and of the regions that fit these.

    `phrases`: (1 - w) cos(I, T) + w mean_k cos(R_k, t_k) over the noun phrases t_k and their regions R_k: a phrase is
    not lent what another thing has, which a vector of the whole cannot say.

    `comclip` (ComCLIP, arXiv 2211.13854, as its published code computes it): cos(I + sum_k v_k R_k, T), where v_k is
    cos(R_k, t_k) over the sum of all of them, and the words are the noun phrases and the predicates, whose regions are
    those of their subject and object together. Where none of them is above 0 it is cos(I, T).

    Without words both are cos(I, T).
    """

    version = 1

    def __init__(self, settings: Regions) -> None:
        self.settings = settings

    @property
    def identity(self) -> list[Any]:
        """Stage name, version and settings."""
        return ["composition", self.version, self.settings.model_dump(mode="json")]

    def __call__(self, image: Vector, caption: Vector, words: Vectors, regions: Vectors) -> float:
        """Score one picture and caption; `words` and `regions` are k x d, k may be 0."""
        whole = float(image @ caption)
        if not len(words):
            return whole
        fit = np.einsum("ij,ij->i", words, regions)
        if self.settings.match == "phrases":
            return (1 - self.settings.weight) * whole + self.settings.weight * float(fit.mean())
        fit = fit.clip(min=0)
        if not fit.any():
            return whole
        composed = image + fit / fit.sum() @ regions
        return float(composed @ caption / np.linalg.norm(composed))


def best_of(word: Vector, regions: Vectors) -> int:
    """Choose the region that fits a word best; the first of equals."""
    return int(np.argmax(regions @ word))


def cut_out(picture: Image.Image, mask: Mask) -> Image.Image:
    """Show a region alone, where it is, on the colour that is in the middle of what the picture's edge has.

    ComCLIP has black there, which no picture that a small model was trained on has around a thing: see docs/judges.md.
    """
    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return Image.fromarray(np.where(mask[..., None], pixels, np.median(edge, 0).astype(np.uint8)))
