"""Load a diffusers pipeline that edits pictures, and decide how it uses the machine."""

import inspect
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from devices import pick_device, pick_dtype
from devices.memory import free_bytes
from devices.revision import PICKLES, check_hub_weights, hash_of_files, hub_commit
from devices.shipped import pipeline_name
from schemas.config import Compute
from schemas.errors import InputError

if TYPE_CHECKING:
    import torch

Kind = Literal["inpaint", "instruct"]
Offload = Literal["none", "model", "sequential"]

_INDEX = "model_index.json"
_FILES = {".safetensors", ".json", ".txt", ".model"}  # weights, configs and tokenizers
_NEEDS: dict[Kind, set[str]] = {"inpaint": {"prompt", "image", "mask_image"}, "instruct": {"prompt", "image"}}
# Pipelines that are told what to change. By their arguments they are like many that vary a picture, enlarge it, draw
# by its edges, or make a film of it.
_FOLLOW_INSTRUCTIONS = {
    "DreamLiteMobilePipeline",
    "DreamLitePipeline",
    "Flux2KleinKVPipeline",
    "Flux2KleinPipeline",
    "Flux2Pipeline",
    "FluxKontextPipeline",
    "GlmImagePipeline",
    "JoyImageEditPipeline",
    "Kandinsky5I2IPipeline",
    "LongCatImageEditPipeline",
    "QwenImage21Pipeline",
    "QwenImageEditPipeline",
    "QwenImageEditPlusPipeline",
    "StableDiffusionInstructPix2PixPipeline",
    "StableDiffusionXLInstructPix2PixPipeline",
    "ZImageOmniPipeline",
}

# Room that a pipeline takes on the GPU besides its weights, as a share of them.
_HEADROOM = 1.5
# Bytes a pixel that one picture takes while it is made: 2 GiB at 512x512, 8 GiB at 1024x1024. What counts most is the
# VAE's decoder: 128 channels at full size, in some sixteen copies of float32. A batch that does not fit is halved.
_BYTES_A_PIXEL = 8192
_MOST_PICTURES = 32  # a batch; a GPU gains little beyond
_TINY = 128 * 128  # pixels of pictures so small that a CPU gains from several at a time
_TINY_BATCH = 8


def pipeline_dtype(compute: Compute) -> "torch.dtype":
    """Pick the number format of a pipeline: as for other models, but float32 on a CPU unless told otherwise.

    Where a CPU computes in bfloat16 natively, that takes 0.6 times the time (shapes-inpaint, batches of 8, one thread)
    and moves pixels by 0.7 of 255 on average.
    """
    import torch

    device = pick_device(compute.device)
    if compute.dtype == "auto" and device.type == "cpu":
        return torch.float32
    return pick_dtype(compute.dtype, device)


def check_pipeline(kind: Kind, model: str, variant: str | None = None) -> None:
    """Raise InputError for what can be seen to be missing without loading weights."""
    name = pipeline_name(model)
    if _is_folder(name):
        _check_folder(Path(name), variant)
    else:
        check_hub_weights(name, name, hub_commit(name, _INDEX), "*.safetensors")
    _pipeline_class(kind, name)


def pipeline_revision(model: str, variant: str | None = None) -> str:
    """Tell one version of a pipeline's weights from another: a hash of its files, or its commit on the hub.

    Raises InputError where a hub model is neither in this machine's cache nor to be reached.
    """
    name = pipeline_name(model)
    if _is_folder(name):
        found = hash_of_files(file for file in Path(name).rglob("*") if file.suffix in _FILES)
    else:
        found = f"{name} {hub_commit(name, _INDEX)}"
    return f"{found} {variant}" if variant else found


