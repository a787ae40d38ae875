"""Bias refinement: keep negatives such that blind signals, which never see the image, no longer give them away.

A blind signal (log-probability under a language model, length, word frequency, ...) has for each negative a gap:
its value on the original minus its value on the negative. Where gaps lean to one side, guessing by the signal beats
chance. Refinement keeps a subset of each operation's negatives whose gaps lean to no side: |gap| of each signal is
cut into bins, and in every bin as many kept gaps are positive as are negative. A gap of zero tells nothing and is
free.

The problem, for n negatives with weights w, k signals and b bins:

    maximise  sum_i w_i x_i   subject to  A x = 0,  x in {0, 1}^n

A has a row for each signal and bin; its entry for negative i is the sign of that gap if it lies in that bin, else 0.

What it gives: a rule that guesses by one signal, by any odd function that is constant on the bins, is right exactly
as often as wrong. So is, on average, a sum of such functions over the signals: the score of the original minus that
of the negative sums to 0 over the kept, so a logistic regression on binned gaps has its optimum at zero. It does not
rule out that signals tell in combination: of four drawn, correlated signals (`benchmarks/refinement.py`) 54% of the
pairs are kept, and boosted trees on all four pick the original in 0.65 of held-out pairs; 0.76 before. Two remedies:

- One more column, the sum of the standardised gaps: 47% are kept there, and trees are at 0.50.
- `joint`: every pattern of signs and bins over all signals as often as its reflection, which is what SugarCrepe's
  adversarial refinement does for two signals (arXiv 2306.14610). Trees are at 0.50, but cells grow thin with more
  signals, and what has no mirror image is lost: 23% are kept.

How: negatives of one pattern and one weight are interchangeable, so there is one integer for each such group. A basic
solution of the linear relaxation has at most k b fractional numbers; it is rounded, and a tabu search over the groups
that are cheapest to change brings A x to 0, or near it: then four changes at once are looked for that do. Small
problems are solved by branch and bound as well. What is found is
checked in integers; the joint solution, which is always balanced, is the answer where it is better or where nothing
else is found. No clock is asked and no order of rows matters: the same negatives give the same subset.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from schemas.ids import row_seed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Times the number of signals; with fewer rows there are fewer bins. With 4, of 275 negatives of replace_action and
# eight signals 12 were kept in three bins; one bin, which 20 gives, keeps 106, of which word probes tell .53.
ROWS_PER_BIN = 20
PATTERNS_PER_ROW = 1000  # more possible patterns of signs and bins, and hardly ever is a balanced subset found

# Of branch and bound: groups and nodes at most.
_SMALL, _NODES = 200, 50
# Of the tabu search: groups that may change, steps until the first solution, steps while looking for better ones.
_FREE, _STEPS, _STEPS_FOR_BETTER = 5000, 100_000, 3000
_ATTEMPT = 500  # steps of one attempt at most
_NOISE = 0.2  # on the costs, in rows: makes every attempt after the first another one
# Of mending: steps whose pairs are added up, ways that are looked at, and how near to the best is near enough, in rows.
_PAIRED, _TRIED, _NEAR = 1200, 1000, 8
_REST = 10  # steps, and up to as many more, that a group rests after a change


def refine(
    gaps: npt.ArrayLike,
    operations: Sequence[str],
    keys: Sequence[str],
    weights: npt.ArrayLike | None = None,
    bins: int = 10,
    joint: bool = False,
) -> Bools:
    """Choose, in each operation, a largest subset (of weights, if given) whose gaps are balanced; true is kept.

    `gaps` is n x k: original minus negative, in any unit. NaN is unknown: a signal that an operation knows of no row
    demands nothing there; else a row with an unknown gap is dropped. `keys` are distinct ids: among rows of equal
    pattern and weight a hash of the key decides. `weights` are positive.

    The bins of a signal are quantiles of |gap| over the operation's nonzero gaps, so equally full; equal gaps are
    never split. With few rows there are fewer bins: b bins of m nonzero gaps, where k signals have any, need
    20 k b <= m and (2 b)^k <= 1000 m; one bin there always is.

    The subset is always balanced, exactly. Its weight is the best that was found, not proven to be the most, and
    never less than that of `joint`, which is the most for its own demand.

    Raises ValueError for shapes that do not match, weights that are not positive, and too many signals for the bins:
    (2 bins + 1)^k must be less than 2^63, which is 14 signals of 10 bins.
    """
    matrix = _matrix(gaps)
    n = len(matrix)
    weight = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    if not (len(operations) == len(keys) == n and weight.shape == (n,)):
        raise ValueError(f"{n} rows of gaps, {len(operations)} operations, {len(keys)} keys, weights {weight.shape}")
    ties = tie_breaks(keys)
    kept = np.zeros(n, np.bool_)
    for _, rows in _groups(operations):
        kept[rows] = refine_one(matrix[rows], ties[rows], weight[rows], bins, joint)
    return kept


def tie_breaks(keys: Sequence[str]) -> Ints:
    """Hash keys into the numbers that decide among rows of equal pattern and weight: the smallest are kept."""
    return np.fromiter((row_seed(key, 0, "refinement") for key in keys), np.int64, len(keys))


def refine_one(gaps: Floats, ties: Ints, weights: Floats | None = None, bins: int = 10, joint: bool = False) -> Bools:
    """Choose as `refine` does among the negatives of one operation, with the `tie_breaks` of their keys."""
    n, k = gaps.shape
    weight = np.ones(n) if weights is None else weights
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise ValueError("weights must be positive numbers")
    if bins < 1 or (2 * bins + 1) ** k >= 2**63:
        raise ValueError(f"{bins} bins for {k} signals: (2 bins + 1)^signals must be less than 2^63")
    levels, known = _levels(gaps, bins)
    kept = np.zeros(n, np.bool_)
    kept[known] = _chosen(levels[known], weight[known], ties[known], bins, joint)
    return kept


@dataclass(frozen=True)
class Balance:
    """How one signal leans in one operation, before and after refinement."""

    operation: str
    signal: int  # column of the gaps
    rows: int
    kept: int
    positive_before: float | None  # share of positive gaps among the nonzero; None where there is none
    positive_after: float | None
    imbalance: int  # after: the largest |positive - negative| of a bin, in rows; 0 is balanced

    @property
    def kept_share(self) -> float:
        """Share of the operation's rows that is kept."""
        return self.kept / self.rows


