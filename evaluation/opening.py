"""Open the pictures of items, wherever they are: bytes, files, frames as numbers."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from devices.pictures import as_seen, decoded
from evaluation.items import Picture

if TYPE_CHECKING:
    from PIL import Image


class Unusable(Exception):  # noqa: N818 - a reason, not a failure of ours
    """A picture that is not there, or cannot be read; says why."""


def opened(picture: Picture) -> "Image.Image":
    """Open a value of PICTURE as people see it, in RGB, cropped to its box; raises Unusable."""
    try:
        image = _whole(picture)
    except FileNotFoundError:
        raise Unusable("missing picture") from None
    except Exception as error:  # Pillow's and numpy's, of many kinds
        raise Unusable(f"unreadable picture ({' '.join(str(error).split())[:100]})") from error
    box = picture["box"]
    if box is None:
        return image
    left, top, width, height = box
    right, bottom = min(left + width, image.width), min(top + height, image.height)
    if right <= max(left, 0) or bottom <= max(top, 0):
        raise Unusable(f"the box {box} lies outside of the picture")
    return image.crop((max(left, 0), max(top, 0), right, bottom))


def _whole(picture: Picture) -> "Image.Image":
    if picture["bytes"] is not None:
        return decoded(picture["bytes"])
    path = Path(picture["path"])
    return _frame(path) if path.suffix == ".npy" else decoded(path.read_bytes())


def _frame(path: Path) -> "Image.Image":
    """Read a frame of a video as OpenCV keeps it: height x width x 3 of blue, green, red (EqBen's youcook2)."""
    from PIL import Image

    frame = np.load(path, allow_pickle=False)
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ValueError(f"{frame.dtype} of {frame.shape}, expected uint8 of height x width x 3")
    return as_seen(Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1])))
