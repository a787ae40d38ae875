"""CE-CLIP (arXiv 2306.08832): intra-modal contrast, and cross-modal ranking by a threshold that adapts."""

import torch
from pydantic import Field
from torch import Tensor

from schemas.operations import OPERATIONS
from training.encoded import Encoded
from training.losses.loss import Loss, mean, without
from training.losses.negclip import with_negatives

_MOST = 10.0  # what a threshold is clamped to, in logits


def ranking(batch: Encoded, thresholds: Tensor) -> Tensor:
    """Return the mean over valid negatives of max(0, tau_k + t s(I, Tneg) - t s(I, T)), s the cosine.

    `thresholds` has a tau for each operation. The public code counts the negatives that are not valid in the mean.
    """
    right, wrong = batch.of_images()
    hinges = (thresholds[batch.kinds] + wrong - right[:, None]).clamp(min=0)
    return mean(hinges, batch.has_negative, batch.weights)


def intra_modal(batch: Encoded) -> Tensor:
    """Return the mean of -log(e^{t s(I,T)} / (e^{t s(I,T)} + sum_k e^{t s(T,Tneg_k)})): a caption away from its own
    negatives.

    The formula of the paper: the public code has lost the column of the pair and draws captions to a negative.
    """
    right, _ = batch.of_images()
    among = batch.scale * torch.einsum("nd,nkd->nk", batch.captions, batch.negatives)
    columns = torch.cat([right[:, None], without(among, batch.has_negative)], 1)
    return mean(torch.logsumexp(columns, 1) - right, batch.has_negative.any(1), batch.weights)


def adapted(batch: Encoded, thresholds: Tensor) -> Tensor:
    """Return the thresholds of the next step: of each operation in the batch, how much nearer, on average, images are
    to their captions than to its negatives, between 0 and 10. Those of other operations stay."""
    with torch.no_grad():
        right, wrong = batch.of_images()
        found = thresholds.clone()
        for kind in torch.unique(batch.kinds[batch.has_negative]):
            of_kind = batch.has_negative & (batch.kinds == kind)
            found[kind] = (right.mean() - wrong[of_kind].mean()).clamp(0, _MOST)
        return found


class CECLIP(Loss):
    """NegCLIP's contrastive loss, and both terms with the paper's weights."""

    ranking: float = Field(default=0.2, ge=0)
    """Weight of cross-modal ranking."""
    intra_modal: float = Field(default=0.3, ge=0)
    """Weight of intra-modal contrast."""

    def __call__(self, batch: Encoded) -> Tensor:
        """Return contrast + 0.2 ranking + 0.3 intra-modal; thresholds begin at 0 and are remembered."""
        known = [batch.memory.get(_name(operation), 0.0) for operation in OPERATIONS]
        thresholds = torch.tensor(known, device=batch.images.device)
        ranked = ranking(batch, thresholds)
        batch.memory.update(zip(map(_name, OPERATIONS), adapted(batch, thresholds).tolist(), strict=True))
        return with_negatives(batch) + self.ranking * ranked + self.intra_modal * intra_modal(batch)


def _name(operation: str) -> str:
    return f"ce_clip.threshold.{operation}"
