"""Wrong captions of one caption, at once: without a build, with a dataset's words and rules, with its picture."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from flows.tries import Wrong, shown, wrong_captions
from generators.text.corpus.everyday import PARSER, counted, everyday
from schemas.errors import InputError
from schemas.operations import OPERATIONS
from tests.command import counterfoil
from tests.pictures import picture
from tests.tiny_models import make_tiny_clip

pytest.importorskip(PARSER, reason="needs the spaCy pipeline of the `offline` extra")
PLATE = "A red cup on a blue plate"


def words_changed(wrong: Wrong) -> list[str]:
    return [wrong.caption[span["start"] : span["end"]] for span in wrong.spans]


def test_two_lines_of_python() -> None:
    made = wrong_captions(PLATE)
    assert {"replace_attribute", "swap_attribute"} <= {one.operation for one in made if one.accepted}
    assert {one.operation for one in made} <= set(OPERATIONS)
    swapped = next(one for one in made if one.operation == "swap_attribute")
    assert str(swapped) == "swap_attribute: A blue cup on a red plate"
    assert words_changed(swapped) == ["blue", "red"]
    assert made == wrong_captions(PLATE), "the same every time"
    assert all(one.caption != PLATE for one in made)


def test_what_may_be_true_is_dropped_and_says_why() -> None:
    made = {one.caption: one for one in wrong_captions(PLATE, "A grey cup and a plate", per_operation=6)}
    grey = made["A grey cup on a blue plate"]
    assert not grey.accepted
    assert list(grey.reasons) == ["entailed"], "another caption of the picture says so"
    assert "one of its other captions" in grey.reasons["entailed"]
    unsure = wrong_captions("A man in a helmet carries a bag")
    doubts = {reason for one in unsure for reason in one.reasons if reason.startswith("doubtful")}
    assert "doubtful_attributes" in doubts, "what nobody can tell is not kept without a judge"


def test_a_picture_is_scored_by_the_judge_that_the_config_names(tmp_path: Path) -> None:
    clip = make_tiny_clip(tmp_path / "clip")
    config = tmp_path / "config.yaml"
    config.write_text(
        f"describe: {{parser: {PARSER}}}\njudge: {{model: '{clip}'}}\ncompute: {{device: cpu, dtype: float32}}\n"
        "select: {rules: {unsure: {drop_when: validity < 10, hint: never that sure}}}\n"
    )
    image = tmp_path / "picture.png"
    image.write_bytes(picture())
    made = wrong_captions(PLATE, image=image, config=config)
    scored = [one for one in made if one.scores]
    assert scored
    assert all(set(one.scores) == {"judge_margin"} for one in scored)
    assert all(one.reasons == {"unsure": "never that sure"} for one in scored), "rules see the score"
    with pytest.raises(InputError, match="the config names no judge to score with"):
        wrong_captions(PLATE, image=image)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((" ",), "try: no caption; give one, in quotes"),
        (("Ein roter Becher steht auf einem blauen Teller",), "the caption is in another language"),
        ((PLATE, "--image", "none.png"), "--image none.png: No such file or directory; give a picture's file"),
        ((PLATE, "--image", "README.md"), "--image README.md: no picture that can be decoded; give a picture's file"),
        ((PLATE, "--dataset", "none"), "none: no finished build here"),
    ],
)
def test_what_is_missing_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = counterfoil("try", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr


def test_what_is_shown_is_whole_and_moves_no_cursor() -> None:
    def told(made: list[Wrong]) -> str:
        console = Console(width=1000, file=io.StringIO(), color_system="standard", force_terminal=True)
        console.print(shown(made))
        return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]

    caption = f"A \u202ered\x1b[2J cup{' on a blue plate' * 20}"
    span = {"start": 2, "end": 6}
    dropped = Wrong("negate", "", caption, (span,), accepted=False, reasons={"[b]rule": "a\nhint"})
    text = told([replace(dropped, accepted=True, reasons={}), dropped])
    assert f"A \x1b[1;32m\\u202ered\x1b[0m\\x1b[2J cup{' on a blue plate' * 20}" in text, "changed words in colour"
    assert "✗" in text.splitlines()[2]
    assert "  [b]rule" in text.splitlines()[2], "no markup of ours"
    assert "1 wrong caption, 1 would be dropped" in text
    assert "a hint" in text
    assert "nothing in it that the rules can change" in told([])


def test_on_the_command_line() -> None:
    done = counterfoil("try", PLATE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "swap_attribute\n" in done.stdout
    assert "A blue cup on a red plate" in done.stdout
    assert "would be dropped" in done.stdout
    [first, *_] = json.loads(counterfoil("try", PLATE, "--format", "json").stdout)
    assert {"operation", "original", "caption", "spans", "accepted", "reasons", "scores"} == set(first)


def test_the_corpus_that_comes_along_is_counted_of_its_captions() -> None:
    assert everyday().equals(counted()), "run `python -m generators.text.corpus.everyday`"


def test_words_and_rules_of_a_dataset(built_once: Callable[[bool], Path]) -> None:
    made = wrong_captions("A man in a red shirt sits on a bench .", dataset=str(built_once(False)))
    assert ["couch"] in [words_changed(one) for one in made if one.operation == "replace_object"], (
        "what its captions say"
    )
    reasons = {reason for one in made for reason in one.reasons}
    assert not any(reason.startswith("doubtful") for reason in reasons), "its config has no such rule"
