"""Call any diffusers pipeline that edits pictures: with the arguments that it takes, a batch at a time."""

import inspect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from devices.diffusion import choose_batch, native_size, required_multiple, room_for_pictures
from devices.memory import Batches, is_out_of_memory
from schemas.config import Images
from schemas.errors import InputError

# Pipelines whose batch is as many pictures as rows. In others a list of pictures means several to look at for one
# result (Flux 2, Qwen-Image-Edit-Plus), or the first row's mask counts for all (Kandinsky): those go row by row.
_BATCHED = {
    "FluxFillPipeline",
    "FluxInpaintPipeline",
    "FluxKontextInpaintPipeline",
    "FluxKontextPipeline",
    "StableDiffusion3InpaintPipeline",
    "StableDiffusionInpaintPipeline",
    "StableDiffusionInstructPix2PixPipeline",
    "StableDiffusionXLInpaintPipeline",
    "StableDiffusionXLInstructPix2PixPipeline",
}
# These scale every picture to a million pixels themselves; told of another height and width, they would draw a result
# of that size which no longer lies upon the original.
_OWN_SIZE = {"QwenImageEditInpaintPipeline", "QwenImageEditPipeline", "QwenImageEditPlusPipeline"}
_ALL = 2**30  # pictures at a time: those of a call


@dataclass(frozen=True)
class Edit:
    """One picture to make."""

    picture: Image.Image
    mask: Image.Image | None  # white is to be painted again: so in all pipelines, Kandinsky's too since diffusers 0.19
    prompt: str
    seed: int


class Editor:
    """A pipeline with its settings. A row's picture depends on its own seed alone, but for floating point."""

    def __init__(self, pipeline: Any, settings: Images) -> None:
        self.pipeline, self.settings = pipeline, settings
        self.name = type(pipeline).__name__
        self.size = settings.size or native_size(pipeline)
        self.multiple = required_multiple(pipeline)
        self._takes = inspect.signature(pipeline.__call__).parameters
        # By the size of the pictures: how many at a time memory was found to hold.
        self._batches: dict[tuple[int, int], Batches] = defaultdict(lambda: Batches(_ALL if self._batched else 1))

    def takes(self, argument: str) -> bool:
        """Tell whether the pipeline has an argument of this name."""
        return argument in self._takes

    def batch_size(self, pixels: int) -> int:
        """Decide how many pictures of so many pixels to make at a time."""
        return choose_batch(self.settings.batch_size, pixels, room_for_pictures(self.pipeline)) if self._batched else 1

    def __call__(self, edits: Sequence[Edit]) -> list[Image.Image | None]:
        """Make pictures of rows whose pictures have one size; None where a safety checker rejects the result.

        A pipeline that has its own idea of size may return pictures of another one. Where a GPU's memory does not
        hold the batch, it is halved, for later batches too. Raises InputError where one picture is too much, or
        the pipeline refuses its arguments.
        """
        width, height = edits[0].picture.size
        try:
            return self._batches[width, height].run(edits, self._made)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise InputError(
                f"model {self.settings.model}: out of memory with one picture of {width}x{height} pixels; "
                "set images.offload to sequential, images.slicing to true, or a smaller images.size"
            ) from error

    def _made(self, edits: Sequence[Edit]) -> list[Image.Image | None]:
        try:
            found = self.pipeline(**self._arguments(edits))
        except ValueError as error:
            why = " ".join(str(error).split())[:200]
            raise InputError(f"model {self.settings.model}: {self.name} refuses its input: {why}") from error
        unsafe = getattr(found, "nsfw_content_detected", None) or [False] * len(edits)
        return [None if bad else picture for picture, bad in zip(found.images, unsafe, strict=True)]

    def _arguments(self, edits: Sequence[Edit]) -> dict[str, Any]:
        """Collect what the pipeline takes, in lists where it takes a batch."""
        rows = {name: values for name, values in self._rows(edits) if self.takes(name)}
        if not self._batched:
            rows = {name: values[0] for name, values in rows.items()}
        return rows | {name: value for name, value in self._settings(edits[0]) if self.takes(name)}

    def _rows(self, edits: Sequence[Edit]) -> Iterator[tuple[str, list[Any]]]:
        import torch

        yield "prompt", [edit.prompt for edit in edits]
        yield "image", [edit.picture for edit in edits]
        yield "mask_image", [edit.mask for edit in edits]
        # On the CPU, where the same seed gives the same noise whatever the device.
        yield "generator", [torch.Generator("cpu").manual_seed(edit.seed) for edit in edits]
        if negative := self.settings.negative_prompt or (" " if self._by_true_guidance else ""):
            yield "negative_prompt", [negative] * len(edits)

    def _settings(self, edit: Edit) -> Iterator[tuple[str, Any]]:
        width, height = edit.picture.size
        if self.name not in _OWN_SIZE:
            yield from (("width", width), ("height", height))
        # Flux Kontext would scale to a million pixels, and to one of a few shapes.
        yield from (("max_area", width * height), ("_auto_resize", False))
        yield "num_inference_steps", self.settings.steps
        yield "strength", self.settings.strength
        yield "true_cfg_scale" if self._by_true_guidance else "guidance_scale", self.settings.guidance_scale
        yield "image_guidance_scale", self.settings.image_guidance_scale

    @property
    def _batched(self) -> bool:
        return self.name in _BATCHED

    @property
    def _by_true_guidance(self) -> bool:
        """Whether to follow the words by a second pass without them.

        Models distilled to do with one pass (Flux) take the scale as an input, and need the second pass only for a
        negative prompt. Qwen-Image has no such input: there, the argument of that name has no default.
        """
        if not self.takes("true_cfg_scale"):
            return False
        return bool(self.settings.negative_prompt) or self._takes["guidance_scale"].default is None
