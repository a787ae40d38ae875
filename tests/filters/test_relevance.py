"""Whether a picture is preferred as such: by captions that say nothing of the change, the same for both pictures."""

import numpy as np
import pyarrow as pa
import pytest

from filters.relevance import CAPTIONS, Relevance
from schemas.tables import RELEVANCE

VECTOR = pa.list_(pa.float32())


def rows(
    edited: list[float], remade: list[float] | None = None, phrases: tuple[str, str] = ("red", "blue")
) -> pa.Table:
    columns = {
        "text_negative_id": ["n"], "image_negative_id": ["i"], "image_id": ["own"], "original_phrase": [phrases[0]],
        "negative_phrase": [phrases[1]], "unit": ["a red hat"], "foil": [None],
    }  # fmt: skip
    vectors = {"untouched": [[1.0, 0.0]], "remade": [remade], "edited": [edited]}
    return pa.table(columns | {name: pa.array(value, VECTOR) for name, value in vectors.items()})


def test_captions_of_the_own_picture_and_of_what_changed_take_no_part() -> None:
    captions = [("own", "a dog"), ("other", "A blue sky"), ("other", "Hat!"), ("other", "two Reds"), ("third", "a cat")]
    vectors = np.array([[0, 1], [0, 1], [0, 1], [1, 0], [0.5, 0.25]], np.float32)
    [row] = Relevance("judge", "m", captions, vectors)(rows([0.0, 1.0], [0.0, 1.0])).to_pylist()
    assert row["captions"] == 2  # `two Reds` says Reds, not red
    assert row["untouched"] == pytest.approx((1 + 0.5) / 2)
    assert row["edited"] == row["remade"] == pytest.approx(0.125)
    assert (row["over_untouched"], row["over_remade"]) == (0, 0.5)
    assert (row["role"], row["model"]) == ("judge", "m")


def test_without_a_neutral_caption_there_is_no_row_and_without_a_remade_picture_no_share() -> None:
    made = Relevance("target", "m", [("own", "a dog"), ("other", "red")], np.eye(2, dtype=np.float32))(rows([0.0, 1.0]))
    assert made.schema.equals(RELEVANCE)
    assert made.num_rows == 0
    [row] = Relevance("target", "m", [("other", "a dog")], np.eye(2, dtype=np.float32))(rows([2.0, 1.0])).to_pylist()
    assert (row["over_untouched"], row["remade"], row["over_remade"]) == (1, None, None)


def test_the_same_captions_are_drawn_whoever_draws() -> None:
    captions = [(f"p{n}", f"thing{n}") for n in range(200)]
    vectors = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    both = [Relevance("judge", "m", captions, vectors)(rows([0.0, 1.0])) for _ in range(2)]
    assert both[0].equals(both[1])
    assert both[0]["captions"].to_pylist() == [CAPTIONS]
