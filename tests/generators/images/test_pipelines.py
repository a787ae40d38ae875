"""Each pipeline of diffusers gets the arguments that its own signature has, in the way that it means them."""

from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
from PIL import Image

from generators.images.pipelines import Edit, Editor
from schemas.config import Images

SIZE = {"height", "width"}
MASKED = {"prompt", "image", "mask_image", "strength", "num_inference_steps", "generator"}
TOLD = {"prompt", "image", "num_inference_steps", "generator"}
KONTEXT = {*SIZE, "max_area", "_auto_resize", "guidance_scale"}

TAKES = [
    # pipeline, rows at a time, arguments
    ("StableDiffusionInpaintPipeline", True, {*MASKED, *SIZE, "guidance_scale"}),
    ("StableDiffusionXLInpaintPipeline", True, {*MASKED, *SIZE, "guidance_scale"}),
    ("StableDiffusion3InpaintPipeline", True, {*MASKED, *SIZE, "guidance_scale"}),
    ("FluxFillPipeline", True, {*MASKED, *SIZE, "guidance_scale"}),
    ("FluxInpaintPipeline", True, {*MASKED, *SIZE, "guidance_scale"}),
    ("FluxKontextInpaintPipeline", True, {*MASKED, *KONTEXT}),
    ("KandinskyV22InpaintCombinedPipeline", False, {*MASKED - {"strength"}, *SIZE, "guidance_scale"}),
    ("QwenImageInpaintPipeline", False, {*MASKED, *SIZE, "true_cfg_scale", "negative_prompt"}),
    ("QwenImageEditInpaintPipeline", False, {*MASKED, "true_cfg_scale", "negative_prompt"}),
    ("StableDiffusionInstructPix2PixPipeline", True, {*TOLD, "guidance_scale", "image_guidance_scale"}),
    ("StableDiffusionXLInstructPix2PixPipeline", True, {*TOLD, *SIZE, "guidance_scale", "image_guidance_scale"}),
    ("FluxKontextPipeline", True, {*TOLD, *KONTEXT}),
    ("QwenImageEditPipeline", False, {*TOLD, "true_cfg_scale", "negative_prompt"}),
    ("QwenImageEditPlusPipeline", False, {*TOLD, "true_cfg_scale", "negative_prompt"}),
    ("Flux2KleinPipeline", False, {*TOLD, *SIZE, "guidance_scale"}),
]


def editor(name: str, **settings: Any) -> Editor:
    """An editor of a pipeline that has the signature of a real one, and no weights."""
    call = getattr(diffusers, name).__call__
    config = SimpleNamespace(sample_size=8)
    pipeline = type(name, (), {"__call__": call, "vae_scale_factor": 8, "unet": SimpleNamespace(config=config)})()
    return Editor(pipeline, Images(method="inpaint", model="some/model", **settings))


def edits(count: int) -> list[Edit]:
    """Rows of one size."""
    picture, mask = Image.new("RGB", (64, 32)), Image.new("L", (64, 32), 255)
    return [Edit(picture, mask, f"prompt {number}", number) for number in range(count)]


@pytest.mark.parametrize(("name", "batched", "takes"), TAKES)
def test_takes(name: str, batched: bool, takes: set[str]) -> None:
    given = editor(name, guidance_scale=3.0, batch_size=2)._arguments(edits(2 if batched else 1))
    assert set(given) == takes
    assert given["prompt"] == (["prompt 0", "prompt 1"] if batched else "prompt 0")
    assert (given["width"], given["height"]) == (64, 32) if "width" in takes else True
    assert given.get("max_area", 64 * 32) == 64 * 32
    assert given["true_cfg_scale" if "true_cfg_scale" in takes else "guidance_scale"] == 3.0
    seeds = [one.initial_seed() for one in given["generator"]] if batched else [given["generator"].initial_seed()]
    assert seeds == list(range(len(seeds)))


def test_a_negative_prompt_goes_where_it_has_an_effect() -> None:
    def given(name: str) -> dict[str, Any]:
        return editor(name, negative_prompt="blurred", guidance_scale=3.0)._arguments(edits(1))

    plain = given("StableDiffusionInpaintPipeline")
    assert (plain["negative_prompt"], plain["guidance_scale"]) == (["blurred"], 3.0)
    distilled = given("FluxKontextPipeline")
    assert (distilled["negative_prompt"], distilled["true_cfg_scale"]) == (["blurred"], 3.0)
    assert "guidance_scale" not in distilled
    assert given("QwenImageEditPipeline")["negative_prompt"] == "blurred"
    assert "negative_prompt" not in given("FluxFillPipeline"), "it knows none"


def test_a_pipeline_of_its_own_kind_goes_row_by_row() -> None:
    assert editor("KandinskyV22InpaintCombinedPipeline", batch_size=4).batch_size(64) == 1
