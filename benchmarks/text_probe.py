"""The probe of words against the plain way, which counts n-grams and trains on single captions: time and what is told.

    python -m benchmarks.text_probe [CAPTIONS.csv]

Prints by operation the share of pairs that each tells, with its interval, and the ratio of their times.
"""

import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sklearn.feature_extraction.text import CountVectorizer

from benchmarks.text_negatives import PARSER, read_pairs
from filters.probe import Probe, blind_probe
from filters.text_probe import TextProbe
from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from schemas.config import Describe, Text

_TOKENS = r"\w+|\s?[^\w\s]"


def main() -> None:
    """Make negatives, probe them both ways, print."""
    rows = negatives(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    plain(rows.slice(0, 200))  # loads scikit-learn
    started = time.perf_counter()
    probe = TextProbe()
    for take in (probe.add, probe.score):
        for start in range(0, len(rows), 1000):
            take(rows.slice(start, 1000))
        if take == probe.add:
            probe.fit()
    hashed = {row["operation"]: row for row in probe.table().to_pylist()}
    ours, theirs = time.perf_counter() - started, 0.0
    for operation, found in hashed.items():
        some = rows if operation is None else rows.filter(pc.equal(rows["operation"], operation))
        started = time.perf_counter()
        other = plain(some)
        theirs += time.perf_counter() - started
        if other is None:
            continue
        print(f"{operation or 'all':18} {len(some):7,} pairs: {found['accuracy']:.3f} ({found['low']:.3f} to "
              f"{found['high']:.3f}), plain {other.accuracy:.3f} ({other.low:.3f} to {other.high:.3f})")  # fmt: skip
    print(f"{ours:.1f} s, plain {theirs:.1f} s: {ours / theirs:.2f} of it")


def negatives(path: Path | None) -> pa.Table:
    """Make the rows that TextProbe takes; none counts as accepted, so that each pair is probed twice and no more."""
    parses, describing = Parsing(Describe(parser=PARSER))(read_pairs(path)), Describing(Describe())
    describing.add(parses)
    made = TextNegatives(Text(per_operation=3), 0, describing.table(), "benchmark", PARSER)(parses)
    usable = made.filter(pc.is_null(made["failed_check"]))
    columns = {name: usable[name] for name in ("text_negative_id", "image_id", "operation")}
    columns |= {"caption0": usable["original"], "caption1": usable["caption"]}
    return pa.table(columns | {"accepted": pa.repeat(False, len(usable))})


def plain(rows: pa.Table) -> Probe | None:
    """Probe without hashing, on single captions."""
    captions = [*rows["caption0"].to_pylist(), *rows["caption1"].to_pylist()]
    counts = CountVectorizer(token_pattern=_TOKENS, lowercase=False, ngram_range=(1, 2)).fit_transform(captions)
    return blind_probe(counts[: len(rows)], counts[len(rows) :], rows["image_id"].to_pylist())


if __name__ == "__main__":
    main()
