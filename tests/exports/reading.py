"""What has come back of an export, against what went in."""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tests.exports.made import Made

SPLITS = ("train", "validation", "test")
Row = tuple[str, str, bytes, str, bytes | None]  # text_negative_id; right caption and picture; wrong ones


def check(made: Made, rows: Iterable[Row], ids: set[str]) -> None:
    """Hold that these negatives came back, each once, with their captions and pictures, none exchanged."""
    seen = []
    for name, right, picture, wrong, negative in rows:
        seen.append(name)
        assert (right, wrong) == (made.right[name][0], made.wrong[name][0])
        check_picture(picture, made.right[name][1])
        if negative is not None:
            assert negative == made.wrong[name][1]
    assert sorted(seen) == sorted(ids)


def check_picture(found: bytes, given: bytes) -> None:
    """Hold that a picture is what was given, byte for byte; or pixel for pixel, upright, in a form that all open."""
    with Image.open(io.BytesIO(given)) as before:
        plain = before.format in {"PNG", "JPEG"} and before.getexif().get(0x0112, 1) == 1
    if plain:
        assert found == given
    else:
        check_pixels(found, given)


def check_pixels(found: bytes, given: bytes) -> None:
    """Hold that a PNG shows what another picture shows, upright."""
    with Image.open(io.BytesIO(found)) as image, Image.open(io.BytesIO(given)) as before:
        upright = ImageOps.exif_transpose(before)
        assert (image.format, image.size) == ("PNG", upright.size)
        assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(upright.convert("RGB")))


def check_apart(made: Made, splits: Iterable[Iterable[Row]]) -> None:
    """Hold that no picture, and none alike, is in two splits, and that there are several."""
    of_group: dict[int, int] = {}
    of_picture: dict[str, int] = {}
    for number, rows in enumerate(splits):
        for name, _, picture, _, negative in rows:
            assert of_group.setdefault(made.alike[name], number) == number
            for each in (picture, negative):
                if each is not None:
                    assert of_picture.setdefault(hashlib.sha256(each).hexdigest(), number) == number
    assert len(set(of_group.values())) > 1


def read(folder: Path, name: str | None) -> bytes | None:
    """Read a picture of an export."""
    return None if name is None else (folder / name).read_bytes()


def must_read(folder: Path, name: str) -> bytes:
    """Read a picture that is there."""
    return (folder / name).read_bytes()
