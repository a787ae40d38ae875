"""Additions are told from true additions, which another caption of the image vouches for."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.text.corpus.facts import Facts
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from generators.text.operations.details import details, graft
from schemas.config import Text
from tests.generators.text.conftest import CORPUS, PARSER, Read, as_pairs


@pytest.mark.parametrize(
    ("caption", "sibling", "longer"),
    [
        ("A dog runs through the grass .", "A black dog is outside .", "A black dog runs through the grass ."),
        ("A cat sleeps", "An old cat", "An old cat sleeps"),
        ("The dog eats an apple .", "A dog has a red apple", "The dog eats a red apple ."),
        ("A dog is running .", "A dog is running on the beach", "A dog is running on the beach ."),
        ("A dog is playing .", "A brown dog barks on a beach", "A dog is playing on a beach ."),
        ("A man rides a horse .", "A man in a blue shirt", "A man in a blue shirt rides a horse ."),
        ("A red circle .", "A red circle and a blue square .", "A red circle and a blue square ."),
    ],
)
def test_a_detail_of_another_caption_is_put_where_it_belongs(
    read: Read, caption: str, sibling: str, longer: str
) -> None:
    sentences = read(caption, sibling)
    found = details(sentences[0], Facts(sentences))
    assert longer in [detail.sentence.caption for detail in found]
    assert all(detail.vouched_by is sentences[1] for detail in found)


@pytest.mark.parametrize(
    ("caption", "sibling"),
    [
        ("A dog sits on a couch and a dog sits on a bench .", "A black dog"),  # which one?
        ("A dog runs in the snow .", "A dog runs on the beach"),  # has its place already
        ("A dog runs .", "A cat sits on the couch"),  # nothing in common
        ("A dog runs .", "A dog runs with a man who throws a ball"),  # what others do
        ("A man walks .", "A man walks with his dog"),  # whose?
    ],
)
def test_what_may_be_about_something_else_is_left(read: Read, caption: str, sibling: str) -> None:
    sentences = read(caption, sibling)
    assert details(sentences[0], Facts(sentences)) == []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_graft_is_one_tree_with_exact_offsets(read: Read, data: st.DataObject) -> None:
    captions = data.draw(st.lists(st.sampled_from([c.strip() for c in CORPUS.split("|") if c.strip()]), min_size=2,
                                  max_size=2))  # fmt: skip
    ours, theirs = (read(caption)[0] for caption in captions)
    at = data.draw(st.integers(1, len(ours.tokens)))
    first = data.draw(st.integers(0, len(theirs.tokens) - 1))
    last = data.draw(st.integers(first + 1, len(theirs.tokens)))
    governor = data.draw(st.integers(0, len(ours.tokens) - 1))
    longer = graft(ours, at, theirs, first, last, governor)
    assert [t.index for t in longer.tokens] == list(range(len(ours.tokens) + last - first))
    assert all(longer.caption[t.start : t.end] == t.text for t in longer.tokens)
    assert [t.lower for t in longer.tokens[at : at + last - first]] == [t.lower for t in theirs.tokens[first:last]]
    for token in longer.tokens:  # every token's chain of heads ends in a root
        seen = set()
        while token.head != token.index:
            assert token.index not in seen
            seen.add(token.index)
            token = longer.tokens[token.head]


def made_of(parsing: Parsing, lexicon: pa.Table, operation: str, *captions: str) -> list[dict[str, str]]:
    text = Text(operations=(operation,), tries=30, per_operation=30)
    parses = parsing(as_pairs(list(captions)))
    first = parses["pair_id"][0].as_py()
    rows = TextNegatives(text, 0, lexicon, "lexicon", PARSER)(parses).to_pylist()
    return [row for row in rows if row["pair_id"] == first and row["failed_check"] is None]


def test_a_wrong_addition_is_as_long_as_the_true_one(parsing: Parsing, lexicon: pa.Table) -> None:
    captions = ("A dog runs through the grass .", "A black dog sits on a couch .")
    parses = parsing(as_pairs(list(captions)))
    wrong = made_of(parsing, lexicon, "add_attribute", *captions)
    assert ("A black dog runs through the grass .", "A white dog runs through the grass .") in {
        (row["original"], row["caption"]) for row in wrong
    }
    assert {row["vouched_by"] for row in wrong} == {parses["pair_id"][1].as_py()}
    assert {(row["original_phrase"], row["negative_phrase"]) for row in wrong} >= {("black", "white")}


def test_a_denial_is_told_from_a_true_denial(parsing: Parsing, lexicon: pa.Table) -> None:
    wrong = made_of(parsing, lexicon, "negate", "A man is sitting on the beach .")
    told = {(row["original"], row["caption"]) for row in wrong}
    assert {negative for _, negative in told} == {"A man is not sitting on the beach ."}
    assert all(original.startswith("A man is not ") and "sitting" not in original for original, _ in told)
    # Nothing better is known of this one: it is told from the caption itself.
    alone = made_of(parsing, lexicon, "negate", "The water is cold .")
    assert [(row["original"], row["caption"], row["vouched_by"]) for row in alone] == [
        ("The water is cold .", "The water is not cold .", None)
    ]


@pytest.mark.parametrize(
    ("caption", "sibling", "longer"),
    [
        ("A man climbs a hill .", "A person in a red jacket is outside .", "A man in a red jacket climbs a hill ."),
        ("A man climbing a hill .", "A man in a red hat", "A man in a red hat climbing a hill ."),
        ("A man climbs a hill .", "A man wearing a red hat .", "A man wearing a red hat climbs a hill ."),
        ("Two dogs are running .", "Two black dogs sit there .", "Two black dogs are running ."),
        ("A small dog is running .", "A black dog is outside .", "A small black dog is running ."),
    ],
)
def test_one_being_may_be_called_by_two_nouns(read: Read, caption: str, sibling: str, longer: str) -> None:
    sentences = read(caption, sibling)
    assert longer in [detail.sentence.caption for detail in details(sentences[0], Facts(sentences))]


@pytest.mark.parametrize(
    ("captions", "never"),
    [
        (("A man climbs a hill .", "A woman in a red jacket .", "Two people ."), "red jacket"),  # there are two
        (("A dog is running .", "Two black dogs sit there ."), "black"),  # one of them
        (("A man wearing a blue shirt climbs .", "A man in a red shirt ."), "red"),  # he wears one already
        (("Two dogs are running .", "Two black dogs .", "Three dogs ."), "black"),  # which of three
    ],
)
def test_of_several_nobody_knows_which(read: Read, captions: tuple[str, ...], never: str) -> None:
    sentences = read(*captions)
    assert not [d for d in details(sentences[0], Facts(sentences)) if never in d.sentence.caption]
