"""Scenes as a source: the order is checked, the drawing is the same each time, the ground truth comes along."""

import json
from pathlib import Path

import pytest

from generators.shapes.claims import is_true
from generators.shapes.reading import read
from generators.shapes.source import Order, draw_source, drawn, read_order
from generators.shapes.world import Scene
from schemas.config import Source
from schemas.errors import InputError
from storage.sources import open_source


def test_an_order_is_read() -> None:
    assert read_order("shapes:2000?seed=1&captions=3&size=128") == Order(2000, 1, 3, 128)
    assert read_order("shapes:5") == Order(5)


@pytest.mark.parametrize(
    "path",
    [
        "shapes:",
        "shapes:many",
        "shapes:0",
        "shapes:5?seed",
        "shapes:5?sed=1",
        "shapes:5?size=100",
        "shapes:5?captions=0",
    ],
)
def test_a_bad_order_is_one_line(path: str) -> None:
    with pytest.raises(InputError) as caught:
        read_order(path)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_longer_order_begins_with_a_shorter_one(tmp_path: Path) -> None:
    lines = []
    for scenes in (3, 5):
        (tmp_path / str(scenes)).mkdir()
        lines.append(draw_source(Order(scenes, seed=4), tmp_path / str(scenes)).read_text().splitlines())
    assert lines[1][:3] == lines[0]
    names = [json.loads(line)["image"] for line in lines[1]]
    for name in names[:3]:
        assert (tmp_path / "3" / "images" / name).read_bytes() == (tmp_path / "5" / "images" / name).read_bytes()


def test_scenes_are_read_as_any_source_is_and_all_captions_are_true(tmp_path: Path) -> None:
    with drawn(Source(path="shapes:20?seed=2")) as source:
        found = list(open_source(source, tmp_path))
        folder = Path(source.path or "").parent
        assert source.name == "shapes"
    assert not folder.exists()
    assert all(row.reason is None for row in found)
    assert len({row.name for row in found}) == 20
    for row in found:
        assert is_true(read(row.caption or ""), Scene.from_json(row.scene or ""))


def test_any_other_source_is_left_alone() -> None:
    source = Source(path="captions.csv")
    with drawn(source) as same:
        assert same is source
