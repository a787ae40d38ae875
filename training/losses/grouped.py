"""Both sides of each minimal pair as rows of one contrastive batch (CounterCurate's grouping, arXiv 2402.13254)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.encoded import Encoded
from training.losses.loss import Loss, without


class Grouped(Loss):
    """CLIP's loss over images and edited pictures, captions and wrong captions, all against all.

    An edited picture and the caption that is true of it are a row like any other. A caption that is true of both
    pictures is not held against the edited one; a wrong caption without a picture is a caption too many.
    """

    def __call__(self, batch: Encoded) -> Tensor:
        """Return (CE(i2t) + CE(t2i)) / 2 over n images and their edits."""
        n, k = batch.has_negative.shape
        pictures = torch.cat([batch.images, batch.edits[batch.has_edit]])
        said = torch.cat([batch.captions, batch.negatives[:, 0], batch.negatives[:, 1:].flatten(0, 1)])
        edited = batch.has_edit.nonzero()[:, 0]
        own = torch.cat([torch.arange(n, device=edited.device), n + edited])
        there = torch.cat(
            [torch.ones_like(batch.has_edit), batch.has_negative[:, 0], batch.has_negative[:, 1:].flatten()]
        )
        open_ = there.expand(len(pictures), -1).clone()
        rows = torch.arange(n, len(pictures), device=edited.device)
        open_[rows, edited] = ~batch.still_true[edited]
        # The other wrong captions of an example are wrong for its image, of its edit nobody knows.
        others = n + n + (edited[:, None] * (k - 1) + torch.arange(k - 1, device=edited.device))
        open_[rows[:, None], others] = False
        logits = batch.scale * pictures @ said.T
        to_caption = F.cross_entropy(without(logits, open_), own, reduction="none")
        among = without(logits[:, own], open_[:, own]).T
        to_picture = F.cross_entropy(among, torch.arange(len(own), device=own.device), reduction="none")
        weights = torch.cat([batch.weights, batch.weights[edited]])
        return (weights * (to_caption + to_picture)).mean() / 2
