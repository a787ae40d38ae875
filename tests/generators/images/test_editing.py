"""Small real pipelines edit pictures: each row on its own, and nothing outside of its mask."""

import inspect
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from generators.images.editing import _SETTINGS, Editing
from schemas.config import Images
from schemas.errors import InputError
from schemas.ids import image_id, image_negative_id, row_seed
from schemas.stage import ledger_of
from schemas.tables import IMAGE_NEGATIVES
from tests.generators.images.conftest import CPU, edit, pixels, row

Stages = Callable[..., Editing]

EDITORS = [
    ("sd", "inpaint"),
    ("sdxl", "inpaint"),
    ("fill", "inpaint"),
    ("kontext", "inpaint"),
    ("pix2pix", "instruct"),
    ("pix2pix-xl", "instruct"),
    ("kontext", "instruct"),
]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[Editing], list[dict[str, Any]]]:
    """Record the arguments of every call of a stage's pipeline."""

    def record(stage: Editing) -> list[dict[str, Any]]:
        recorded: list[dict[str, Any]] = []
        kind = type(stage.editor.pipeline)
        call = kind.__call__

        def recording(self: Any, **arguments: Any) -> Any:
            recorded.append(arguments)
            return call(self, **arguments)

        recording.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]
        monkeypatch.setattr(kind, "__call__", recording)
        return recorded

    return record


@pytest.mark.parametrize(("name", "method"), EDITORS)
def test_a_row_alone_gives_the_same_picture_as_among_others(editing: Stages, name: str, method: str) -> None:
    stage = editing(name, method, put_back=False)
    sizes = [(32, 32), (37, 50), (32, 32), (32, 32)]
    rows = [row(number, size) for number, size in enumerate(sizes)]
    together = edit(stage, *rows)
    for one, alone, size in zip(together, (edit(stage, each)[0] for each in rows), sizes, strict=True):
        assert one["failed_check"] is None
        assert pixels(one["image"]).shape == (size[1], size[0], 3)
        assert np.abs(pixels(one["image"]) - pixels(alone["image"])).max() <= 2
        assert one["image_negative_id"] == alone["image_negative_id"]


@pytest.mark.parametrize(("name", "method"), EDITORS)
def test_pictures_hang_on_seed_and_words_and_nothing_else(editing: Stages, name: str, method: str) -> None:
    stage = editing(name, method)
    first, again = edit(stage, row())[0], edit(stage, row())[0]
    assert first["image"]["bytes"] == again["image"]["bytes"]
    others = [
        edit(stage, row(**{"try": 1})),
        edit(editing(name, method, seed=1), row()),
        edit(stage, row(caption="A green ball in the rain .")),
    ]
    for (other,) in others:
        assert (pixels(other["image"]) != pixels(first["image"])).any()


@pytest.mark.parametrize("name", ["sd", "kontext"])
@pytest.mark.parametrize("size", [(32, 32), (61, 40), (9, 80), (200, 131)])
def test_outside_the_mask_not_a_bit_changes(editing: Stages, name: str, size: tuple[int, int]) -> None:
    given = row(size=size)
    (made,) = edit(editing(name), given)
    outside = pixels(given["mask"]) == 0
    before, after = pixels(given["image"]), pixels(made["image"])
    assert (before[outside] == after[outside]).all()
    assert (before[~outside] != after[~outside]).any()
    assert made["mask"]["bytes"] == given["mask"]


def test_an_instruction_editor_may_change_all_where_nothing_is_put_back(editing: Stages) -> None:
    given = row()
    outside = pixels(given["mask"]) == 0
    for put_back in (True, False):
        (made,) = edit(editing("pix2pix", "instruct", put_back=put_back), given)
        assert (pixels(made["image"])[outside] == pixels(given["image"])[outside]).all() == put_back
    (made,) = edit(editing("pix2pix", "instruct"), row(mask=None))
    assert made["failed_check"] is None
    assert made["mask"] is None


def test_a_row_says_how_it_was_made(editing: Stages) -> None:
    stage = editing("sd", seed=7, steps=3, guidance_scale=2.5, strength=0.9)
    (made,) = edit(stage, row(**{"try": 2}))
    seed = row_seed("negative 0", 7, "inpaint", "2")
    assert made["seed"] == seed
    assert made["image_negative_id"] == image_negative_id("negative 0", "inpaint", stage.model, seed)
    assert made["edited_image_id"] == image_id(made["image"]["bytes"])
    assert made["image"]["path"] == f"{made['edited_image_id']}.png"
    assert (made["steps"], made["guidance_scale"], made["tries"]) == (3, 2.5, 3)
    assert made["strength"] == pytest.approx(0.9)
    assert made["instruction"] is None
    (told,) = edit(editing("pix2pix", "instruct"), row())
    assert told["instruction"] == "Change red to blue, so that the picture shows: A blue cube ."
    assert told["strength"] is None, "it knows no such thing"


def test_inpainting_needs_a_mask(editing: Stages) -> None:
    made = edit(editing("sd"), row(0, mask=None), row(1))
    assert [one["failed_check"] for one in made] == ["no_mask", None]
    assert made[0]["image"] is None
    assert made[0]["image_negative_id"] != made[1]["image_negative_id"]


def test_what_the_safety_checker_rejects_is_no_picture(editing: Stages) -> None:
    (made,) = edit(editing("unsafe"), row())
    assert made["failed_check"] == "unsafe"
    assert made["image"] is None
    assert made["edited_image_id"] is None


