"""What blind models tell of a dataset: the one that selected, another that took no part, and trained probes.

    counterfoil build configs/photos.yaml --source captions.csv --out dataset
    python benchmarks/blind.py dataset [--model package:smollm2-135m] [--most 20000]

Prints by operation the share of pairs in which a model that sees no image prefers the original (ties count half),
before and after selection, and how many negatives a pair is left with. 0.5 is perfect.
"""

import argparse

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import CountVectorizer

from devices.scoring import Scorer
from filters.probe import blind_probe
from filters.text_probe import TextProbe
from schemas.config import Compute
from storage.catalog import connect
from storage.dataset import Dataset

_ROWS = (
    "SELECT c.text_negative_id, c.image_id, c.operation, c.original AS caption0, c.caption AS caption1, v.accepted, "
    "c.plausibility_gap AS gap FROM candidates c JOIN verdicts v USING (text_negative_id) "
    "WHERE c.failed_check IS NULL ORDER BY NOT v.accepted, hash(text_negative_id) LIMIT ?"
)
# A probe of other features than those that refinement balances: what letters stand together.
_LETTERS = (2, 4)


def main() -> None:
    """Score, train, and print one table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("dataset")
    arguments.add_argument("--model", default="package:smollm2-135m")
    arguments.add_argument("--most", type=int, default=20_000, help="negatives to score, those accepted first")
    given = arguments.parse_args()
    dataset = Dataset(given.dataset)
    with connect(dataset, dataset.build()) as connection:
        rows = connection.sql(_ROWS, params=[given.most]).to_arrow_table()
        methods = connection.sql("FROM acceptance_by_method() WHERE accepted > 0").fetchall()
        [(pairs,)] = connection.sql("SELECT count(*) FROM pairs").fetchall()
    scorer = Scorer(given.model, None, Compute(), 1024)
    scores = scorer.score(sorted({*rows["caption0"].to_pylist(), *rows["caption1"].to_pylist()}))
    other = [
        scores[a][0] - scores[b][0] if a in scores and b in scores else None
        for a, b in zip(rows["caption0"].to_pylist(), rows["caption1"].to_pylist(), strict=True)
    ]
    rows = rows.append_column("other", pa.array(other, pa.float64()))
    report(rows, given.model, probes(rows), pairs)
    print("\nkept, by who made them")
    for method, operation, _, usable, accepted, _ in methods:
        print(f"  {method:8} {operation:18} {accepted:6,} of {usable:6,} usable")


def probes(rows: pa.Table) -> dict[tuple[str, bool], tuple[float, float, float]]:
    """Cross-validate the probe of letters by image; returns accuracy and its interval, by operation and selection."""
    found = {}
    for operation in ("all", *sorted(set(rows["operation"].to_pylist()))):
        for accepted in (False, True):
            mask = [(operation in ("all", o)) and (a or not accepted) for o, a in
                    zip(rows["operation"].to_pylist(), rows["accepted"].to_pylist(), strict=True)]  # fmt: skip
            some = rows.filter(pa.array(mask))
            if some.num_rows:
                texts = [*some["caption0"].to_pylist(), *some["caption1"].to_pylist()]
                counts = CountVectorizer(analyzer="char_wb", ngram_range=_LETTERS).fit_transform(texts)
                told = blind_probe(
                    counts[: some.num_rows], counts[some.num_rows :], some["image_id"].to_pylist(), seed=9
                )
                if told is not None:
                    found[operation, accepted] = told.accuracy, told.low, told.high
    return found


def report(rows: pa.Table, model: str, letters: dict[tuple[str, bool], tuple[float, float, float]], pairs: int) -> None:
    """Print the table."""
    probe = TextProbe()
    probe.add(rows)
    probe.fit()
    probe.score(rows)
    words = {(row["operation"] or "all", row["selected"]): row for row in probe.table().to_pylist()}
    table = Table("operation", "usable", "kept", "a pair", "selecting", f"{model.removeprefix('package:')}", "words",
                  "letters", box=None)  # fmt: skip
    everything = rows.to_pylist()
    for operation in (*sorted(set(rows["operation"].to_pylist())), "all"):
        some = [row for row in everything if operation in ("all", row["operation"])]
        kept = [row for row in some if row["accepted"]]
        cells = [operation, f"{len(some):,}", f"{len(kept):,}", f"{len(kept) / pairs:.2f}"]
        cells += [f"{_blind(some, name)} {_blind(kept, name)}" for name in ("gap", "other")]
        before, after = words.get((operation, False)), words.get((operation, True))
        shown = (before and before["accuracy"], after and (after["accuracy"], after["low"], after["high"]))
        cells.append(_probed(*shown))
        first = letters.get((operation, False))
        cells.append(_probed(first[0] if first else None, letters.get((operation, True))))
        table.add_row(*cells)
    Console(width=150).print(table)


def _blind(rows: list[dict[str, float]], name: str) -> str:
    gaps = [row[name] for row in rows if row[name] is not None]
    return f"{sum((gap > 0) + 0.5 * (gap == 0) for gap in gaps) / len(gaps):.2f}" if gaps else "-"


def _probed(before: float | None, after: tuple[float, float, float] | None) -> str:
    first = f"{before:.2f}" if before is not None else "-"
    return f"{first} {after[0]:.2f} ({after[1]:.2f}-{after[2]:.2f})" if after else f"{first} -"


if __name__ == "__main__":
    main()
