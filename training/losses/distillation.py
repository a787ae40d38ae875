"""Stay near a teacher that is the model's own average over its steps (DeGLA, ACM MM 2025; mean teacher, 1703.01780)."""

from pydantic import Field
from torch import Tensor

from training.encoded import Encoded
from training.losses.loss import Loss


class Distillation(Loss):
    """Squared distance of images and captions from the teacher's."""

    weight: float = Field(default=0.1, ge=0)
    decay: float = Field(default=0.9996, ge=0, lt=1)
    """Share of the teacher's weights that a step leaves; the nearer to 1, the longer the first model is remembered."""

    def __call__(self, batch: Encoded) -> Tensor:
        """Return the mean over examples of |image - taught image|^2 + |caption - taught caption|^2."""
        if batch.taught_images is None or batch.taught_captions is None:
            raise ValueError("distillation needs the teacher's vectors")
        images = (batch.images - batch.taught_images).square().sum(1)
        return (images + (batch.captions - batch.taught_captions).square().sum(1)).mean()
