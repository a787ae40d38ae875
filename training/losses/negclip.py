"""NegCLIP (arXiv 2210.01936): wrong captions as further columns of the contrastive loss."""

from torch import Tensor

from training.encoded import Encoded
from training.losses.contrastive import contrast
from training.losses.loss import Loss


def with_negatives(batch: Encoded) -> Tensor:
    """Return (CE over n + m columns + CE(t2i)) / 2, m the negatives that there are."""
    return contrast(batch.images, batch.captions, batch.scale, batch.weights, batch.negatives[batch.has_negative])


class NegCLIP(Loss):
    """Each image among all captions and all wrong captions of the batch; each caption among the images."""

    def __call__(self, batch: Encoded) -> Tensor:
        """Return the contrastive loss with negatives."""
        return with_negatives(batch)
