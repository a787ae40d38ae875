"""What a parser says of a caption, word by word as people see words: "8-year-old" and "t-shirt" are one each."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from generators.text.language.casing import Style, style_of

# English writes its proper nouns with a capital: "a green crescent" has none, whatever the tagger says.
_COMMON = {"NNP": "NN", "NNPS": "NNS"}
_LETTERS = re.compile(r"\w+(?:['’]\w+)*")
_JOINS = frozenset({"-", "‐", "‑", "–", "/", "_", "&", "+", "@", "*", "x", "×", "=", "~", "^", "|", "\\"})
_LEADS = frozenset({"#", "@", "$", "€", "£", "¥"})  # what belongs to the word behind it
_TRAILS = frozenset({"%", "°", "€", "£"})  # and before it


def readable(caption: str) -> str:
    """Write a caption as parsers know them: one in capitals as a sentence, each character in its place."""
    style = style_of(caption)
    if style is Style.SENTENCE:
        return caption
    first = next((at for at, letter in enumerate(caption) if letter.isalpha()), 0)
    first += not caption[:first].rstrip()[-1:].isdigit()  # "3 DOGS" begins with the number
    return caption[:first] + _LETTERS.sub(lambda found: _lowered(found[0]), caption[first:])


def _lowered(word: str) -> str:
    # Letter by letter: the lower case of "İ" are two characters, and offsets must stay.
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in word)


def tokens_of(doc: Any, caption: str) -> list[dict[str, Any]]:
    """Turn a spaCy Doc of a caption, as `readable` writes it, into a list of TOKEN."""
    words = [token for token in doc if not token.is_space]  # a double blank is a token to spaCy
    groups = list(_groups(words))
    index = {token.i: number for number, several in enumerate(groups) for token in several}
    return [_token(several, number, index, caption) for number, several in enumerate(groups)]


def _groups(words: Sequence[Any]) -> list[list[Any]]:
    groups: list[list[Any]] = []
    for at, token in enumerate(words):
        if groups and _belongs(words, at):
            groups[-1].append(token)
        else:
            groups.append([token])
    return groups


def _belongs(words: Sequence[Any], at: int) -> bool:
    """Tell whether nothing parts a token from the one before it, not even for somebody who reads."""
    before, token = words[at - 1], words[at]
    if before.idx + len(before.text) != token.idx:
        return False
    if token.text in _JOINS:
        after = words[at + 1] if at + 1 < len(words) else None
        joined = after is not None and after.idx == token.idx + len(token.text) and _is_word(after.text[0])
        return joined and _is_word(before.text[-1])
    if before.text in _LEADS:
        return _is_word(token.text[0])
    if token.text in _TRAILS:
        return bool(before.text[-1].isdigit())
    if before.text in _JOINS:
        return at > 1 and _belongs(words, at - 1)
    # "5pm", "12cm": the parser has cut off a unit.
    return bool(token.text[0].isalnum()) and (before.text[-1].isdigit() or token.text[0].isdigit())


def _is_word(letter: str) -> bool:
    return letter.isalnum()


def _token(several: list[Any], number: int, index: dict[int, int], caption: str) -> dict[str, Any]:
    inside = {token.i for token in several}
    top = next((token for token in reversed(several) if token.head.i not in inside or token.head.i == token.i), None)
    top = top or several[-1]
    first, last = several[0], several[-1]
    text = caption[first.idx : last.idx + len(last.text)]
    lemma = _base_of(top.text.lower(), top.lemma_) if top.pos_ == "VERB" else top.lemma_
    if len(several) > 1:
        lemma = text[: last.idx - first.idx].lower() + (last.lemma_ if last.text.isalpha() else last.text)
    common = all(token.text.islower() for token in several if token.text.isalpha())
    return {
        "text": text,
        "start": first.idx,
        "lemma": lemma,
        "pos": top.pos_,
        "tag": _COMMON.get(top.tag_, top.tag_) if common and text.lower() != text.upper() else top.tag_,
        "dep": top.dep_,
        "head": index.get(top.head.i, number),
    }


@cache
def _base_of(form: str, lemma: str) -> str:
    """Return the base form of a verb: the parser's rules make "rid" of "riding", which no dictionary does."""
    import lemminflect

    known = lemminflect.getLemma(form, "VERB", lemmatize_oov=False)
    return known[0] if known and lemma.lower() not in known else lemma
