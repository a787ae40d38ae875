"""Whether a dual encoder reads what two captions differ in: behind its last token it reads nothing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa


class Reading:
    """Tell, by a model's tokenizer, which changes of captions it takes in.

    Works with any tokenizer of open_clip, told by what it gives for known texts: a row of token ids, as long as the
    model's context, or as `context_length` says.
    """

    def __init__(self, tokenize: Any) -> None:
        self._tokenize = tokenize
        [empty] = tokenize([""], context_length=_PROBE).tolist()
        self._pad = Counter(empty).most_common(1)[0][0]
        marks, word = self._tokens(["", "a"], _PROBE)
        self._marks = len(marks)  # tokens that begin and end every text
        [row] = tokenize(["a " * len(tokenize([""])[0])]).tolist()
        self._most: int = sum(token != self._pad for token in row)  # tokens of a text at most, with its marks
        self._read: int = self._most - self._marks + _alike(marks, word)  # without those that end it

    def __call__(self, originals: Sequence[str], captions: Sequence[str]) -> pa.Array:
        """Tell of pairs of captions, one by one, whether all that they differ in is read; returns booleans."""
        # No tokenizer makes more tokens of a text than it has bytes.
        long = sorted({text for text in (*originals, *captions) if _bytes(text) + self._marks > self._most})
        tokens: dict[str, list[int]] = {}
        for start in range(0, len(long), _BATCH):
            batch = long[start : start + _BATCH]
            most = 2 * max(map(_bytes, batch)) + _PROBE
            tokens.update(zip(batch, self._tokens(batch, most), strict=True))
        tokens = {text: found for text, found in tokens.items() if len(found) > self._most}
        pairs = zip(originals, captions, strict=True)
        return pa.array([self._reads(*pair, tokens) for pair in pairs], pa.bool_())

    def _reads(self, original: str, caption: str, long: dict[str, list[int]]) -> bool:
        if original not in long and caption not in long:
            return True
        ours, theirs = (long.get(text) or self._tokens([text], self._most)[0] for text in (original, caption))
        begin = _alike(ours, theirs)
        end = _alike(ours[begin:][::-1], theirs[begin:][::-1])
        return max(len(ours), len(theirs)) - end <= self._read

    def _tokens(self, texts: list[str], length: int) -> list[list[int]]:
        rows = self._tokenize(texts, context_length=length).tolist()
        return [[token for token in row if token != self._pad] for row in rows]


_PROBE = 16  # more tokens than any tokenizer puts around an "a"
_BATCH = 1024


def _bytes(text: str) -> int:
    return len(text.encode())


def _alike(first: Sequence[int], second: Sequence[int]) -> int:
    """Count the tokens at the beginning that two texts have in common."""
    return next((n for n, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]),
                min(len(first), len(second)))  # fmt: skip
