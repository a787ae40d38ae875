"""Capitals: a wrong caption has them where the caption has them, so that none gives it away.

A caption is written as a sentence ("A man with a red hat"), as a title ("A Man With A Red Hat"), as a headline, a title
with small words in lower case ("A Man with a Red Hat"), or in capitals ("A MAN WITH A RED HAT").
"""

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from generators.text.knowledge.wordnet import SMALL_WORDS, is_written_large, is_written_small

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SPOKEN = re.compile(r"\S+")
# What a new sentence begins behind; quotes and blanks may follow.
_START = re.compile(r"(?:(?:^|[.!?:;]\s|\n)[\W\d]*|(?:^|[\s(])[\"“‘])$")
_SMALL_SHARE = 0.2  # of the words behind the first: with more of them in lower case a caption is no title
_CAPITALS = 0.8  # share of the letters
_ACRONYM = 5  # letters: an unknown longer word in capitals is shouted


class Style(Enum):
    """How a caption is written."""

    SENTENCE = "sentence"
    TITLE = "title"
    HEADLINE = "headline"
    CAPITALS = "capitals"


@lru_cache(maxsize=4096)
def style_of(caption: str) -> Style:
    """Tell how a caption is written; a sentence where there is too little to tell by."""
    words = _WORD.findall(caption)
    letters = "".join(words)
    large = sum(map(str.isupper, letters))
    if large > _CAPITALS * (large + sum(map(str.islower, letters))):
        shouted = (len(word) > _ACRONYM or is_written_small(word) for word in words if len(word) > 1 and word.isupper())
        return Style.CAPITALS if any(shouted) else Style.SENTENCE
    rest = [match[0] for match in _WORD.finditer(caption) if not starts_sentence(caption, match.start())]
    said = [word for word in rest if word.lower() not in SMALL_WORDS]
    small = sum(word[0].islower() for word in said)
    if small > _SMALL_SHARE * len(said):
        return Style.SENTENCE
    if not any(word[0].isupper() and not has_own_case(word) for word in said):
        return Style.SENTENCE
    return Style.HEADLINE if any(word[0].islower() for word in rest if word in SMALL_WORDS) else Style.TITLE


def starts_sentence(caption: str, at: int) -> bool:
    """Tell whether nothing of its sentence stands before a character of a caption."""
    return _START.search(caption[max(0, at - _LOOK_BACK) : at]) is not None if at else True


_LOOK_BACK = 12


def has_own_case(word: str) -> bool:
    """Tell whether a word keeps its capitals wherever it stands: "iPhone", "SUVs", "TV", "German"."""
    if word == "I":
        return True
    if word[1:].lower() != word[1:]:
        return not word.isupper() or not (is_written_small(word) or len(word) > _ACRONYM)
    return word[:1].isupper() and is_written_large(word)


def as_spoken(text: str, style: Style, starts: bool) -> str:
    """Write a phrase of a caption as it reads in the middle of a sentence; `starts` says that it begins one."""
    if style is Style.SENTENCE and not starts:
        return text
    done = 0

    def written(found: re.Match[str]) -> str:
        nonlocal done
        done += 1
        word = found[0]
        if style is Style.SENTENCE and done > 1:
            return word
        mixed = not word.isupper() and word[1:].lower() != word[1:]
        own = mixed if style is Style.CAPITALS else has_own_case(word)
        return word if own else word.lower()

    return _WORD.sub(written, text)


def recased(text: str, old: str, caption: str, at: int) -> str:
    """Write new words with the capitals that a caption would give them in the place of `old`, which starts at `at`."""
    style = style_of(caption)
    if style is Style.SENTENCE and (not old or (old.islower() and old[0].isalpha())):
        return text
    if style is Style.CAPITALS:
        return _SPOKEN.sub(lambda found: _shouted(found[0], caption), text)
    starts = old != "" and starts_sentence(caption, at)
    before = _WORD.findall(old)
    large = starts and (old[:1].isupper() or not (old[:1].isalpha() or caption.islower()))
    if style is Style.SENTENCE:
        text = _as_before(text, before[1:] if starts else before)
    else:
        text = _WORD.sub(lambda found: _titled(found[0], style, caption), text)
    return _started(text) if large or (starts and before and has_own_case(before[0])) else text


def _shouted(word: str, caption: str) -> str:
    mixed = any(map(str.isupper, word[1:])) and any(map(str.islower, word))
    return word if mixed and word in caption else word.upper()


def _titled(word: str, style: Style, caption: str) -> str:
    if word[1:].lower() != word[1:]:
        return word
    large = word[:1].upper() + word[1:]
    if style is Style.HEADLINE and word.lower() in SMALL_WORDS:
        return large if re.search(rf"\W{large}\b", caption) else word.lower()  # some write "A Man With a Hat"
    return large


def _started(text: str) -> str:
    """Begin a sentence with a capital, unless its first word is an "iPhone"."""
    first = _WORD.search(text)
    if first is None or first.start() > 0 or any(map(str.isupper, first[0])):
        return text
    return text[:1].upper() + text[1:]


def _as_before(text: str, before: Sequence[str]) -> str:
    """Copy the capitals of ordinary words within a sentence: of a "BLUE" shirt, or a "Blue" one; not those of "TV"."""
    if not before or not all(word[0].isupper() and is_written_small(word) for word in before):
        return text
    if all(word.isupper() for word in before) and any(len(word) > 1 for word in before):
        return text.upper()
    return _WORD.sub(lambda found: _titled(found[0], Style.TITLE, text), text)
