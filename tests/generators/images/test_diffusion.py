"""Which pipelines load, what is said of those that do not, and how they use a machine of any size."""

import json
import shutil
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

import devices.revision
from devices.diffusion import (
    _FOLLOW_INSTRUCTIONS,
    _can,
    _models,
    check_pipeline,
    choose_batch,
    choose_offload,
    load_pipeline,
    native_size,
    pipeline_dtype,
    pipeline_revision,
    required_multiple,
    room_for_pictures,
    sizes_of,
)
from schemas.config import Compute
from schemas.errors import InputError
from tests.generators.images.conftest import CPU, Pipelines, edit, pixels, row

GB = 1 << 30


@pytest.fixture
def copy(pipelines: Pipelines, tmp_path: Path) -> Any:
    """Ask for a copy of a small pipeline's folder, to spoil."""
    return lambda name: Path(shutil.copytree(pipelines(name), tmp_path / name))


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("sd", "inpaint", "StableDiffusionInpaintPipeline"),
        ("sdxl", "inpaint", "StableDiffusionXLInpaintPipeline"),
        ("pix2pix", "instruct", "StableDiffusionInstructPix2PixPipeline"),
        ("fill", "inpaint", "FluxFillPipeline"),
        ("kontext", "instruct", "FluxKontextPipeline"),
        ("kontext", "inpaint", "FluxKontextInpaintPipeline"),
    ],
)
def test_the_class_follows_from_the_folder_and_the_method(
    pipelines: Pipelines, name: str, kind: Any, found: str
) -> None:
    pipeline = load_pipeline(kind, pipelines(name), None, CPU)
    assert type(pipeline).__name__ == found
    assert pipeline.dtype == torch.float32
    assert required_multiple(pipeline) == 8
    assert native_size(pipeline) == (256 if "Flux" in found else 32)
    assert sum(sizes_of(pipeline)) < 4_000_000


def test_weights_for_drawing_from_words_fill_in_masks(copy: Any) -> None:
    folder = copy("kontext")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "FluxPipeline"}))
    assert type(load_pipeline("inpaint", str(folder), None, CPU)).__name__ == "FluxInpaintPipeline"
    with pytest.raises(InputError, match=r"FluxPipeline follows no instructions; set images.method: inpaint"):
        check_pipeline("instruct", str(folder))


def test_half_precision_on_disk_is_float32_on_a_cpu(pipelines: Pipelines, tmp_path: Path) -> None:
    pipeline = load_pipeline("inpaint", pipelines("sd"), None, CPU)
    pipeline.to(dtype=torch.float16).save_pretrained(tmp_path, variant="fp16")
    assert load_pipeline("inpaint", str(tmp_path), "fp16", CPU).dtype == torch.float32
    assert pipeline_dtype(CPU) == torch.float32
    assert pipeline_dtype(Compute(device="cpu", dtype="bfloat16")) == torch.bfloat16
    assert pipeline_dtype(Compute(device="mps")) == torch.float32


def test_slicing_changes_next_to_nothing(pipelines: Pipelines, editing: Any) -> None:
    plain, sliced = editing("sd"), editing("sd", slicing=True)
    sliced.editor.pipeline = load_pipeline("inpaint", pipelines("sd"), None, CPU, slicing=True)
    (before,), (after,) = edit(plain, row()), edit(sliced, row())
    assert np.abs(pixels(before["image"]) - pixels(after["image"])).max() <= 2


@pytest.mark.parametrize(
    ("slicing", "attention", "vae"), [(None, False, True), (True, True, True), (False, False, False)]
)
def test_offload_leaves_the_fast_attention_alone(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch, slicing: bool | None, attention: bool, vae: bool
) -> None:
    monkeypatch.setattr("devices.diffusion._place", lambda *_: None)
    monkeypatch.setattr("devices.diffusion.free_bytes", lambda _: 1)
    pipeline = load_pipeline("inpaint", pipelines("sd"), None, CPU, "model", slicing)
    processors = {type(one).__name__ for one in pipeline.unet.attn_processors.values()}
    assert processors == ({"SlicedAttnProcessor"} if attention else {"AttnProcessor2_0"})
    assert (pipeline.vae.use_slicing, pipeline.vae.use_tiling) == (vae, vae)


