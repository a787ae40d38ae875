"""What is read out of a model's words."""

import pytest

from generators.text.llm.writers.replies import caption_in


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ('{"caption": "A dog ."}', "A dog ."),
        ('{ "caption" : " A\n  dog . " }', "A dog ."),
        ('```json\n{"caption": "A dog ."}\n```', "A dog ."),
        ('Here it is: {"caption": "A dog ."} I hope it helps.', "A dog ."),
        ('<think>\nA dog {or a cat}?\n</think>\n\n{"caption": "A dog ."}', "A dog ."),
        ("<think>\n\n</think>\n\n```\nA dog .\n```", "A dog ."),
        ("  A dog .  ", "A dog ."),
        ("\n\nA dog .\nThis changes the animal.", "A dog ."),
        ('"A dog ."', '"A dog ."'),  # quotes are the model's own: who asked knows whether the caption had them
    ],
)
def test_a_caption_is_found(text: str, caption: str) -> None:
    assert caption_in(text, cut=False) == (caption, "")


@pytest.mark.parametrize(
    ("text", "cut", "why"),
    [
        ("", False, "empty"),
        (" \n ", False, "empty"),
        ("```\n```", False, "empty"),
        ('{"caption": " "}', False, "empty"),
        ('{"caption": "A do', False, "malformed JSON"),
        ('{"caption": "A do', True, "cut off"),
        ('{"text": "A dog ."}', False, "JSON without a caption"),
        ('{"caption": 3}', False, "JSON without a caption"),
        ("A dog runs through the", True, "cut off"),
        ("", True, "cut off"),
    ],
)
def test_no_caption_has_a_reason(text: str, cut: bool, why: str) -> None:
    assert caption_in(text, cut) == (None, why)


def test_a_line_that_ended_before_the_cut_is_whole() -> None:
    assert caption_in("A dog .\nThis changes the", cut=True) == ("A dog .", "")
    assert caption_in('{"caption": "A dog ."}   ', cut=True) == ("A dog .", "")
