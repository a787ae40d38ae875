"""Dual encoders of transformers: CLIP, SigLIP, SigLIP 2 and what else has features of pictures and of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from devices import pick_device, pick_encoder_dtype
from devices.memory import Batches
from devices.revision import check_hub_weights, hash_of_files, hub_commit, libraries
from filters.embeddings import Vectors
from schemas.config import Compute
from schemas.errors import InputError

if TYPE_CHECKING:
    import torch
    from PIL import Image

_FILES = {".safetensors", ".json", ".txt", ".model"}


@dataclass(frozen=True)
class LoadedDual:
    """A dual encoder of transformers with what it takes to feed it."""

    model: Any
    pictures: Any  # image processor
    texts: Any  # tokenizer
    longest: int  # tokens of a text
    device: "torch.device"


class TransformersEncoder:
    """A dual encoder of transformers, a folder or a name on the hub: safetensors, no code from there."""

    version = 1

    def __init__(self, name: str, compute: Compute, batch_size: int = 64) -> None:
        self.name, self._compute, self._batch = name, compute, batch_size
        self._batches = Batches(batch_size)

    @property
    def identity(self) -> list[Any]:
        """Version, weights, number format, batch size, library."""
        how = [str(self._dtype), self._batch]
        return ["transformers encoder", self.version, self._weights, *how, *libraries("transformers")]

    @property
    def _dtype(self) -> "torch.dtype":
        return pick_encoder_dtype(self._compute.dtype, pick_device(self._compute.device))

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        folder = Path(self.name)
        if not folder.is_dir():
            check_hub_weights(self.name, self.name, hub_commit(self.name), "*.safetensors")
        elif not list(folder.glob("*.safetensors")):
            raise InputError(f"model {self.name}: no .safetensors weights in that folder")

    def images(self, pictures: "Sequence[Image.Image]") -> Vectors:
        """Encode pictures of RGB; raises InputError where the model cannot be loaded."""
        loaded = self.loaded
        return self._encoded(
            pictures, lambda some: loaded.pictures(images=some, return_tensors="pt"), loaded.model.get_image_features
        )

    def captions(self, captions: Sequence[str]) -> Vectors:
        """Encode captions; raises InputError where the model cannot be loaded."""
        loaded = self.loaded
        # SigLIP was trained on texts of one length, and a caption's vector should not hang on its neighbours' lengths.
        how = {"padding": "max_length", "truncation": True, "max_length": loaded.longest, "return_tensors": "pt"}
        return self._encoded(captions, lambda some: loaded.texts(some, **how), loaded.model.get_text_features)

    def _encoded(self, rows: Sequence[Any], prepare: Any, encode: Any) -> Vectors:
        import torch

        def made(batch: Sequence[Any]) -> Vectors:
            # Filled up, so that a row's vector does not depend on how many rows stand beside it.
            filled = [*batch, *[batch[-1]] * (self._batches.most - len(batch))]
            inputs = {
                name: value.to(self.loaded.device, self.loaded.model.dtype if value.is_floating_point() else None)
                for name, value in prepare(filled).items()
            }
            with torch.inference_mode():
                vectors = torch.nn.functional.normalize(features(encode(**inputs)), dim=-1)
            found: Vectors = vectors[: len(batch)].cpu().numpy()
            return found

        parts = self._batches.run(rows, made)
        return np.stack(parts) if parts else np.empty((0, 0), np.float32)

    @cached_property
    def loaded(self) -> LoadedDual:
        """The model with what it takes to feed it; loaded on the first use."""
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

        self.check()
        device = pick_device(self._compute.device)
        # The very commit that the identity names, whatever the hub has by now.
        known = {} if Path(self.name).is_dir() else {"revision": hub_commit(self.name)}
        try:
            model = AutoModel.from_pretrained(
                self.name, dtype=self._dtype, use_safetensors=True, trust_remote_code=False, **known
            )
            pictures = AutoImageProcessor.from_pretrained(self.name, **known)
            texts = AutoTokenizer.from_pretrained(self.name, **known)
        except Exception as error:  # hub, file and config errors of several libraries
            why = " ".join(str(error).split())[:200]
            raise InputError(f"model {self.name}: transformers cannot load it: {why}") from error
        if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
            raise InputError(f"model {self.name}: {type(model).__name__} is no dual encoder of pictures and captions")
        longest = model.config.text_config.max_position_embeddings
        return LoadedDual(model.eval().to(device), pictures, texts, longest, device)

    @cached_property
    def _weights(self) -> str:
        folder = Path(self.name)
        if not folder.is_dir():
            return f"{self.name} {hub_commit(self.name)}"
        return hash_of_files(file for file in folder.iterdir() if file.suffix in _FILES)


def features(output: Any) -> "torch.Tensor":
    """Return the vectors, not of unit length, that a model's features of pictures or texts are, in float32."""
    # A tensor up to transformers 4, an output with the projected vectors as `pooler_output` since.
    vectors: torch.Tensor = getattr(output, "pooler_output", output).float()
    return vectors
