"""Pixel measures, against arrays worked out by hand and what must hold for any pictures."""

import io

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from filters.pixels import Pixels, measures
from schemas.stage import ledger_of
from schemas.tables import SCORES

Picture = npt.NDArray[np.uint8]

GREY, BLACK, WHITE = (np.full((12, 16, 3), value, np.uint8) for value in (128, 0, 255))
LEFT = np.zeros((12, 16), np.uint8)
LEFT[:, :4] = 255


def png(picture: Picture) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(picture).save(file, "PNG")
        return file.getvalue()


def of(image0: Picture, image1: Picture, mask: Picture | None = None) -> dict[str, float | None]:
    return measures(png(image0), png(image1), None if mask is None else png(mask))


def noise(seed: int = 0) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, GREY.shape).astype(np.uint8)


sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
pairs = sizes.flatmap(lambda size: st.tuples(*[arrays(np.uint8, (*size, 3))] * 2, arrays(np.bool_, size)))


def as_mask(allowed: npt.NDArray[np.bool_]) -> Picture:
    return np.where(allowed, 255, 0).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_identical_pictures_have_no_change(pair: tuple[Picture, Picture, npt.NDArray[np.bool_]]) -> None:
    picture, _, allowed = pair
    found = of(picture, picture, as_mask(allowed))
    assert (found["outside_mask_change"], found["inside_mask_change"]) == (0, 0)
    assert found["detail0"] == found["detail1"]


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_what_changes_inside_the_mask_is_no_change_outside(
    pair: tuple[Picture, Picture, npt.NDArray[np.bool_]],
) -> None:
    first, second, allowed = pair
    edited = np.where(allowed[:, :, None], second, first)
    found = of(first, edited, as_mask(allowed))
    assert found["outside_mask_change"] == 0
    expected = np.abs(first[allowed].astype(float) - second[allowed]).mean() / 255 if allowed.any() else 0
    assert found["inside_mask_change"] == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_changes_are_symmetric_and_shares(pair: tuple[Picture, Picture, npt.NDArray[np.bool_]]) -> None:
    first, second, allowed = pair
    there, back = of(first, second, as_mask(allowed)), of(second, first, as_mask(allowed))
    for name in ("outside_mask_change", "inside_mask_change"):
        assert there[name] == back[name]
        assert 0 <= (there[name] or 0) <= 1
    assert (there["detail0"], there["detail1"]) == (back["detail1"], back["detail0"])
    assert (there["detail0"] is None) == (not allowed.any())


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_without_a_mask_all_is_inside(pair: tuple[Picture, Picture, npt.NDArray[np.bool_]]) -> None:
    first, second, allowed = pair
    without, whole = of(first, second), of(first, second, as_mask(np.ones_like(allowed)))
    assert without == whole | {"outside_mask_change": None}
    assert whole["outside_mask_change"] == 0, "nothing is outside"


def test_differences_do_not_wrap_around() -> None:
    assert of(BLACK, WHITE)["inside_mask_change"] == 1.0
    assert of(WHITE, BLACK)["inside_mask_change"] == 1.0
    found = of(BLACK, WHITE, LEFT)
    assert (found["outside_mask_change"], found["inside_mask_change"]) == (1.0, 1.0)


def test_a_change_is_weighed_by_its_own_side_of_the_mask() -> None:
    edited = GREY.copy()
    edited[:, :4, 0] += 51  # a fifth of the range, in one of three channels, inside
    edited[0, 4:] -= 51  # in all channels, one of twelve rows outside
    found = of(GREY, edited, LEFT)
    assert found["inside_mask_change"] == pytest.approx(0.2 / 3)
    assert found["outside_mask_change"] == pytest.approx(0.2 / 12)


def test_flat_and_black_pictures_have_no_detail() -> None:
    found = of(noise(), BLACK, LEFT)
    assert found["detail1"] == 0
    assert (found["detail0"] or 0) > 0.1
    assert of(noise(), GREY)["detail1"] == 0


