"""Blind accuracy: whether one picture, or one caption, alone gives away which side of a pair it is on.

Where it does, a model learns the editor's fingerprint or the generator's style instead of what pictures and
captions say (SugarCrepe, arXiv 2306.14610, found it so of captions that rules wrote).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from filters.one_thread import one_thread

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Vectors: TypeAlias = npt.NDArray[np.floating[Any]] | csr_array

Floats = npt.NDArray[np.float64]

# Inverse of how strongly large weights are held back. On simulated vectors of 256 dimensions with a weak
# fingerprint, 0.1 found as much as 1 and more than 0.01, with 50, 200 and 800 originals.
_C = 0.1
# Of word counts, where a weight is of one word. On 6,549 negatives of 300 photos 1 told more pairs than 0.1 (0.805 and
# 0.796 of all; 0.97 and 0.93 of replace_count), and as many as 10.
_C_COUNTS = 1.0
_CONFIDENCE = 0.95
# Pairs judged by classifiers of overlapping training rows vary together, which no estimate from one cross-validation
# shows (Bengio and Grandvalet, JMLR 5 (2004)). Simulated with 5 folds, 12 to 600 groups of 1 to 5 pairs, 2 to 256
# dimensions and accuracies from 0.5 to 1, the interval covered 85% to 99% without this factor, 94% to 99% with it.
_TRAINING = 1.5


@dataclass(frozen=True)
class Probe:
    """How well single pictures (or captions) are told apart; 0.5 is chance, and perfect."""

    accuracy: float  # share of pairs whose second is called the edited one; a tie counts half
    low: float  # 95% interval of accuracy
    high: float
    n: int  # pairs
    groups: int
    unpaired_accuracy: float  # of single pictures called original or edited; both sides, and all groups, weigh the same


def blind_probe(
    first: "Vectors", second: "Vectors", groups: Sequence[Any] | npt.NDArray[Any], folds: int = 5, seed: int = 0
) -> Probe | None:
    """Cross-validate a linear classifier that sees one row at a time: is it of `first` or of `second`?

    Row k of `first` (n x d, dense or sparse: originals or their reconstructions) and of `second` (edited) are a
    pair; groups[k], the id of its original, goes with all pairs of that original, which stay in one fold. In training
    each group has the weight 1 on either side: an original with many edits is there as often as its edits, but
    counts once, and so do they together. The classifier is a logistic regression; columns of dense rows are brought
    to mean 0 and deviation 1 first, sparse ones (words) are not: a rare word would weigh as much as a common one.

    Accuracy is pairwise: a pair is right where the edited row has the higher probability to be edited. The interval
    is Wilson's with the number of pairs divided by the design effect of the groups (Franco et al., Comparative study
    of confidence intervals for proportions in complex sample surveys, JSSAM 7 (2019)) and by _TRAINING. It is of
    this classifier's accuracy: another, or more rows to learn from, may tell more.

    The same rows in another order give the same result, up to rounding. None where there are fewer than
    2 * `folds` groups; raises ValueError for inputs that do not fit together.
    """
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    told = _held_out_scores(first, second, groups, folds, seed)
    if told is None:
        return None
    margins, calls = told
    right = half(margins)
    low, high = interval(np.bincount(codes, right), np.bincount(codes))
    unpaired = float(np.average(half(calls).mean(axis=0), weights=1 / np.bincount(codes)[codes]))
    return Probe(float(right.mean()), low, high, len(codes), len(names), unpaired)


def _held_out_scores(
    first: "Vectors", second: "Vectors", groups: Sequence[Any] | npt.NDArray[Any], folds: int, seed: int
) -> tuple[Floats, Floats] | None:
    """Score each pair by the classifier that was trained on other groups.

    Returns by how much the second row scores higher than the first as the edited one (n), and how surely each is
    called what it is (2 x n, log odds).
    """
    if first.shape != second.shape or first.shape[0] != len(groups):
        raise ValueError(f"first {first.shape}, second {second.shape} and {len(groups)} groups do not go together")
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    pairs = np.bincount(codes)
    if len(pairs) < 2 * folds:
        return None
    sides = _numbers(first)[order], _numbers(second)[order]
    weights = 1 / pairs[codes]
    margins, calls = np.empty(len(codes)), np.empty((2, len(codes)))
    for training, held_out in _folds(codes, folds, seed):
        with one_thread():
            told = _Classifier(sides[0][training], sides[1][training], weights[training])
        pair = sides[0][held_out], sides[1][held_out]
        # Of the difference, so that equal rows tie and are not told apart by rounding.
        margins[order[held_out]] = told.slope(pair[1] - pair[0])
        calls[:, order[held_out]] = [-told.score(pair[0]), told.score(pair[1])]
    return margins, calls


class _Classifier:
    """A logistic regression that tells rows of `second` from rows of `first`."""

    def __init__(self, first: Any, second: Any, weights: Floats) -> None:
        from scipy import sparse
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        dense = not sparse.issparse(first)
        rows = np.concatenate([first, second]) if dense else sparse.vstack([first, second], format="csr")
        weights = np.concatenate([weights, weights])
        scaler = StandardScaler(with_mean=dense, with_std=dense).fit(rows, sample_weight=weights)
        model = LogisticRegression(C=_C if dense else _C_COUNTS, max_iter=1000)
        model.fit(scaler.transform(rows), np.repeat([0, 1], first.shape[0]), sample_weight=weights)
        # Both steps as one, over rows as they came.
        self._weights: Floats = model.coef_[0] / scaler.scale_ if dense else model.coef_[0]
        self._bias = float(model.intercept_[0]) - (float(self._weights @ scaler.mean_) if dense else 0.0)

    def slope(self, difference: Any) -> Floats:
        """Return how much higher the score of a row is that is larger by `difference`."""
        return np.asarray(difference @ self._weights, dtype=np.float64)

    def score(self, rows: Any) -> Floats:
        """Return the log odds of being of `second`."""
        return self.slope(rows) + self._bias


def _numbers(rows: Any) -> Any:
    from scipy import sparse

    return rows.tocsr().astype(np.float64) if sparse.issparse(rows) else np.asarray(rows, dtype=np.float64)


def _folds(codes: npt.NDArray[np.intp], folds: int, seed: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.model_selection import GroupKFold

    found: Iterator[tuple[Any, Any]] = GroupKFold(folds, shuffle=True, random_state=seed).split(codes, groups=codes)
    return found


def half(scores: Floats) -> Floats:
    """Return 1 where a score is above 0, 0 where below, and a half where it is 0."""
    return (np.sign(scores) + 1) / 2


def interval(right: npt.NDArray[Any], pairs: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the 95% interval of a share of pairs told right, of how many are right and how many there are by group."""
    n, groups, share = int(pairs.sum()), len(pairs), float(right.sum() / pairs.sum())
    # Variance of the share, group by group; of all right or all wrong it says nothing: then each group is one case.
    deviation = right - share * pairs
    variance = groups / (groups - 1) * float(deviation @ deviation) / n**2
    effective = (min(share * (1 - share) / variance, n) if variance else groups) / _TRAINING
    z = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)
    middle = (share + z**2 / (2 * effective)) / (1 + z**2 / effective)
    spread = z * np.sqrt(share * (1 - share) / effective + z**2 / (4 * effective**2)) / (1 + z**2 / effective)
    # The share itself, where rounding would leave it out: all right, or all wrong.
    return min(share, max(0.0, float(middle - spread))), max(share, min(1.0, float(middle + spread)))
