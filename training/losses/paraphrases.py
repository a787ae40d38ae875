"""What says the same shall lie together: against models that answer negatives by rejecting every change of words.

CLIC (arXiv 2505.24424) pulls captions of one meaning together; SugarCrepe++ (arXiv 2406.11171) tests that they are
nearer to one another than to a negative.
"""

import torch
from pydantic import Field
from torch import Tensor

from training.encoded import Encoded
from training.losses.loss import Loss, mean, without


def distance(batch: Encoded) -> Tensor:
    """Return the mean squared distance of captions and their paraphrases."""
    return mean((batch.captions - batch.paraphrases).square().sum(1), batch.has_paraphrase)


def apart(batch: Encoded) -> Tensor:
    """Return the mean of -log(e^{t s(T,P)} / (e^{t s(T,P)} + sum_k e^{t s(T,Tneg_k)})), s the cosine."""
    right = batch.scale * (batch.captions * batch.paraphrases).sum(1)
    wrong = batch.scale * torch.einsum("nd,nkd->nk", batch.captions, batch.negatives)
    columns = torch.cat([right[:, None], without(wrong, batch.has_negative)], 1)
    return mean(torch.logsumexp(columns, 1) - right, batch.has_paraphrase & batch.has_negative.any(1))


class Paraphrases(Loss):
    """Captions near their paraphrases, and nearer to them than to their negatives."""

    distance: float = Field(default=1.0, ge=0)
    """Weight of the squared distance."""
    apart: float = Field(default=0.5, ge=0)
    """Weight of being nearer than negatives."""

    def __call__(self, batch: Encoded) -> Tensor:
        """Return the weighted sum of both."""
        return self.distance * distance(batch) + self.apart * apart(batch)
