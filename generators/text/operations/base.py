"""What an operation is: one way to make a caption wrong, and all that anybody has to know of it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.edits import Candidate
from generators.text.language.sentence import Sentence
from generators.text.operations.telling import Change
from schemas.operations import method_of

# Makes candidates of a caption, lazily, the likeliest to be drawn first, at most so many a place; checks come later.
Candidates = Callable[[Sentence, Lexicon, random.Random, int, Facts], Iterator[Candidate]]
Span = tuple[int, int]  # token indices, end exclusive
Compared = tuple[int, int, int, int]  # where two captions differ: a Span in the true and one in the changed one


@dataclass(frozen=True, slots=True)
class Question:
    """What a language model is asked for, and how its answer is read."""

    places: Callable[[Sentence], list[Span]]  # where it can be asked for
    instruction: str
    examples: tuple[tuple[str, str, str], ...]  # caption, words to change, changed caption
    # The candidate that an answer's difference makes; none where it is not what was asked for.
    read: Callable[[Sentence, Sentence, Compared, Lexicon], Candidate | None]
    # Where the words end that an answer puts at a token.
    end: Callable[[Sentence, int], int] = lambda _answer, first: first + 1


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to make a caption wrong."""

    name: str
    candidates: Candidates
    told: Callable[[Change], str]  # what an editor of pictures is told, in the imperative
    question: Question | None = None  # none: no language model is asked
    within: str | None = None  # an addition: a replacement by this operation, within a true detail

    @property
    def method(self) -> str:
        """How the rules do it: swap, replace or insert."""
        return method_of(self.name)
