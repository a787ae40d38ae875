"""How plausible a caption is to somebody who never sees the image."""

import time
from collections import Counter
from typing import Any

import pyarrow as pa

from devices.scoring import Scorer
from schemas.config import Compute
from schemas.config import Plausibility as Settings
from schemas.measures import score_rows
from schemas.stage import unknown_entries, with_ledger

_NONE = (None, None)


class Plausibility:
    """Score captions by the total log-probability that a causal language model gives them.

    SugarCrepe (arXiv 2306.14610) shows why it matters: a set whose negatives are less plausible than its originals
    can be solved without looking.
    """

    version = 2

    def __init__(self, config: Settings, compute: Compute, role: str = "language") -> None:
        """Take the settings, and the role that the rows are given: of several models each has its own."""
        self.config, self.role = config, role
        self.scorer = Scorer(config.model, config.gguf_file, compute, config.batch_tokens)

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, and what the scores depend on."""
        role = [self.role] if self.role != "language" else []  # one model's scores stay what they were
        return ["plausibility", self.version, *role, *self.scorer.identity]

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        self.scorer.check()

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of text_negative_id, caption0, caption1 and operation into SCORES.

        A caption that cannot be scored, too long or no number, has nulls, which drop nothing.
        """
        started, unknown = time.perf_counter(), self.scorer.unknown
        ours, theirs = table["caption0"].to_pylist(), table["caption1"].to_pylist()
        scores = self.scorer.score(sorted({*ours, *theirs}))
        columns = {
            "text_negative_id": table["text_negative_id"],
            "role": pa.repeat(self.role, table.num_rows),
            "model": pa.repeat(self.config.model, table.num_rows),
            "plausibility0": pa.array([scores.get(caption, _NONE)[0] for caption in ours], pa.float32()),
            "plausibility1": pa.array([scores.get(caption, _NONE)[0] for caption in theirs], pa.float32()),
            "tokens0": pa.array([scores.get(caption, _NONE)[1] for caption in ours], pa.int32()),
            "tokens1": pa.array([scores.get(caption, _NONE)[1] for caption in theirs], pa.int32()),
        }
        result = score_rows(table.num_rows, **columns)
        operations = table["operation"].to_pylist()
        ledger = self._ledger(operations, theirs, scores, time.perf_counter() - started)
        return with_ledger(result, ledger + unknown_entries(self.config.model, self.scorer.unknown - unknown))

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
