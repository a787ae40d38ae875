"""The entity or relation that a change is about, and its foil: a table to read."""

import pytest

from generators.text.language.edits import Candidate, Edit, apply, columns_of
from generators.text.language.units import unit_of, unit_within
from tests.generators.text.conftest import Read

UNITS = [
    # caption with the change in brackets, unit, foil
    ("A man in a [red>blue] shirt is running .", "a red shirt", "a blue shirt"),
    ("A [dog>cat] with a ball runs .", "A dog", "A cat"),
    ("A man sits [on>behind] a green bench .", "A man sits on a green bench", "A man sits behind a green bench"),
    ("A dog [behind>on] a couch is sleeping .", "A dog behind a couch", "A dog on a couch"),
    ("A young man is [throwing>catching] a ball in a park .", "A young man is throwing a ball",
     "A young man is catching a ball"),
    ("[Two>Three] black dogs run .", "Two black dogs", "Three black dogs"),
    ("A [red>blue] cup on a [blue>red] plate .", "A red cup on a blue plate", "A blue cup on a red plate"),
    ("A [>white ]dog is running .", "A dog", "A white dog"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "unit", "foil"), UNITS)
def test_unit_and_foil(read: Read, marked: str, unit: str, foil: str) -> None:
    caption, edits = "", []
    for number, part in enumerate(marked.replace("]", "[").split("[")):
        if number % 2:
            old, new = part.split(">")
            edits.append(Edit(len(caption), len(caption) + len(old), new))
            part = old
        caption += part
    [sentence] = read(caption)
    candidate = Candidate("any", edits, "", "")
    row = columns_of(candidate, apply(caption, edits), caption, unit_within(candidate, sentence))
    assert (row["unit"], row["foil"]) == (unit, foil)


def test_the_unit_holds_every_edit(read: Read) -> None:
    [sentence] = read("Dogs .")
    assert unit_of(sentence, [Edit(6, 6, " !")]) == (5, 6)
