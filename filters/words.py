"""How common a caption's words are to somebody who never sees the image."""

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.measures import score_rows
from schemas.words import words_of


class Words:
    """Score captions by the total natural-log probability of their words, one by one, in this corpus' captions.

    A word that n of the corpus' N words are has the probability (n + 1) / (N + V + 1): add-one smoothing over its
    vocabulary of V words and one more, which stands for every word that it lacks (Jurafsky and Martin, Speech and
    Language Processing, section 3.5). A caption's score is the sum of the logarithms over its words: what a unigram
    language model says.
    """

    version = 1

    def __init__(self, lexicon: pa.Table, lexicon_id: str) -> None:
        """Take the words of a table of LEXICON; `lexicon_id` is its fingerprint."""
        self.lexicon_id = lexicon_id
        counted = lexicon.filter(pc.equal(lexicon["kind"], "word"))
        counts = dict(zip(counted["word"].to_pylist(), counted["frequency"].to_pylist(), strict=True))
        total = math.log(sum(counts.values()) + len(counts) + 1)
        self._known = {word: math.log(count + 1) - total for word, count in counts.items()}
        self._unknown = -total

    @property
    def identity(self) -> list[Any]:
        """Stage name, version and the lexicon that counts the words."""
        return ["words", self.version, self.lexicon_id]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, caption0 and caption1 into SCORES; null for a caption without words."""
        columns = {
            "text_negative_id": table["text_negative_id"],
            "role": pa.repeat("words", table.num_rows),
            "frequency0": self._scores(table["caption0"]),
            "frequency1": self._scores(table["caption1"]),
        }
        return score_rows(table.num_rows, **columns)

    def _scores(self, captions: pa.ChunkedArray) -> pa.Array:
        return pa.array([self.score(caption) for caption in captions.to_pylist()], pa.float32())

    def score(self, caption: str) -> float | None:
        """Return the log-probability (nats) of a caption's words; None where it has none."""
        found = [self._known.get(word, self._unknown) for word in words_of(caption)]
        # fsum rounds once: the same words in another order are not told apart by the last bits.
        return math.fsum(found) if found else None
