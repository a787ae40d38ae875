"""What is no English is found; what is English, however short and however written, is taken for it."""

import csv
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from generators.text.corpus.describing import Describing
from generators.text.language.detection import language_of
from generators.text.language.parsing import MOST_CHARACTERS, Parsing
from generators.text.negatives import TextNegatives
from schemas.config import Describe, Text
from schemas.reasons import CAPTIONS
from schemas.stage import entries_of
from schemas.tables import PARSES
from tests.generators.text.conftest import PARSER, as_pairs
from tests.generators.text.other_languages import OTHER_LANGUAGES

FLICKR = Path(__file__).resolve().parents[4] / "shared" / "data" / "flickr8k" / "captions.csv"


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_other_languages_are_found(language: str) -> None:
    foreign = [caption for caption in OTHER_LANGUAGES[language] if language_of(caption) not in {"en", None}]
    assert len(foreign) >= 19, set(OTHER_LANGUAGES[language]) - set(foreign)


@pytest.mark.parametrize(
    ("caption", "language"),
    [
        ("两个孩子在公园里踢足球", "zh"),
        ("犬が草の上を走っている。", "ja"),
        ("강아지가 잔디밭을 달린다", "ko"),
        ("كلب يجري على العشب", "ar"),
        ("एक कुत्ता घास पर दौड़ रहा है", "hi"),
        ("Ένας σκύλος τρέχει στο γρασίδι", "el"),
        ("Một con chó chạy trên cỏ", "vi"),
    ],
)
def test_other_scripts_are_found(caption: str, language: str) -> None:
    assert language_of(caption) == language


@pytest.mark.parametrize(
    "caption",
    [
        "A dog", "Two dogs", "dogs", "A kayaker", "The biker", "A brown dog", "Shirtless man", "SUVs", "Man in Paris",
        "A Dalmatian and a Labrador", "Barack Obama waves", "José rides a horse", "A café in the park",
        "DOG ON BEACH", "Dog On Beach", "A piñata , a sombrero and a burrito on a table",
        "Two men play jai alai", "C'est la vie : a man on a horse", "12345", "???", "🐶", "IMG_1234.jpg", "A",
    ],
)  # fmt: skip
def test_english_is_no_other_language(caption: str) -> None:
    assert language_of(caption) in {"en", None}


@pytest.mark.skipif(not FLICKR.exists(), reason="needs shared/data/flickr8k beside the checkout")
@pytest.mark.parametrize(
    ("write", "most"),
    [(str, 0), (str.upper, 0), (str.title, 0), (lambda c: " ".join(c.split()[:3]), 1)],
    ids=["as written", "in capitals", "as titles", "cut to three words"],
)
def test_of_three_thousand_english_captions_hardly_any_is_taken_for_another_language(
    write: Callable[[str], str], most: int
) -> None:
    with FLICKR.open(encoding="utf-8") as file:
        captions = [write(row["caption"].strip()) for row in csv.DictReader(file)]
    wrong = [caption for caption in captions if language_of(caption) not in {"en", None}]
    assert len(wrong) <= most, wrong


def test_captions_that_are_left_out_are_counted_and_come_to_nothing(parsing: Parsing, lexicon: pa.Table) -> None:
    captions = ["Ein Hund läuft durch das Gras .", "A dog runs through the grass .", "dog " * MOST_CHARACTERS, "..."]
    parses = parsing(as_pairs(captions))
    assert parses.schema.remove_metadata().equals(PARSES)
    assert parses["left_out"].to_pylist() == ["not_english", None, "too_long", None]
    assert parses["language"].to_pylist() == ["de", "en", "en", None]
    assert [len(tokens) for tokens in parses["tokens"].to_pylist()] == [0, 7, 0, 1]
    work, *checks = entries_of(parses)
    assert (work["rows_in"], work["rows_out"]) == (4, 2)
    assert {entry["check_name"]: entry["rows_out"] for entry in checks} == {"not_english": 1, "too_long": 1}
    assert set(CAPTIONS) >= {entry["check_name"] for entry in checks}

    made = TextNegatives(Text(), 0, lexicon, "lexicon", PARSER)(parses)
    assert set(made["pair_id"].to_pylist()) == {parses["pair_id"][1].as_py()}
    describing = Describing(Describe())
    describing.add(parses)
    assert "hund" not in describing.table()["word"].to_pylist()


def test_offsets_stay_whatever_lower_case_does_to_a_letter(parsing: Parsing) -> None:
    caption = "İSTANBUL: ΟΔΟΣ, STRAẞE AND A BLACK DOG ON THE BEACH"
    [tokens] = parsing(as_pairs([caption]))["tokens"].to_pylist()
    for token in tokens:
        assert caption[token["start"] : token["start"] + len(token["text"])] == token["text"]
    assert [t["tag"] for t in tokens if t["text"] in {"DOG", "BEACH"}] == ["NN", "NN"]
