"""What each token of a language model says: where a line ends, and what must not begin an answer."""

import sys
from bisect import bisect_left
from collections import defaultdict
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

# How tokenizers write a blank, and a line's end.
_MARKS = (("▁", " "), ("Ġ", " "), ("Ċ", "\n"), ("<0x0A>", "\n"))
# Below so many letters a word that only begins like the one to avoid is another word.
_STEM = 3

Tokens = npt.NDArray[np.bool_]


class Vocabulary:
    """The texts of a tokenizer's tokens; `size` is the number of tokens that the model knows, with or without a text.

    A table is made once: a vocabulary may have 262,144 words.
    """

    def __init__(self, tokenizer: Any, size: int, stops: frozenset[int]) -> None:
        names = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
        self.texts = [_text(name or "") for name in names] + [""] * (size - len(names))
        self.stops = stops
        self.ends: Tokens = np.array(["\n" in text for text in self.texts])
        """Tokens that end a line or a text."""
        self.ends[[token for token in stops if token < size]] = True

    @cached_property
    def no_words(self) -> Tokens:
        """Tokens that begin no new word; those that end, where a tokenizer writes no blanks."""
        words = np.array([text.startswith(" ") and bool(text.strip()) for text in self.texts]) & ~self.ends
        return ~words if words.any() else self.ends

    def begins(self, avoid: str) -> list[int]:
        """List the tokens that begin to spell a text, in whatever case, or that it begins."""
        avoid = avoid.lower()
        words = [avoid[:end] for end in range(1, len(avoid) + 1)]
        if len(avoid) >= _STEM:
            after = avoid + chr(sys.maxunicode)
            words += self._words[bisect_left(self._words, avoid) : bisect_left(self._words, after)]
        return sorted({token for word in words for token in self._tokens.get(word, ())})

    @cached_property
    def _tokens(self) -> dict[str, list[int]]:
        """The tokens of each word, or part of one, whatever its case and the blanks around it."""
        found: dict[str, list[int]] = defaultdict(list)
        for token, text in enumerate(self.texts):
            found[text.strip().lower()].append(token)
        return dict(found)

    @cached_property
    def _words(self) -> list[str]:
        return sorted(self._tokens)


def _text(name: str) -> str:
    for mark, text in _MARKS:
        name = name.replace(mark, text)
    return name
