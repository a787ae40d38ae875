"""Whether a caption alone gives away that it is the wrong one, to a model that was trained to tell."""

import heapq
import re
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices.revision import libraries
from filters.probe import Probe, blind_probe
from schemas.ids import row_seed
from schemas.tables import PROBES

Encode = Callable[[list[str]], npt.NDArray[np.float32]]
_Pair = tuple[int, str, str, str]  # minus the hash of its id, image_id, right caption, wrong caption

# Pairs that a probe sees at most: those whose ids hash lowest, the same ones on any machine. Vectors are dense and
# cost more.
MOST_WORDS = 20_000
MOST_EMBEDDINGS = 5_000
# Case, punctuation and the white space before it stay: a generator's fingerprint may be there.
_TOKEN = re.compile(r"\w+|\s?[^\w\s]")


class TextProbe:
    """Train linear classifiers to tell wrong captions from right ones; `blind_probe` says how, and what is measured.

    By operation and for all together, on all usable pairs and on the accepted ones alone: what selection left to see.
    Pairs of one image stay together. `add` takes shard after shard and keeps what the probes will see; `table` trains.
    """

    version = 2

    @staticmethod
    def identity() -> list[Any]:
        """Stage name, version, and what learns."""
        return ["text probes", TextProbe.version, *libraries("scikit-learn", "scipy")]

    def __init__(self, encode: Encode | None = None) -> None:
        """Take what turns n captions into n x d vectors, for the probe `embeddings`; without, there is none."""
        self._encode = encode
        # By operation (None: all) and whether of accepted pairs only: heaps, with the highest hash first.
        self._seen: dict[tuple[str | None, bool], list[_Pair]] = defaultdict(list)

    def add(self, rows: pa.Table) -> None:
        """Take usable rows of text_negative_id, image_id, operation, caption0 (right), caption1 (wrong), accepted."""
        for row in rows.to_pylist():
            seed = row_seed(row["text_negative_id"], 0, "text probe")
            pair = (-seed, row["image_id"], row["caption0"], row["caption1"])
            for operation in (None, row["operation"]):
                for selected in (False, True) if row["accepted"] else (False,):
                    seen = self._seen[operation, selected]
                    if len(seen) < MOST_WORDS:
                        heapq.heappush(seen, pair)
                    else:
                        heapq.heappushpop(seen, pair)

    def table(self) -> pa.Table:
        """Train and test; returns PROBES, without those that saw too few images to say anything."""
        found = []
        for operation, selected in sorted(self._seen, key=lambda key: (key[0] or "", key[1])):
            pairs = sorted(self._seen[operation, selected], reverse=True)
            probes = {"words": _probed(pairs, counts_of)}
            if self._encode is not None:
                probes["embeddings"] = _probed(pairs[:MOST_EMBEDDINGS], self._encode)
            for probe, told in probes.items():
                if told is not None:
                    known = {"probe": probe, "operation": operation, "selected": selected, "pairs": told.n}
                    found.append(known | {"accuracy": told.accuracy, "low": told.low, "high": told.high})
        return pa.Table.from_pylist(found, PROBES)


def _probed(pairs: list[_Pair], encode: Callable[[list[str]], Any]) -> Probe | None:
    _, images, right, wrong = zip(*pairs, strict=True)
    vectors = encode([*right, *wrong])
    return blind_probe(vectors[: len(pairs)], vectors[len(pairs) :], list(images))


def counts_of(captions: list[str]) -> Any:
    """Count the tokens, pairs of neighbouring tokens and changes of case of each caption: captions x those, sparse.

    A word in lower case among capitals, or the reverse, tells whatever word it is.
    All captions say which columns there are, held out ones too: that tells nothing of their sides, and a column that
    no caption of the training has keeps a weight of 0.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(analyzer=_grams).fit_transform(captions)


def _grams(caption: str) -> list[tuple[str, ...]]:
    tokens = _TOKEN.findall(caption)
    # Beginning and end are marked: pairs tell what stands there.
    cases = [_case(token) for token in tokens if token.isalpha()]
    changes = [("case", *pair) for pair in pairwise(cases) if pair[0] != pair[1]]
    return [*((token,) for token in tokens), *pairwise(("", *tokens, "")), *changes]


def _case(word: str) -> str:
    if word.islower():
        return "lower"
    if word.isupper():
        return "capitals" if len(word) > 1 else "capital"
    return "capital" if word.istitle() else "mixed"
