"""Classifiers of wrong captions that judge pairs of images other than those that they were trained on, however many."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from filters.grams import Gains
from filters.one_thread import one_thread
from schemas.ids import row_seed

Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.uint64]

FOLDS = 5
MOST = 20_000  # pairs that a classifier is trained on
# Inverse of how strongly large weights are held back. On 6,549 negatives of 300 photos 1 told more pairs than 0.1
# (0.805 and 0.796 of all; 0.97 and 0.93 of replace_count), and as many as 10.
_C = 1.0


def group_numbers(images: Sequence[str], alike: Mapping[str, str]) -> Groups:
    """Number the groups that folds are made of by a hash: an image, or all that are near duplicates of one.

    `alike` has the group of each image that is like another one (`filters.duplicates.groups_of`).
    """
    known = {image: row_seed(alike.get(image, image), 0, "group") for image in dict.fromkeys(images)}
    return np.fromiter((known[image] for image in images), np.uint64, len(images))


class HeldOut:
    """One linear classifier a fold, each trained on the pairs of the other folds.

    It scores a caption by its words (logistic regression); trained, as it is used, on pairs: the score of the wrong one
    minus that of the right one. So only words that differ count, which makes it ten times as fast as learning from
    single captions. On 17,509 negatives of 600 photos the two told the same share, 0.80, and by operation the same up
    to 0.01. In training each group has the weight 1, however many pairs it has.
    """

    def __init__(self, columns: npt.NDArray[np.int32], weights: Floats, seed: int) -> None:
        """Take the weights, columns x folds, of the columns of `gained` that have one, in order."""
        self._columns, self._weights, self._seed = columns, weights, seed

    @classmethod
    def trained(cls, gains: Gains, groups: Groups, order: npt.NDArray[np.int64], seed: int = 0) -> "HeldOut | None":
        """Train on rows of `gained` and their groups; None where there are fewer than twice as many groups as folds.

        A classifier sees at most MOST pairs, those of smallest `order`: hashes of ids, so that the same pairs in
        another order give the same classifiers. `seed` says which groups are a fold.
        """
        if len(np.unique(groups)) < 2 * FOLDS:
            return None
        folds, first = _folds(groups, seed), np.argsort(order, kind="stable")
        columns = np.unique(gains.indices)
        weights = np.zeros((len(columns), FOLDS))
        for fold in range(FOLDS):
            rows = first[folds[first] != fold][:MOST]
            if len(rows) < 2:
                return None  # all groups fell into one fold
            _, group, pairs = np.unique(groups[rows], return_inverse=True, return_counts=True)
            used, found = _regression(gains[rows], 1 / pairs[group])
            weights[np.searchsorted(columns, used), fold] = found
        return cls(columns, weights, seed)

    def scores(self, gains: Gains, groups: Groups) -> Floats:
        """Return by how much the wrong caption of each row looks more like a wrong one than the right one does.

        It is told above 0, taken for the right one below, and not told apart at 0. A row's score hangs on no other.
        """
        rows = np.repeat(np.arange(gains.shape[0]), np.diff(gains.indptr))
        scores = np.zeros(gains.shape[0])
        if len(self._columns):
            at = np.minimum(np.searchsorted(self._columns, gains.indices), len(self._columns) - 1)
            known = self._columns[at] == gains.indices
            weights = self._weights[at[known], _folds(groups, self._seed)[rows[known]]]
            scores += np.bincount(rows[known], weights * gains.data[known], gains.shape[0])
        return scores


def _folds(groups: Groups, seed: int) -> npt.NDArray[np.int64]:
    mixed = (groups ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(32)) % np.uint64(FOLDS)).astype(np.int64)


def _regression(gains: Gains, weights: Floats) -> tuple[npt.NDArray[np.int32], Floats]:
    """Return the columns that these pairs have, and what each weighs."""
    from sklearn.linear_model import LogisticRegression

    columns, places = np.unique(gains.indices, return_inverse=True)
    if not len(columns):  # no pair says anything else than its other side
        return columns, np.zeros(0)
    # Every other pair is turned round, right minus wrong: the regression wants examples of both answers.
    sides = np.where(np.arange(gains.shape[0]) % 2, 1, -1)
    turned = gains.data * np.repeat(sides, np.diff(gains.indptr))
    rows = sparse.csr_array((turned.astype(np.float64), places, gains.indptr), shape=(gains.shape[0], len(columns)))
    with one_thread():
        model = LogisticRegression(C=_C, fit_intercept=False, max_iter=1000).fit(rows, sides, sample_weight=weights)
    return columns, model.coef_[0]
