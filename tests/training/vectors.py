"""Batches of vectors by hand."""

import math
from typing import Any

import torch
from torch import Tensor

from training.encoded import Encoded


def at(*degrees: float) -> Tensor:
    """Unit vectors of the plane by their angles: the cosine of two is that of the angle between them."""
    turned = [math.radians(one) for one in degrees]
    return torch.tensor([[math.cos(one), math.sin(one)] for one in turned])


def encoded(images: Tensor, captions: Tensor, negatives: Tensor | None = None, **more: Any) -> Encoded:
    """A batch of images and captions, with nothing else unless it is given; `scale` is 1."""
    n = len(images)
    nothing = torch.zeros_like(images)
    negatives = torch.zeros(n, 1, images.shape[1]) if negatives is None else negatives
    missing = torch.zeros(n, dtype=torch.bool)
    given: dict[str, Any] = {
        "images": images,
        "captions": captions,
        "negatives": negatives,
        "has_negative": negatives.norm(dim=-1) > 0,
        "kinds": torch.zeros(negatives.shape[:2], dtype=torch.long),
        "edits": nothing,
        "has_edit": missing,
        "still_true": missing,
        "paraphrases": nothing,
        "has_paraphrase": missing,
        "differences": nothing,
        "has_difference": missing,
        "weights": torch.ones(n),
        "scale": torch.tensor(1.0),
    }
    for name, mask in (("edits", "has_edit"), ("paraphrases", "has_paraphrase"), ("differences", "has_difference")):
        if name in more:
            given[mask] = torch.ones(n, dtype=torch.bool)
    return Encoded(**(given | more))
