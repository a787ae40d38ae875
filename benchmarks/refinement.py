"""Bias refinement of many negatives: seconds, peak memory, the share kept and what a model can still tell.

    python benchmarks/refinement.py [--rows 1000000] [--operations 11] [--signals 4]

Gaps are drawn: normal, correlated by 0.3, each leaning to the original by half a standard deviation. With
`--discrete` the last one is rounded to whole numbers, as gaps of length are.
"""

import argparse
import resource
import time

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from filters.refinement import balance, refine

MOST_FOR_MODELS = 20_000


def main() -> None:
    """Refine drawn gaps by signal and jointly, and print what it took and what is left."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--operations", type=int, default=11)
    arguments.add_argument("--signals", type=int, default=4)
    arguments.add_argument("--bins", type=int, default=10)
    arguments.add_argument("--discrete", action="store_true")
    arguments.add_argument("--sum", action="store_true", help="also balance the sum of the signals")
    arguments.add_argument("--weighted", action="store_true", help="give every row a weight of its own")
    given = arguments.parse_args()
    rng = np.random.default_rng(0)
    covariance = 0.7 * np.eye(given.signals) + 0.3
    gaps = rng.multivariate_normal(np.full(given.signals, 0.5), covariance, size=given.rows)
    if given.discrete:
        gaps[:, -1] = np.rint(gaps[:, -1])
    balanced = np.column_stack([gaps, gaps.sum(1)]) if given.sum else gaps
    names = np.array([f"operation {n}" for n in range(given.operations)])
    operations = names[rng.integers(given.operations, size=given.rows)].tolist()
    keys = [f"{n:032x}" for n in range(given.rows)]
    weights = rng.uniform(0.5, 1.5, given.rows) if given.weighted else None
    print(f"{given.rows:,} rows, {given.operations} operations, {given.signals} signals, {given.bins} bins; "
          f"peak memory before {_peak():,.0f} MB")  # fmt: skip
    print(f"pairs guessed before: {_guessed(gaps)}")
    for joint in (True, False):
        started = time.perf_counter()
        kept = refine(balanced, operations, keys, weights, given.bins, joint)
        seconds = time.perf_counter() - started
        worst = max((each.imbalance for each in balance(balanced, kept, operations, given.bins)), default=0)
        print(f"{'joint' if joint else 'by signal'}: {seconds:.1f} s, peak memory {_peak():,.0f} MB, "
              f"kept {kept.mean():.1%}, largest imbalance {worst}")  # fmt: skip
        print(f"  pairs guessed after: {_guessed(gaps[kept])}")


def _guessed(gaps: npt.NDArray[np.float64]) -> str:
    """Share of held-out pairs in which models of the gaps pick the original."""
    gaps = gaps[np.random.default_rng(1).permutation(len(gaps))[:MOST_FOR_MODELS]]
    train, test = gaps[::2], gaps[1::2]
    if len(train) < 100:
        return "too few"
    rows, labels = np.concatenate([train, -train]), np.repeat([1, 0], len(train))
    models = {
        "logistic regression": LogisticRegression(fit_intercept=False),
        "boosted trees": HistGradientBoostingClassifier(random_state=0),
    }
    shares = []
    for name, model in models.items():
        model.fit(rows, labels)
        right = model.predict_proba(test)[:, 1] - model.predict_proba(-test)[:, 1]
        shares.append(f"{name} {np.mean(right > 0) + np.mean(right == 0) / 2:.3f}")
    return ", ".join(shares)


def _peak() -> float:
    """Peak resident memory of this process in MB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
