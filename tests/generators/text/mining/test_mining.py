"""What is mined of captions that differ by one phrase, and what is not."""

from typing import Any

import pyarrow as pa
import pytest

from generators.text.language.parsing import Parsing
from generators.text.mining.bucket import Vectors
from generators.text.mining.mining import Mining
from schemas.ids import pair_id
from schemas.mining import Mine
from schemas.stage import entries_of
from schemas.tables import MINED, PAIRS
from tests.generators.text.conftest import PARSER

Corpus = dict[str, list[str]]  # picture -> captions


def mined(
    parsing: Parsing,
    lexicon: pa.Table,
    corpus: Corpus,
    cells: dict[str, str] | None = None,
    alike: dict[str, str] | None = None,
    vectors: Vectors | None = None,
    **how: Any,
) -> pa.Table:
    rows = [
        {"pair_id": pair_id(image, caption), "image_id": image, "caption": caption}
        for image, captions in corpus.items()
        for caption in captions
    ]
    parses = parsing(pa.Table.from_pylist(rows, PAIRS))
    about = {image: ((cells or {}).get(image, ""), (alike or {}).get(image, image), None) for image in corpus}
    with Mining(Mine(**how), lexicon, PARSER) as stage:
        stage.add(parses, "pairs", "images", about)
        return stage.table(vectors)


def told(table: pa.Table) -> set[tuple[str, str, str, str | None, str | None]]:
    columns = ("image_id", "operation", "caption", "failed_check", "picture_check")
    return set(zip(*(table[name].to_pylist() for name in columns), strict=True))


@pytest.mark.parametrize(
    ("ours", "theirs", "operation", "wrong", "back"),
    [
        ("A man rides a horse .", "A man is riding a bike", "replace_object",
         "A man rides a bike .", "A man is riding a horse"),
        ("A man rides an old bike .", "A man rides the horse .", "replace_object",
         "A man rides the horse .", "A man rides an old bike ."),
        ("A dog runs in the woods .", "a dog is running on a beach", "replace_object",
         "A dog runs on a beach .", "a dog is running in the woods"),
        ("A black dog is in the water .", "A white dog in water", "replace_attribute",
         "A white dog is in the water .", "A black dog in water"),
        ("A man is sitting on the beach .", "A man runs on the beach .", "replace_action",
         "A man is running on the beach .", "A man sits on the beach ."),
        ("A cat sleeps on a bench .", "A cat is sleeping under a bench .", "replace_relation",
         "A cat sleeps under a bench .", "A cat is sleeping on a bench ."),
        ("Two dogs run .", "3 dogs are running", "replace_count", "Three dogs run .", "2 dogs are running"),
        ("A red cup on a blue plate .", "A blue cup on the red plate", "swap_attribute",
         "A blue cup on a red plate .", "A red cup on the blue plate"),
        ("A boy chases a man .", "The man is chasing the boy", "swap_object",
         "A man chases a boy .", "The boy is chasing the man"),
    ],
)  # fmt: skip
def test_two_captions_are_each_others_wrong_one_in_their_own_words(
    parsing: Parsing, lexicon: pa.Table, ours: str, theirs: str, operation: str, wrong: str, back: str
) -> None:
    found = mined(parsing, lexicon, {"a": [ours], "b": [theirs]})
    assert told(found) == {("a", operation, wrong, None, None), ("b", operation, back, None, None)}
    assert found.schema.equals(MINED)
    [row] = (row for row in found.to_pylist() if row["image_id"] == "a")
    spans = zip(row["original_spans"], row["negative_spans"], strict=True)
    rebuilt = list(row["original"])
    for before, after in reversed(list(spans)):
        rebuilt[before["start"] : before["end"]] = row["caption"][after["start"] : after["end"]]
    assert "".join(rebuilt) == row["caption"]
    assert (row["method"], row["other_image_id"], row["pairs"], row["other_images"]) == (
        "mined",
        "b",
        "pairs",
        "images",
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("A dog runs .", "A dog is running"),  # the same
        ("A dog runs .", "A black dog runs ."),  # an addition: the shorter one may be true of both
        ("A man rides a horse .", "A woman rides a bike ."),  # two phrases
        ("A dog runs with a ball .", "A dog runs on a couch ."),  # two prepositions, and no two places
        ("A woman in a red shirt .", "A woman in a green hat ."),  # two things, each of its own colour
    ],
)
def test_nothing_usable_is_made_of_captions_that_say_the_same_or_differ_in_more(
    parsing: Parsing, lexicon: pa.Table, ours: str, theirs: str
) -> None:
    found = mined(parsing, lexicon, {"a": [ours], "b": [theirs]})
    assert not [row for row in told(found) if row[3] is None]


