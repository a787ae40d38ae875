"""The smallest change: right by construction, small, and nothing else moved."""

import io
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from generators.shapes.changes import changed_things, entails, minimal_change
from generators.shapes.claims import is_true
from generators.shapes.reading import read
from generators.shapes.render import Render
from generators.shapes.sampling import is_clear
from generators.shapes.world import Scene
from generators.shapes.writing import claim_about
from generators.shapes.wrongs import OPERATIONS, wrong_claim
from schemas.stage import ledger_of
from schemas.tables import IMAGE_NEGATIVES
from tests.generators.shapes.scenes import HAND, scene_of, seeds

CHANGES = [
    # right, wrong, things that only one of the two scenes has, why
    ("A red circle", "A blue circle", 2, "one thing, before and after"),
    ("A red circle", "A red heart", 2, "its shape"),
    ("A large red circle", "A small red circle", 2, "its size"),
    ("A red circle and a blue square", "A blue circle and a red square", 4, "two things change colours"),
    ("A red circle left of a blue square", "A blue square left of a red circle", 4, "two things change places"),
    ("Two green stars", "Three green stars", 1, "one more"),
    ("Two green stars", "One green star", 1, "one less"),
    ("Two green stars", "Two white stars", 4, "both of them"),
    ("A red circle", "A red circle and a yellow heart", 1, "one more thing"),
    ("A circle", "A striped circle", 2, "what was left open"),
    ("A red circle on a grey background", "A red circle on a pink background", 0, "the ground alone"),
    ("There is a red circle", "There is not a red circle", 1, "it is gone"),
]


@pytest.mark.parametrize(("right", "wrong", "number", "why"), CHANGES)
def test_changes(right: str, wrong: str, number: int, why: str) -> None:
    claims = read(right), read(wrong)
    after = minimal_change(HAND, *claims, random.Random(1))
    assert after is not None
    assert is_true(claims[1], after)
    assert is_true(claims[0], after) is entails(claims[1], claims[0])
    assert len(changed_things(HAND, after)) == number, why


def test_what_there_is_no_room_for_is_told() -> None:
    assert minimal_change(HAND, read("Two green stars"), read("Ten green stars"), random.Random(1)) is None


@settings(max_examples=200, deadline=None)
@given(seeds, st.sampled_from(sorted(OPERATIONS)))
def test_a_change_makes_the_wrong_claim_right_and_keeps_the_scene_clear(seed: int, operation: str) -> None:
    rng = random.Random(seed)
    scene = scene_of(seed)
    right = claim_about(scene, rng)
    wrong = wrong_claim(right, operation, scene, rng)
    after = minimal_change(scene, right, wrong, rng) if wrong is not None else None
    if wrong is None or after is None:
        return
    assert is_true(wrong, after)
    assert not is_true(right, after) or entails(wrong, right)
    assert is_clear(after)
    assert (after.texture, after.seed) == (scene.texture, scene.seed)
    assert after.background == scene.background or right.background is not None
    if operation in {"replace_object", "replace_attribute"}:
        gone = set(scene.things) - set(after.things)
        # "Three black hearts" that turn white need a fourth, white before, to turn too.
        there = max(len(mention.what.select(scene)) for mention in wrong.mentions)
        assert len(gone) <= max((mention.count or 1) for mention in right.mentions) + there


def rows(*given: tuple[str, str, str | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"text_negative_id": str(n), "operation": "replace_attribute", "original": a, "caption": b, "scene": scene,
             "width": 64}
            for n, (a, b, scene) in enumerate(given)
        ]
    )  # fmt: skip


def decoded(image: dict[str, Any]) -> Any:
    with Image.open(io.BytesIO(image["bytes"])) as picture:
        return np.asarray(picture)


def test_render_draws_each_negative_or_says_why_not() -> None:
    scene = HAND.to_json()
    made = Render(seed=0)(
        rows(
            ("A red circle", "A blue circle", scene),
            ("A red circle", "A dog", scene),
            ("A red circle", "A blue circle", None),
            ("Two green stars", "Ten green stars", scene),
            ("A circle", "A striped circle", scene),
        )
    )
    assert made.schema.equals(IMAGE_NEGATIVES, check_metadata=False)
    assert made["failed_check"].to_pylist() == [None, "unreadable", "no_scene", "no_change", None]
    assert made["original_still_true"].to_pylist() == [False, None, None, None, True]
    assert made["image"].to_pylist()[1] is None
    ledger = {row["check_name"]: row["rows_out"] for row in ledger_of(made, "images", "x").to_pylist()}
    assert ledger == {None: 2, "no_change": 1, "no_scene": 1, "unreadable": 1}


def test_render_changes_no_pixel_outside_its_mask() -> None:
    from generators.shapes.drawing import draw

    for seed in range(40):
        scene = scene_of(seed)
        claim = claim_about(scene, random.Random(seed))
        wrong = wrong_claim(claim, "replace_attribute", scene, random.Random(seed))
        if wrong is None:
            continue
        from generators.shapes.writing import write

        [row] = Render(0)(
            rows((write(claim, random.Random(1)), write(wrong, random.Random(1)), scene.to_json()))
        ).to_pylist()
        before, after, mask = draw(scene, 64), decoded(row["image"]), decoded(row["mask"])
        assert (before == after)[mask == 0].all()
        assert (before != after).any()
        assert Scene.from_json(row["scene"]).things != scene.things


def test_render_is_the_same_in_any_company() -> None:
    scene = HAND.to_json()
    both = rows(("A red circle", "A blue circle", scene), ("A red circle", "A red heart", scene))
    assert Render(0)(both).slice(1).to_pylist() == Render(0)(both.slice(1)).to_pylist()
    assert Render(0)(both) == Render(0)(both)
    assert Render(1).identity != Render(0).identity
