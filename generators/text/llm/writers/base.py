"""What a language model is asked and what it answers, whoever runs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a language model is asked: an instruction, examples of question and answer, and one question."""

    instruction: str
    examples: tuple[tuple[str, str], ...]
    question: str
    seed: int
    start: str = ""
    """How the answer begins, where a model can be made to begin so; what it returns then begins so too."""
    avoid: str = ""
    """What must not come next after the start: the words that the answer is to change."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of text as the model gave it, trimmed; tokens read and written for it; None where it gave nothing."""

    text: str | None
    tokens: int
    detail: str = ""
    """Why there is no text."""


class Writer(Protocol):
    """A language model that can be asked."""

    @property
    def identity(self) -> list[Any]:
        """JSON values that its answers depend on besides the prompts."""
        ...

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights or asking a server."""
        ...

    def write(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answer every prompt, in order; raises InputError where nothing can be answered."""
        ...
