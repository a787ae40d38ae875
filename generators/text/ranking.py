"""Ranking by likelihood: of several candidates for one place, the one that makes the caption as plausible as it was.

The likeliest word gives a negative away as surely as the least likely one does: a blind model need only know which.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from devices.scoring import Scorer
from schemas.config import Compute, Rank

OUTRANKED = "outranked"

Rivals = list[dict[str, Any]]  # usable rows of one operation on one caption


class Ranking:
    """Mark the usable candidates that others outrank."""

    version = 2

    def __init__(self, config: Rank, compute: Compute) -> None:
        self.config = config
        self.scorer = Scorer(config.model, config.gguf_file, compute, config.batch_tokens)

    @property
    def identity(self) -> list[Any]:
        """Version, and what the scores depend on."""
        return ["ranking", self.version, self.config.candidates, *self.scorer.identity]

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        self.scorer.check()

    def mark(self, rows: Sequence[dict[str, Any]], keep: int) -> list[dict[str, Any]]:
        """Set `failed_check` of rows of TEXT_NEGATIVES to outranked, all but `keep` for an operation on a caption.

        Candidates of one caption share their beginnings, which the scorer reads once, so give it all rows of a shard.
        Their order does not matter. Returns ledger entries.
        """
        started = time.perf_counter()
        contested = _contested(rows, keep)
        rivals = [row for several in contested.values() for those in several for row in those]
        scores = self.scorer.score(sorted({row[name] for row in rivals for name in ("original", "caption")}))
        work: list[dict[str, Any]] = []
        for (operation, method), several in sorted(contested.items()):
            _mark(several, scores, keep)
            read = [scores[row["caption"]][1] for those in several for row in those if row["caption"] in scores]
            work.append({"operation": operation, "method": method, "model": self.config.model, "tokens": sum(read)})
        seconds, total = time.perf_counter() - started, max(1, sum(entry["tokens"] for entry in work))
        return [{**entry, "seconds": seconds * entry["tokens"] / total} for entry in work]


def _contested(rows: Sequence[dict[str, Any]], keep: int) -> dict[tuple[str, str], list[Rivals]]:
    """Group usable rows by operation, then by caption; operations without a choice to make are left out.

    Captions without one stay: they say how an operation leans.
    """
    groups: dict[tuple[str, str], dict[str, Rivals]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["failed_check"] is None:
            groups[row["operation"], row["method"]][row["pair_id"]].append(row)
    return {
        operation: [captions[pair] for pair in sorted(captions)]
        for operation, captions in groups.items()
        if any(len(several) > keep for several in captions.values())
    }


def _mark(several: list[Rivals], scores: dict[str, tuple[float, int]], keep: int) -> None:
    gaps = [[_gap(row, scores) for row in rivals] for rivals in several]
    for rivals, kept in zip(several, chosen(gaps, keep), strict=True):
        for at, row in enumerate(rivals):
            if at not in kept:
                row["failed_check"] = OUTRANKED


def _gap(row: dict[str, Any], scores: dict[str, tuple[float, int]]) -> float:
    """The original's log-probability minus the negative's; infinite where one is too long to be read."""
    if row["original"] not in scores or row["caption"] not in scores:
        return math.inf
    return scores[row["original"]][0] - scores[row["caption"]][0]


def chosen(gaps: Sequence[Sequence[float]], keep: int) -> list[set[int]]:
    """Choose `keep` candidates of each caption by their gaps (nats): the nearest to 0, as many above as below.

    Most candidates are less plausible than what somebody wrote, and so is the nearest of them. So, over all captions
    of an operation, the nearest are exchanged for the nearest on the other side, the cheapest exchanges first, until
    no side has more or none can be exchanged.

    On 900 captions of Flickr8k (Gemma 3 270M, up to 6 candidates) the original was the likelier one in 0.75 of the
    first drawn for replace_object, 0.70 of the nearest and 0.56 of those chosen here, with |gap| 3.9, 2.2 and 2.5 nats;
    for replace_attribute in 0.57, 0.55 and 0.50, with 2.9, 1.7 and 1.7. Tossing a coin for each caption which side
    comes first left 0.66 and 0.51. What has no candidates above, as replace_count (0.92, 0.94, 0.91), stays told.
    """
    orders = [sorted(range(len(those)), key=lambda at: (abs(those[at]), at)) for those in gaps]
    kept = [set(order[:keep]) for order in orders]
    lean = sum(_side(those[at]) for those, few in zip(gaps, kept, strict=True) for at in few)
    side = 1 if lean > 0 else -1
    exchanges = [
        (cost, n, out, into)
        for n, (those, order) in enumerate(zip(gaps, orders, strict=True))
        for cost, out, into in _exchanges(those, order, keep, side)
    ]
    for _, n, out, into in sorted(exchanges)[: abs(lean) // 2]:
        kept[n] = kept[n] - {out} | {into}
    return kept


def _exchanges(gaps: Sequence[float], order: list[int], keep: int, side: int) -> Iterator[tuple[float, int, int]]:
    """Pair kept candidates of one side, the furthest first, with others of the other side, the nearest first."""
    ours = [at for at in reversed(order[:keep]) if _side(gaps[at]) == side]
    theirs = [at for at in order[keep:] if _side(gaps[at]) == -side]
    for out, into in zip(ours, theirs, strict=False):
        yield abs(gaps[into]) - abs(gaps[out]), out, into


def _side(gap: float) -> int:
    """1 where the original is the likelier one, -1 where the negative is, 0 where neither or unknown."""
    return (gap > 0) - (gap < 0) if math.isfinite(gap) else 0
