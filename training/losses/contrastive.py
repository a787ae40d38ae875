"""The contrastive loss of CLIP (arXiv 2103.00020): the baseline."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.encoded import Encoded
from training.losses.loss import Loss


def contrast(images: Tensor, captions: Tensor, scale: Tensor, weights: Tensor, more: Tensor | None = None) -> Tensor:
    """Return the mean over rows of weight x (CE of image among the captions + CE of caption among the images) / 2.

    Takes unit vectors, n x d each, row i of one belonging to row i of the other; `more` captions, m x d, are wrong for
    every image, and are asked for none: they stand in the first sum only (NegCLIP, arXiv 2210.01936).
    """
    logits = scale * images @ captions.T
    own = torch.arange(len(logits), device=logits.device)
    wide = logits if more is None else torch.cat([logits, scale * images @ more.T], 1)
    each = F.cross_entropy(wide, own, reduction="none") + F.cross_entropy(logits.T, own, reduction="none")
    return (weights * each).mean() / 2


class Contrastive(Loss):
    """CLIP's loss over the images and their captions alone; negatives take no part."""

    def __call__(self, batch: Encoded) -> Tensor:
        """Return (CE(i2t) + CE(t2i)) / 2."""
        return contrast(batch.images, batch.captions, batch.scale, batch.weights)
