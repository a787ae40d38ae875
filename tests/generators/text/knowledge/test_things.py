"""What kind of thing a word names, and what excludes what: tables to read."""

import csv
from pathlib import Path

import pytest

from generators.text.knowledge.contrasts import things_exclude
from generators.text.knowledge.things import has_own_name, is_kin, kind_of

KINDS = Path(__file__).resolve().parents[4] / "benchmarks" / "data" / "kinds.tsv"

NAMES = [
    ("hot dog", "food"), ("toaster", "appliance"), ("tiger", "animal"), ("bus", "vehicle"), ("train", "vehicle"),
    ("toilet", "fixture"), ("potted plant", "plant"), ("traffic light", "sign"), ("stop sign", "sign"),
    ("umbrella", "accessory"), ("kite", "equipment"), ("surfboard", "board"), ("fork", "kitchenware"),
    ("microwave", "appliance"), ("oven", "appliance"), ("sink", "fixture"), ("book", "print"), ("mouse", "animal"),
    ("banana", "food"), ("plant", "plant"), ("stroller", "vehicle"), ("boxer", "person"), ("bat", "equipment"),
    ("tennis ball", "equipment"), ("jeans", "clothing"), ("t-shirt", "clothing"), ("square", "figure"),
    ("kitchen", "place"), ("parking lot", "place"), ("water wings", "equipment"), ("surfer", "person"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "kind"), NAMES)
def test_a_word_has_the_kind_that_captions_mean(word: str, kind: str) -> None:
    assert kind_of(word) == kind


@pytest.mark.parametrize("word", ["region", "moment", "area", "hand", "background", "game", "middle", "blue", "xyzzy"])
def test_what_nobody_can_point_at_has_no_kind(word: str) -> None:
    assert kind_of(word) is None


def test_every_name_of_coco_and_most_of_imagenet_have_the_kind_that_was_judged() -> None:
    with KINDS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wrong = [row for row in rows if (kind_of(row["name"]) or "") != row["right kind"]]
    assert not [row["name"] for row in wrong if row["from"] == "coco"]
    assert len(wrong) <= 0.12 * sum(row["from"] != "coco" for row in rows)


EXCLUDE = [
    ("dog", "cat"), ("bus", "bicycle"), ("apple", "banana"), ("kitchen", "beach"), ("man", "woman"), ("man", "dog"),
    ("road", "lake"), ("forest", "bedroom"), ("snow", "sand"), ("pants", "skirt"), ("fork", "dog"),
    ("ball", "frisbee"), ("kitchen", "bathroom"), ("horse", "zebra"), ("circle", "square"),
]  # fmt: skip
BOTH = [
    ("hat", "helmet"),
    ("dog", "dog"), ("dog", "animal"), ("dog", "poodle"), ("puppy", "dachshund"), ("hill", "trail"),
    ("wall", "building"), ("street", "sidewalk"), ("street", "pavement"), ("road", "street"), ("sofa", "couch"),
    ("cup", "mug"), ("shirt", "jacket"), ("shirt", "hat"), ("man", "guitarist"), ("lake", "river"), ("car", "wheel"),
    ("beach", "water"), ("beach", "shore"), ("snow", "field"), ("bicycle", "bike"), ("tree", "building"),
    ("girl", "woman"), ("kayak", "canoe"), ("dress", "skirt"),
]  # fmt: skip
DOUBTFUL = [("poodle", "beagle"), ("coyote", "dog"), ("car", "truck"), ("field", "forest"), ("tree", "car"),
            ("bridge", "tower"), ("xyzzy", "dog")]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(*pair, known) for pairs, known in ((EXCLUDE, True), (BOTH, False), (DOUBTFUL, None)) for pair in pairs],
)
def test_what_excludes_what(first: str, second: str, expected: bool | None) -> None:
    assert things_exclude(first, second) is expected
    assert things_exclude(second, first) is expected


def test_kin_have_a_parent_in_common_or_are_places_of_one_class() -> None:
    assert is_kin("lake", "river")
    assert is_kin("dog", "puppy")
    assert not is_kin("fountain", "rope")
    assert not is_kin("lake", "street")


def test_a_word_before_a_noun_may_make_another_thing_of_it() -> None:
    assert has_own_name("hot", "dog")
    assert has_own_name("teddy", "bear")
    assert not has_own_name("brown", "dog")
