"""What counts as a word of a caption, for all who count words."""

import re

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def words_of(caption: str) -> list[str]:
    """Return the words of a caption in order and in lower case: runs of letters and digits, "man's" being one."""
    return _WORD.findall(caption.lower())
