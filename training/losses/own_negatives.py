"""An example against its own negatives alone: FSC-CLIP's global part (arXiv 2410.05210), and the same for pictures."""

import torch
from pydantic import Field
from torch import Tensor

from training.encoded import Encoded
from training.losses.loss import Loss, mean, without


def focal(right: Tensor, wrong: Tensor, there: Tensor, weights: Tensor, gamma: float, smoothing: float) -> Tensor:
    """Return the mean over rows of -weight sum_c q_c (1 - p_c)^gamma log p_c, p the softmax of a row's logits.

    Takes the logit of what is right (n), those of what is wrong (n x k), and which of these there are. The target q is
    1 - smoothing for what is right, the rest shared by the negatives that there are. Rows without any leave the mean.
    """
    there = torch.cat([torch.ones_like(there[:, :1]), there], 1)
    logits = without(torch.cat([right[:, None], wrong], 1), there)
    logs = torch.log_softmax(logits, 1)
    negatives = there[:, 1:].sum(1, keepdim=True)
    target = torch.where(there, smoothing / negatives.clamp(min=1), 0.0)
    target = torch.cat([torch.full_like(right[:, None], 1 - smoothing), target[:, 1:]], 1)
    each = target * (1 - logs.exp()).pow(gamma) * logs
    return mean(-torch.where(there, each, 0.0).sum(1), negatives[:, 0] > 0, weights)


class OwnNegatives(Loss):
    """Each image between its caption and its wrong ones; with edited pictures also each edited picture between the two
    captions, and each caption between the two pictures.

    Nothing is held against another example's, so it disturbs retrieval less than further columns do.
    """

    weight: float = Field(default=0.5, ge=0)
    gamma: float = Field(default=2.0, ge=0)
    """How much less counts what is right already."""
    smoothing: float = Field(default=0.02, ge=0, lt=1)
    """Share of the target that wrong captions get."""

    def __call__(self, batch: Encoded) -> Tensor:
        """Return the focal loss of images, and where there are edited pictures the mean of all four."""
        s, t = batch.matrices, batch.scale
        right, wrong = batch.of_images()
        of_images = focal(right, wrong, batch.has_negative, batch.weights, self.gamma, self.smoothing)
        whole, edited = batch.whole[:, None], batch.has_edit[:, None]
        if not edited.any():
            return of_images
        others = (
            (s[:, 1, 1], s[:, 1, :1], whole),  # the edited picture between the captions
            (s[:, 0, 0], s[:, 1:, 0], whole),  # the caption between the pictures
            (s[:, 1, 1], s[:, :1, 1], edited),  # the wrong caption between the pictures: it is true of the edited one
        )
        more = [
            focal(t * own, t * other, there, batch.weights, self.gamma, self.smoothing) for own, other, there in others
        ]
        return torch.stack([of_images, *more]).mean()
