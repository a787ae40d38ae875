"""The figures of a build, and plots of them."""

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from flows.plots import plots_in_markdown, write_plots
from gallery.captions import segments, visible
from gallery.figures import figures, thresholds
from gallery.reviewing import review_data
from gallery.thumbnails import thumbnail
from storage.catalog import connect
from storage.dataset import Dataset
from tests.command import counterfoil
from tests.pictures import picture


def test_figures_count_what_is_there(dataset: Dataset) -> None:
    build = dataset.build()
    with connect(dataset, build) as connection:
        told = figures(connection, build)
    assert {bar.name: bar.count for bar in told.funnel} == {
        "captions": 24, "candidates": 24, "usable": 24, "accepted": 18, "with a picture": 6
    }  # fmt: skip
    assert [(bar.name, bar.count, bar.hint) for bar in told.reasons] == [("implausible", 6, "<i>hint</i>")]
    [validity, difficulty] = told.scores
    assert (validity.score, difficulty.score) == ("validity", "difficulty")
    assert sum(map(sum, (one.accepted for one in validity.by_operation))) == 18
    assert sum(map(sum, (one.dropped for one in validity.by_operation))) == 6
    assert [(rule.name, rule.taken, rule.precision, rule.recall) for rule in told.rules] == [
        ("implausible", 6, 1.0, 1.0)
    ]
    assert told.curve is not None
    assert (told.curve.labels, told.curve.chosen) == (24, (1.0, 1.0))
    assert told.curve.recall == sorted(told.curve.recall)
    assert told.curve.precision[-1] == pytest.approx(18 / 24)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("validity < 0.25", {"negate": 0.25, "swap_object": 0.25}),
        ("validity < CASE operation WHEN 'negate' THEN -0.5 ELSE NULL END", {"negate": -0.5, "swap_object": None}),
        ("plausibility_gap > 4", {"negate": None, "swap_object": None}),
        ("validity < 0.25 AND judge_s00 > 0.1", {"negate": None, "swap_object": None}),
        ("no_column < 1", {"negate": None, "swap_object": None}),
    ],
)
def test_a_threshold_is_where_the_answer_of_a_rule_changes(rule: str, expected: dict[str, float | None]) -> None:
    found = thresholds({"select": {"rules": {"r": {"drop_when": rule}}}}, "validity", list(expected), -1, 1)
    assert {name: value and round(value, 2) for name, value in found.items()} == expected


def test_plots_are_files_that_open_and_the_same_every_time(dataset: Dataset, tmp_path: Path) -> None:
    done = counterfoil("report", dataset.root, "--out", tmp_path / "one")
    assert (done.returncode, done.stderr) == (0, "")
    names = [Path(line).name for line in done.stdout.splitlines()]
    assert {"funnel.png", "scores-validity.svg", "precision-recall.png"} <= set(names)
    again = write_plots(dataset.root, str(tmp_path / "two"))
    for name in names:
        path = tmp_path / "one" / name
        assert path.read_bytes() == (tmp_path / "two" / name).read_bytes()
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert min(image.size) > 200
                assert len(image.convert("RGB").getcolors(1_000_000) or []) > 3
        else:
            assert path.read_text().startswith("<?xml")
    assert len(again) == len(names)
    assert "negate (8)" in (tmp_path / "one" / "scores-validity.svg").read_text()


def test_for_a_flow_run_plots_of_what_is_known_stand_in_one_text(dataset: Dataset) -> None:
    build = dataset.build()
    with connect(dataset, build) as connection:
        text = plots_in_markdown(connection, build)
    names, pictures = zip(*re.findall(r"!\[([a-z-]+)\]\(data:image/png;base64,([^)]+)\)", text), strict=True)
    assert names == ("funnel", "scores-validity", "scores-difficulty", "precision-recall"), "nobody was blind"
    for data in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert image.size > (900, 150)
    assert len(text) < 400_000, "it rests in the server's database"


def test_captions_are_cut_where_they_change_and_hide_nothing() -> None:
    spans = [{"start": 2, "end": 5}, {"start": 13, "end": 99}]
    assert segments("A red cup on a plate", spans) == ["A ", "red", " cup on ", "a plate", ""]
    assert segments("😀 red", [{"start": 2, "end": 5}]) == ["😀 ", "red", ""]
    assert segments("red", None) == ["red"]
    assert segments("abc", [{"start": 1, "end": 2}, {"start": 0, "end": 2}]) == ["", "ab", "c"]
    assert visible("a\u202eb\u2066\x00\ufeff\u2028é 👩‍🚀") == "a⟨U+202E⟩b⟨U+2066⟩⟨U+0000⟩⟨U+FEFF⟩⟨U+2028⟩é 👩‍🚀"


def test_what_cannot_be_decoded_is_no_thumbnail() -> None:
    assert thumbnail(b"nothing") is None
    assert thumbnail(picture()[:60]) is None
    made = thumbnail(picture(mode="P", form="GIF"))
    assert made is not None
    assert made.startswith("data:image/webp;base64,")


def test_a_tenth_is_asked_twice_far_apart_with_captions_exchanged(dataset: Dataset) -> None:
    rows = [
        {"text_negative_id": f"t{n}", "image_negative_id": None, "original": "red", "caption": "blue",
         "original_spans": [], "negative_spans": [], "picture": 0, "edited": None, "original_still_true": None}
        for n in range(100)
    ]  # fmt: skip
    questions = review_data(rows, dataset.build(), "d", 0)["questions"]
    assert len(questions) == 110
    again = [(n, each) for n, each in enumerate(questions) if each["again"]]
    assert len(again) == 10
    first = {each["id"]: (n, each) for n, each in enumerate(questions) if not each["again"]}
    for n, each in again:
        before, one = first[each["id"]]
        assert n - before > 30 or n > 95
        assert each["captions"] == one["captions"][::-1]
        assert each["captions"][each["original"]] == one["captions"][one["original"]] == ["red"]
    assert questions == review_data(rows, dataset.build(), "d", 0)["questions"]
    assert questions != review_data(rows, dataset.build(), "d", 1)["questions"]
