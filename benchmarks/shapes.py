"""What the generator, the filter and the two models are worth on drawn scenes, where truth is computed.

    python benchmarks/shapes.py [--scenes 2000] [--seeds 11 12 13]

Builds configs/shapes.yaml on scenes that neither the models nor the thresholds have seen and prints, for each
operation, the mean over the seeds and half the distance between the smallest and the largest.
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from flows.run import run_build
from storage.catalog import connect
from storage.dataset import Dataset

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "shapes.yaml"
# Column of the printed table: its macro and column.
COLUMNS = {
    "usable": ("precision_and_recall()", "usable"),
    "precision before": ("precision_and_recall()", "precision before"),
    "accepted": ("precision_and_recall()", "accepted"),
    "precision after": ("precision_and_recall()", "precision after"),
    "recall": ("precision_and_recall()", "recall"),
    "judge: captions": ("matching_scores('judge')", "captions"),
    "judge: group": ("matching_scores('judge')", "group"),
    "target: captions": ("matching_scores('target')", "captions"),
    "target: group": ("matching_scores('target')", "group"),
}


def main() -> None:
    """Build once a seed and print the table in Markdown."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--scenes", type=int, default=2000)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    given = arguments.parse_args()
    measured: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            build = run_build(str(CONFIG), folder, f"shapes:{given.scenes}?seed={seed}", ["images=[{method: render}]"])
            with connect(Dataset(folder), build) as connection:
                for column, (macro, name) in COLUMNS.items():
                    for operation, value in connection.sql(f'SELECT operation, "{name}" FROM {macro}').fetchall():
                        measured[operation][column].append(value)
    print(f"{given.scenes:,} scenes a seed, seeds {', '.join(map(str, given.seeds))}\n")
    print(f"| operation | {' | '.join(COLUMNS)} |")
    print(f"| --- |{' ---: |' * len(COLUMNS)}")
    for operation in sorted(measured, key=lambda name: (name == "all", name)):
        print(f"| {operation} | {' | '.join(_cell(measured[operation][column]) for column in COLUMNS)} |")


def _cell(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean, spread = sum(known) / len(known), (max(known) - min(known)) / 2
    return f"{mean:,.0f} ± {spread:,.0f}" if mean > 1.5 else f"{mean:.3f} ± {spread:.3f}"


if __name__ == "__main__":
    main()