@pytest.mark.parametrize(("name", "method"), [("sd", "inpaint"), ("pix2pix", "instruct")])
def test_a_reconstruction_is_told_the_right_caption(editing: Stages, calls: Any, name: str, method: str) -> None:
    stage = editing(name, method, reconstruct=True)
    recorded = calls(stage)
    given = row()
    (made,) = edit(stage, given)
    assert [call["prompt"][0] for call in recorded] == [made["instruction"] or given["caption"], given["original"]]
    assert made["reconstruction_id"] == image_id(made["reconstruction"]["bytes"])
    assert (pixels(made["reconstruction"]) != pixels(made["image"])).any()
    outside = pixels(given["mask"]) == 0
    assert (pixels(made["reconstruction"])[outside] == pixels(given["image"])[outside]).all()


def test_a_reconstruction_differs_from_an_edit_in_words_only(editing: Stages) -> None:
    (made,) = edit(editing("sd", reconstruct=True), row(caption=row()["original"]))
    assert made["reconstruction"]["bytes"] == made["image"]["bytes"]


def test_the_prompt_is_the_caption_or_the_phrase(editing: Stages, calls: Any) -> None:
    stage = editing("sd", prompt="phrase")
    recorded = calls(stage)
    edit(stage, row(0), row(1, prompt_phrase=None))
    assert recorded[0]["prompt"] == ["a blue cube", "A blue cube ."]


def test_what_people_see_is_edited(editing: Stages) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    data = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(data, "JPEG", exif=exif)
    (made,) = edit(editing("sd"), row(size=(20, 40), image=data.getvalue()))
    assert pixels(made["image"]).shape == (40, 20, 3)
    data = io.BytesIO()
    Image.new("LA", (20, 40), (0, 0)).save(data, "PNG")
    (made,) = edit(editing("sd"), row(size=(20, 40), image=data.getvalue()))
    assert (pixels(made["image"])[0] == 255).all(), "transparency is white"


def test_batches_and_their_progress(editing: Stages, calls: Any) -> None:
    stage = editing("sd", batch_size=2)
    recorded, done = calls(stage), []
    stage.advance = done.append
    sizes = [(32, 32), (64, 32), (32, 32), (64, 32), (32, 32)]
    made = edit(stage, *(row(number, size) for number, size in enumerate(sizes)), row(9, mask=None))
    assert [len(call["prompt"]) for call in recorded] == [2, 1, 2]
    assert done == [1, 2, 1, 2]
    assert [pixels(one["image"]).shape[1] for one in made[:-1]] == [width for width, _ in sizes]
    assert {"prepare", "pipeline", "put back", "write"} <= set(stage.seconds)


def test_out_of_memory_halves_the_batch(editing: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = editing("sd", batch_size=8)
    rows = [row(number) for number in range(7)]
    expected = edit(stage, *rows)
    tried, call = [], type(stage.editor.pipeline).__call__

    def small(self: Any, **arguments: Any) -> Any:
        tried.append(len(arguments["prompt"]))
        if len(arguments["prompt"]) > limit:
            raise torch.cuda.OutOfMemoryError("too much")
        return call(self, **arguments)

    monkeypatch.setattr(type(stage.editor.pipeline), "__call__", small)
    limit = 2
    made = edit(stage, *rows)
    assert tried == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    for one, other in zip(made, expected, strict=True):
        assert np.abs(pixels(one["image"]) - pixels(other["image"])).max() <= 2
    limit = 0
    with pytest.raises(InputError, match="out of memory with one picture of 32x32"):
        edit(stage, rows[0])


def test_the_ledger_says_what_it_cost(editing: Stages) -> None:
    rows = [row(0), row(1, mask=None), row(2, operation="negate")]
    result = editing("sd")(pa.Table.from_pylist(rows))
    assert result.schema.remove_metadata() == IMAGE_NEGATIVES.remove_metadata()
    ledger = ledger_of(result, "image_negatives", "shard").to_pylist()
    work = {entry["operation"]: entry for entry in ledger if entry["check_name"] is None}
    assert (work["replace_attribute"]["tries"], work["replace_attribute"]["rows_out"]) == (2, 1)
    assert work["negate"]["seconds"] > 0
    assert [entry["check_name"] for entry in ledger if entry["check_name"]] == ["no_mask"]


def test_no_rows_need_no_model(pipelines: Callable[[str], str]) -> None:
    stage = Editing(Images(method="inpaint", model=pipelines("sd")), CPU, 0)
    empty = pa.Table.from_pylist([row()])[:0]
    assert stage(empty).num_rows == 0
    assert "load" not in stage.seconds


def test_identity_changes_with_what_changes_pictures_only(pipelines: Callable[[str], str]) -> None:
    def identity(name: str = "sd", seed: int = 0, **settings: Any) -> list[Any]:
        return Editing(Images(method="inpaint", model=pipelines(name), **settings), CPU, seed).identity

    assert identity() == identity(batch_size=3, offload="model", share=0.5, slicing=True, tries={"most": 3})
    different = [identity(seed=1), identity("unsafe"), identity(steps=9), identity(feather=0.1), identity(size=64)]
    assert identity() not in different


def test_every_setting_is_known_to_change_pictures_or_not() -> None:
    others = {"operations", "share", "variant", "masks", "tries", "batch_size", "offload", "slicing", "compile"}
    assert set(_SETTINGS) | others | {"shard_pictures"} == set(Images.model_fields)


def test_too_little_strength_is_said_before_loading(pipelines: Callable[[str], str]) -> None:
    stage = Editing(Images(method="inpaint", model=pipelines("sd"), steps=2, strength=0.4), CPU, 0)
    with pytest.raises(InputError, match="less than one step"):
        stage.check()