def load_pipeline(
    kind: Kind,
    model: str,
    variant: str | None,
    compute: Compute,
    offload: Literal["auto", "none", "model", "sequential"] = "auto",
    slicing: bool | None = None,
    compile_: bool = False,
) -> Any:
    """Load a pipeline that fills in masks or follows instructions; safetensors only, no code from the hub.

    Arguments are those of `schemas.config.Images`. Raises InputError when it cannot be loaded, or cannot do what
    `kind` asks for.
    """
    check_pipeline(kind, model, variant)
    name, device = pipeline_name(model), pick_device(compute.device)
    options: dict[str, Any] = {"variant": variant, "dtype": pipeline_dtype(compute), "use_safetensors": True}
    if not _is_folder(name):  # the very commit that the revision names, whatever the hub has by now
        options["revision"] = hub_commit(name, _INDEX)
    try:
        _be_quiet()
        pipeline = _pipeline_class(kind, name).from_pretrained(name, **options)
        pipeline.set_progress_bar_config(disable=True)
        chosen = choose_offload(offload, sizes_of(pipeline), free_bytes(device))
        _place(pipeline, device, chosen)
    except InputError:
        raise
    except Exception as error:  # hub, file, config and memory errors of several libraries
        why = " ".join(str(error).split())[:200]
        raise InputError(f"model {model}: diffusers cannot load it: {why}") from error
    if slicing:  # never by itself: it takes the place of attention that is as frugal and many times as fast
        pipeline.enable_attention_slicing()
    if slicing or (slicing is None and chosen != "none"):
        _decode_in_parts(pipeline)
    if compile_ and device.type == "cuda" and chosen != "sequential":
        _denoiser(pipeline).compile()
    return pipeline


def choose_offload(
    wish: Literal["auto", "none", "model", "sequential"], sizes: Sequence[int], free: int | None
) -> Offload:
    """Decide what stays on the GPU: everything, one model at a time, or one layer at a time.

    `sizes` are the bytes of the pipeline's models, `free` those of the GPU; None means that there is no GPU, and
    nothing to move.
    """
    if free is None:
        return "none"
    if wish != "auto":
        return wish
    if sum(sizes) * _HEADROOM < free:
        return "none"
    return "model" if max(sizes) * _HEADROOM < free else "sequential"


