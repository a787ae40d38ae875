"""Rows to edit, and small real pipelines to edit them with."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from generators.images.editing import Editing
from schemas.config import Compute, Images
from tests.tiny_models import make_tiny_flux, make_tiny_inpainter, make_tiny_instructor

MAKERS: dict[str, Callable[[Path], str]] = {
    "sd": make_tiny_inpainter,
    "sdxl": partial(make_tiny_inpainter, xl=True),
    "unsafe": partial(make_tiny_inpainter, unsafe=True),
    "pix2pix": make_tiny_instructor,
    "pix2pix-xl": partial(make_tiny_instructor, xl=True),
    "fill": partial(make_tiny_flux, kind="Fill"),
    "kontext": partial(make_tiny_flux, kind="Kontext"),
}
CPU = Compute(device="cpu")

Pipelines = Callable[[str], str]


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Pipelines:
    """Ask for the folder of a small pipeline by its name in MAKERS; made once."""
    root = tmp_path_factory.mktemp("pipelines")

    def folder(name: str) -> str:
        return str(root / name) if (root / name).is_dir() else MAKERS[name](root / name)

    return folder


@pytest.fixture(scope="session")
def editing(pipelines: Pipelines) -> Callable[..., Editing]:
    """Ask for a stage by the name of its pipeline and settings; the weights are loaded once for each pipeline."""
    loaded: dict[tuple[str, str], Any] = {}

    def stage(name: str, method: str = "inpaint", seed: int = 0, **settings: Any) -> Editing:
        settings = {"steps": 2, "size": 32, **settings}
        made = Editing(Images(method=method, model=pipelines(name), **settings), CPU, seed)
        if (name, method) not in loaded:
            loaded[name, method] = made.editor.pipeline
        made.__dict__["editor"] = type(made.editor)(loaded[name, method], made.images)
        return made

    return stage


def png(pixels: Any) -> bytes:
    """Encode pixels."""
    data = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(data, "PNG")
    return data.getvalue()


def pixels(data: bytes | dict[str, Any]) -> Any:
    """Decode a picture, or one of a table's column of pictures, as signed numbers."""
    with Image.open(io.BytesIO(data if isinstance(data, bytes) else data["bytes"])) as image:
        return np.asarray(image).astype(int)


def row(number: int = 0, size: tuple[int, int] = (32, 32), **changed: Any) -> dict[str, Any]:
    """A row to edit: noise of a width and height, with a mask over its middle."""
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4 : -(height // 4), width // 4 : -(width // 4)] = 255
    return {
        "text_negative_id": f"negative {number}",
        "operation": "replace_attribute",
        "original": "A red cube .",
        "caption": "A blue cube .",
        "original_phrase": "red",
        "negative_phrase": "blue",
        "original_spans": [{"start": 2, "end": 5}],
        "negative_spans": [{"start": 2, "end": 6}],
        "prompt_phrase": "a blue cube",
        "image": png(np.random.default_rng(number).integers(0, 256, (height, width, 3))),
        "mask": png(mask),
        "try": 0,
        **changed,
    }


def edit(stage: Editing, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Run rows through a stage."""
    found: list[dict[str, Any]] = stage(pa.Table.from_pylist(list(rows))).to_pylist()
    return found
