"""Frames of one video or burst, told by the names that pictures came under."""

import pytest

from generators.text.mining.frames import groups_of_frames
from schemas.mining import Frames


@pytest.mark.parametrize(
    ("by", "names", "together"),
    [
        ("folder", ["kitchen/1.jpg", "kitchen/2.jpg", "garden/1.jpg", "lone.jpg"], ["ab", "c"]),
        ("prefix", ["clip_0001.jpg", "clip_0002.jpg", "walk-7.jpg", "face.jpg"], ["ab", "c"]),
        ("prefix", ["one/0001", "one/0002", "two/0001", "two/text"], ["ab", "c"]),  # keys of tars
        ("time", ["IMG_20260131_124501.jpg", "IMG_20260131_124503.jpg", "IMG_20260131_124506.jpg", "x.jpg"],
         ["ab", "c"]),
        ("time", ["PXL_20260131_235959800.jpg", "2026-02-01T00:00:01.png", "20269931_124501.jpg", "1.jpg"], ["ab"]),
        ("time", ["a/20260131_124501.jpg", "b/20260131_124501.jpg", "12345678901234567.jpg", ""], ["a", "b"]),
    ],
)  # fmt: skip
def test_names_tell_what_belongs_together(by: str, names: list[str], together: list[str]) -> None:
    found = groups_of_frames(dict(zip("abcd", names, strict=True)), Frames(by=by))  # type: ignore[arg-type]
    groups: dict[str, str] = {}
    for picture in sorted(found):
        groups[found[picture]] = groups.get(found[picture], "") + picture
    assert sorted(groups.values()) == together
