"""The text probe finds a planted word, finds nothing in symmetric pairs, and keeps images apart."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from filters import text_probe
from filters.text_probe import TextProbe
from schemas.tables import PROBES

NOUNS = ("dog", "cat", "horse", "boy", "girl", "man", "woman", "car", "boat", "bird")
Row = dict[str, Any]


def rows(images: int, right: str, wrong: str, operation: str = "negate", captions: int = 2, **more: Any) -> list[Row]:
    """Pairs of captions of made-up pictures; {a} and {b} are drawn nouns."""
    chance = np.random.default_rng(0)
    made = []
    for n in range(images * captions):
        a, b = chance.choice(NOUNS, 2, replace=False)
        known = {"text_negative_id": f"{operation} {n}", "image_id": f"image {n // captions}", "operation": operation}
        made.append({**known, "caption0": right.format(a=a, b=b), "caption1": wrong.format(a=a, b=b),
                     "accepted": True, **more})  # fmt: skip
    return made


def probed(
    *several: list[Row], encode: text_probe.Encode | None = None, alike: dict[str, str] | None = None
) -> dict[tuple[str, str | None, bool], Row]:
    stage = TextProbe(encode, alike)
    for each in several:
        stage.add(pa.Table.from_pylist(each))
    stage.fit()
    for each in several:
        stage.score(pa.Table.from_pylist(each))
    made = stage.table()
    assert made.schema.equals(PROBES)
    return {(row["probe"], row["operation"], row["selected"]): row for row in made.to_pylist()}


def test_a_planted_word_is_found() -> None:
    found = probed(rows(60, "A {a} near a {b} .", "A {a} not near a {b} ."))
    told = found["words", "negate", False]
    assert told["accuracy"] == 1
    assert 0.9 < told["low"] < told["high"] <= 1
    assert told["pairs"] == 120
    assert (told["method"], told["original"]) == (None, None)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("{a} near {b} .", "{a} near {b}."), ("A {a} .", "a {a} ."), ("{a}s and {b}s", "{a}s und {b}s"),
     ("{a} so {b} it is", "so {a} {b} it is")],
)  # fmt: skip
def test_form_and_order_tell_too(right: str, wrong: str) -> None:
    assert probed(rows(40, right, wrong))["words", "negate", False]["accuracy"] > 0.95


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("A MAN ON A {0}", "A MAN ON A {1}"), ("A Man On A {2}", "A Man On A {1}"), ("a man on a {1}", "a man on a {2}")],
)
def test_capitals_tell_whatever_word_has_them(right: str, wrong: str) -> None:
    made = rows(40, "", "")
    for n, row in enumerate(made):  # no word comes twice, so none can be learned
        drawn = np.random.default_rng(n).choice(list("bcdfghjklmnpqrstvwxyz"), (2, 8))
        for name, letters in zip(("caption0", "caption1"), drawn, strict=True):
            word = "".join(letters)
            row[name] = (right if name == "caption0" else wrong).format(word.upper(), word, word.title())
    assert probed(made)["words", "negate", False]["accuracy"] == 1


def test_in_symmetric_pairs_there_is_nothing_to_see() -> None:
    told = probed(rows(200, "The {a} sees the {b} .", "The {b} sees the {a} ."))["words", "negate", False]
    assert told["low"] <= 0.5 <= told["high"]
    assert told["high"] - told["low"] < 0.2


def test_by_operation_and_for_all_before_and_after_selection() -> None:
    # Of one operation selection takes what gives it away: half of its pairs.
    given_away = rows(60, "A {a} near a {b} .", "A {a} not near a {b} .", accepted=False)
    fair = rows(60, "The {a} sees the {b} .", "The {b} sees the {a} .", operation="swap_object")
    found = probed(given_away, fair)
    assert set(found) == {("words", None, False), ("words", None, True), ("words", "negate", False),
                          ("words", "swap_object", False), ("words", "swap_object", True)}  # fmt: skip
    assert found["words", None, False]["pairs"] == 240
    assert found["words", None, True]["pairs"] == 120
    assert found["words", None, False]["accuracy"] > found["words", None, True]["accuracy"] + 0.1
    same = ("pairs", "accuracy", "low", "high")
    before, after = (found["words", "swap_object", selected] for selected in (False, True))
    assert [before[name] for name in same] == [after[name] for name in same], "all were accepted"


def test_images_are_kept_apart() -> None:
    # Each picture has a name of its own in its wrong captions: whoever has seen one knows the others.
    named = rows(40, "A {a} .", "A {a} .", captions=4)
    for row in named:
        row["caption1"] = f"A {row['image_id'].replace(' ', '')} ."
        row["caption0"] = f"A {row['text_negative_id'].replace(' ', '')} ."
    told = probed(named)["words", "negate", False]
    assert told["low"] <= 0.5 <= told["high"]
    of = {str(n): row["image_id"] for n, row in enumerate(named)}
    for n, row in enumerate(named):
        row["image_id"] = str(n)
    assert probed(named)["words", "negate", False]["accuracy"] > 0.95, "or there would be nothing to leak"
    apart = probed(named, alike=of)["words", "negate", False]
    assert apart["low"] <= 0.5 <= apart["high"], "near duplicates are one image to it"


def test_too_few_images_say_nothing() -> None:
    few = rows(9, "A {a} .", "No {a} .", captions=20)
    assert probed(few) == {}
    assert probed() == {}
    assert ("words", "negate", True) in probed(rows(10, "A {a} .", "No {a} .")), "ten are enough"


def test_vectors_of_captions() -> None:
    seen = []

    def encode(captions: list[str]) -> npt.NDArray[np.float32]:
        seen.extend(captions)
        return np.array([[len(caption), caption.count("not")] for caption in captions], np.float32)

    found = probed(rows(30, "A {a} near a {b} .", "A {a} not near a {b} ."), encode=encode)
    assert {probe for probe, _, _ in found} == {"words", "embeddings"}
    assert found["embeddings", "negate", True]["accuracy"] == 1
    assert found["embeddings", "negate", True]["pairs"] == 60
    assert any("not" in caption for caption in seen)


def test_ids_choose_who_teaches_and_all_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    many = rows(60, "A {a} near a {b} .", "A {b} under a {a} .")
    many += rows(60, "A {a} .", "A {a}.", operation="swap_object", accepted=False)
    monkeypatch.setattr(text_probe, "MOST_WORDS", 50)
    monkeypatch.setattr(text_probe, "MOST_EMBEDDINGS", 40)
    taught: list[str] = []

    def encode(captions: list[str]) -> npt.NDArray[np.float32]:
        taught.extend(captions)
        return np.array([[len(caption), caption.count("under")] for caption in captions], np.float32)

    found = probed(many, encode=encode)
    assert found["words", None, True]["pairs"] == 120
    assert found["embeddings", None, True]["pairs"] == 40
    assert len(taught) == 2 * 40 * 5, "of all, of each operation, and of what was accepted"
    shuffled = [many[n] for n in np.random.default_rng(1).permutation(len(many))]
    pieces = [shuffled[start : start + 30] for start in range(0, len(many), 30)]
    assert probed(*pieces, encode=encode) == found, "not the order of rows or shards"


def test_the_sample_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_probe, "MOST_WORDS", 20)
    stage, once = TextProbe(), rows(20, "A {a} near a {b} .", "A {b} near a {a} .")
    for shard in range(50):
        named = [{**row, "text_negative_id": f"{shard} {row['text_negative_id']}"} for row in once]
        stage.add(pa.Table.from_pylist(named))
        assert sum(map(len, stage._sample)) <= 200
