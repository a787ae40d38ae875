"""Pictures as people see them: upright, in RGB."""

import io
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112  # EXIF tag; 5 to 8 turn the picture by a quarter


def as_seen(image: "Image.Image") -> "Image.Image":
    """Turn a picture into the RGB that people see: upright, 8 bits a channel, transparency on white.

    Whole numbers of more bits are 16-bit brightness; what numbers with a point mean is told by their range: 0 to 1,
    to 255, to 65535, and else from the darkest to the brightest.
    """
    from PIL import Image, ImageOps

    with suppress(Exception):  # a broken EXIF block spoils no picture
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):  # Pillow's own conversion cuts off at 255: a white picture
        grey = np.asarray(image).clip(0, 65535) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        return Image.fromarray(_to_8_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it


def _to_8_bits(values: "np.typing.NDArray[np.float32]") -> "np.typing.NDArray[np.uint8]":
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if low >= 0:
        low, high = 0.0, next((top for top in (1.0, 255.0, 65535.0) if high <= top), high)
    return ((values - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)


def decoded(data: bytes) -> "Image.Image":
    """Decode an encoded picture to what people see."""
    with _opened(data) as image:
        picture = as_seen(image)
        picture.load()
        return picture


def size_of(data: bytes) -> tuple[int, int]:
    """Tell width and height, in pixels, of what `decoded` will give, without decoding the picture."""
    with _opened(data) as image:
        return size_seen(image)


def _opened(data: bytes) -> "Image.Image":
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # ingest has checked the size
    return Image.open(io.BytesIO(data))


def as_png(picture: "Image.Image") -> bytes:
    """Encode a picture as PNG."""
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=1)  # half the default's time, the same size (photos)
    return data.getvalue()


def size_seen(image: "Image.Image") -> tuple[int, int]:
    """Tell width and height, in pixels, of what `as_seen` will give, without decoding the picture."""
    with suppress(Exception):
        if image.getexif().get(_ORIENTATION) in (5, 6, 7, 8):
            return image.height, image.width
    return image.size
