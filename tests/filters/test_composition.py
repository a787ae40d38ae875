"""The arithmetic of a picture and a caption by their parts, against numbers worked out by hand."""

import math

import numpy as np
import pytest
from PIL import Image

from filters.composition import Composition, best_of, cut_out
from schemas.regions import Regions

IMAGE, CAPTION = np.array([1.0, 0.0], np.float32), np.array([0.6, 0.8], np.float32)
WORDS = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
REGIONS = np.array([[0.6, 0.8], [0.8, 0.6]], np.float32)  # each fits its word by 0.6
NOTHING = np.empty((0, 2), np.float32)


def test_phrases_are_mixed_with_the_whole() -> None:
    score = Composition(Regions(match="phrases", weight=0.25))(IMAGE, CAPTION, WORDS, REGIONS)
    assert score == pytest.approx(0.75 * 0.6 + 0.25 * 0.6)
    apart = Composition(Regions(match="phrases", weight=1.0))(IMAGE, CAPTION, WORDS, REGIONS[::-1])
    assert apart == pytest.approx(0.8)


def test_comclip_adds_regions_by_how_well_they_fit() -> None:
    # Both fit alike: the picture and the mean of its regions, (1, 0) + (0.7, 0.7).
    score = Composition(Regions(match="comclip"))(IMAGE, CAPTION, WORDS, REGIONS)
    assert score == pytest.approx((1.7 * 0.6 + 0.7 * 0.8) / math.hypot(1.7, 0.7))
    # A region that speaks against its word counts nothing.
    against = np.array([[0.6, 0.8], [0.0, -1.0]], np.float32)
    score = Composition(Regions(match="comclip"))(IMAGE, CAPTION, WORDS, against)
    assert score == pytest.approx((1.6 * 0.6 + 0.8 * 0.8) / math.hypot(1.6, 0.8))


@pytest.mark.parametrize("match", ["phrases", "comclip"])
def test_without_words_the_whole_is_all_there_is(match: str) -> None:
    composition = Composition(Regions.model_validate({"match": match}))
    assert composition(IMAGE, CAPTION, NOTHING, NOTHING) == pytest.approx(0.6)


def test_comclip_without_a_region_that_fits_is_the_whole() -> None:
    assert Composition(Regions(match="comclip"))(IMAGE, CAPTION, WORDS, -WORDS) == pytest.approx(0.6)


def test_the_best_region_is_the_first_of_equals() -> None:
    assert best_of(WORDS[1], REGIONS) == 0
    assert best_of(WORDS[0], np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]], np.float32)) == 1


def test_a_region_is_shown_alone_on_the_colour_of_the_edge() -> None:
    picture = Image.new("RGB", (8, 8), (10, 20, 30))
    picture.paste((200, 0, 0), (2, 2, 4, 4))
    picture.paste((0, 200, 0), (5, 5, 7, 7))
    red, green = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    red[2:4, 2:4], green[5:7, 5:7] = True, True
    alone = cut_out(picture, red)
    assert alone.getpixel((2, 2)) == (200, 0, 0)
    assert alone.getpixel((5, 5)) == (10, 20, 30)
    assert np.array_equal(np.asarray(cut_out(picture, red | green)), np.asarray(picture))
