"""Encoders of pictures that stand still: what they see of a whole picture and of its parts."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devices import pick_device, pick_dtype
from devices.revision import hash_of_files, hub_commit
from filters.embeddings import Encoder, Preprocess
from filters.projected.loading import transformers_model
from filters.projected.names import TIMM, clip_of, library_of
from schemas.config import Compute
from schemas.errors import InputError

if TYPE_CHECKING:
    import torch

_WEIGHTS = "model.safetensors"
# Numbers of the model's format: rows x 3 x height x width -> what is seen of the whole, rows x width, or nothing, and
# of the parts, rows x width x height x width.
Seen = tuple["torch.Tensor | None", "torch.Tensor"]


class FrozenVision:
    """An encoder of pictures by name, without its own last projection: safetensors, no code from a hub."""

    def __init__(self, name: str, grid: int, compute: Compute, batch_size: int) -> None:
        self.name, self._grid, self._compute, self._batch = name, grid, compute, batch_size
        self._library = library_of(name)
        if self._library == "language model":
            raise InputError(f"vision {name}: is a language model; name an encoder of pictures")

    @cached_property
    def weights(self) -> str:
        """Its content: a hash of its files, or its commit on the hub."""
        if self._library == "open_clip":
            return self._clip.weights
        if Path(self.name).is_dir():
            return hash_of_files(file for file in Path(self.name).iterdir() if file.suffix in {".safetensors", ".json"})
        return f"{self.name} {hub_commit(self._repository, _WEIGHTS)}"

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        if self._library == "open_clip":
            self._clip.check()
        elif not Path(self.name).is_dir():
            hub_commit(self._repository, _WEIGHTS)
        elif not list(Path(self.name).glob("*.safetensors")):
            raise InputError(f"vision {self.name}: no .safetensors weights in that folder")

    @property
    def preprocess(self) -> Preprocess:
        """What makes of pictures what `features` takes."""
        return self._loaded[0]

    @cached_property
    def width(self) -> int:
        """Numbers that say what is seen at one place."""
        import torch

        blank = torch.tensor(self.preprocess.picture(_blank()))[None].to(self._device)
        return int(self.features(self.preprocess.batch(blank)).shape[2])

    def features(self, pixels: "torch.Tensor") -> "torch.Tensor":
        """Look at pictures that `preprocess.batch` gave: rows x (1 + cells) x width, float32.

        The first of a row is the class token, or where there is none the mean of all places; the others are means over
        cells of `grid` x `grid`, or all places of a model that tells fewer apart.
        """
        import torch

        with torch.no_grad():
            whole, parts = self._loaded[1](pixels)
            height, width = (min(self._grid, side) for side in parts.shape[-2:])
            cells = torch.nn.functional.adaptive_avg_pool2d(parts.float(), (height, width)).flatten(2).mT
            first = parts.float().mean((2, 3)) if whole is None else whole.float()
            return torch.cat([first[:, None], cells], 1)

    @cached_property
    def _clip(self) -> Encoder:
        return Encoder(clip_of(self.name, self._batch), self._compute)

    @cached_property
    def _device(self) -> "torch.device":
        return pick_device(self._compute.device)

    @cached_property
    def _repository(self) -> str:
        """The hub's name of the model's weights."""
        if self._library != "timm":
            return self.name
        from timm.models import get_pretrained_cfg, is_model

        model = self.name.removeprefix(TIMM)
        found = get_pretrained_cfg(model) if is_model(model.partition(".")[0]) else None
        if found is None or not found.hf_hub_id:
            raise InputError(f"vision {self.name}: timm knows no such model with weights; write timm:NAME.TAG")
        return str(found.hf_hub_id)

    @cached_property
    def _loaded(self) -> tuple[Preprocess, Callable[["torch.Tensor"], Seen]]:
        self.check()
        if self._library == "open_clip":
            return self._of_open_clip()
        try:
            return self._of_timm() if self._library == "timm" else self._of_transformers()
        except Exception as error:  # hub, file and config errors of several libraries
            why = " ".join(str(error).split())[:200]
            raise InputError(f"vision {self.name}: {self._library} cannot load it: {why}") from error

    def _of_open_clip(self) -> tuple[Preprocess, Callable[["torch.Tensor"], Seen]]:
        loaded = self._clip.loaded
        tower: Any = loaded.model.visual

        def seen(pixels: "torch.Tensor") -> Seen:
            last = {"indices": 1, "intermediates_only": True, "normalize_intermediates": True}
            found = tower.forward_intermediates(pixels, **last, output_extra_tokens=True)
            first = found.get("image_intermediates_prefix")
            return (None if not first else first[-1][:, 0]), found["image_intermediates"][-1]

        return loaded.preprocess, seen

    def _of_timm(self) -> tuple[Preprocess, Callable[["torch.Tensor"], Seen]]:
        import timm
        from timm.data.config import resolve_model_data_config
        from timm.data.transforms_factory import create_transform

        dtype = pick_dtype(self._compute.dtype, self._device)
        local = Path(self.name).is_dir()
        if not local:  # before timm looks: where it finds no safetensors it would take a pickle
            from huggingface_hub import hf_hub_download

            hf_hub_download(self._repository, _WEIGHTS)
        name = f"local-dir:{self.name}" if local else self.name.removeprefix(TIMM)
        model: Any = timm.create_model(name, pretrained=True, num_classes=0).eval().to(self._device, dtype)
        transform = create_transform(**resolve_model_data_config(model), is_training=False)
        prefixed = getattr(model, "num_prefix_tokens", 0) > 0

        def seen(pixels: "torch.Tensor") -> Seen:
            more = {"return_prefix_tokens": True} if prefixed else {}
            [last] = model.forward_intermediates(pixels, indices=1, norm=True, intermediates_only=True, **more)
            return (last[1][:, 0], last[0]) if prefixed else (None, last)

        return Preprocess(transform, self._device, dtype), seen

    def _of_transformers(self) -> tuple[Preprocess, Callable[["torch.Tensor"], Seen]]:
        from transformers import AutoImageProcessor

        dtype = pick_dtype(self._compute.dtype, self._device)
        found = transformers_model(self.name, dtype=dtype)
        model: Any = getattr(found, "vision_model", found).eval().to(self._device)
        processor = AutoImageProcessor.from_pretrained(self.name)

        def transform(image: Any) -> Any:
            return processor(images=image, return_tensors="np")["pixel_values"][0]

        def seen(pixels: "torch.Tensor") -> Seen:
            last = model(pixel_values=pixels).last_hidden_state
            if last.ndim == 4:  # of a convolutional model
                return None, last
            patch = model.config.patch_size
            height, width = (side // patch for side in pixels.shape[-2:])
            parts = last[:, last.shape[1] - height * width :].mT.unflatten(2, (height, width))
            return (last[:, 0] if last.shape[1] > height * width else None), parts

        return Preprocess(transform, self._device, dtype), seen


def _blank() -> Any:
    from PIL import Image

    return Image.new("RGB", (32, 32))
