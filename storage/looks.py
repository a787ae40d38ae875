"""What a picture measures, and its perceptual hash: the same for a corpus and for what it is compared with."""

import io
from typing import TYPE_CHECKING, Any

from devices.pictures import as_seen, size_seen
from storage.sources.places import one_line

if TYPE_CHECKING:
    from PIL import Image

_FLAT = 4  # steps of brightness, of 255, that are no picture


def look_at(data: bytes, max_pixels: int) -> dict[str, Any] | tuple[str, str]:
    """Decode a picture for its measures as people see it, or return the reason and detail of why it cannot be."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # ours is checked before anything is decoded
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = size_seen(image)
            if width * height > max_pixels:
                return "image_too_large", f"{width} x {height} pixels, more than {max_pixels}"
            form = image.format
            image.draft("L", (256, 256))  # JPEG decodes small at a fraction of the cost; still to the last byte
            grey = as_seen(image).convert("L")
    except UnidentifiedImageError:  # whose own words hold the address of an object
        return "unreadable_image", "empty" if not data else "not a picture in any format that Pillow knows"
    except Exception as error:  # Pillow's decoders raise whatever they like
        return "unreadable_image", f"cannot be decoded ({one_line(error)})"
    return {"width": width, "height": height, "format": form, "phash": phash(grey)}


def phash(grey: "Image.Image") -> int | None:
    """Return a picture's perceptual hash; None where it is one flat colour, all of which would have the same."""
    import imagehash

    darkest, brightest = grey.getextrema()
    if not isinstance(darkest, (int, float)) or not isinstance(brightest, (int, float)):
        raise TypeError(f"a picture in shades of grey is wanted, not {grey.mode}")
    if brightest - darkest < _FLAT:
        return None
    return int("".join("01"[int(bit)] for bit in imagehash.phash(grey).hash.flatten()), 2)
