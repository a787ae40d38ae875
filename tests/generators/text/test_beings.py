"""Who can take another's part: a dog a boy's where both just run, and nowhere else."""

import pytest

from generators.text.corpus.facts import Facts
from generators.text.operations.beings import other_beings
from tests.generators.text.conftest import Read

NOT_FOR_BOTH = [
    ("Two dogs , one white and one black , play .", "people are not told apart by such colours"),
    ("A dog runs with its mouth open .", "nor is a woman an it"),
    ("A dog catches a ball .", "nobody catches a ball as dogs do"),
    ("A brown dog runs .", "people are not brown"),
    ("A dog runs beside a man .", "one of two"),
]


def beings(read: Read, *captions: str) -> set[str]:
    sentences = read(*captions)
    words = {token.lemma.lower() for token in sentences[0].tokens}
    return set(other_beings(sentences[0], sentences[0].noun_phrases[0], words, Facts(sentences)))


@pytest.mark.parametrize(("caption", "why"), NOT_FOR_BOTH)
def test_no_person_is_put_for_what_only_a_dog_does(read: Read, caption: str, why: str) -> None:
    assert beings(read, caption).isdisjoint({"man", "woman", "boy", "girl"}), why


def test_who_just_runs_may_be_another(read: Read) -> None:
    assert beings(read, "A dog runs through the grass .") >= {"man", "woman", "boy", "girl", "cat"}
    assert "man" not in beings(read, "A small dog runs through the grass .")
    assert "dog" in beings(read, "Two children run through the grass .")


def test_not_where_another_caption_has_one(read: Read) -> None:
    assert "woman" not in beings(read, "A dog runs through the grass .", "A man and a dog play .")
    assert "dog" not in beings(read, "A boy runs through the grass .", "A boy and a cat play .")


def test_a_dress_is_for_no_dog(read: Read) -> None:
    assert "dog" not in beings(read, "A girl runs in a red dress .")
