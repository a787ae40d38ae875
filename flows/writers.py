"""Language models that write, for the length of a process, and what they once wrote."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from flows import models
from flows.secrets import secret_of
from generators.text.llm.writers import writer_of
from generators.text.llm.writers.base import Answer, Prompt, Writer
from schemas import config as settings
from schemas.ids import answer_key, fingerprint
from schemas.tables import ANSWERS
from storage.dataset import Dataset
from storage.kept import kept

# Prompts of one go: what is lost at most when a build is killed.
_AT_A_TIME = 2000


def _loaded(config: settings.Writer, compute: settings.Compute) -> Writer:
    return writer_of(config, compute, secret_of(config.key))


def writer_for(config: settings.Writer, compute: settings.Compute) -> Writer:
    """Return the writer of a config, or of one that asks more of it (`Rewrite`); it is loaded once."""
    common = {name: getattr(config, name) for name in settings.Writer.model_fields}
    return models.loaded(_loaded, settings.Writer(**common), compute)


class Remembered:
    """A writer that is not asked what it was asked before, in this dataset, about captions of the same shard.

    Where nothing was asked about a shard yet, the answers of all others are looked through that were there before this
    build: a shard that was packed anew asks about nothing but new captions.
    """

    def __init__(self, dataset: Dataset, config: settings.Writer, compute: settings.Compute, shard: str) -> None:
        self.dataset, self.writer, self.shard = dataset, writer_for(config, compute), shard

    @property
    def identity(self) -> list[Any]:
        """The writer's."""
        return self.writer.identity

    def check(self) -> None:
        """Raise InputError where the writer misses something."""
        self.writer.check()

    def write(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answer every prompt, in order; new answers are stored as they come."""
        model = fingerprint(self.writer.identity)
        keys = [answer_key(model, *_parts(prompt)) for prompt in prompts]
        wanted = pa.table({"key": pa.array(sorted(set(keys)), pa.binary(16))})
        rows = kept(self.dataset, "answers", self._there(model), wanted).to_pylist()
        known = {row["key"]: Answer(row["text"], row["tokens"], row["detail"] or "") for row in rows}
        new = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in known}
        ordered = list(new)
        for at in range(0, len(ordered), _AT_A_TIME):
            part = ordered[at : at + _AT_A_TIME]
            answers = self.writer.write([new[key] for key in part])
            known.update(zip(part, answers, strict=True))
            self._store(model, part, answers)
        return [known[key] for key in keys]

    def _there(self, model: str) -> list[str]:
        """Name the shards of answers to look into."""
        own = self.dataset.shards("answers", prefix=f"{model}-{self.shard}")
        if own or self.dataset.current() is None:
            return own
        return self.dataset.shards("answers", prefix=model)

    def _store(self, model: str, keys: list[bytes], answers: list[Answer]) -> None:
        rows = {
            "key": pa.array(keys, pa.binary(16)),
            "text": pa.array([answer.text for answer in answers], pa.string()),
            "tokens": pa.array([answer.tokens for answer in answers], pa.int64()),
            "detail": pa.array([answer.detail or None for answer in answers], pa.string()),
        }
        name = f"{model}-{self.shard}-{fingerprint(sorted(key.hex() for key in keys))}"
        self.dataset.write("answers", name, pa.table(rows, schema=ANSWERS))


def _parts(prompt: Prompt) -> list[Any]:
    return [prompt.instruction, prompt.examples, prompt.question, prompt.seed, prompt.start, prompt.avoid]
