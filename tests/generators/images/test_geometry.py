"""Nothing is lost between a picture and what a model takes, and nothing changes outside the mask."""

import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from devices.pictures import as_seen, size_seen
from generators.images.geometry import fit, fit_mask, fit_picture, put_back, undo, white_of

SIZES = st.tuples(st.integers(1, 400), st.integers(1, 400))


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """A picture in which every pixel differs."""
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def spots(size: tuple[int, int], seed: int = 0, share: float = 0.03) -> Image.Image:
    """A mask of single white pixels, the hardest to keep."""
    width, height = size
    return Image.fromarray((np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8) * 255)


def disk(size: int, radius: float) -> Image.Image:
    """A round mask in the middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return Image.fromarray((np.hypot(y, x) <= radius).astype(np.uint8) * 255)


def on_sizes(test: Callable[..., None]) -> Any:
    """Run a test on sizes of all kinds: thin, odd, large, already right."""
    for size in ((1, 400), (301, 200), (37, 500), (64, 64), (1, 1)):
        test = example(size=size, target=64, multiple=16)(test)
    kinds = given(size=SIZES, target=st.sampled_from([8, 64, 96]), multiple=st.sampled_from([8, 16, 64]))
    return settings(max_examples=40, deadline=None)(kinds(test))


@on_sizes
def test_a_picture_fits_and_comes_back_in_its_size(size: tuple[int, int], target: int, multiple: int) -> None:
    to = fit(*size, target, multiple)
    fitted = fit_picture(noise(size), to)
    assert fitted.size == to.padded
    assert all(side % multiple == 0 and side - part < multiple for side, part in zip(to.padded, to.scaled, strict=True))
    assert undo(fitted, to).size == size


@on_sizes
def test_the_scale_keeps_shape_and_number_of_pixels(size: tuple[int, int], target: int, multiple: int) -> None:
    to = fit(*size, target, multiple)
    if min(to.scaled) < 8:  # rounding to whole pixels weighs more than the rule
        return
    assert math.prod(to.scaled) == pytest.approx(target**2, rel=0.25)
    assert to.scaled[0] / to.scaled[1] == pytest.approx(size[0] / size[1], rel=0.15)


@on_sizes
def test_no_masked_pixel_is_lost(size: tuple[int, int], target: int, multiple: int) -> None:
    to, mask = fit(*size, target, multiple), spots(size)
    fitted = fit_mask(mask, to)
    assert fitted.size == to.padded
    assert set(np.unique(np.asarray(fitted))) <= {0, 255}
    white = white_of(fitted)
    for y, x in np.argwhere(white_of(mask)):
        assert white[(2 * y + 1) * to.scaled[1] // (2 * size[1]), (2 * x + 1) * to.scaled[0] // (2 * size[0])]


@on_sizes
def test_outside_the_mask_not_a_bit_changes(size: tuple[int, int], target: int, multiple: int) -> None:
    before, mask = noise(size), spots(size, share=0.6)
    to = fit(*size, target, multiple)
    edited = undo(fit_picture(noise(size, 1), to), to)
    after = put_back(before, edited, mask, feather_pixels=target / 20)
    outside = ~white_of(mask)
    assert after.size == size
    assert np.array_equal(np.asarray(after)[outside], np.asarray(before)[outside])


@pytest.mark.parametrize("size", [(64, 64), (72, 56), (64, 128)])
def test_what_fits_already_stays_bit_for_bit(size: tuple[int, int]) -> None:
    to, picture = fit(*size, size=round(math.sqrt(math.prod(size))), multiple=8), noise(size)
    assert fit_picture(picture, to) is picture
    assert np.array_equal(np.asarray(undo(picture, to)), np.asarray(picture))


def test_only_padding_is_undone_bit_for_bit() -> None:
    to, picture = fit(61, 63, size=64, multiple=8), noise((61, 63))
    assert to.padded == (64, 64)
    assert np.array_equal(np.asarray(undo(fit_picture(picture, to), to)), np.asarray(picture))


def test_a_masked_thing_is_masked_in_the_padding_too() -> None:
    to = fit(60, 64, size=64, multiple=64)
    thing = np.zeros((64, 60), np.uint8)
    thing[20:40, 56:] = 255
    assert white_of(fit_mask(Image.fromarray(thing), to))[20:40, 56:].all()


def test_a_result_of_another_size_is_brought_back() -> None:
    to = fit(301, 200, size=64, multiple=16)
    assert undo(noise((160, 96)), to).size == (301, 200)


def test_the_seam_rises_from_the_edge_inwards() -> None:
    black, white = Image.new("RGB", (65, 65)), Image.new("RGB", (65, 65), "white")
    row = np.asarray(put_back(black, white, disk(65, 30), feather_pixels=10))[32, :33, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert row[0] == row[1] == 0
    assert 0 < row[4] < 150 < row[10] < 255
    assert row[14] == row[32] == 255
    assert (np.asarray(put_back(black, white, disk(65, 30), feather_pixels=0))[32, 3:33] == 255).all()


def test_a_mask_that_reaches_the_border_has_no_seam_there() -> None:
    black, white = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64), "white")
    half = np.zeros((64, 64), np.uint8)
    half[:, :32] = 255
    found = np.asarray(put_back(black, white, Image.fromarray(half), feather_pixels=8))
    assert (found[:, :24] == 255).all()
    assert (found[:, 32:] == 0).all()
    full = np.asarray(put_back(black, white, Image.new("L", (64, 64), 255), feather_pixels=8))
    assert (full == 255).all()


def test_the_size_seen_needs_no_decoding() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    noise((30, 20)).save(data, "JPEG", exif=exif)
    with Image.open(data) as image:
        assert size_seen(image) == (20, 30)
        assert as_seen(image).size == (20, 30)
