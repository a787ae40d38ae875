"""Words that a language model proposes: for the place and form that is asked for, and drawn as the corpus' own are."""

import random
from typing import Any

import pyarrow as pa
import pytest

from devices.scoring import Scorer
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from generators.text.proposals import Proposals, places
from generators.text.ranking import Ranking
from schemas.config import Compute, Rank, Text
from schemas.tables import LEXICON
from tests.generators.text.conftest import PARSER, Read, as_pairs
from tests.tiny_models import make_tiny_language_model

CPU = Compute(device="cpu", dtype="float32")


class Told(Scorer):
    """A scorer that finds given words likely anywhere, and captions with certain words impossible."""

    def __init__(self, words: list[str], impossible: str = "never") -> None:
        super().__init__("told", None, CPU, 8)
        self.words, self.impossible, self.asked = words, impossible, set[str]()

    def likely(self, beginnings: list[str], most: int) -> dict[str, list[tuple[str, float]]]:
        self.asked.update(beginnings)
        return {text: [(word, -1.0) for word in self.words][:most] for text in beginnings}

    def score(self, captions: list[str]) -> dict[str, tuple[float, int]]:
        return {text: (-90.0 if self.impossible in text.split() else -10.0, 5) for text in captions}


@pytest.fixture(scope="module")
def nothing_said() -> Lexicon:
    return Lexicon(LEXICON.empty_table())


@pytest.mark.parametrize(
    ("caption", "before", "word", "other_form"),
    [
        ("A man rides a horse .", "A man rides a", "camel", "camels"),
        ("Two men ride horses .", "Two men ride", "camels", "camel"),
        ("A man in a red shirt .", "A man in a", "blue", "happy"),
        ("A man is running on the beach .", "A man is", "sleeping", "sleeps"),
        ("A dog sits on a bench .", "A dog sits", "under", "with"),
        ("A dog sits on a bench .", "A dog sits", "behind", "upon"),
    ],
)
def test_a_word_is_taken_where_its_form_and_kind_may_stand(
    read: Read, caption: str, before: str, word: str, other_form: str
) -> None:
    [sentence] = read(caption)
    [place] = [place for place in places(sentence) if caption[: place.start].rstrip() == before]
    assert place.lemma_of(word) is not None
    assert place.lemma_of(other_form) is None
    assert place.lemma_of(caption[place.start : place.end]) is None, "it is there already"


def test_the_first_word_is_no_place(read: Read) -> None:
    [sentence] = read("Dogs run on the beach .")
    assert all(place.start > 0 for place in places(sentence))


def test_likely_words_are_drawn_where_the_corpus_says_nothing(read: Read, nothing_said: Lexicon) -> None:
    [sentence, other] = read("A man rides a horse .", "A man sleeps .")
    scorer = Told(["camel", "cow", "idea", "never"])
    likely, work = Proposals(scorer, 4)([sentence, other], nothing_said)
    slot = sentence.phrase_of(4)
    assert slot is not None
    drawn = likely[id(sentence)].nouns(slot.slot, "NN", "a", frozenset({"animal"})).draw(random.Random(0), 9)
    assert {word.form for word in drawn} == {"camel", "cow"}
    assert not list(likely[id(other)].nouns(slot.slot, "NN", "a", frozenset({"animal"})).draw(random.Random(0), 9))
    assert work["rows_in"] == 2
    assert work["rows_out"] >= 2


def test_what_does_not_fit_what_follows_is_not_drawn(read: Read, nothing_said: Lexicon) -> None:
    [sentence] = read("A man in a red shirt .")
    likely, _ = Proposals(Told(["blue", "green"], impossible="green"), 4)([sentence], nothing_said)
    mine = likely[id(sentence)]
    assert [word.form for word in mine.attributes("clothing", "shirt").words] == ["blue"]
    assert mine.says_of("blue", "shirt")
    assert not mine.says_of("green", "shirt")
    assert not nothing_said.says_of("blue", "shirt")


def negatives(parsing: Parsing, lexicon: pa.Table, ranking: Ranking | None, *captions: str) -> list[dict[str, Any]]:
    text = Text(operations=("replace_object", "replace_attribute", "replace_action"), tries=12, per_operation=4)
    made = TextNegatives(text, 0, lexicon, "lexicon", PARSER, ranking)(parsing(as_pairs(list(captions))))
    return [row for row in made.to_pylist() if row["failed_check"] is None]


def test_one_caption_has_negatives_of_words_that_it_does_not_say(parsing: Parsing) -> None:
    """Without the proposals there is nothing to draw from; what is proposed passes the checks as the rest does."""
    nothing = LEXICON.empty_table()
    ranking = Ranking(Rank(model="told", candidates=4), CPU)
    ranking.scorer = Told(["camel", "animal", "blue", "sleeping"])
    caption = "A man in a red shirt is riding a horse ."
    assert negatives(parsing, nothing, None, caption) == []
    found = {(row["operation"], row["negative_phrase"]) for row in negatives(parsing, nothing, ranking, caption)}
    assert ("replace_object", "camel") in found
    assert ("replace_attribute", "blue") in found
    assert not any("animal" in phrase for _, phrase in found), "whoever says animal does not exclude a horse"


def test_a_real_model_proposes_whole_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    scorer = Scorer(make_tiny_language_model(tmp_path_factory.mktemp("model")), None, CPU, 256)
    found = scorer.likely(["A dog", "A dog runs on the", "A dog"], 5)
    assert set(found) == {"A dog", "A dog runs on the"}
    for words in found.values():
        assert all(word.isalpha() and word.islower() and weight < 0 for word, weight in words)
        weights = [weight for _, weight in words]
        assert weights == sorted(weights, reverse=True)
    assert scorer.likely([], 5) == {}
