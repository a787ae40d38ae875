"""What is true of a scene: a table to read, and the writer's laws."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.shapes.claims import is_true
from generators.shapes.drawing import draw, png
from generators.shapes.reading import UnreadableError, read
from generators.shapes.truth import PictureTruth, Truth
from generators.shapes.world import Scene, Thing
from generators.shapes.writing import captions, claim_about, write
from generators.shapes.wrongs import OPERATIONS, wrong_claim
from schemas.tables import LABELS
from tests.generators.shapes.scenes import HAND, scene_of, seeds

TRUTHS = [
    # caption, whether it is true of HAND, why
    ("A red circle.", True, "there is one"),
    ("A blue circle", False, "the circle is red"),
    ("A huge plain red circle and a tiny striped square", True, "synonyms of size"),
    ("A red blue circle", False, "a contradiction fits nothing"),
    ("A green star.", True, "a star stands for at least one"),
    ("One green star.", False, "one means exactly one"),
    ("Two green stars.", True, "and two exactly two"),
    ("Three green stars.", False, "and not three"),
    ("A red circle is to the left of a blue square.", True, "its right edge is left of the other's left edge"),
    ("A blue square is left of a red circle.", False, "the other way round"),
    ("To the right of a red circle there is a blue square", True, "the place may come first"),
    ("Two green stars are below a red circle.", True, "all of them are"),
    ("Two green stars are to the left of a blue square.", False, "one of them is not"),
    ("A green star is to the left of a blue square.", True, "but one is"),
    ("A red circle above a star and left of a square", True, "the same circle is both"),
    ("A star is left of a star and below a circle", True, "some star is both"),
    ("A star is right of a square and below a circle", False, "no star is both"),
    ("A red circle and a blue square are above two green stars.", True, "each of the subjects is"),
    ("A red circle on a grey background", True, "the ground is grey"),
    ("A red circle on a pink background", False, "and not pink"),
    ("A red circle is not to the left of a blue square.", False, "it is"),
    ("A red circle is not above a blue square.", True, "it is not"),
    ("A yellow circle is not above a blue square.", False, "there is no yellow circle to speak of"),
    ("There is not a yellow circle.", True, "there is none"),
    ("There are not two green stars.", False, "there are two"),
    ("The picture does not show a red circle and a heart.", True, "the heart is missing"),
    ("A red circle does not float to the left of a blue square.", False, "it does"),
    ("A red circle is not on a grey background.", False, "it is"),
]


@pytest.mark.parametrize(("caption", "expected", "why"), TRUTHS)
def test_truth(caption: str, expected: bool, why: str) -> None:
    assert is_true(read(caption), HAND) is expected, why


@pytest.mark.parametrize(
    ("caption", "said"),
    [
        ("A dog.", "expected a shape at word 2, found 'dog'"),
        ("A red circle sits on a mat", "expected the end at word 4, found 'sits'"),
        ("Red circle", "expected a or an or the at word 1, found 'red'"),
        ("A red circle on a green background", "at word 6, found 'green'"),
        ("", "found 'the end'"),
    ],
)
def test_what_is_not_of_this_world_is_unreadable(caption: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        read(caption)


@given(seeds)
def test_what_the_writer_writes_is_true(seed: int) -> None:
    scene = scene_of(seed)
    for caption in captions(scene, random.Random(seed), 4):
        assert is_true(read(caption), scene), caption


@given(seeds, st.lists(seeds, min_size=8, max_size=8))
def test_the_reader_understands_what_the_writer_means(seed: int, others: list[int]) -> None:
    rng = random.Random(seed)
    scene = scene_of(seed)
    claims = [claim_about(scene, rng)]
    claims += [wrong for name in OPERATIONS if (wrong := wrong_claim(claims[0], name, scene, rng)) is not None]
    for claim in claims:
        understood = read(write(claim, random.Random(seed)))
        for other in (scene, *map(scene_of, others)):
            assert is_true(understood, other) is is_true(claim, other), write(claim, random.Random(seed))


@given(seeds, st.sampled_from(sorted(OPERATIONS)))
def test_a_wrong_claim_is_wrong_and_put_in_the_same_words(seed: int, operation: str) -> None:
    rng = random.Random(seed)
    scene = scene_of(seed)
    claim = claim_about(scene, rng)
    wrong = wrong_claim(claim, operation, scene, rng)
    if wrong is None:
        return
    right_words, wrong_words = (write(c, random.Random(seed)).lower().split() for c in (claim, wrong))
    assert not is_true(wrong, scene)
    assert right_words != wrong_words
    if operation in {"replace_object", "replace_attribute"}:
        differing = [pair for pair in zip(right_words, wrong_words, strict=True) if pair[0] != pair[1]]
        assert len(differing) <= 2, "a word, and its article"


@settings(max_examples=50)
@given(seeds)
def test_a_scene_survives_json(seed: int) -> None:
    scene = scene_of(seed)
    assert Scene.from_json(scene.to_json()) == scene


@pytest.mark.parametrize("text", ["[]", "{}", '{"things": [{"shape": "circle"}], "background": "grey"}', "3"])
def test_what_is_no_scene_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a scene of the shapes world"):
        Scene.from_json(text)


def test_every_negative_with_a_scene_gets_a_label_and_the_unreadable_say_why() -> None:
    scene = HAND.to_json()
    rows = [
        ("a", "A red circle", "A blue circle", scene),
        ("b", "A green star", "A star", scene),
        ("c", "A red circle", "A dog", scene),
        ("d", "A red circle", "A blue circle", None),
        ("e", "A red circle", "A blue circle", "{}"),
        ("f", "A yellow circle", "A blue circle", scene),
    ]
    names = ("text_negative_id", "original", "caption", "scene")
    made = Truth()(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))))
    assert made.schema.equals(LABELS)
    assert made["text_negative_id"].to_pylist() == ["a", "b", "c", "e", "f"], "d has no scene"
    assert made["valid"].to_pylist() == [True, False, None, None, False]
    details = made["detail"].to_pylist()
    assert "found 'dog'" in details[2]
    assert "not a scene" in details[3]


def test_edited_pictures_are_labelled_by_the_scene_nearest_to_them() -> None:
    before = _two("red")
    said = {"original": "A red circle and a blue square.", "caption": "A green circle and a blue square."}
    box = np.zeros((64, 64), np.uint8)
    box[8:56, 0:34] = 255
    allowed = {"bytes": png(box), "path": "mask.png"}
    rows = []
    for name, shown, again, method in (
        ("right", _two("green"), None, "inpaint"),
        ("nothing happened", before, None, "inpaint"),
        ("other colour", _two("yellow"), None, "inpaint"),
        ("reconstruction right", _two("green"), before, "inpaint"),
        ("reconstruction wrong", _two("green"), _two("purple"), "inpaint"),
        ("drawn", _two("green"), None, "render"),
    ):
        rows.append(
            {"text_negative_id": name, "image_negative_id": name, **said, "scene": before.to_json(), "method": method,
             "image": png(draw(shown)), "reconstruction": png(draw(again)) if again else None, "mask": allowed}
        )  # fmt: skip
    found = PictureTruth()(pa.Table.from_pylist(rows)).to_pylist()
    assert {row["image_negative_id"]: row["valid"] for row in found} == {
        "right": True,
        "nothing happened": False,
        "other colour": False,
        "reconstruction right": True,
        "reconstruction wrong": False,
    }, "what was drawn from a scene needs no label"


def _two(colour: str) -> Scene:
    square = Thing("square", "blue", "small", "plain", 190, 128, 28)
    return Scene((Thing("circle", colour, "large", "plain", 68, 128, 44), square), "grey")
