"""Captions that say the same in other words: positives to be pulled together while negatives are pushed apart.

SugarCrepe++ (arXiv 2406.11171) shows that models which tell negatives may still not know what means the same.
"""

from typing import Any

from generators.text.corpus.facts import Facts, normalised
from generators.text.language.meaning import says_the_same
from generators.text.language.parsing import Parsing
from generators.text.language.sentence import Sentence
from generators.text.llm.loop import Asking, Job
from generators.text.llm.prompts import Place
from generators.text.llm.writers.base import Prompt, Writer
from schemas.config import Paraphrase
from schemas.ids import digest
from schemas.tables import PARAPHRASES

_INSTRUCTION = (
    "Say what a caption of a photo says in another order and other words. "
    "Nothing may be added, left out or changed in meaning."
)
_EXAMPLES = (
    ("A man is riding a bike down the street .", "Down the street a man is riding a bicycle ."),
    ("Two dogs play in the snow .", "There are two dogs playing in the snow ."),
    ("A woman in a red dress sits on a couch .", "On a sofa sits a woman in a red dress ."),
    ("A black cat chases a mouse .", "There is a mouse being chased by a black cat ."),
    ("A boy jumps over a fence near a lake .", "Near a lake a boy is jumping over a fence ."),
)


class Paraphrasing(Asking):
    """Make captions that mean the same: rows of PARAPHRASES."""

    version = 1
    schema = PARAPHRASES

    def __init__(self, config: Paraphrase, seed: int, parsing: Parsing, writer: Writer) -> None:
        super().__init__(config, ("paraphrase",), seed, parsing, writer)

    def places(self, operation: str, sentence: Sentence, _facts: Facts) -> list[Place]:
        """The whole caption is to be said otherwise."""
        return [Place(operation, sentence, 0, len(sentence.tokens))] if sentence.tokens else []

    def prompt(self, place: Place, seed: int) -> Prompt:
        """Ask for other words, which do not begin as the caption does."""
        return Prompt(_INSTRUCTION, _EXAMPLES, place.sentence.caption, seed, avoid=place.sentence.tokens[0].text)

    def row(self, job: Job, _place: Place, text: str, answer: Sentence | None) -> dict[str, Any]:
        """Tell whether an answer says the same, and is none of the image's own captions."""
        key = digest("paraphrase", job.pair, text)
        return {"paraphrase_id": key, "caption": text, "failed_check": _failed(job, text, answer)}


def _failed(job: Job, text: str, answer: Sentence | None) -> str | None:
    if answer is None:
        return "leaked"
    words = normalised(text)
    if words == normalised(job.sentence.caption):
        return "unchanged"
    if words in job.facts.captions:
        return "reference"
    return None if says_the_same(job.sentence, answer) else "not_the_same"
