"""What the losses see of a batch: vectors, and which of them there are."""

from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Encoded:
    """A batch of `n` examples with `k` negatives each, in `d` dimensions. All vectors have length one.

    No two examples of a batch share a picture or a caption (training/sampler.py), so that what is said of one is held
    to be false of another. Where a mask says that something is missing, its vector means nothing.
    """

    images: Tensor  # n, d
    captions: Tensor  # n, d: true of the images
    negatives: Tensor  # n, k, d: wrong captions
    has_negative: Tensor  # n, k
    kinds: Tensor  # n, k: what operation made a negative, its place in schemas.operations.OPERATIONS
    edits: Tensor  # n, d: pictures that the first negative is true of
    has_edit: Tensor  # n
    still_true: Tensor  # n: the caption is true of the edit too, as after an addition
    paraphrases: Tensor  # n, d: the caption in other words
    has_paraphrase: Tensor  # n
    differences: Tensor  # n, d: what changed from image to edit, said in words
    has_difference: Tensor  # n
    weights: Tensor  # n: how far each image and its caption are trusted to belong together, in (0, 1]
    scale: Tensor  # the model's own factor of cosines, e to the power of `logit_scale`
    # The teacher's vectors of images and captions, for distillation; None without a teacher.
    taught_images: Tensor | None = None
    taught_captions: Tensor | None = None
    # What a loss remembers from step to step, by name; it is kept in checkpoints.
    memory: dict[str, float] = field(default_factory=dict)

    @property
    def matrices(self) -> Tensor:
        """Return the cosines of image i and caption j of each minimal pair: n x 2 x 2 (EqBen, arXiv 2303.14465)."""
        pictures = torch.stack([self.images, self.edits], 1)
        said = torch.stack([self.captions, self.negatives[:, 0]], 1)
        return torch.einsum("nid,njd->nij", pictures, said)

    def of_images(self) -> tuple[Tensor, Tensor]:
        """Return the logit of each image and its caption, n, and those of its own negatives, n x k."""
        right = self.scale * (self.images * self.captions).sum(1)
        return right, self.scale * torch.einsum("nd,nkd->nk", self.images, self.negatives)

    @property
    def whole(self) -> Tensor:
        """Tell of each example whether each caption is true of its own picture alone: n."""
        return self.has_edit & ~self.still_true

    def parts(self) -> dict[str, Tensor]:
        """Return what has a row for each example, by name: what processes gather from one another."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Tensor) and name != "scale"}

    def with_parts(self, parts: dict[str, Tensor]) -> "Encoded":
        """Return the same with other rows."""
        return replace(self, **parts)  # type: ignore[arg-type]
