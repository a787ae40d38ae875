"""Thousands of strange and damaged sources, read as any other: nothing may break, no row may be lost.

    python -m benchmarks.fuzz_sources --inputs 10000

Prints, by form, how many sources were tried, how many of them had usable rows, and how their rows came out.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from schemas.errors import InputError
from tests.storage.strange import DAMAGES, FORMS, ROWS, Damage, Pair, taken_in, written


def main() -> None:
    """Try every form with as many sources, drawn anew in each run."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--inputs", type=int, default=10_000)
    inputs = arguments.parse_args().inputs
    started, everything = time.perf_counter(), Counter[str]()
    for form in FORMS:
        counts = tried(form, -(-inputs // len(FORMS)))
        everything += counts
        print(f"{form}: {_told(counts)}", flush=True)
    print(f"all: {_told(everything)}, in {time.perf_counter() - started:,.0f} s; nothing broke, no row was lost")


def tried(form: str, inputs: int) -> Counter[str]:
    """Read many sources of one form, damaged or not; raises what a reader raises, with the smallest such source."""
    counts: Counter[str] = Counter()

    @settings(
        max_examples=inputs, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(rows=ROWS, damages=DAMAGES)
    def read(rows: list[Pair], damages: list[Damage]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            found = taken_in(written(Path(folder, "source"), form, rows, damages))
        counts["sources"] += 1
        if isinstance(found, InputError):
            counts["refused"] += 1
        else:
            counts.update({"rows": found.rows_in, "pairs": found.pairs, "rejects": found.rejects})

    read()
    return counts


def _told(counts: Counter[str]) -> str:
    return (
        f"{counts['sources']:,} sources, {counts['refused']:,} without a usable row; of the others' "
        f"{counts['rows']:,} rows {counts['pairs']:,} became pairs and {counts['rejects']:,} rejects"
    )


if __name__ == "__main__":
    main()