_RIDERS = {"a": ["A man rides a horse ."], "b": ["A man rides a bike ."]}


def test_what_another_caption_of_a_picture_says_is_not_wrong_of_it(parsing: Parsing, lexicon: pa.Table) -> None:
    siblings = {**_RIDERS, "b": [*_RIDERS["b"], "A horse stands in the grass ."]}
    assert told(mined(parsing, lexicon, siblings)) == {
        ("a", "replace_object", "A man rides a bike .", None, "entailed"),
        ("b", "replace_object", "A man rides a horse .", "entailed", None),
    }


def test_pictures_that_are_one_or_nearly_and_other_cells_are_left_alone(parsing: Parsing, lexicon: pa.Table) -> None:
    assert mined(parsing, lexicon, _RIDERS, alike={"b": "a"}).num_rows == 0
    assert mined(parsing, lexicon, _RIDERS, cells={"a": "train", "b": "test"}).num_rows == 0
    assert mined(parsing, lexicon, {"a": [*_RIDERS["a"], *_RIDERS["b"]]}).num_rows == 0
    assert mined(parsing, lexicon, _RIDERS, operations=("replace_count",)).num_rows == 0
    assert mined(parsing, lexicon, {}).num_rows == 0


_MANY = {
    "a": ["A man rides a horse ."],
    "b": ["A man rides a bike ."],
    "c": ["A man is riding a camel ."],
    "d": ["A man rides a bicycle ."],
}


def test_so_many_are_kept_as_are_wanted_and_the_rest_is_counted(parsing: Parsing, lexicon: pa.Table) -> None:
    table = mined(parsing, lexicon, _MANY, per_operation=2)
    kept = [row for row in table.to_pylist() if row["failed_check"] is None]
    assert max(sum(row["image_id"] == image for row in kept) for image in "abcd") == 2
    entries = entries_of(table)
    [work] = (entry for entry in entries if entry.get("operation") == "replace_object" and "check_name" not in entry)
    assert (work["rows_in"], work["rows_out"], work["tries"]) == (4, len(kept), 6)
    assert {entry["check_name"]: entry["rows_out"] for entry in entries if "check_name" in entry} == {"compatible": 2}


def test_the_picture_most_alike_is_taken(parsing: Parsing, lexicon: pa.Table) -> None:
    angles = pa.array([0.0, 0.9, 0.3, 1.5]).to_numpy()  # of a, b, c, d

    def vectors(numbers: Any) -> Any:
        import numpy as np

        return np.stack([np.cos(angles[numbers]), np.sin(angles[numbers])], 1).astype(np.float32)

    for tries in (1, 32):
        table = mined(parsing, lexicon, _MANY, vectors=vectors, tries=tries)
        others = {row["image_id"]: row for row in table.to_pylist() if row["failed_check"] is None}
        assert others["a"]["other_image_id"] == "c"
        assert others["a"]["similarity"] == pytest.approx(0.955, abs=0.001)


def test_the_same_comes_out_however_the_corpus_is_cut(parsing: Parsing, lexicon: pa.Table) -> None:
    whole = mined(parsing, lexicon, _MANY)
    rows = [{"pair_id": pair_id(i, c), "image_id": i, "caption": c} for i, [c] in reversed(_MANY.items())]
    with Mining(Mine(), lexicon, PARSER) as stage:
        for row in rows:
            stage.add(
                parsing(pa.Table.from_pylist([row], PAIRS)),
                "pairs",
                "images",
                {row["image_id"]: ("", row["image_id"], None)},
            )
        cut = stage.table()
    assert whole.sort_by("text_negative_id").to_pylist() == cut.sort_by("text_negative_id").to_pylist()
