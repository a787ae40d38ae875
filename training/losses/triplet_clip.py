"""TripletCLIP (arXiv 2411.02545): images against wrong captions, and edited pictures against the right ones."""

from torch import Tensor

from training.encoded import Encoded
from training.losses.contrastive import contrast
from training.losses.loss import Loss
from training.losses.negclip import with_negatives


class TripletCLIP(Loss):
    """N(I, T, Tneg) + N(Ineg, Tneg, T) over the minimal pairs that have both pictures; N is NegCLIP's loss.

    A pair whose caption is true of both pictures stays out of the second.
    """

    def __call__(self, batch: Encoded) -> Tensor:
        """Return the sum of both; of a batch without edited pictures, the first one."""
        first = with_negatives(batch)
        whole = batch.whole
        if not whole.any():
            return first
        edited = batch.edits[whole], batch.negatives[whole, 0]
        return first + contrast(*edited, batch.scale, batch.weights[whole], batch.captions[whole])
