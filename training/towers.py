"""A dual encoder that learns: open_clip's, and those of transformers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from devices.pictures import decoded
from devices.shipped import clip_name
from evaluation.models import OpenClipEncoder, load
from evaluation.transformers_encoder import TransformersEncoder
from filters.projected.model import is_projected
from schemas.config import Clip, Compute
from schemas.errors import InputError
from schemas.projected import Projected
from training.projected import ProjectedTowers
from training.scale import factor


class Towers(Protocol):
    """What training asks of a dual encoder."""

    module: nn.Module
    size: int  # pixels a side that it looks at

    def pictures(self, pictures: list[bytes]) -> Tensor:
        """Decode pictures and make of them what `encode_pictures` takes, a row each; on the CPU."""

    def tokens(self, captions: list[str]) -> Tensor:
        """Turn captions into tokens, a row each; on the CPU."""

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """Return vectors of length one, float32, with a gradient."""

    def encode_captions(self, tokens: Tensor) -> Tensor:
        """Return vectors of length one, float32, with a gradient."""

    @property
    def scale(self) -> Tensor:
        """The factor of cosines, at most 100, with a gradient."""

    def of_images(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the image tower."""

    def of_captions(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the text tower."""

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write a folder that the library loads: its config, its tokenizer, and weights as safetensors."""


def load_towers(model: str | Projected, device: torch.device, seed: int = 0) -> Towers:
    """Load a model to be trained, by any name that `evaluation.models` knows, in float32; projectors that are new begin
    with what is drawn from `seed`.

    Raises InputError where that cannot be done.
    """
    if isinstance(model, Projected):
        return ProjectedTowers.untrained(model, device, seed)
    folder = Path(model.removeprefix("local-dir:"))
    if is_projected(folder):
        return ProjectedTowers.of_folder(folder, device)
    found = load(model, Compute(device=str(device), dtype="float32"))
    return OpenClipTowers(found) if isinstance(found, OpenClipEncoder) else TransformersTowers(found)


class OpenClipTowers:
    """Any model that open_clip loads.

    Layers that normalise by what is in a batch stay as in evaluation: with those of a handful of examples a picture's
    vector would depend on its neighbours, and the two sides of a minimal pair on each other.
    """

    def __init__(self, found: OpenClipEncoder) -> None:
        self._clip, self._loaded = found.encoder.clip, found.encoder.loaded
        self.module: Any = self._loaded.model.eval()
        size = self.module.visual.image_size
        self.size = int(size[0] if isinstance(size, tuple) else size)

    def pictures(self, pictures: list[bytes]) -> Tensor:
        return torch.from_numpy(np.stack([self._loaded.preprocess.picture(decoded(data)) for data in pictures]))

    def tokens(self, captions: list[str]) -> Tensor:
        tokens: Tensor = self._loaded.tokenize(captions)
        ends = self._ends(tokens)
        return tokens if ends is None else tokens[:, : int(ends.max()) + 1]

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        return F.normalize(self._loaded.encode_image(pictures).float(), dim=-1)

    def encode_captions(self, tokens: Tensor) -> Tensor:
        ends = self._ends(tokens)
        said = self._loaded.model.encode_text(tokens) if ends is None else self._read_to(ends, tokens)
        return F.normalize(said.float(), dim=-1)

    @property
    def scale(self) -> Tensor:
        return factor(self.module.logit_scale)

    def _ends(self, tokens: Tensor) -> Tensor | None:
        """Tell where each caption is read off, if nothing behind that place plays a part."""
        if not isinstance(self.module, open_clip.CLIP) or self.module.attn_mask is None:
            return None
        how = self.module.text_pool_type
        if how == "argmax":
            return tokens.argmax(1)
        return (tokens == self.module.text_eos_id).int().argmax(1) if how == "eos" else None

    def _read_to(self, ends: Tensor, tokens: Tensor) -> Tensor:
        """Do as open_clip's `encode_text` does, which wants captions filled up to their greatest length: most of its
        work would be on what nobody reads, and with four wrong captions a picture reading is most of the work."""
        clip, many = self.module, tokens.shape[1]
        x = clip.token_embedding(tokens) + clip.positional_embedding[:many]
        x = clip.transformer(x, attn_mask=clip.attn_mask[:many, :many])
        x = clip.ln_final(x[torch.arange(len(x), device=x.device), ends])
        project = clip.text_projection
        said: Tensor = x if project is None else project(x) if isinstance(project, nn.Linear) else x @ project
        return said

    def of_images(self) -> Iterator[nn.Parameter]:
        yield from self.module.visual.parameters()

    def of_captions(self) -> Iterator[nn.Parameter]:
        seen = {id(one) for one in self.of_images()}
        for name, one in self.module.named_parameters():
            if id(one) not in seen and not name.startswith("logit_"):
                yield one

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        config = _open_clip_config(self._clip, self.module)
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        save_file({key: value.contiguous() for key, value in weights.items()}, folder / "open_clip_model.safetensors")
        tokenizer = getattr(self._loaded.tokenize, "tokenizer", None)
        if tokenizer is not None:
            tokenizer.save_pretrained(folder)


def _open_clip_config(model: Clip, module: Any) -> dict[str, Any]:
    """Return what a folder's open_clip_config.json has to say of a model, the way pictures are prepared included."""
    from open_clip.factory import _get_hf_config, get_model_config
    from open_clip.transformer import QuickGELU

    name = clip_name(model.model)
    if name.startswith("local-dir:"):
        file = Path(name.removeprefix("local-dir:")) / "open_clip_config.json"
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return config
    if name.startswith("hf-hub:"):
        shape = _get_hf_config(name.removeprefix("hf-hub:"))["model_cfg"]
    else:
        shape = get_model_config(name)
    # Some weights switch it on whatever the name says; without it here the tuned model would be another
    # (open_clip#771).
    quick = any(isinstance(one, QuickGELU) for one in module.modules())
    return {"model_cfg": {**shape, "quick_gelu": quick}, "preprocess_cfg": dict(module.visual.preprocess_cfg)}


class TransformersTowers:
    """A dual encoder of transformers: CLIP, SigLIP, and what else has features of pictures and of texts."""

    def __init__(self, found: TransformersEncoder) -> None:
        loaded = found.loaded
        if not hasattr(loaded.model, "logit_scale"):
            raise InputError(f"model {found.name}: {type(loaded.model).__name__} has no scale of its own to learn")
        if "pixel_attention_mask" in loaded.pictures.model_input_names:
            raise InputError(
                f"model {found.name}: looks at pictures in their own shape (NaFlex), which fine-tuning does not; take "
                "its variant of one size"
            )
        self.module: Any = loaded.model
        self._processor, self._tokenizer, self._longest = loaded.pictures, loaded.texts, loaded.longest
        self.size = int(self.module.config.vision_config.image_size)
        # SigLIP was trained on texts that are filled up, and reads others differently.
        self._padding = "max_length" if self.module.config.model_type.startswith("siglip") else True

    def pictures(self, pictures: list[bytes]) -> Tensor:
        pixels: Tensor = self._processor([decoded(data) for data in pictures], return_tensors="pt")["pixel_values"]
        return pixels

    def tokens(self, captions: list[str]) -> Tensor:
        tokens = self._tokenizer(
            captions, padding=self._padding, truncation=True, max_length=self._longest, return_tensors="pt"
        )
        # Not told by the padding's own id: CLIP's is the id of the end, whose state is a caption's.
        return torch.stack([tokens["input_ids"], tokens.get("attention_mask", torch.ones_like(tokens["input_ids"]))], 1)

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        return F.normalize(_features(self.module.get_image_features(pixel_values=pictures)), dim=-1)

    def encode_captions(self, tokens: Tensor) -> Tensor:
        mask = None if self._padding == "max_length" else tokens[:, 1]
        said = self.module.get_text_features(input_ids=tokens[:, 0], attention_mask=mask)
        return F.normalize(_features(said), dim=-1)

    @property
    def scale(self) -> Tensor:
        return factor(self.module.logit_scale)

    def of_images(self) -> Iterator[nn.Parameter]:
        yield from (one for name, one in self.module.named_parameters() if name.startswith(("vision_", "visual_")))

    def of_captions(self) -> Iterator[nn.Parameter]:
        yield from (one for name, one in self.module.named_parameters() if name.startswith("text_"))

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.module.save_pretrained(folder, state_dict={key: value.contiguous() for key, value in weights.items()})
        for part in (self._processor, self._tokenizer):
            part.save_pretrained(folder)


def _features(output: Any) -> Tensor:
    # A tensor up to transformers 4, an output with the projected vectors as `pooler_output` since.
    vectors: Tensor = output if isinstance(output, Tensor) else output.pooler_output
    return vectors.float()
