"""What an answer of a language model really changes: one thing, of the kind asked for, wrong of the picture."""

import pyarrow as pa
import pytest

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.edits import Candidate, apply
from generators.text.llm.prompts import leaks, places, prompt
from generators.text.llm.reading import candidate_of
from tests.generators.text.conftest import Read


@pytest.fixture(scope="module")
def words(lexicon: pa.Table) -> Lexicon:
    return Lexicon(lexicon)


def judged(read: Read, words: Lexicon, operation: str, phrase: str, caption: str, answer: str) -> Candidate | str:
    sentence, changed = read(caption, answer)
    [place] = [p for p in places(operation, sentence, Facts([sentence])) if p.phrase == phrase]
    return candidate_of(operation, place, changed, words)


@pytest.mark.parametrize(
    ("operation", "phrase", "caption", "answer", "wrong"),
    [
        ("replace_object", "bike", "A man rides a bike .", "A man rides a zebra.", "A man rides a zebra ."),
        ("replace_object", "horse", "A man rides a horse .", "A man rides an elephant", "A man rides an elephant ."),
        ("replace_attribute", "red", "A man in a red shirt .", "A man in a green shirt .", "A man in a green shirt ."),
        ("replace_attribute", "old", "An old man sleeps .", "A young man sleeps .", "A young man sleeps ."),
        ("replace_relation", "on", "A man sits on a bench .", "A man sits underneath a bench .",
         "A man sits underneath a bench ."),
        ("replace_action", "sits", "A man sits on a bench .", "A man jogs on a bench", "A man jogs on a bench ."),
        ("replace_action", "running", "A dog is running on the beach .", "A dog is sleeping at the beach .",
         "A dog is sleeping at the beach ."),
    ],
)  # fmt: skip
def test_one_change_of_the_asked_kind_is_taken_over(
    read: Read, words: Lexicon, operation: str, phrase: str, caption: str, answer: str, wrong: str
) -> None:
    found = judged(read, words, operation, phrase, caption, answer)
    assert isinstance(found, Candidate)
    assert found.failed is None
    assert (found.operation, apply(caption, found.edits).caption) == (operation, wrong)


@pytest.mark.parametrize(
    ("operation", "phrase", "caption", "answer", "why"),
    [
        ("replace_object", "bike", "A man rides a bike .", "A man rides a bike .", "unchanged"),
        ("replace_object", "bike", "A man rides a bike .", "The man rides a bike", "not_asked"),
        ("replace_object", "bike", "A man rides a bike .", "A woman rides a horse .", "not_asked"),
        ("replace_object", "bike", "A man rides a bike .", "A man rides a bike down the hill .", "not_asked"),
        ("replace_object", "bike", "A man rides a bike .", "A man rides bikes .", "not_asked"),
        ("replace_object", "bike", "A man rides a bike .", "A man rides a red horse .", "not_asked"),
        ("replace_attribute", "red", "A man in a red shirt .", "A man in a shirt .", "not_asked"),
        ("replace_action", "sits", "A man sits on a bench .", "A man is sitting on a bench .", "not_asked"),
        ("replace_action", "sits", "A man sits on a bench .", "A man sat on a bench .", "not_asked"),
        ("replace_relation", "on", "A man sits on a bench .", "A man sits on on a bench .", "not_asked"),
    ],
)
def test_anything_else_is_refused(
    read: Read, words: Lexicon, operation: str, phrase: str, caption: str, answer: str, why: str
) -> None:
    assert judged(read, words, operation, phrase, caption, answer) == why


@pytest.mark.parametrize(
    ("operation", "phrase", "caption", "answer", "why"),
    [
        ("replace_object", "shirt", "A man in a red shirt .", "A man in a red coat .", "compatible"),  # may wear both
        ("replace_object", "bench", "A man sits on a bench .", "A man sits on a shoulder .", "incompatible"),
        ("replace_attribute", "red", "A man in a red shirt .", "A man in a striped shirt .", "compatible"),
        ("replace_relation", "on", "A man sits on a bench .", "A man sits at a bench .", "compatible"),
        ("replace_action", "sits", "A man sits on a bench .", "A man smiles on a bench .", "compatible"),
    ],
)
def test_what_may_be_true_as_well_is_no_negative(
    read: Read, words: Lexicon, operation: str, phrase: str, caption: str, answer: str, why: str
) -> None:
    found = judged(read, words, operation, phrase, caption, answer)
    assert isinstance(found, Candidate)
    assert found.failed == why


def test_an_addition_is_asked_for_within_a_true_detail(read: Read, words: Lexicon) -> None:
    sentence, sibling, changed = read(
        "A dog is running .", "A dog is running on the beach .", "A dog is running on the pavement ."
    )
    [place] = [p for p in places("add_object", sentence, Facts([sentence, sibling])) if p.phrase == "beach"]
    asked = prompt(place, 1)
    assert asked.question == "A dog is running on the beach .\nChange: beach"
    assert (asked.start, asked.avoid) == ("A dog is running on the", "beach")
    found = candidate_of("add_object", place, changed, words)
    assert isinstance(found, Candidate)
    assert (found.operation, found.original) == ("add_object", "A dog is running on the beach .")
    assert found.vouched_by is sibling


def test_every_example_is_one_change_of_its_kind(read: Read, words: Lexicon) -> None:
    sentence = read("A red dog sits on a bench .")[0]
    for operation in ("replace_object", "replace_attribute", "replace_relation", "replace_action"):
        asked = prompt(places(operation, sentence, Facts([sentence]))[0], 0)
        for question, answer in asked.examples:
            caption, change = question.split("\nChange: ")
            found = judged(read, words, operation, change, caption, answer)
            assert isinstance(found, Candidate), (operation, caption, answer, found)


@pytest.mark.parametrize("text", ["A dog\tsits", "Caption: a dog", "A dog .\nChange: dog", "Changed: A dog"])
def test_words_of_the_prompt_are_seen(text: str) -> None:
    assert leaks(text)
    assert not leaks("A dog sits on a couch .")
