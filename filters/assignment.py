"""Which picture of a corpus each caption fits, by a cycle from caption to picture and back, and how far to trust pairs.

The cycle is that of SynC (arXiv 2507.18616): a caption's nearest pictures, the captions nearest to each of these, and
how like the first caption those are. The weights are the gates of ALIP (arXiv 2308.08428).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices import pick_device
from schemas.config import Compute
from schemas.curate import Curate
from schemas.ids import pair_id
from schemas.tables import ALIGNMENT

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

_ROWS = 2048  # captions, and pictures, that are compared at a time: 16 MB of cosines
_CYCLES = 256  # pairs whose captions' captions are compared at a time
_SAME = 1e-5  # difference of two cosines that a machine's rounding may make
_LEAST = 1e-30  # a weight is above 0 in the table's numbers too


class Shelf:
    """Vectors put on a disk one lot after the other, and read as one matrix: a corpus has more than memory does."""

    def __init__(self, file: Path) -> None:
        """Begin an empty file."""
        self._path, self._file = file, file.open("wb")
        self.rows, self.width = 0, 0

    def add(self, vectors: Floats) -> None:
        """Append rows, all of one width."""
        if len(vectors):
            self.rows, self.width = self.rows + len(vectors), vectors.shape[1]
            self._file.write(np.ascontiguousarray(vectors, np.float32).tobytes())

    def matrix(self) -> Floats:
        """Return rows x width; no more can be added."""
        self._file.close()
        if not self.rows:
            return np.zeros((0, 0), np.float32)
        return np.memmap(self._path, np.float32, "r", shape=(self.rows, self.width))


@dataclass(frozen=True)
class Corpus:
    """All pairs of a corpus, and the vectors of what they say and show, each once."""

    pairs: pa.Table  # pair_id, image_id, caption
    picture_of: Places  # pairs: row of `pictures`
    caption_of: Places  # pairs: row of `captions`
    image_ids: list[str]  # by row of `pictures`
    pictures: Floats  # pictures x width, unit length
    captions: Floats  # different captions x width, unit length


@dataclass(frozen=True)
class _Nearest:
    pictures: Places  # captions x k: the nearest pictures of each
    similarities: Floats  # captions x k
    captions: Places  # pictures x c: the nearest captions of each
    ranks: Places  # pairs


@dataclass(frozen=True)
class _Cycles:
    """Of each pair."""

    consistency: Floats  # of its own picture
    better: Places  # row of a better picture; -1 without any
    similarity: Floats  # of the caption and the most consistent picture
    of_better: Floats  # that picture's consistency


class Assignment:
    """Turn a corpus into rows of ALIGNMENT.

    Exact: every caption meets every picture once, in blocks, so that memory does not grow with the square of the
    corpus; what stays in memory is some hundred bytes a pair. A million pairs of 512 dimensions are 10^15
    multiplications: minutes of a GPU, some hours of a few cores.
    """

    version = 1

    def __init__(self, config: Curate, compute: Compute) -> None:
        self.config, self._compute = config, compute

    @property
    def identity(self) -> list[Any]:
        """Stage name, version and settings."""
        return ["assignment", self.version, self.config.model_dump(mode="json")]

    def __call__(self, corpus: Corpus) -> pa.Table:
        """Return a row a pair, in order.

        A caption's candidates are its `pictures` nearest pictures. The consistency of a picture is the largest cosine
        between the caption and the `captions` captions that are nearest to that picture: 1 where the cycle comes back.
        The candidate with the largest consistency (of equal ones the nearest) is better than the pair's own picture, if
        that is no candidate, is less consistent, and is less similar by `margin` standard deviations of similarities.
        Many a caption is as true of other pictures as of its own: without these three, which are not SynC's, a third of
        what was found was right as it stood (docs/curation.md).
        """
        own = _dots(corpus.captions, corpus.caption_of, corpus.pictures, corpus.picture_of)
        nearest = self._nearest(corpus, own)
        cycles = self._cycles(corpus, nearest, own)
        ids = corpus.pairs["pair_id"].to_pylist()
        moved = cycles.better >= 0
        # What a pair weighs is said of it as it is in this build.
        here = moved if self.config.misassigned == "reassign" else np.zeros_like(moved)
        weight = gate(np.where(here, cycles.similarity, own), self.config.steepness)
        weight *= gate(np.where(here, cycles.of_better, cycles.consistency), self.config.steepness)
        return pa.table(
            [
                corpus.pairs["pair_id"],
                corpus.pairs["image_id"],
                corpus.pairs["caption"],
                pa.array(self._became(corpus, ids, cycles.better), pa.string()),
                pa.array(own, pa.float32()),
                pa.array(nearest.ranks, pa.int32()),
                pa.array(cycles.consistency, pa.float32()),
                pa.array([corpus.image_ids[at] if at >= 0 else None for at in cycles.better.tolist()], pa.string()),
                pa.array(cycles.similarity, pa.float32(), mask=~moved),
                pa.array(cycles.of_better, pa.float32(), mask=~moved),
                pa.array(np.maximum(weight, _LEAST), pa.float32()),
            ],
            schema=ALIGNMENT,
        )

    def _became(self, corpus: Corpus, ids: list[str], better: Places) -> list[str | None]:
        """Name what each pair is in this build; None of one that is dropped, as a copy of another too."""
        if self.config.misassigned == "keep":
            return list(ids)
        kept = {one for one, at in zip(ids, better.tolist(), strict=True) if at < 0}
        said = corpus.pairs["caption"].to_pylist()
        became: list[str | None] = []
        for one, at, caption in zip(ids, better.tolist(), said, strict=True):
            new: str | None = one
            if at >= 0:
                new = pair_id(corpus.image_ids[at], caption) if self.config.misassigned == "reassign" else None
                if new in kept:
                    new = None
                elif new is not None:
                    kept.add(new)
            became.append(new)
        return became

    def _nearest(self, corpus: Corpus, own: Floats) -> _Nearest:
        """Compare all captions with all pictures, once, for both directions and the rank of each pair's own picture."""
        import torch

        device = pick_device(self._compute.device)
        captions, pictures = len(corpus.captions), len(corpus.pictures)
        k, c = min(self.config.pictures, pictures), min(self.config.captions, captions)
        near = np.zeros((captions, k), np.int64), np.zeros((captions, k), np.float32)
        of_pictures = np.zeros((pictures, c), np.int64), np.full((pictures, c), -2, np.float32)
        ranks = np.ones(len(own), np.int64)
        order = np.argsort(corpus.caption_of, kind="stable")
        sorted_ = corpus.caption_of[order]
        for first in range(0, captions, _ROWS):
            rows = _lot(corpus.captions, first, device)
            pairs = order[np.searchsorted(sorted_, first) : np.searchsorted(sorted_, first + len(rows))]
            local = torch.from_numpy(corpus.caption_of[pairs] - first).to(device)
            bound = torch.from_numpy(own[pairs] + _SAME).to(device)[:, None]
            best: tuple[torch.Tensor, torch.Tensor] | None = None
            for start in range(0, pictures, _ROWS):
                sims = rows @ _lot(corpus.pictures, start, device).T
                ranks[pairs] += (sims[local] > bound).sum(1).cpu().numpy()
                best = _merged(best, sims, start, k)
                lot = slice(start, start + sims.shape[1])
                known = [torch.from_numpy(of_pictures[n][lot]).to(device) for n in (1, 0)]
                found = _merged((known[0], known[1]), sims.T, first, c)
                of_pictures[1][lot], of_pictures[0][lot] = (one.cpu().numpy() for one in found)
            if best is not None:
                lot = slice(first, first + len(rows))
                near[1][lot], near[0][lot] = (one.cpu().numpy() for one in best)
        return _Nearest(near[0], near[1], of_pictures[0], ranks)

    def _cycles(self, corpus: Corpus, nearest: _Nearest, own: Floats) -> _Cycles:
        """Go from captions to pictures and back, and look where each comes to."""
        n = len(own)
        found = _Cycles(np.zeros(n, np.float32), np.full(n, -1), np.zeros(n, np.float32), np.zeros(n, np.float32))
        margin = np.float32(self.config.margin * own.std()) if n else np.float32(0)
        for start in range(0, n, _CYCLES):
            lot = slice(start, start + _CYCLES)
            said = corpus.caption_of[lot]
            candidates = np.concatenate([corpus.picture_of[lot, None], nearest.pictures[said]], 1)
            similarities = np.concatenate([own[lot, None], nearest.similarities[said]], 1)
            back = corpus.captions[nearest.captions[candidates]]  # pairs x candidates x captions x width
            scores = np.einsum("nd,nkcd->nkc", corpus.captions[said], back).max(2)
            # Rounding shall not decide between two cycles that both come back.
            ties = scores >= scores.max(1, keepdims=True) - _SAME
            best = np.where(ties, similarities, -2).argmax(1)
            at = np.arange(len(said)), best
            better = (scores[at] > scores[:, 0] + _SAME) & (similarities[at] > similarities[:, 0] + margin + _SAME)
            better &= nearest.ranks[lot] > self.config.pictures
            found.consistency[lot] = scores[:, 0]
            found.better[lot] = np.where(better, candidates[at], -1)
            found.similarity[lot], found.of_better[lot] = similarities[at], scores[at]
        return found


