"""What a wrong caption says and the right one does not: words and pairs of neighbouring words, hashed into columns."""

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

Gains: TypeAlias = Any  # scipy.sparse.csr_array, n x COLUMNS, of int16

# However many words a corpus has. 12,000 words and pairs of words differ in 17,509 negatives of 600 photos: one in a
# hundred then shares its column with another.
COLUMNS = 2**20
# Case, punctuation and the white space before it stay: a generator's fingerprint may be there.
_TOKEN = re.compile(r"\w+|\s?[^\w\s]")

_Hashes = npt.NDArray[np.uint64]
_END = np.uint64(0)  # stands before the first token and behind the last


def gained(right: Sequence[str], wrong: Sequence[str]) -> Gains:
    """Count how much more often each wrong caption has each token, and each two neighbouring ones, than its right one.

    Returns n x COLUMNS, sparse, of int16; what both have equally often is not there. Beginning and end are marked:
    pairs tell what stands there. The columns of a word are the same on any machine.
    """
    number = len(right)
    caption, columns = _grams([*right, *wrong])
    rows, sign = caption % max(1, number), np.where(caption < number, -1, 1).astype(np.int16)
    found = sparse.csr_array((sign, (rows, columns)), shape=(number, COLUMNS))
    found.sum_duplicates()
    found.eliminate_zeros()
    return found


def _grams(captions: Sequence[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the caption and the column of each token and each pair of neighbours."""
    known: dict[str, int] = {}
    tokens: list[int] = []
    turns: list[tuple[int, int]] = []  # a caption, and a change of case in it
    lengths = np.empty(len(captions), np.int64)
    for number, text in enumerate(captions):
        found = _TOKEN.findall(text)
        lengths[number] = len(found)
        tokens.extend([known.setdefault(token, len(known)) for token in found])
        if not text.islower():
            turns += [(number, known.setdefault(turn, len(known))) for turn in _turns(found)]
    names = np.fromiter((zlib.crc32(token.encode()) + 1 for token in known), np.uint64, len(known))
    words = names[np.array(tokens, np.int64)]
    caption = np.repeat(np.arange(len(captions), dtype=np.int32), lengths)
    # The captions in a row, with an end before, behind and between them: neighbours of one caption are neighbours here.
    row = np.full(len(words) + len(captions) + 1, _END, np.uint64)
    row[np.arange(len(words)) + caption + 1] = words
    pairs = _mixed(row[:-1], row[1:])
    turned = np.array(turns, np.int64).reshape(-1, 2)
    alone = np.concatenate([words, names[turned[:, 1]]])
    columns = np.concatenate([_mixed(alone, alone ^ np.uint64(1 << 40)), pairs]) % np.uint64(COLUMNS)
    of_pairs = np.repeat(np.arange(len(captions), dtype=np.int32), lengths + 1)
    return np.concatenate([caption, turned[:, 0].astype(np.int32), of_pairs]), columns.astype(np.int32)


def _turns(tokens: list[str]) -> Iterator[str]:
    """Name the changes of case between neighbouring words: one in lower case among capitals tells, whatever it says."""
    for first, second in pairwise(_case(token) for token in tokens if token.isalpha()):
        if first != second:
            yield f"{first} {second}"  # no token has a blank within


def _case(word: str) -> str:
    if word.islower():
        return "lower"
    if word.isupper():
        return "capitals" if len(word) > 1 else "capital"
    return "capital" if word.istitle() else "mixed"


def _mixed(first: _Hashes, second: _Hashes) -> _Hashes:
    """Hash two numbers into one (multiply, shift, multiply, as in MurmurHash3's finish)."""
    mixed = (first * np.uint64(0x9E3779B97F4A7C15)) ^ second
    mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return mixed ^ (mixed >> np.uint64(33))
