"""Dual encoders by name: open_clip's, those that ship, folders of either library, fine-tuned ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evaluation.transformers_encoder import TransformersEncoder
from filters.embeddings import Encoder, Vectors
from filters.projected.model import is_projected
from filters.projected.names import OPEN_CLIP, clip_of
from schemas.config import Clip, Compute
from schemas.errors import InputError

if TYPE_CHECKING:
    from PIL import Image


class DualEncoder(Protocol):
    """Turns pictures and captions into unit vectors of one space: whatever has this can be evaluated, a model in
    training too."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    @property
    def identity(self) -> list[Any]:
        """JSON values that its vectors depend on: equal means that nothing need be computed again."""
        ...

    def images(self, pictures: "Sequence[Image.Image]") -> Vectors:
        """Encode pictures of RGB, as people see them: pictures x width."""
        ...

    def captions(self, captions: Sequence[str]) -> Vectors:
        """Encode captions: captions x width."""
        ...


class OpenClipEncoder:
    """A model that a build's judge can be: one that open_clip can load, or projectors on frozen encoders."""

    def __init__(self, name: str, clip: Clip, compute: Compute) -> None:
        self.name, self.encoder = name, Encoder(clip, compute)

    @property
    def identity(self) -> list[Any]:
        """The encoder's."""
        return self.encoder.identity

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        self.encoder.check()

    def images(self, pictures: "Sequence[Image.Image]") -> Vectors:
        """Encode pictures."""
        return self.encoder.pictures(pictures)

    def captions(self, captions: Sequence[str]) -> Vectors:
        """Encode captions."""
        return self.encoder.captions(captions)


def load(name: str, compute: Compute | None = None, batch_size: int = 64) -> OpenClipEncoder | TransformersEncoder:
    """Find the model of a name; its weights are loaded on the first use.

    `name` is one of open_clip's with a tag (`ViT-B-32-quickgelu:openai`), `hf-hub:owner/name`, `local-dir:/folder`,
    `package:shapes-clip`, a folder of either library (a fine-tuned one), or a dual encoder of transformers on the hub,
    `google/siglip2-base-patch16-224`. It computes in float32 unless `compute` says otherwise: in half precision
    captions of the same words tie, or fall by chance.

    Raises InputError for what can be seen to be wrong without weights.
    """
    compute = compute or Compute()
    if compute.dtype == "auto":
        compute = compute.model_copy(update={"dtype": "float32"})
    found = _found(name, compute, batch_size)
    found.check()
    return found


def _found(name: str, compute: Compute, batch_size: int) -> OpenClipEncoder | TransformersEncoder:
    folder = Path(name)
    if not name.startswith(OPEN_CLIP):
        if folder.is_dir():
            if not (folder / "open_clip_config.json").is_file() and not is_projected(folder):
                if (folder / "config.json").is_file():
                    return TransformersEncoder(name, compute, batch_size)
                raise InputError(f"model {name}: neither open_clip_config.json nor config.json in that folder")
        elif "/" in name and not name.partition(":")[2]:
            return TransformersEncoder(name, compute, batch_size)
    return OpenClipEncoder(name, clip_of(name, batch_size), compute)