def balance(gaps: npt.ArrayLike, kept: npt.ArrayLike, operations: Sequence[str], bins: int = 10) -> list[Balance]:
    """Report each operation and signal, with the bins that `refine` cuts; in order of operation and signal."""
    matrix, chosen = _matrix(gaps), np.asarray(kept, np.bool_)
    report = []
    for operation, rows in _groups(operations):
        levels, _ = _levels(matrix[rows], bins)
        after = levels[chosen[rows]]
        for signal in range(matrix.shape[1]):
            counts = np.bincount(after[:, signal] + bins, minlength=2 * bins + 1)
            report.append(
                Balance(
                    operation=operation,
                    signal=signal,
                    rows=len(rows),
                    kept=len(after),
                    positive_before=_positive(levels[:, signal]),
                    positive_after=_positive(after[:, signal]),
                    imbalance=int(np.abs(counts - counts[::-1]).max()),
                )
            )
    return report


def _matrix(gaps: npt.ArrayLike) -> Floats:
    matrix = np.asarray(gaps, np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"gaps of shape {matrix.shape}: give rows x signals")
    return matrix


def _groups(operations: Sequence[str]) -> Iterator[tuple[str, Ints]]:
    names, codes, counts = np.unique(np.asarray(operations, np.str_), return_inverse=True, return_counts=True)
    order = np.argsort(codes, kind="stable")
    for name, end, count in zip(names.tolist(), np.cumsum(counts), counts, strict=True):
        yield name, order[end - count : end]


