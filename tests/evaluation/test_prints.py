"""What a benchmark's folder holds, as hashes: each picture and caption once, and what is unusable with its reason."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from evaluation.prints import contents, prints
from filters.leakage import caption_hash
from schemas.errors import InputError
from schemas.tables import PRINTS
from tests.pictures import picture


def sugarcrepe(folder: Path) -> Path:
    (folder / "val2017").mkdir(parents=True)
    (folder / "val2017" / "1.jpg").write_bytes(picture(1, "JPEG"))
    (folder / "val2017" / "broken.jpg").write_bytes(b"no picture")
    rows = [
        {"filename": "1.jpg", "caption": "A dog.", "negative_caption": "A cat."},
        {"filename": "1.jpg", "caption": "A dog.", "negative_caption": "!"},
        {"filename": "gone.jpg", "caption": "A cow.", "negative_caption": "A cat."},
        {"filename": "broken.jpg", "caption": "A hen."},
        {"filename": "broken.jpg", "caption": "A hen.", "negative_caption": "A cat."},
    ]
    (folder / "swap_obj.json").write_text(json.dumps(dict(enumerate(rows))))
    return folder


def test_each_picture_and_caption_once_and_what_cannot_be_compared(tmp_path: Path) -> None:
    made = prints(str(sugarcrepe(tmp_path / "crepe")))
    assert made.schema.equals(PRINTS)
    rows = made.to_pylist()
    assert {row["benchmark"] for row in rows} == {"sugarcrepe"}
    pictures = {row["place"]: row for row in rows if row["kind"] == "picture"}
    first = pictures["swap_obj 0"]
    assert first["sha256"] == hashlib.sha256(picture(1, "JPEG")).hexdigest()
    assert first["phash"] is not None
    assert first["trouble"] is None
    assert pictures["swap_obj 2"]["trouble"] == "missing picture"
    assert "not a picture" in pictures["swap_obj 4"]["trouble"]
    captions = [(row["sha256"], row["trouble"]) for row in rows if row["kind"] == "caption"]
    expected = [(caption_hash(text), None) for text in ("A dog.", "A cat.")]
    assert captions == [*expected, (None, "no words"), *((caption_hash(t), None) for t in ("A cow.", "A hen."))]
    [refused] = [row for row in rows if row["kind"] == "row"]
    assert "negative_caption" in refused["trouble"]
    assert "dog" not in json.dumps(rows), "no caption of a benchmark leaves its folder"


def test_a_folder_is_named_by_what_it_holds(tmp_path: Path) -> None:
    first = sugarcrepe(tmp_path / "crepe")
    shutil.copytree(first, tmp_path / "moved")
    name = contents(str(first))
    assert contents(str(tmp_path / "moved")) == name == contents(str(first), "sugarcrepe")
    (tmp_path / "moved" / "val2017" / "1.jpg").write_bytes(picture(2, "JPEG"))
    assert contents(str(tmp_path / "moved")) != name


def test_frames_that_are_kept_as_numbers_are_known_by_their_look(tmp_path: Path) -> None:
    blocks = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", blocks.repeat(8, 0).repeat(8, 1))
    (tmp_path / "b.npy").write_bytes(b"none")
    row = {"image0": "a.npy", "image1": "b.npy", "caption0": "x", "caption1": "y"}
    (tmp_path / "youcook2.json").write_text(json.dumps([row]))
    frame, broken, *captions = prints(str(tmp_path), "eqben").to_pylist()
    assert (frame["sha256"], frame["trouble"]) == (None, None)
    assert frame["phash"] is not None
    assert "unreadable picture" in broken["trouble"]
    assert [row["kind"] for row in captions] == ["caption"] * 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, "no benchmark in a layout that is known"),
        ("winoground", "not as winoground has it"),
        ("x", "unknown benchmark x"),
    ],
)
def test_a_folder_that_is_none_is_refused(tmp_path: Path, name: str | None, said: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=rf"guards\.leakage: .*{said}"):
        prints(str(tmp_path / "empty"), name)
    with pytest.raises(InputError, match="no such folder"):
        prints(str(tmp_path / "gone"), name if name != "x" else None)
