"""How plausible a caption is to somebody who never sees the image."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from devices import pick_device, pick_dtype
from devices.language_model import (
    LanguageModel,
    check_language_model,
    language_model_revision,
    load_language_model,
)
from schemas.config import Compute
from schemas.config import Plausibility as Settings
from schemas.errors import InputError
from schemas.measures import score_rows
from schemas.stage import with_ledger

if TYPE_CHECKING:
    import torch

# The logits of a batch are tokens x vocabulary numbers: what bounds memory where the vocabulary is large.
_MOST_LOGITS = 128 * 1024 * 1024
# Positions whose logits fit a CPU's cache: 1.15 times as fast over all as a whole caption, and the same bits
# (Gemma 3 270M with 262,144 words, bfloat16, 236 captions, two cores, median of 9).
_CACHED = 2
_NONE = (None, None)


class Plausibility:
    """Score captions by the total natural-log probability that a causal language model gives them.

    The probability is that of all the caption's tokens after the beginning-of-text token (the end-of-text
    token where a tokenizer has no other). SugarCrepe (arXiv 2306.14610) shows why it matters: a set whose
    negatives are less plausible than its originals can be solved without looking.
    """

    version = 1

    def __init__(self, config: Settings, compute: Compute) -> None:
        self.config, self.compute = config, compute
        self.scored = 0  # captions scored so far

    @cached_property
    def identity(self) -> list[Any]:
        """Stage name, version, the model's revision, number format and batch size."""
        dtype = str(pick_dtype(self.compute.dtype, pick_device(self.compute.device)))
        revision = language_model_revision(self.config.model, self.config.gguf_file)
        return ["plausibility", self.version, revision, dtype, self.config.batch_tokens]

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        check_language_model(self.config.model, self.config.gguf_file)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, caption0, caption1 and operation into SCORES.

        A caption that cannot be scored has nulls, which drop nothing.
        """
        started = time.perf_counter()
        ours, theirs = table["caption0"].to_pylist(), table["caption1"].to_pylist()
        scores = self.score(sorted({*ours, *theirs}))
        columns = {
            "text_negative_id": table["text_negative_id"],
            "role": pa.repeat("language", table.num_rows),
            "model": pa.repeat(self.config.model, table.num_rows),
            "plausibility0": pa.array([scores.get(caption, _NONE)[0] for caption in ours], pa.float32()),
            "plausibility1": pa.array([scores.get(caption, _NONE)[0] for caption in theirs], pa.float32()),
            "tokens0": pa.array([scores.get(caption, _NONE)[1] for caption in ours], pa.int32()),
            "tokens1": pa.array([scores.get(caption, _NONE)[1] for caption in theirs], pa.int32()),
        }
        result = score_rows(table.num_rows, **columns)
        operations = table["operation"].to_pylist()
        return with_ledger(result, self._ledger(operations, theirs, scores, time.perf_counter() - started))

    def score(self, captions: list[str]) -> dict[str, tuple[float, int]]:
        """Return the log-probability (nats) and the number of tokens of each caption.

        A caption longer than the model can read is left out.
        """
        if not captions:
            return {}
        tokens = self._tokens(captions)
        scores: dict[str, tuple[float, int]] = {}
        most = getattr(self._loaded.model.config, "max_position_embeddings", None) or sys.maxsize
        readable = [index for index, ids in enumerate(tokens) if len(ids) <= most]
        for batch in self._batches(sorted(readable, key=lambda i: (len(tokens[i]), i)), tokens):
            for index, total in zip(batch, self._totals([tokens[i] for i in batch]), strict=True):
                scores[captions[index]] = total, len(tokens[index]) - 1
        self.scored += len(scores)
        return scores

    def _tokens(self, captions: list[str]) -> list[list[int]]:
        tokenizer = self._loaded.tokenizer
        start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if start is None:
            raise InputError(f"model {self.config.model}: its tokenizer has no token that begins or ends a text")
        found = tokenizer(captions, add_special_tokens=False)["input_ids"]
        return [[start, *ids] for ids in found]

    def _batches(self, order: list[int], tokens: list[list[int]]) -> Iterator[list[int]]:
        vocabulary = self._loaded.model.get_output_embeddings().weight.shape[0]
        most = max(1, min(self.config.batch_tokens, _MOST_LOGITS // vocabulary))
        batch: list[int] = []
        for index in order:  # ascending lengths: the last one is the longest
            if batch and (len(batch) + 1) * len(tokens[index]) > most:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _totals(self, rows: list[list[int]]) -> list[float]:
        import torch

        device, longest = self._loaded.device, max(map(len, rows))
        # Behind a causal mask, what follows a row's end cannot change it: the padding may be anything.
        ids = torch.tensor([row + [row[0]] * (longest - len(row)) for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        mask = torch.arange(longest, device=device) < lengths[:, None]
        with torch.inference_mode():
            logits = self._loaded.model(input_ids=ids, attention_mask=mask.long(), use_cache=False).logits
            chosen = torch.stack([_chosen(row[:-1], target[1:]) for row, target in zip(logits, ids, strict=True)])
        return (chosen * mask[:, 1:]).sum(1).tolist()

    def _ledger(
        self, operations: list[str], captions: list[str], scores: dict[str, tuple[float, int]], seconds: float
    ) -> list[dict[str, Any]]:
        tokens: Counter[str] = Counter()
        for operation, caption in zip(operations, captions, strict=True):
            tokens[operation] += scores[caption][1] if caption in scores else 0
        rows, total = Counter(operations), max(1, tokens.total())
        return [
            {
                "operation": operation,
                "model": self.config.model,
                "rows_in": rows[operation],
                "rows_out": rows[operation],
                "tokens": tokens[operation],
                "seconds": seconds * tokens[operation] / total,
            }
            for operation in sorted(rows)
        ]

    @cached_property
    def _loaded(self) -> LanguageModel:
        device = pick_device(self.compute.device)
        dtype = pick_dtype(self.compute.dtype, device)
        return load_language_model(self.config.model, self.config.gguf_file, device, dtype)


def _chosen(logits: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
    """Return the log-probability of each target token, computed in float32, a row at a time to save memory."""
    import torch

    step = _CACHED if logits.device.type == "cpu" else len(targets)
    starts = range(0, len(targets), max(1, step))
    parts = [_log_probability(logits[at : at + step], targets[at : at + step]) for at in starts]
    return torch.cat(parts) if parts else logits.new_zeros(0, dtype=torch.float32)


def _log_probability(logits: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
    logits = logits.float()
    return logits.gather(1, targets[:, None])[:, 0] - logits.logsumexp(1)
