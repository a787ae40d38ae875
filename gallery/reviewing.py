"""What a page to judge by asks: one picture, two captions, which of them is false? It does not say what was decided."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from gallery.captions import segments, visible
from gallery.rows import Row
from storage.dataset import Build

_TWICE = 10  # one of so many questions comes a second time
_APART = 12  # questions between the two times, where there are as many

Question = dict[str, Any]


def review_data(rows: Sequence[Row], build: Build, title: str, seed: int) -> dict[str, Any]:
    """Put together questions about wrong captions, and about the edited pictures that there are, each by itself.

    Their order, and which caption stands first, hang on the seed and the ids alone. A tenth is asked again, further
    down, with the captions exchanged.
    """
    questions = sorted(
        (question for row in rows for question in _questions(row, seed)), key=lambda one: one.pop("draw")
    )
    asked = _with_some_twice(questions)
    key = "".join(f"{one['id']}{one['image']}{one['again']}" for one in asked)
    return {
        "title": visible(title),
        "build": build.build_id,
        "page": hashlib.sha256(f"{build.build_id} {seed} {key}".encode()).hexdigest()[:16],
        "questions": asked,
    }


def _questions(row: Row, seed: int) -> list[Question]:
    captions = [segments(row["original"], row["original_spans"]), segments(row["caption"], row["negative_spans"])]
    asked = []
    for image, picture in ((None, row["picture"]), (row["image_negative_id"], row["edited"])):
        if picture is None:
            continue
        draw = hashlib.sha256(f"{row['text_negative_id']} {image} {seed}".encode()).digest()
        turned = draw[0] % 2 == 1
        asked.append(
            {
                "id": row["text_negative_id"],
                "image": image,
                "picture": picture,
                "captions": captions[::-1] if turned else captions,
                "original": int(turned),  # the place of the original caption
                "stillTrue": bool(row["original_still_true"]),
                "again": False,
                "draw": draw,
            }
        )
    return asked


def _with_some_twice(questions: list[Question]) -> list[Question]:
    """Ask every tenth a second time, as far from the first time as the sample allows."""
    again = [
        (min(place + max(_APART, len(questions) // 3), len(questions)), number, place)
        for number, place in enumerate(range(_TWICE // 2, len(questions), _TWICE))
    ]
    asked: list[Question] = []
    ends = [0, *(place for place, _, _ in again), len(questions)]
    for number, (start, end) in enumerate(pairwise(ends)):
        asked += questions[start:end]
        if number < len(again):
            first = questions[again[number][2]]
            asked.append(
                {**first, "captions": first["captions"][::-1], "original": 1 - first["original"], "again": True}
            )
    return asked
