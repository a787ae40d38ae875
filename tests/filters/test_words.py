"""Word frequency: the formula by hand, words that the corpus lacks, captions without words."""

import math

import pyarrow as pa
import pytest

from filters.words import Words
from schemas.tables import LEXICON, SCORES
from schemas.words import words_of

# Five words of three kinds, so 5 + 3 + 1 = 9 in the denominator; other kinds of rows count nothing.
COUNTS = [("word", "a", 3), ("word", "dog", 1), ("word", "runs", 1), ("noun", "dog", 7), ("action", "run", 9)]
LEXICON_ROWS = [
    {"kind": kind, "word": word, "form": word, "tag": "", "context": "", "object": "", "frequency": n}
    for kind, word, n in COUNTS
]


def weigh(*captions: tuple[str, str]) -> pa.Table:
    stage = Words(pa.Table.from_pylist(LEXICON_ROWS, LEXICON), "lexicon")
    columns = list(zip(*captions, strict=True)) if captions else [(), ()]
    ids = pa.array([str(n) for n in range(len(captions))], pa.string())
    captions0, captions1 = (pa.array(column, pa.string()) for column in columns)
    return stage(pa.table({"text_negative_id": ids, "caption0": captions0, "caption1": captions1}))


def test_the_formula_by_hand() -> None:
    [row] = weigh(("A dog runs .", "A dog runs a a")).to_pylist()
    assert row["role"] == "words"
    assert row["frequency0"] == pytest.approx(math.log(4 / 9 * 2 / 9 * 2 / 9))
    assert row["frequency1"] == pytest.approx(math.log(4 / 9 * 2 / 9 * 2 / 9 * 4 / 9 * 4 / 9))
    assert row["plausibility0"] is None


def test_all_that_the_corpus_lacks_shares_one_place() -> None:
    [row] = weigh(("zebra", "zebra crossing")).to_pylist()
    assert row["frequency0"] == pytest.approx(math.log(1 / 9))
    assert row["frequency1"] == pytest.approx(2 * math.log(1 / 9))
    everything = [4 / 9, 2 / 9, 2 / 9, 1 / 9]
    assert sum(everything) == pytest.approx(1), "known words and the unknown one"


def test_a_caption_without_words_is_unknown_and_no_captions_are_no_rows() -> None:
    [row] = weigh((" . ", "...!")).to_pylist()
    assert (row["frequency0"], row["frequency1"]) == (None, None)
    assert weigh().num_rows == 0
    assert weigh().schema.equals(SCORES)


def test_the_order_of_words_changes_nothing() -> None:
    order = ["a", "zebra", "dog", "runs", "a", "dog"] * 3
    [row] = weigh((" ".join(order), " ".join(sorted(order)))).to_pylist()
    assert row["frequency0"] == row["frequency1"]


def test_the_lexicon_names_the_work() -> None:
    empty = LEXICON.empty_table()
    assert Words(empty, "one").identity != Words(empty, "two").identity
    assert Words(empty, "one").score("a dog") == 0, "an empty corpus has the unknown word alone, always"


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("A man's T-shirt .", ["a", "man's", "t", "shirt"]),
        ("2 dogs, 1st in line", ["2", "dogs", "1st", "in", "line"]),
        ("Ein Mädchen_und  ", ["ein", "mädchen", "und"]),
        (" -- '' _ ", []),
    ],
)
def test_words(caption: str, found: list[str]) -> None:
    assert words_of(caption) == found