def gate(similarities: Floats, steepness: float) -> Floats:
    """Return weights in (0, 1]: exp(steepness x min(0, (s - mean) / deviation)).

    ALIP multiplies a pair's loss by exp(2 (s - H)) where that is below 1: once for s the cosine of image and text, and
    once for s the cosine of the text and a caption that a model wrote of the image; H is the running mean of s. Here H
    is the mean over the corpus, differences are in standard deviations, as cosines of one encoder spread ten times as
    much as another's, and in place of a model's captions stand those that the corpus has nearest to the picture.
    """
    values = similarities.astype(np.float64)
    if not len(values) or values.std() < _SAME:
        return np.ones(len(values), np.float32)
    below = np.minimum((values - values.mean()) / values.std(), 0)
    weights: Floats = np.exp(steepness * below).astype(np.float32)
    return weights


def _dots(first: Floats, rows: Places, second: Floats, others: Places) -> Floats:
    parts = [
        np.einsum("nd,nd->n", first[rows[start : start + _ROWS]], second[others[start : start + _ROWS]])
        for start in range(0, len(rows), _ROWS)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _lot(vectors: Floats, first: int, device: "torch.device") -> "torch.Tensor":
    import torch

    return torch.from_numpy(np.array(vectors[first : first + _ROWS])).to(device)


def _merged(
    known: "tuple[torch.Tensor, torch.Tensor] | None", sims: "torch.Tensor", first: int, k: int
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Join the k largest so far, values and places, with those of more columns, which begin at place `first`."""
    import torch

    values, places = sims.topk(min(k, sims.shape[1]), dim=1)
    places = places + first
    if known is None:
        return values, places
    both, at = torch.cat([known[0], values], 1), torch.cat([known[1], places], 1)
    values, chosen = both.topk(min(k, both.shape[1]), dim=1)
    return values, at.gather(1, chosen)
