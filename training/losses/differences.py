"""PC-CLIP (arXiv 2409.09721): what is said of a change lies where the change of pictures points."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.encoded import Encoded
from training.losses.loss import Loss


class Differences(Loss):
    """Each difference caption among the changes from image to edited picture, of a batch's pairs that have both."""

    def __call__(self, batch: Encoded) -> Tensor:
        """Return (CE of differences among changes + CE of changes among differences) / 2, at temperature 1."""
        there = batch.has_difference & batch.has_edit
        if not there.any():
            return batch.images.sum() * 0
        changes = F.normalize(batch.edits[there] - batch.images[there], dim=-1)
        logits = batch.differences[there] @ changes.T
        own = torch.arange(len(logits), device=logits.device)
        each = F.cross_entropy(logits, own, reduction="none") + F.cross_entropy(logits.T, own, reduction="none")
        return (batch.weights[there] * each).mean() / 2