def _levels(gaps: Floats, bins: int) -> tuple[Ints, Bools]:
    """Write each gap as its sign times the number of its bin, from 1; 0 for a zero or unknown gap.

    Returns them (rows x signals) and which rows know every signal that the operation has.
    """
    unknown = np.isnan(gaps)
    present = np.logical_not(np.all(unknown, axis=0))
    known: Bools = np.asarray(~unknown[:, present].any(axis=1))
    levels: Ints = np.zeros(gaps.shape, np.int64)
    # A signal without any gap, such as the word frequency of swaps, demands nothing: it takes no bins from the others.
    demanding = [signal for signal in np.flatnonzero(present) if gaps[known, signal].any()]
    for signal in demanding:
        sizes = np.abs(gaps[known, signal])
        nonzero = sizes[sizes > 0]
        cuts = _cuts(len(nonzero), len(demanding), bins)
        # A quantile that is one of the gaps: no arithmetic, so -g falls where g does, and infinity is a gap too.
        edges = np.quantile(nonzero, np.arange(1, cuts) / cuts, method="inverted_cdf")
        levels[known, signal] = (np.searchsorted(edges, sizes) + 1) * np.sign(gaps[known, signal])
    return levels, known


def _cuts(rows: int, signals: int, bins: int) -> int:
    most = max(1, min(bins, rows // (ROWS_PER_BIN * signals)))
    return next((b for b in range(most, 1, -1) if (2 * b) ** signals <= PATTERNS_PER_ROW * rows), 1)


def _positive(levels: Ints) -> float | None:
    nonzero = np.count_nonzero(levels)
    return np.count_nonzero(levels > 0) / nonzero if nonzero else None


def _chosen(levels: Ints, weights: Floats, ties: Ints, bins: int, joint: bool) -> Bools:
    n, k = levels.shape
    kept = np.zeros(n, np.bool_)
    if not n:
        return kept
    # Digits from -bins to bins: a number of its own for each pattern, and minus that number for its reflection.
    numbers = levels @ (2 * bins + 1) ** np.arange(k, dtype=np.int64)
    order = np.lexsort((ties, -weights, numbers))
    numbers, weights = numbers[order], weights[order]
    patterns, first, pattern, sizes = np.unique(numbers, return_index=True, return_inverse=True, return_counts=True)
    rank = np.arange(n) - first[pattern]  # within a pattern the heaviest comes first

    place = np.minimum(np.searchsorted(patterns, -patterns), len(patterns) - 1)
    mirrored = np.minimum(sizes, np.where(patterns[place] == -patterns, sizes[place], 0))
    best = rank < mirrored[pattern]
    if not joint:
        start = np.flatnonzero(np.r_[True, (numbers[1:] != numbers[:-1]) | (weights[1:] != weights[:-1])])
        group_sizes = np.diff(np.r_[start, n])
        for counts in _solutions(levels[order[start]], group_sizes, weights[start], bins):
            found = rank < np.bincount(pattern[start], counts, len(patterns))[pattern]
            if weights[found].sum() > weights[best].sum():
                best = found
    kept[order] = best
    return kept


def _solutions(levels: Ints, sizes: Ints, weights: Floats, bins: int) -> Iterator[Ints]:
    """Find balanced numbers to keep of each group; `levels` is groups x signals. May find none."""
    groups, k = levels.shape
    entries, signals = np.nonzero(levels)
    level = levels[entries, signals]
    demands = sparse.csc_array(
        (np.sign(level), (signals * bins + np.abs(level) - 1, entries)), shape=(k * bins, groups)
    )
    demands = demands[np.unique(demands.indices)]  # no row for a bin without gaps
    worth = weights / weights.mean()
    if not demands.shape[0]:
        yield sizes
        return
    if groups <= _SMALL:
        exact = milp(
            -worth,
            integrality=np.ones(groups),
            bounds=Bounds(0, sizes),
            constraints=LinearConstraint(demands, 0, 0),
            options={"node_limit": _NODES, "mip_rel_gap": 0},
        )
        if exact.x is not None:
            counts = np.clip(np.rint(exact.x).astype(np.int64), 0, sizes)
            if not (demands @ counts).any():  # the solver balances up to a tolerance
                yield counts
                if exact.success:
                    return
    limits = np.stack([np.zeros(groups), sizes], axis=1)
    relaxed = linprog(-worth, A_eq=demands, b_eq=np.zeros(demands.shape[0]), bounds=limits, method="highs-ds")
    if relaxed.x is not None:
        cost = relaxed.lower.marginals + relaxed.upper.marginals  # of one more of a group; minus it, of one fewer
        rounded = np.clip(np.rint(relaxed.x).astype(np.int64), 0, sizes)
        counts = _mended(demands, sizes, rounded, cost)
        if counts is not None:
            yield counts
            if -relaxed.fun - float(worth @ counts) < _NEAR:
                return
        yield from _settled(levels, demands, sizes, worth, rounded, cost, bins, -relaxed.fun)


def _odd(lean: Ints, levels: Ints, cost: Floats) -> Iterator[int]:
    """Name groups of which one more or one fewer makes the numbers even that a change of any other leaves odd.

    What is kept of a signal's nonzero gaps is even in number, and nearly every group changes that of all signals at
    once. Where a few have a gap of zero in a signal, it may hang on one of these whether all can be even.
    """
    odd = np.maximum(lean, 0).sum(1) % 2
    for signal in np.flatnonzero(odd != (2 * odd.sum() > len(odd))):
        zero = np.flatnonzero(levels[:, signal] == 0)
        if len(zero):
            yield int(zero[np.argmin(cost[zero])])


def _mended(demands: sparse.csc_array, sizes: Ints, rounded: Ints, cost: Floats) -> Ints | None:
    """Bring rounded numbers into balance by four steps at most, as cheaply as that can be done; None if it cannot.

    A step takes one more or one fewer of a group. All pairs of the cheapest steps are added up, and of what two steps
    leave undone the two are looked for that undo it (meeting in the middle): a search that goes step by step now and
    then finds no way at all.
    """
    weights = np.random.default_rng(0).integers(1, 2**63, demands.shape[0], dtype=np.uint64)
    # Of what leans a number that adds up as it does, modulo 2^64: equal ones are checked in the end.
    numbers = (demands.T.astype(np.int64).astype(np.uint64)) @ weights
    leaning = numbers @ rounded.astype(np.uint64)
    more, fewer = np.flatnonzero(rounded < sizes), np.flatnonzero(rounded > 0)
    groups, signs = np.r_[more, fewer], np.r_[np.ones(len(more), np.int64), np.full(len(fewer), -1)]
    prices = np.r_[cost[more], -cost[fewer]].round(9)
    draw = np.random.default_rng(0).permutation(len(groups))  # as in `_settled`
    cheapest = np.lexsort((draw, prices))[:_PAIRED]
    groups, signs, prices = groups[cheapest], signs[cheapest], prices[cheapest]
    # Two steps that are none, so that fewer than four are among the pairs of pairs.
    each = np.r_[numbers[groups] * signs.astype(np.uint64), np.zeros(2, np.uint64)]
    first, second = np.triu_indices(len(each), 1)
    both, price = each[first] + each[second], np.r_[prices, 0, 0][first] + np.r_[prices, 0, 0][second]
    order = np.lexsort((price, both))
    both, price, first, second = both[order], price[order], first[order], second[order]
    wanted = ~(leaning + both) + np.uint64(1)
    at = np.minimum(np.searchsorted(both, wanted), len(both) - 1)
    meeting = np.flatnonzero(both[at] == wanted)
    for pair in meeting[np.argsort(price[meeting] + price[at[meeting]], kind="stable")][:_TRIED]:
        steps = np.array([first[pair], second[pair], first[at[pair]], second[at[pair]]])
        steps = steps[steps < len(groups)]
        counts = rounded.copy()
        np.add.at(counts, groups[steps], signs[steps])
        if (counts >= 0).all() and (counts <= sizes).all() and not (demands @ counts).any():
            return counts
    return None


def _settled(
    levels: Ints,
    demands: sparse.csc_array,
    sizes: Ints,
    worth: Floats,
    rounded: Ints,
    cost: Floats,
    bins: int,
    bound: float,
) -> Iterator[Ints]:
    """Bring rounded numbers into balance by tabu search, in several attempts while steps are left.

    A step takes one more or one fewer of the group for which |A x| summed, plus the cost, becomes least. Where an
    attempt does not get there, what was nearest is mended. `bound` is the worth that no solution exceeds.
    """
    k = levels.shape[1]
    # Costs are rounded: among equal ones a fixed draw decides, not the last bits, so that patterns are mixed.
    draw = np.random.default_rng(0).permutation(len(sizes))
    free = np.lexsort((draw, np.abs(cost).round(9)))[:_FREE]
    most = sizes[free]
    moves = np.concatenate([levels[free], -levels[free]]) + bins  # one more of each, then one fewer of each
    costs = np.concatenate([cost[free], -cost[free]])
    column = np.ascontiguousarray(moves.T)
    leaning = np.zeros((k, 2 * bins + 1), np.int64)
    for signal in range(k):
        leaning[signal] = np.bincount(levels[:, signal] + bins, rounded, 2 * bins + 1)
    leaning -= leaning[:, ::-1].copy()  # positive minus negative by level: antisymmetric, 0 at level 0
    every = np.arange(k)
    lean, taken, rests = leaning.copy(), rounded[free], np.zeros(2 * len(free), np.int64)

    def take(move: int, rest: int) -> None:
        group, at = move % len(free), moves[move]
        taken[group] += 1 if move < len(free) else -1
        rests[[group, group + len(free)]] = rest
        hit = at != bins
        lean[every[hit], at[hit]] += 1
        lean[every[hit], 2 * bins - at[hit]] -= 1

    steps, found, seed = 0, False, 0
    while steps < (_STEPS_FOR_BETTER if found else _STEPS):
        rng = np.random.default_rng(seed)
        lean[:], taken[:], rests[:] = leaning, rounded[free], 0
        shaken = costs + (_NOISE * rng.random(len(costs)) if seed else 0)
        nearest, least = taken.copy(), np.inf
        for group in _odd(lean, levels[free], np.abs(shaken[: len(free)])) if seed else ():
            take(group if taken[group] < most[group] else group + len(free), _ATTEMPT)
        for step in range(_ATTEMPT + 1):
            left = np.abs(lean).sum()
            if left < least:
                nearest, least = taken.copy(), left
            if not left or step == _ATTEMPT:
                break
            change = np.abs(lean + 1) - np.abs(lean)
            change[:, bins] = 0
            score = shaken.copy()
            for signal in range(k):
                score += change[signal][column[signal]]
            score[np.concatenate([taken == most, taken == 0]) | (rests > step)] = np.inf
            move = int(np.argmin(score))
            if score[move] < np.inf:  # not everything rests
                take(move, step + _REST + int(rng.integers(_REST)))
        seed += 1
        steps += step + 1
        counts = rounded.copy()
        counts[free] = nearest
        if least:
            mended = _mended(demands, sizes, counts, cost)
            if mended is None:
                continue
            counts = mended
        found = True
        yield counts
        if bound - float(worth @ counts) < 1:
            return