def test_a_part_that_waits_on_the_cpu_leaves_less_room_for_pictures(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = load_pipeline("inpaint", pipelines("sd"), None, CPU)
    assert room_for_pictures(pipeline) is None
    monkeypatch.setattr("devices.diffusion.free_bytes", lambda _: GB)
    assert room_for_pictures(pipeline) == GB - max(sizes_of(pipeline))
    pipeline.unet.to("meta")  # there already, or on its way layer by layer
    others = [sizes_of(pipeline)[n] for n, part in enumerate(_models(pipeline)) if part is not pipeline.unet]
    assert room_for_pictures(pipeline) == GB - max(others)


@pytest.mark.parametrize(
    "name",
    [
        "StableDiffusionImg2ImgPipeline", "StableDiffusionUpscalePipeline", "StableDiffusionControlNetPipeline",
        "StableDiffusionXLAdapterPipeline", "WanImageToVideoPipeline", "FluxImg2ImgPipeline",
    ],
)  # fmt: skip
def test_what_takes_words_and_a_picture_need_not_follow_instructions(copy: Any, name: str) -> None:
    folder = copy("pix2pix")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": name}))
    with pytest.raises(InputError, match=f"{name} follows no instructions"):
        check_pipeline("instruct", str(folder))


def test_all_that_follow_instructions_are_there_and_can_be_told() -> None:
    assert not [name for name in _FOLLOW_INSTRUCTIONS if not _can("instruct", getattr(diffusers, name))]


@pytest.mark.parametrize(
    ("name", "kind", "spoil", "said"),
    [
        ("sd", "inpaint", lambda f: (f / "model_index.json").unlink(), "no folder with a model_index.json"),
        ("sd", "inpaint", shutil.rmtree, "no folder with a model_index.json"),
        ("sd", "inpaint", lambda f: (f / "model_index.json").write_text("{"), "model_index.json cannot be read"),
        ("sd", "inpaint", lambda f: [w.unlink() for w in f.rglob("*.safetensors")], "no .safetensors weights"),
        (
            "sd",
            "inpaint",
            lambda f: (f / "unet/diffusion_pytorch_model.safetensors").rename(f / "unet/diffusion_pytorch_model.bin"),
            "unet has only pickles",
        ),
        ("sd", "instruct", lambda f: f, "InpaintPipeline follows no instructions; set images.method: inpaint"),
        ("pix2pix", "inpaint", lambda f: f, "InstructPix2PixPipeline fills in no masks; set images.method: instruct"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_before_loading(copy: Any, name: str, kind: Any, spoil: Any, said: str) -> None:
    folder = copy(name)
    spoil(folder)
    with pytest.raises(InputError, match=said) as caught:
        check_pipeline(kind, str(folder))
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_code_that_comes_with_a_model_is_not_run(copy: Any, tmp_path: Path) -> None:
    folder, ran = copy("sd"), tmp_path / "ran"
    code = f"from diffusers import UNet2DConditionModel as Mine\nopen({str(ran)!r}, 'w').close()\n"
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "mine.py").write_text(code)
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": ["mine", "Mine"]}))
    with pytest.raises(InputError, match="code of its own, which is never run"):
        load_pipeline("inpaint", str(folder), None, CPU)
    (folder / "unet" / "mine.py").write_text(code)
    (folder / "model_index.json").write_text(json.dumps({**index, "unet": ["mine", "Mine"]}))
    with pytest.raises(InputError, match="diffusers cannot load it"):
        load_pipeline("inpaint", str(folder), None, CPU)
    assert not ran.exists()


def test_a_missing_part_a_missing_variant_and_a_foreign_name(copy: Any) -> None:
    folder = copy("sd")
    with pytest.raises(InputError, match="no weights of variant fp16"):
        check_pipeline("inpaint", str(folder), "fp16")
    shutil.rmtree(folder / "vae")
    with pytest.raises(InputError, match="diffusers cannot load it"):
        load_pipeline("inpaint", str(folder), None, CPU)
    with pytest.raises(InputError, match="no such model comes with Counterfoil; known: package:shapes-inpaint"):
        check_pipeline("inpaint", "package:nothing")


def test_a_model_that_the_hub_does_not_give(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def no_answer(repository: str, file: str) -> str:
        asked.append((repository, file))
        raise InputError(f"model {repository}: not in this machine's hub cache")

    monkeypatch.setattr("devices.diffusion.hub_commit", no_answer)
    with pytest.raises(InputError, match="owner/name: not in this machine's hub cache"):
        check_pipeline("inpaint", "owner/name")
    assert asked == [("owner/name", "model_index.json")]
    monkeypatch.setattr("devices.diffusion.hub_commit", lambda *_: "c0ffee")
    assert pipeline_revision("owner/name", "fp16") == "owner/name c0ffee fp16"


def test_the_revision_is_that_of_the_files_wherever_they_are(pipelines: Pipelines, copy: Any) -> None:
    folder = copy("sd")
    assert pipeline_revision(str(folder)) == pipeline_revision(pipelines("sd"))
    (folder / "README.md").write_text("words")
    assert pipeline_revision(str(folder)) == pipeline_revision(pipelines("sd"))
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert pipeline_revision(str(folder)) != pipeline_revision(pipelines("sd"))
    assert devices.revision.hash_of_files([]) not in pipeline_revision(str(folder))


@pytest.mark.parametrize(
    ("wish", "sizes", "free", "chosen"),
    [
        ("auto", [2 * GB, 5 * GB], 24 * GB, "none"),
        ("auto", [10 * GB, 24 * GB], 48 * GB, "model"),
        ("auto", [10 * GB, 24 * GB], 24 * GB, "sequential"),
        ("none", [10 * GB, 24 * GB], 24 * GB, "none"),
        ("sequential", [1], 24 * GB, "sequential"),
        ("auto", [10 * GB], None, "none"),
        ("model", [10 * GB], None, "none"),  # nothing to move it to
    ],
)
def test_what_stays_on_the_gpu(wish: Any, sizes: list[int], free: int | None, chosen: str) -> None:
    assert choose_offload(wish, sizes, free) == chosen


@pytest.mark.parametrize(
    ("wish", "side", "free", "chosen"),
    [
        (0, 64, None, 8),
        (0, 512, None, 1),
        (3, 512, None, 3),
        (0, 512, 20 * GB, 10),
        (0, 1024, 20 * GB, 2),
        (0, 1024, 1 * GB, 1),
        (0, 64, 80 * GB, 32),
    ],
)
def test_how_many_pictures_at_a_time(wish: int, side: int, free: int | None, chosen: int) -> None:
    assert choose_batch(wish, side * side, free) == chosen
