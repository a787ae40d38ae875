"""What a loss is: settings, and a number that training makes small."""

from abc import abstractmethod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from schemas.recipe import Recipe
from training.encoded import Encoded


class Loss(Recipe):
    """One term of what is made small; its fields are its settings in a config."""

    weight: Annotated[float, Field(ge=0)] = 1.0
    """How much it counts beside the others."""

    @abstractmethod
    def __call__(self, batch: Encoded) -> Tensor:
        """Return the loss of a batch, one number; 0 where the batch has nothing that it is about."""


def mean(values: Tensor, there: Tensor, weights: Tensor | None = None) -> Tensor:
    """Average what is there; 0, with a gradient of 0, where nothing is.

    With a weight for each row, values are multiplied by it; what they are divided by stays their number, as in ALIP
    (arXiv 2308.08428): a row that is trusted less counts less, and no other row the more.
    """
    there = there.expand_as(values)
    if weights is not None:
        values = values * weights.reshape(-1, *[1] * (values.ndim - 1))
    return torch.where(there, values, 0.0).sum() / there.sum().clamp(min=1)


def without(logits: Tensor, there: Tensor) -> Tensor:
    """Take logits that are missing out of a softmax."""
    # Not minus infinity: a row where all is missing would give a gradient that is no number.
    return logits.masked_fill(~there, torch.finfo(logits.dtype).min)
