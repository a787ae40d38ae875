"""A dual encoder made of two encoders that have never met: what a recipe of `counterfoil finetune` says of it."""

from typing import Annotated

from pydantic import Field

from schemas.recipe import Recipe


class Projected(Recipe):
    """Small projectors, which learn, on an encoder of pictures and one of texts, which stand still (arXiv 2409.19425).

    For a domain that no CLIP knows, where there is a good encoder of its pictures and pairs of one's own.
    """

    vision: str
    """Encoder of pictures: the image tower of any model of open_clip (`package:shapes-clip`,
    `ViT-B-32:laion2b_s34b_b79k`, `hf-hub:owner/name`), `timm:NAME`, a vision model of transformers on the
    hub, or a folder of one of the three."""
    text: str
    """Encoder of texts: a model of transformers or sentence-transformers on the hub or in a folder, a language model
    that comes as a package (`package:smollm2-135m`), or the text tower of any model of open_clip."""
    width: Annotated[int, Field(gt=0)] = 512
    """Dimensions of the space that both are brought into."""
    grid: Annotated[int, Field(gt=0)] = 4
    """Patches are averaged over this many cells a side before they are projected: what is kept of a picture for the
    training, and the work of a step, grow with its square."""
    context_length: Annotated[int, Field(gt=1)] = 64
    """Tokens of a caption that are read, where the encoder of texts can read as many."""

    @property
    def title(self) -> str:
        """Name the model for tables and cards."""
        return f"projectors on {self.vision} and {self.text}"
