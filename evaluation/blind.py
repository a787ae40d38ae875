"""What can be told from captions alone: a row of its own in every table, for what it solves tests no picture."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from devices.scoring import Scorer
from schemas.config import Compute

LENGTH = "length"
_BATCH_TOKENS = 4096


class Blind:
    """Prefers a caption without having seen the picture: the likelier one by a language model, or the shorter one.

    `model` is any causal language model that `plausibility` takes, or "length".
    """

    def __init__(self, model: str, compute: Compute | None = None) -> None:
        self._model = model
        self._scorer = Scorer(model, None, compute or Compute(), _BATCH_TOKENS) if model != LENGTH else None
        self.name = f"blind:{model}"

    @cached_property
    def identity(self) -> list[Any]:
        """The language model's revision and what its last digits depend on."""
        return ["blind", self._model, *(self._scorer.identity if self._scorer else [])]

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        if self._scorer is not None:
            self._scorer.check()

    def scores(self, captions: Sequence[str]) -> dict[str, float]:
        """Score captions, in nats or characters, the more likely to be right the higher; those that are longer than the
        language model can read are left out."""
        if self._scorer is None:
            return {caption: -float(len(caption)) for caption in captions}
        return {caption: nats for caption, (nats, _) in self._scorer.score(list(captions)).items()}
