"""The factor of cosines that a dual encoder learns."""

from torch import Tensor

# Above this, training becomes unstable (CLIP, arXiv 2103.00020).
_MOST = 100.0


def factor(logit_scale: Tensor) -> Tensor:
    """Turn the logarithm that is learned into the factor, one number, with a gradient."""
    return logit_scale.exp().clamp(max=_MOST).squeeze()
