"""Which library an encoder's name is of."""

import json
from pathlib import Path
from typing import Literal

from devices.language_model import PACKAGES
from schemas.config import Clip
from schemas.errors import InputError

Library = Literal["open_clip", "timm", "transformers", "language model"]
TIMM = "timm:"
OPEN_CLIP = ("package:", "local-dir:", "hf-hub:")


def library_of(name: str) -> Library:
    """Tell by its name, or by what lies in the folder of that name, what loads an encoder.

    Raises InputError for a folder that none of them loads.
    """
    folder = Path(name)
    if name in PACKAGES:
        return "language model"
    if name.startswith(TIMM):
        return "timm"
    if name.startswith(OPEN_CLIP):
        return "open_clip"
    if folder.is_dir():
        return _library_of_folder(folder)
    return "transformers" if "/" in name and ":" not in name else "open_clip"


def clip_of(name: str, batch_size: int) -> Clip:
    """Turn the name of a model of open_clip, with its tag or a folder, into what a config says of it."""
    if name.startswith(OPEN_CLIP):
        return Clip(model=name, batch_size=batch_size)
    if Path(name).is_dir():
        return Clip(model=f"local-dir:{name}", batch_size=batch_size)
    model, _, tag = name.partition(":")
    return Clip(model=model, pretrained=tag or None, batch_size=batch_size)


def _library_of_folder(folder: Path) -> Library:
    if (folder / "open_clip_config.json").is_file():
        return "open_clip"
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"encoder {folder}: neither open_clip_config.json nor a readable config.json there") from error
    return "timm" if "architecture" in config else "transformers"
