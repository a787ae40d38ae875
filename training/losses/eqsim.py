"""EqSim (arXiv 2303.14465): similarity shall change as much as meaning does, whichever way one looks."""

import torch
from pydantic import Field
from torch import Tensor

from training.encoded import Encoded
from training.losses.loss import Loss, mean


def equivariance(batch: Encoded, margin: float) -> Tensor:
    """Return max(0, mean(((s00 - s01) - (s11 - s10))^2) - m) + max(0, mean(((s00 - s10) - (s11 - s01))^2) - m).

    m is the margin, s_ij the cosine of image i and caption j of a minimal pair with both pictures. The margin is taken
    off the mean, as in the published recipe.
    """
    s = batch.matrices
    of_captions = (s[:, 0, 0] - s[:, 0, 1]) - (s[:, 1, 1] - s[:, 1, 0])
    of_images = (s[:, 0, 0] - s[:, 1, 0]) - (s[:, 1, 1] - s[:, 0, 1])
    gaps = [mean(gap.square(), batch.whole, batch.weights) for gap in (of_captions, of_images)]
    return (gaps[0] - margin).clamp(min=0) + (gaps[1] - margin).clamp(min=0)


def symmetry(batch: Encoded) -> Tensor:
    """Return the mean of w_i w_j (s(I_i, T_j) - s(I_j, T_i))^2 over the pairs i, j of a batch: its easy pairs."""
    s = batch.images @ batch.captions.T
    both = torch.outer(batch.weights, batch.weights)
    return (both * (s - s.T).square()).mean()


class EqSim(Loss):
    """Equivariance of minimal pairs, which are EqSim's hard pairs exactly, and symmetry of all others.

    It says that similarities change alike, not in which direction: use it beside a loss that does. The paper's margin
    of 0.1 is of probabilities; of a CLIP's cosines, whose gaps are a tenth of that, nothing would be left.
    """

    weight: float = Field(default=0.5, ge=0)
    margin: float = Field(default=0.0, ge=0)
    """Squared difference, on average, that is let pass."""
    easy: float = Field(default=1.0, ge=0)
    """Weight of the easy pairs beside the hard ones."""

    def __call__(self, batch: Encoded) -> Tensor:
        """Return equivariance + easy x symmetry."""
        return equivariance(batch, self.margin) + self.easy * symmetry(batch)
