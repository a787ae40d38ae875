"""Pages of a dataset that was really built."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.gallery import gallery, review_page
from flows.samples import Draw
from schemas.errors import InputError


def read(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    return data


def test_heat_maps_of_the_first_pairs(built_once: Callable[[bool], Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    gallery(str(built_once(True)), str(page), "accepted", heat=3)
    data = read(page)
    heat = [row[data["columns"].index("heat")] for row in data["rows"]]
    assert len(heat) > 3
    assert heat[3:] == [None] * (len(heat) - 3)
    height, width, cells = heat[0][0]
    assert (len(cells), max(cells)) == (height * width, 100)
    assert min(cells) >= 0
    assert heat[0][1] is None, "there is no second picture"
    with pytest.raises(InputError, match="--heat: this build has no judge"):
        gallery(str(built_once(False)), str(page), heat=1)


def test_a_build_without_models_is_shown_and_reviewed(built_once: Callable[[bool], Path], tmp_path: Path) -> None:
    page, review = tmp_path / "page.html", tmp_path / "review.html"
    written = gallery(str(built_once(False)), str(page))
    data = read(page)
    assert written.size == page.stat().st_size
    assert {row[data["columns"].index("judge")] for row in data["rows"]} == {None}
    assert all(row[data["columns"].index("picture")] is not None for row in data["rows"])
    assert len({row[data["columns"].index("picture")] for row in data["rows"]}) <= 12, "each picture once"
    review_page(str(built_once(False)), str(review), Draw(per_operation=2))
    assert {question["image"] for question in read(review)["questions"]} == {None}
    with pytest.raises(InputError, match="no score of a judge or a language model; draw even"):
        review_page(str(built_once(False)), str(review), Draw("near"))
