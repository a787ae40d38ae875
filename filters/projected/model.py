"""Projectors and the two encoders they stand on as one model, and the folder that it rests in."""

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from devices import pick_device
from filters.embeddings import Loaded
from filters.projected.text import FrozenText
from filters.projected.vision import FrozenVision
from schemas.config import Compute
from schemas.errors import InputError
from schemas.projected import Projected
from schemas.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from filters.projected.projectors import Projectors

CONFIG, WEIGHTS = "projectors.json", "projectors.safetensors"
_VERSION = 1


class _Told(Recipe):
    """What the folder says of its encoders: `vision` and `text` are their contents when the projectors learned."""

    version: int
    model: Projected
    vision: str
    text: str


class ProjectedModel:
    """A dual encoder of two frozen encoders; takes the place of a model of open_clip where vectors count alone."""

    def __init__(self, told: Projected, compute: Compute, batch_size: int) -> None:
        """Raises InputError for encoders that cannot be of this kind."""
        self.told, self.compute, self.batch_size = told, compute, batch_size
        self.vision = FrozenVision(told.vision, told.grid, compute, batch_size)
        self.text = FrozenText(told.text, told.context_length, compute, batch_size)

    @classmethod
    def opened(cls, folder: Path, compute: Compute, batch_size: int) -> "ProjectedModel":
        """Open a folder, without weights; raises InputError where it, or an encoder that it names, cannot be used."""
        return cls(_read(folder).model, compute, batch_size)

    def check(self, folder: Path | None = None) -> None:
        """Raise InputError for what can be seen to be missing without loading weights: an encoder, weights in the
        folder, or the very encoders that they learned on."""
        for encoder in (self.vision, self.text):
            try:
                encoder.check()
            except InputError as error:
                where = f"model {folder}: " if folder is not None else ""
                raise InputError(f"{where}the encoder that it stands on is missing: {error}") from error
        if folder is None:
            return
        if not (folder / WEIGHTS).is_file():
            raise InputError(f"model {folder}: no {WEIGHTS} in that folder")
        told = _read(folder)
        for encoder, then in ((self.vision, told.vision), (self.text, told.text)):
            if encoder.weights != then:
                raise InputError(
                    f"model {folder}: {encoder.name} is not what it was when the projectors learned; train them again"
                )

    @cached_property
    def projectors(self) -> "Projectors":
        """The learned part, untrained (of seed 0) until weights are loaded into it."""
        return self.untrained(0)

    def untrained(self, seed: int) -> "Projectors":
        """Make projectors that have learned nothing, on the device."""
        from filters.projected.projectors import Projectors

        made = Projectors(self.vision.width, self.text.width, self.told.width, seed)
        return made.to(pick_device(self.compute.device))

    def load(self, folder: Path) -> Loaded:
        """Load the weights of a folder, and what it takes to feed them."""
        from safetensors.torch import load_file

        self.check(folder)
        self.projectors.load_state_dict(load_file(folder / WEIGHTS))
        self.projectors.eval()
        return Loaded(self, self.vision.preprocess, self.text.tokenize, pick_device(self.compute.device))

    def save(self, folder: Path, weights: "dict[str, Tensor]") -> None:
        """Write a folder that `local-dir:` names: the projectors, and which encoders they stand on."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        told = _Told(version=_VERSION, model=self.told, vision=self.vision.weights, text=self.text.weights)
        (folder / CONFIG).write_text(told.model_dump_json(indent=2) + "\n", encoding="utf-8")
        save_file({name: one.contiguous() for name, one in weights.items()}, folder / WEIGHTS)

    def encode_image(self, pixels: "Tensor") -> "Tensor":
        """Return vectors, not of unit length, as a model of open_clip does."""
        return self.projectors.pictures(self.vision.features(pixels))

    def encode_text(self, tokens: "Tensor") -> "Tensor":
        """Return vectors, not of unit length, of what `text.tokenize` gave."""
        return self.projectors.captions(self.text.features(tokens))


def is_projected(folder: Path) -> bool:
    """Tell whether a folder holds projectors."""
    return (folder / CONFIG).is_file()


def _read(folder: Path) -> _Told:
    try:
        told: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return _Told.model_validate(told)
    except (OSError, ValueError, ValidationError) as error:
        raise InputError(f"model {folder}: {CONFIG} cannot be read: {' '.join(str(error).split())[:200]}") from error
