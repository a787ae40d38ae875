"""Pairs that a benchmark holds: pictures to the byte and by look, captions by their bare words."""

from typing import Any

import pyarrow as pa
import pytest

from filters.leakage import Leakage, caption_hash
from schemas.tables import LEAKS, PRINTS
from schemas.words import bare


def leaks(prints: list[dict[str, Any]], *pairs: tuple[str, str, int | None]) -> list[tuple[Any, ...]]:
    """Ask of pairs of picture, caption and perceptual hash; returns pair, benchmark, how, distance, place."""
    rows = [
        {"pair_id": str(n), "image_id": image, "caption": caption, "phash": look}
        for n, (image, caption, look) in enumerate(pairs)
    ]
    stage = Leakage(pa.Table.from_pylist(prints, PRINTS), "prints", 4)
    kinds = {"phash": pa.uint64()}
    columns = {name: pa.array([row[name] for row in rows], kinds.get(name, pa.string()))
               for name in ("pair_id", "image_id", "caption", "phash")}  # fmt: skip
    made = stage(pa.table(columns))
    assert made.schema.equals(LEAKS)
    return [tuple(row.values()) for row in made.to_pylist()]


def shown(benchmark: str, place: str, sha256: str | None, phash: int | None, **more: Any) -> dict[str, Any]:
    return {"benchmark": benchmark, "kind": "picture", "place": place, "sha256": sha256, "phash": phash, **more}


def said(benchmark: str, place: str, caption: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "kind": "caption", "place": place, "sha256": caption_hash(caption)}


def test_a_picture_is_found_by_its_bytes_or_within_a_few_bits_of_its_look() -> None:
    held = [
        shown("a", "1", "x", 0),
        shown("a", "2", "y", 0b111),
        shown("b", "3", "z", 0b11),
        shown("b", "4", None, None, trouble="missing picture"),
        shown("b", "5", "flat", None),
    ]
    found = leaks(held, ("x", "c", 0), ("new", "c", 0b1111), ("far", "c", 2**64 - 1), ("flat", "c", None))
    assert found == [
        ("0", "a", "picture", 0, "1"),
        ("0", "b", "alike", 2, "3"),
        ("1", "a", "alike", 1, "2"),
        ("1", "b", "alike", 2, "3"),
        ("3", "b", "picture", 0, "5"),
    ]


def test_a_caption_is_found_whatever_its_case_points_and_articles() -> None:
    held = [said("a", "1", "A dog, the man’s own, runs."), said("a", "2", "dog runs"), said("b", "3", "The dog runs!")]
    found = leaks(held, ("x", "the DOG the man's own runs", None), ("x", "A dog runs", None), ("x", "...", None))
    assert found == [
        ("0", "a", "caption", None, "1"),
        ("1", "a", "caption", None, "2"),
        ("1", "b", "caption", None, "3"),
    ]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A Red  cup.", "red cup"),
        ("THE ﬁsh, an ape", "fish ape"),
        ("Two-tone", "two tone"),
        ("the", ""),
        ("«Été»", "été"),
    ],
)
def test_what_is_left_of_a_caption(caption: str, words: str) -> None:
    assert bare(caption) == words


def test_nothing_is_shared_with_nothing() -> None:
    assert leaks([], ("x", "a dog", 7)) == []
    assert leaks([shown("a", "1", "x", 7)]) == []


def test_its_identity_follows_what_benchmarks_hold_and_how_alike_is_alike() -> None:
    none = PRINTS.empty_table()
    others = (Leakage(none, "b", 4), Leakage(none, "a", 3))
    assert all(other.identity != Leakage(none, "a", 4).identity for other in others)
