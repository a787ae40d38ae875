"""What can stand in a noun's place: what the corpus has there, or close kin of it."""

import random
from collections.abc import Callable

import pyarrow as pa
import pytest

from generators.text.corpus.describing import Describing
from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from generators.text.operations.replace_object import replace_object
from generators.text.operations.swap_object import swap_object
from generators.text.operations.swap_relation import swap_relation
from schemas.config import Describe, Text
from tests.generators.text.conftest import PARSER, Read, as_pairs

Ask = Callable[..., dict[str, str | None]]

CORPUS = """
A boy hangs from a rope . | A girl stands in a fountain . | A boy stands in a pool . | A girl sits in a fountain .
A handle on a door . | A handle on a gate . | A bird on an antenna . | A man in a vest . | A man with a backpack .
A man in a coat . | A man walks down a street . | A man walks down a trail . | A man climbs a hill .
A man rides a wave . | A man rides a bike on a street . | A man surfs in the ocean . | A man stands in the park .
A woman with a beard . | A woman with a scarf . | A man with a beard . | A boy with a red scarf .
A woman eats a hot dog . | A cat sits near a door . | A dog sits near a door . | A man sits in his yard .
A dog runs on a beach . | A dog runs on a street . | A dog runs in a park . | A dog runs in a forest .
A cat runs on a beach . | A man in a canoe . | A cat runs on highway . | A dog runs on sand .
A child in a stroller . | A boy in a kayak .
A square is on a circle . | A figure is on a plate . | A triangle is on a circle . | A red square . | A wooden figure .
"""


@pytest.fixture(scope="module")
def standing(parsing: Parsing) -> pa.Table:
    describing = Describing(Describe())
    for number, caption in enumerate(c.strip() for c in CORPUS.replace("\n", "|").split("|") if c.strip()):
        describing.add(parsing(as_pairs([caption], f"image {number}")))
    return describing.table()


@pytest.fixture(scope="module")
def usable(parsing: Parsing, standing: pa.Table) -> Callable[..., set[str]]:
    def ask(operation: str, *captions: str) -> set[str]:
        text = Text(operations=(operation,), tries=60, per_operation=60)
        parses = parsing(as_pairs(list(captions)))
        first = parses["pair_id"][0].as_py()
        rows = [r for s in range(3) for r in TextNegatives(text, s, standing, "lexicon", PARSER)(parses).to_pylist()]
        return {r["caption"] for r in rows if r["failed_check"] is None and r["pair_id"] == first}

    return ask


NEVER = [
    ("A boy hangs in a pool .", "fountain", "nobody hangs in a fountain"),
    ("A handle on a gate .", "antenna", "no handle is on an antenna"),
    ("A man in a vest .", "backpack", "nobody is in a backpack"),
    ("A man walks down a trail .", "hill", "a trail is on a hill"),
    ("A woman eats a hot dog .", "cat", "a hot dog is no dog"),
    ("A man sits in his yard .", "park", "nobody has a park"),
    ("A man rides a wave in the ocean .", "street", "no wave is on a street"),
    ("A dog runs on sand .", "highway", "which wants an article"),
    ("A man in a canoe .", "stroller", "what goes on water is not rolled"),
    ("A man with a beard .", "woman", "no woman has one, whatever the parser read"),
    ("Another dog sits near a door , and a dog runs .", "cat", "another one of these"),
]


@pytest.mark.parametrize(("caption", "word", "why"), NEVER)
def test_what_cannot_stand_there_does_not(usable: Callable[..., set[str]], caption: str, word: str, why: str) -> None:
    found = usable("replace_object", caption)
    assert not [negative for negative in found if f" {word}" in f" {negative.lower()}"], why


def test_what_can_stand_there_does(usable: Callable[..., set[str]]) -> None:
    assert "A cat runs on a beach ." in usable("replace_object", "A dog runs on a beach .")
    assert "A dog runs on a street ." in usable("replace_object", "A dog runs on a beach .")
    assert "A woman with a scarf ." in usable("replace_object", "A man with a scarf .")


def test_no_place_is_added_where_one_is_said(usable: Callable[..., set[str]]) -> None:
    captions = ("A dog runs on a beach near a cat .", "A dog runs in the park on a beach .")
    assert not [c for c in usable("add_object", *captions) if "street" in c]


def test_a_candidate_says_when_nothing_is_known_to_exclude_it(read: Read, standing: pa.Table) -> None:
    def doubts(caption: str) -> dict[str, str | None]:
        [sentence] = read(caption)
        return {
            c.negative_phrase: c.doubt
            for c in replace_object(sentence, Lexicon(standing), random.Random(0), 20, Facts([sentence]))
        }

    assert doubts("A dog runs on a beach .")["cat"] is None
    assert doubts("A handle on a door .")["gate"] == "things"


@pytest.mark.parametrize(("second", "doubt"), [("above", "relations"), ("right of", None)])
def test_directions_that_may_both_hold_change_places_doubtfully(
    read: Read, standing: pa.Table, second: str, doubt: str | None
) -> None:
    [sentence] = read(f"A ball is left of a box and {second} a cup .")
    [made] = swap_relation(sentence, Lexicon(standing), random.Random(0), 20, Facts([sentence]))
    assert (made.negative_phrase, made.failed, made.doubt) == (f"{second} / left of", None, doubt)


@pytest.mark.parametrize(("caption", "doubt"), [("A dog chases a cat .", "roles"), ("A dog is behind a cat .", None)])
def test_who_is_after_whom_is_hardly_seen(read: Read, standing: pa.Table, caption: str, doubt: str | None) -> None:
    [sentence] = read(caption)
    made = list(swap_object(sentence, Lexicon(standing), random.Random(0), 20, Facts([sentence])))
    assert made
    assert {one.doubt for one in made} == {doubt}


def test_a_noun_named_like_a_kind_is_drawn_for_alone(standing: pa.Table) -> None:
    for order in (("figure", None), (None, "figure")):
        lexicon = Lexicon(standing)
        found = {}
        for kind in order:
            found[kind] = [w.form for w in lexicon.attributes(kind, "figure").words]
        assert found["figure"] == ["red", "wooden"], "of a kind: squares and figures"
        assert found[None] == ["wooden"], "of the noun alone"


def test_facts_know_kinds(read: Read) -> None:
    assert Facts(read("A dog near a bus .")).kinds == {"animal", "vehicle"}
