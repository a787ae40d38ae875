"""Which examples a step sees, and which of their negatives: the same for the same seed, on any number of processes."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.config import Data
from training.examples import Example, Examples, Negative

# Batches that wait for examples that do not clash with what they have.
_OPEN = 8


@dataclass(frozen=True, slots=True)
class Drawn:
    """An example as a step shows it: an edited picture belongs to the first negative."""

    example: Example
    negatives: list[Negative]
    paraphrase: str | None
    weight: float


class Sampler:
    """Batches of examples, each epoch in an order of its own.

    No two examples of a batch have an image or a caption in common, right or wrong: what is said of one would be held
    against the other, and be true of it. An example that finds no place in an epoch waits for the next.
    """

    def __init__(
        self,
        keys: list[frozenset[int]],
        batch_size: int,
        seed: int,
        shares: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Take `shares` for how often each example comes in an epoch, on average; once each without."""
        self._keys, self._size, self._seed, self._shares = keys, batch_size, seed, shares

    def epoch(self, number: int) -> list[npt.NDArray[np.int64]]:
        """Return the batches of an epoch, all of one size: rows of examples."""
        rng, rows_ = np.random.default_rng([self._seed, number]), np.arange(len(self._keys))
        if self._shares is not None:
            rows_ = np.repeat(rows_, np.floor(self._shares + rng.random(len(rows_))).astype(int))
        order = rng.permutation(rows_)
        done: list[npt.NDArray[np.int64]] = []
        waiting: deque[tuple[list[int], set[int]]] = deque()
        for row in order.tolist():
            keys = self._keys[row]
            rows, seen = next((one for one in waiting if one[1].isdisjoint(keys)), ([], set()))
            if not rows:
                if len(waiting) == _OPEN:
                    continue
                waiting.append((rows, seen))
            rows.append(row)
            seen |= keys
            if len(rows) == self._size:
                done.append(np.array(rows))
                waiting.remove((rows, seen))
        return done

    def steps(self, start: int) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the batch of every step from one onward, without end."""
        step, epoch = 0, 0
        while True:
            batches = self.epoch(epoch)
            yield from batches[max(0, start - step) :]
            step, epoch = step + len(batches), epoch + 1


class Drawing:
    """Choose what an example shows in a step."""

    def __init__(self, examples: Examples, data: Data, seed: int, weights: Mapping[str, float] | None = None) -> None:
        """Take `weights` for how much the negatives of each operation weigh in the choice; all alike without."""
        self._examples, self._seed, self._weights = examples, seed, weights
        self._most, self._curriculum, self._weighted = data.negatives, data.curriculum, data.weights is not None

    def draw(self, row: int, step: int, progress: float) -> Drawn:
        """Draw negatives of an example: one with an edited picture first, where there is any.

        With a curriculum, a negative that is harder for the target than the share `progress` of all of them is not
        drawn, unless the example has no other (curricula of negatives: CPRD and its kin order them so).
        """
        example = self._examples[row]
        rng = np.random.default_rng([self._seed, step, row])
        open_ = self._open(example.negatives, progress)
        order = [open_[at] for at in self._order(open_, rng)]
        order.sort(key=lambda negative: negative.edit is None)  # stable: at random within each
        first, rest = order[:1], order[1:]
        drawn = first + [rest[at] for at in self._order(rest, rng)[: self._most - 1]]
        said = example.paraphrases
        weight = example.weight if self._weighted and example.weight is not None else 1.0
        return Drawn(example, drawn, said[rng.integers(len(said))] if said else None, weight)

    def _order(self, negatives: list[Negative], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Put negatives in an order at random, what weighs more sooner."""
        if self._weights is None or not negatives:
            return rng.permutation(len(negatives))
        weights = np.array([self._weights[one.operation] for one in negatives])
        return rng.choice(len(negatives), len(negatives), replace=False, p=weights / weights.sum())

    def _open(self, negatives: list[Negative], progress: float) -> list[Negative]:
        if not self._curriculum or not len(self._examples.difficulties):
            return negatives
        sorted_ = self._examples.difficulties
        bound = sorted_[min(int(progress * len(sorted_)), len(sorted_) - 1)]
        easy = [one for one in negatives if one.difficulty is None or one.difficulty <= bound]
        return easy or sorted(negatives, key=lambda one: one.difficulty or 0.0)[:1]
