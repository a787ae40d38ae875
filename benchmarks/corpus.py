"""A corpus of any size whose captions all differ, for benchmarks: real captions with words exchanged.

One word in eight is exchanged for a noun of WordNet, common ones more often (the k-th with a weight of 1 / k), so that
the vocabulary grows with the corpus as in life (Heaps' law). Each picture has five captions and is small noise of
its own.
"""

import csv
import io
import itertools
import random
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FLICKR = ROOT.parent / "shared" / "data" / "flickr8k" / "captions.csv"
_SHARE = 0.125
_CAPTIONS_EACH = 5
_SIDE = 24  # pixels


def captions_file() -> Path:
    """Return the 3,000 captions of Flickr8k where they are at hand, else the 42 that ship."""
    return FLICKR if FLICKR.exists() else ROOT / "examples" / "photos" / "captions.csv"


def write_corpus(folder: Path, pairs: int, seed: int = 0, source: Path | None = None) -> Path:
    """Write a table of so many pairs, and its pictures; returns the table."""
    with (source or captions_file()).open(encoding="utf-8") as file:
        known = [row["caption"] for row in csv.DictReader(file)]
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    nouns = _nouns()
    weights = list(itertools.accumulate(1 / (k + 1) for k in range(len(nouns))))
    images = folder / "images"
    images.mkdir(parents=True)
    table = folder / "captions.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "caption"])
        for n in range(pairs):
            name = f"{n // _CAPTIONS_EACH:07}.png"
            if n % _CAPTIONS_EACH == 0:
                (images / name).write_bytes(_picture(noise))
            words = known[n % len(known)].split()
            for at in range(len(words)):
                if rng.random() < _SHARE and words[at].isalpha():
                    words[at] = rng.choices(nouns, cum_weights=weights)[0]
            writer.writerow([name, " ".join(words)])
    return table


def _nouns() -> list[str]:
    from generators.text.knowledge.wordnet import wordnet

    found = {name for name in wordnet().all_lemma_names(pos="n") if name.isalpha() and name.islower() and len(name) > 2}
    return random.Random(0).sample(sorted(found), len(found))


def _picture(noise: np.random.Generator) -> bytes:
    blocks = noise.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blocks).resize((_SIDE, _SIDE), Image.Resampling.NEAREST).save(file, "PNG", compress_level=1)
    return file.getvalue()
