"""Weights between the first model and the tuned one: what is gained against what is forgotten."""

from torch import Tensor


def between(first: dict[str, Tensor], tuned: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return (1 - share) first + share tuned, of all numbers with a point (patching, arXiv 2208.05592; WiSE-FT,
    2109.01903); whole numbers are the tuned ones."""
    return {
        name: (first[name].lerp(one, share) if one.is_floating_point() else one).clone() for name, one in tuned.items()
    }
