"""What counts as a word of a caption, for all who count words."""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ARTICLES = frozenset({"a", "an", "the"})


def words_of(caption: str) -> list[str]:
    """Return the words of a caption in order and in lower case: runs of letters and digits, "man's" being one."""
    return _WORD.findall(caption.lower())


def bare(caption: str) -> str:
    """Return what is left of a caption when case, punctuation, white space and articles do not count.

    Letters that look alike are made alike first (Unicode NFKC, and ’ is '). Empty where nothing is left.
    """
    plain = unicodedata.normalize("NFKC", caption).casefold().replace("’", "'")
    return " ".join(word for word in words_of(plain) if word not in _ARTICLES)
