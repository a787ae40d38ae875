"""Vectors of pictures and captions by one model, each computed once."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from devices import cores
from evaluation.items import Picture
from evaluation.models import DualEncoder
from evaluation.opening import Unusable, opened
from filters.embeddings import Vectors

_AT_A_TIME = 64  # pictures that are open at once


class Encoded:
    """Vectors of what a model has seen so far, by key: hand the same to several calls, and nothing is encoded twice."""

    def __init__(self, model: DualEncoder) -> None:
        self.model = model
        self.unusable: dict[str, str] = {}  # key of a picture -> why
        self._pictures: dict[str, Vectors] = {}
        self._captions: dict[str, Vectors] = {}

    def see(self, pictures: Iterable[Picture], advance: Callable[[int], None] = lambda _: None) -> None:
        """Encode the pictures that are new."""
        wanted = {one["key"]: one for one in pictures}
        new = [one for key, one in wanted.items() if key not in self._pictures and key not in self.unusable]
        with ThreadPoolExecutor(cores()) as pool:
            for start in range(0, len(new), _AT_A_TIME):
                some = new[start : start + _AT_A_TIME]
                found = list(pool.map(_tried, some))
                usable = {
                    one["key"]: image for one, image in zip(some, found, strict=True) if not isinstance(image, str)
                }
                self.unusable |= {o["key"]: why for o, why in zip(some, found, strict=True) if isinstance(why, str)}
                if usable:
                    self._pictures |= zip(usable, self.model.images(list(usable.values())), strict=True)
                advance(len(some))

    def read(self, captions: Iterable[str]) -> None:
        """Encode the captions that are new."""
        new = [one for one in dict.fromkeys(captions) if one not in self._captions]
        if new:
            self._captions |= zip(new, self.model.captions(new), strict=True)

    def pictures(self, keys: Sequence[str]) -> Vectors:
        """Return vectors, a row a key."""
        return np.stack([self._pictures[key] for key in keys])

    def captions(self, captions: Sequence[str]) -> Vectors:
        """Return vectors, a row a caption."""
        return np.stack([self._captions[caption] for caption in captions])


def _tried(picture: Picture) -> Any:
    try:
        return opened(picture)
    except Unusable as why:
        return str(why)
