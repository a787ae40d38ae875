"""Small pictures for a page, as data URLs."""

import base64
import io
from typing import Literal

from PIL import Image, ImageOps

_EXACT = 160  # up to here no pixel is lost: of small pictures, loss would be seen in the difference of two
_PIXELS = 100_000_000  # a picture that claims more is not decoded
Kind = Literal["picture", "mask"]


class Thumbnails:
    """Data URLs by number, of pictures whose longer side has so many pixels."""

    def __init__(self, edge: int = 360) -> None:
        self.edge = edge
        self.urls: list[str] = []
        self.unreadable = 0  # pictures that could not be decoded, which a page says

    def add(self, data: bytes | None, kind: Kind) -> int | None:
        """Take in a picture; returns its number, None where it is none or cannot be decoded."""
        if data is None:
            return None
        url = thumbnail(data, kind, self.edge)
        if url is None:
            self.unreadable += 1
            return None
        self.urls.append(url)
        return len(self.urls) - 1


def thumbnail(data: bytes, kind: Kind = "picture", edge: int = 360) -> str | None:
    """Make a small upright WebP of an encoded picture, as a data URL; None where it cannot be decoded."""
    file = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > _PIXELS:
                return None
            image.draft("RGB", (2 * edge, 2 * edge))  # a large JPEG need not be decoded whole
            small = ImageOps.exif_transpose(image).convert("L" if kind == "mask" else "RGB")
            small.thumbnail((edge, edge), Image.Resampling.LANCZOS if kind == "picture" else Image.Resampling.BOX)
            exact = kind == "mask" or max(small.size) <= _EXACT
            small.save(file, "WEBP", lossless=exact, quality=60 if exact else 72, method=2)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for no picture
        return None
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
