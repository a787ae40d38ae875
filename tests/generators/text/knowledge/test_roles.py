"""What can take a thing's part: every row of the closed roles is drawn from, and what is alike is never exchanged."""

import pytest

from generators.text.knowledge.deeds import done_instead
from generators.text.knowledge.grounds import MASSES, grounds_for, is_told
from generators.text.knowledge.moves import Move, moves_instead
from generators.text.knowledge.opposites import sure_opposites
from generators.text.knowledge.relations import relations_exclude, turned
from generators.text.knowledge.roles import are_alike, beings_for, does_as_well, goes_with, has_colour, stand_ins
from generators.text.knowledge.things import kind_of


@pytest.mark.parametrize(
    ("who", "deed", "noun", "other"),
    [
        ("person", "ride", "bike", "horse"),
        ("animal", "chase", "tennis ball", "frisbee"),
        ("person", "sit on", "park bench", "bed"),
        (None, "jump over", "hurdle", "log"),
    ],
)
def test_another_thing_takes_the_part(who: str | None, deed: str, noun: str, other: str) -> None:
    assert other in stand_ins(who, deed, noun)
    assert noun not in stand_ins(who, deed, noun)
    assert kind_of(other) is not None, "it can be seen"


def test_what_is_alike_never_does() -> None:
    assert are_alike("toy tricycle", "bike")
    assert "bike" not in stand_ins("person", "ride", "motorcycle")
    assert stand_ins("animal", "ride", "wave") == ()
    assert stand_ins("animal", "read", "book") == (), "animals do not read"


def test_beings_exclude_the_named_one() -> None:
    assert set(beings_for("man")) == {"woman", "girl", "lady"}
    assert beings_for("child") == (), "a girl is a child"
    assert "dog" not in beings_for("dog")
    assert not does_as_well("cow", {"dog", "jump", "hoop"})
    assert not does_as_well("cat", {"dog", "bark"})
    assert does_as_well("cat", {"dog", "sleep"})


def test_adjectives_of_what_a_corpus_need_not_know() -> None:
    assert goes_with("little", "girl")
    assert not goes_with("little", "woman")
    assert not goes_with("muscular", "girl")
    assert not has_colour("dog", "pink")


@pytest.mark.parametrize(
    ("verb", "kind", "frame", "never"),
    [
        ("stand", "animal", "on:leg", "lie"),
        ("run", "animal", "through:grass", "sleep"),
        ("jump", "animal", "in:pool", "sleep"),
        ("sit", "person", "on:horse", "stand"),
        ("sit", "animal", "on:beach", "dance"),
        ("sit", "person", "on:bench", "sleep"),
    ],
)
def test_nobody_does_it_there(verb: str, kind: str, frame: str, never: str) -> None:
    assert never not in done_instead(verb, kind, frame)


def test_somebody_does_it_there() -> None:
    assert "lie" in done_instead("run", "animal", "in:grass")
    assert "stand" in done_instead("sit", "person", "on:bench")
    assert "throw" in done_instead("kick", "person", "dobj:soccer ball")


def test_a_relation_turns_where_it_surely_does_not_hold() -> None:
    assert turned("into", "drive", "tunnel") == ()
    assert turned("into", "run", "tunnel") == ("out of",)
    assert turned("into", "jump", "pool") == (), "splashing has no direction"
    assert "under" in turned("on", "sit", "bench")
    assert turned("on", "sit", "beach") == ()
    assert turned("near", "sit", "bench") == ("on top of",), "and who is near it may be behind it"
    assert all(relations_exclude("on", new) for new in turned("on", "sit", "bench"))


def test_grounds_that_may_be_in_one_picture_are_not_exchanged() -> None:
    assert "sand" in grounds_for("in", "snow")
    assert "water" not in grounds_for("in", "sand"), "a beach has both"
    assert is_told("grass", {"a", "yard"})
    for ground in {new for words in ("in", "on", "through") for old in MASSES for new in grounds_for(words, old)}:
        assert not is_told(ground, {"dog", "run"}), "each has words that tell of it"


def test_a_verb_moves_with_its_preposition() -> None:
    assert Move("sit", "in") in moves_instead("gallop", "through", "grass")
    assert Move("stand", "on") not in moves_instead("run", "down", "street"), "a foot may be on the ground"
    assert moves_instead("walk", "through", "door") == ()


def test_materials_are_of_what_is_made_of_them() -> None:
    assert "metal" in sure_opposites("wooden", "park bench")
    assert sure_opposites("wooden", "boat") == ()
