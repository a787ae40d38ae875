"""The lexicon of corpora of different sizes: rows, how many are kept, captions a second, peak memory.

    python -m benchmarks.lexicon [--captions 3000] [--captions 30000] [--captions 100000] [--rarest 5e-6] [CAPTIONS.csv]

Captions beyond those of the table are these with every other noun, adjective and verb exchanged for one that the corpus
uses in the same form, as often as it does: what grows, as in life, is what stands with what. They are parsed once.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.text_negatives import PARSER, read_pairs
from generators.text.corpus.describing import Describing
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.parsing import Parsing
from schemas.config import Describe
from schemas.tables import PARSES

_EXCHANGED = frozenset({"NN", "NNS", "JJ", "VBG", "VBZ"})


def main() -> None:
    """Describe each size in a process of its own."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--captions", type=int, action="append")
    arguments.add_argument("--rarest", type=float, default=Describe().rarest)
    arguments.add_argument("table", type=Path, nargs="?")
    given = arguments.parse_args()
    sizes = given.captions or [3000, 30_000, 100_000]
    for size in sizes[1:]:
        again = [sys.executable, "-m", "benchmarks.lexicon", "--captions", str(size), "--rarest", str(given.rarest)]
        subprocess.run([*again, *([str(given.table)] if given.table else [])], check=True)
    described(Parsing(Describe(parser=PARSER))(read_pairs(given.table)), sizes[0], given.rarest)


def described(parses: pa.Table, captions: int, rarest: float) -> None:
    """Take the lexicon of so many captions and print what it took."""
    stage, seconds, before = Describing(Describe(rarest=rarest)), 0.0, _peak()
    for shard in grown(parses, captions):
        started = time.perf_counter()
        stage.add(shard)
        seconds += time.perf_counter() - started
    started = time.perf_counter()
    table = stage.table()
    took, peak = time.perf_counter() - started, _peak()
    everything = stage._counts.table().num_rows
    words = Lexicon(table)
    drawn = sum(word.frequency for word in words.new_nouns("NN", frozenset({"animal", "person", "vehicle"})).words)
    kinds = ", ".join(f"{each['values']} {each['counts']:,}" for each in pc.value_counts(table["kind"]).to_pylist())
    print(f"{captions:>9,} captions: {table.num_rows:,} of {everything:,} rows kept ({kinds}); "
          f"{captions / seconds:,.0f} captions/s and {took:.1f} s in the end; peak memory {before:,.0f} MB before, "
          f"{peak:,.0f} MB; {drawn:,} mentions to draw animals, people and vehicles from", flush=True)  # fmt: skip


def grown(parses: pa.Table, captions: int) -> Iterator[pa.Table]:
    """Go through so many parses, a thousand at a time."""
    rows = parses.to_pylist()
    forms: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        for token in row["tokens"]:
            forms[token["tag"]].append((token["text"], token["lemma"]))
    rng = np.random.default_rng(0)
    for start in range(0, captions, 1000):
        some = [
            rows[n % len(rows)] if n < len(rows) else exchanged(rows[n % len(rows)], n // len(rows), forms, rng)
            for n in range(start, min(start + 1000, captions))
        ]
        yield pa.Table.from_pylist(some, PARSES)


def exchanged(
    row: dict[str, Any], copy: int, forms: dict[str, list[tuple[str, str]]], rng: np.random.Generator
) -> dict[str, Any]:
    """Exchange words of a parse for others of the same form."""
    caption, tokens = "", []
    for token in row["tokens"]:
        text, lemma = token["text"], token["lemma"]
        if token["tag"] in _EXCHANGED and rng.random() < 0.5:
            text, lemma = forms[token["tag"]][rng.integers(len(forms[token["tag"]]))]
        caption += f" {text}" if caption else text
        tokens.append({**token, "text": text, "lemma": lemma, "start": len(caption) - len(text)})
    known = {"pair_id": f"{copy} {row['pair_id']}", "image_id": f"{copy} {row['image_id']}"}
    return {**known, "caption": caption, "tokens": tokens}


def _peak() -> float:
    """Peak resident memory of this process in MB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