def test_black_and_white_in_equal_parts_have_the_most_detail() -> None:
    halves = BLACK.copy()
    halves[:, 8:] = 255
    assert of(GREY, halves)["detail1"] == pytest.approx(0.5)
    assert of(GREY, halves, LEFT)["detail1"] == 0, "only what is inside counts"


def test_detail_is_of_luma() -> None:
    halves = BLACK.copy()
    halves[:, 8:] = (0, 255, 0)  # Rec. 601 weighs green by 0.587
    assert of(GREY, halves)["detail1"] == pytest.approx(0.587 / 2, abs=0.002)


def test_noise_is_more_than_structure() -> None:
    slope = np.broadcast_to(np.arange(16, dtype=np.uint8)[None, :, None] * 15, GREY.shape).copy()
    edge = slope.copy()
    edge[:, :2] = 255
    noisy = slope.copy()
    noisy[:, :4] = noise()[:, :4]
    assert of(slope, edge, LEFT)["noise1"] == 0, "a straight edge"
    assert (of(slope, noisy, LEFT)["noise1"] or 0) > 3
    assert (of(noise(0), noise(1))["noise1"] or 0) == pytest.approx(1, abs=0.3)
    assert of(GREY, GREY)["noise1"] == 0


def test_a_mask_of_nothing_leaves_nothing_to_describe() -> None:
    assert of(GREY, WHITE, np.zeros((12, 16), np.uint8)) == {
        "outside_mask_change": pytest.approx(127 / 255),
        "inside_mask_change": 0,
        "detail0": None,
        "detail1": None,
        "noise1": None,
    }


def test_picture_and_mask_of_another_size_are_made_to_fit() -> None:
    edited = GREY.copy()
    edited[:, :4] = 255
    double, half = edited.repeat(2, 0).repeat(2, 1), LEFT[::2, ::2]
    found = of(GREY, double, half)
    assert found["inside_mask_change"] == pytest.approx(127 / 255, abs=0.02)
    assert found["outside_mask_change"] == pytest.approx(0, abs=0.01)


def test_pictures_are_compared_as_people_see_them() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned a quarter clockwise
    with io.BytesIO() as file:
        Image.fromarray(np.rot90(noise(), 1).copy()).save(file, "PNG", exif=turned)
        assert measures(png(noise()), file.getvalue(), None)["inside_mask_change"] == 0


def test_a_mask_may_be_of_one_bit() -> None:
    edited = GREY.copy()
    edited[:, :4] = 255
    with io.BytesIO() as file:
        Image.fromarray(LEFT).convert("1").save(file, "PNG")
        found = measures(png(GREY), png(edited), file.getvalue())
    assert (found["outside_mask_change"], found["inside_mask_change"]) == (0, pytest.approx(127 / 255))


def test_the_stage_keeps_the_order_of_rows_and_the_nulls() -> None:
    rows = [
        ("a", "A", png(BLACK), png(WHITE), png(LEFT)),
        ("b", None, png(BLACK), None, None),
        ("c", "C", png(BLACK), png(BLACK), None),
    ]
    names = ("text_negative_id", "image_negative_id", "image0", "image1", "mask")
    kinds = (pa.string(), pa.string(), pa.binary(), pa.binary(), pa.binary())
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
    table = pa.table(columns, names=names)
    made = Pixels()(table)
    assert made.schema.equals(SCORES)
    assert made["text_negative_id"].to_pylist() == ["a", "b", "c"]
    assert made["image_negative_id"].to_pylist() == ["A", None, "C"]
    assert set(made["role"].to_pylist()) == set(made["model"].to_pylist()) == {"pixels"}
    assert made["outside_mask_change"].to_pylist() == [1, None, None]
    assert made["s00"].null_count == 3
    (work,) = ledger_of(made, "pixels", "shard").to_pylist()
    assert (work["rows_in"], work["rows_out"]) == (3, 3)
    assert Pixels(1)(table).equals(made), "whatever the number of threads"
    assert Pixels()(table.slice(0, 0)).num_rows == 0