def choose_batch(wish: int, pixels: int, free: int | None) -> int:
    """Decide how many pictures of so many pixels are made at a time; a wish above 0 is granted.

    `free` is the GPU's memory in bytes, None on other devices: there, one picture keeps all cores busy unless it
    is tiny.
    """
    if wish:
        return wish
    if free is None:
        return _TINY_BATCH if pixels <= _TINY else 1
    return min(max(1, free // (pixels * _BYTES_A_PIXEL)), _MOST_PICTURES)


def room_for_pictures(pipeline: Any) -> int | None:
    """Count the bytes that a CUDA device has left for pictures, once the part of a pipeline that is to work is there;
    None on other devices.

    With offload, parts lie on the CPU until their turn comes: the largest of these is still to take its place.
    """
    free = free_bytes(pipeline._execution_device)
    if free is None:
        return None
    waiting = [_size(part) for part in _models(pipeline) if any(one.device.type == "cpu" for one in part.parameters())]
    return max(0, free - max(waiting, default=0))


def sizes_of(pipeline: Any) -> list[int]:
    """Count the bytes of the weights of each of a pipeline's models."""
    return [_size(model) for model in _models(pipeline)]


def _models(pipeline: Any) -> list[Any]:
    import torch

    return [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]


def _size(model: Any) -> int:
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


def required_multiple(pipeline: Any) -> int:
    """Tell what width and height, in pixels, must be multiples of."""
    if hasattr(pipeline, "movq"):  # Kandinsky rounds the sides of its latents, 8 pixels each, up to multiples of 8
        return 64
    scale = getattr(pipeline, "vae_scale_factor", 1)
    patch = getattr(_denoiser(pipeline).config, "patch_size", None) or 1
    processor = getattr(pipeline, "image_processor", None)
    # Pipelines of UNets ask for 8 whatever their VAE; the processors of those that pack latents know the double.
    return math.lcm(8, scale * patch, processor.config.vae_scale_factor if processor is not None else 1)


def native_size(pipeline: Any) -> int:
    """Tell the side, in pixels, of the square pictures that a pipeline was trained on."""
    sample: Any = getattr(pipeline, "default_sample_size", None)
    sample = sample or getattr(_denoiser(pipeline).config, "sample_size", 128)
    if not isinstance(sample, int):  # height and width
        sample = round(math.sqrt(math.prod(sample)))
    scale = 8 if hasattr(pipeline, "movq") else getattr(pipeline, "vae_scale_factor", 1)
    return int(sample * scale)


def _is_folder(name: str) -> bool:
    return name.startswith((".", "/", "~")) or Path(name).is_dir()


def _check_folder(folder: Path, variant: str | None) -> None:
    if not (folder / _INDEX).is_file():
        raise InputError(f"model {folder}: no folder with a {_INDEX} there: give one that diffusers saved")
    if not list(folder.rglob("*.safetensors")):
        raise InputError(f"model {folder}: no .safetensors weights in that folder; convert other formats first")
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        if not list(part.glob("*.safetensors")) and any(list(part.glob(pickle)) for pickle in PICKLES):
            raise InputError(f"model {folder}: {part.name} has only pickles; convert them to .safetensors first")
    if variant is not None and not list(folder.rglob(f"*.{variant}*.safetensors")):
        raise InputError(f"model {folder}: no weights of variant {variant} in that folder; leave images.variant out")


def _pipeline_class(kind: Kind, name: str) -> Any:
    """Find the class of a pipeline that does what is asked, by the class that its folder names.

    A text-to-image pipeline's weights fill in masks by the class of that name with Inpaint. Raises InputError where
    there is no such class.
    """
    import diffusers

    found = _class_name(name)
    names = [found, f"{found.removesuffix('Pipeline')}InpaintPipeline"]
    classes = [getattr(diffusers, one) for one in names if hasattr(diffusers, one)]
    if fitting := next((one for one in classes if _can(kind, one)), None):
        return fitting
    if kind == "inpaint" and found.startswith("Kandinsky"):  # of two pipelines, which only this one puts together
        return diffusers.AutoPipelineForInpainting
    can_other = any(_can("instruct" if kind == "inpaint" else "inpaint", one) for one in classes)
    wanted, other = ("fills in no masks", "instruct") if kind == "inpaint" else ("follows no instructions", "inpaint")
    hint = f"set images.method: {other}" if can_other else "give a pipeline that edits pictures by words"
    raise InputError(f"model {name}: {found} {wanted}; {hint}")


def _class_name(name: str) -> str:
    import diffusers

    revision = {} if _is_folder(name) else {"revision": hub_commit(name, _INDEX)}
    try:
        found = diffusers.DiffusionPipeline.load_config(name, **revision).get("_class_name")
    except Exception as error:  # of files, the hub and the network
        why = " ".join(str(error).split())[:200]
        raise InputError(f"model {name}: its {_INDEX} cannot be read: {why}") from error
    if not isinstance(found, str):
        raise InputError(f"model {name}: it is made of code of its own, which is never run; give another pipeline")
    return found


def _can(kind: Kind, pipeline_class: Any) -> bool:
    taken = inspect.signature(pipeline_class.__call__).parameters.values()
    named = {one.name for one in taken}
    needed = {one.name for one in taken if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD}
    wanted = _NEEDS[kind]
    fits = wanted <= named and needed - {"self"} <= wanted
    return fits and ("mask_image" in named if kind == "inpaint" else pipeline_class.__name__ in _FOLLOW_INSTRUCTIONS)


def _place(pipeline: Any, device: "torch.device", offload: Offload) -> None:
    if offload == "none":
        pipeline.to(device)
        return
    try:
        move = {"model": pipeline.enable_model_cpu_offload, "sequential": pipeline.enable_sequential_cpu_offload}
        move[offload](device=device)
    except ImportError as error:
        raise InputError("images.offload: it needs accelerate; run pip install accelerate") from error


def _decode_in_parts(pipeline: Any) -> None:
    """Let the VAE, which takes more memory than all else, work picture by picture, on large ones tile by tile."""
    for name in ("enable_slicing", "enable_tiling"):
        if hasattr(getattr(pipeline, "vae", None), name):
            getattr(pipeline.vae, name)()


def _denoiser(pipeline: Any) -> Any:
    return getattr(pipeline, "unet", None) or pipeline.transformer


def _be_quiet() -> None:
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()
