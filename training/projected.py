"""Projectors that learn on two frozen encoders."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from devices import cores
from devices.pictures import decoded
from filters.projected.model import ProjectedModel
from schemas.config import Compute
from schemas.projected import Projected
from training.examples import Examples
from training.features import Features, write_features
from training.scale import factor

_BATCH = 64  # that the encoders are given at a time, filled up: what they say of one does not hang on the others


class ProjectedTowers:
    """A dual encoder of which the projectors learn: what they are given is computed once, where `keep` was called."""

    def __init__(self, model: ProjectedModel, projectors: Any) -> None:
        self._model = model
        self.module: Any = projectors
        self._device = next(self.module.parameters()).device
        self._kept: Features | None = None
        self.size = int(model.vision.preprocess.picture(_blank()).shape[1])

    @classmethod
    def untrained(cls, told: Projected, device: torch.device, seed: int) -> "ProjectedTowers":
        """Begin with projectors that have learned nothing; raises InputError where an encoder cannot be loaded."""
        model = ProjectedModel(told, Compute(device=str(device), dtype="float32"), _BATCH)
        model.check()
        return cls(model, model.untrained(seed))

    @classmethod
    def of_folder(cls, folder: Path, device: torch.device) -> "ProjectedTowers":
        """Go on from projectors that have learned; raises InputError where they cannot be loaded."""
        model = ProjectedModel.opened(folder, Compute(device=str(device), dtype="float32"), _BATCH)
        model.load(folder)
        return cls(model, model.projectors)

    def keep(self, examples: Examples, folder: Path, advance: Callable[[int, int], None] = lambda *_: None) -> None:
        """Compute what the projectors are given of all examples, into a folder, and take it from there from now on."""
        write_features(examples, folder, self._seen, self._read, _BATCH, advance)
        self._kept = Features(folder, (self._model.vision.width, self._model.text.width + 1))

    def pictures(self, pictures: list[bytes]) -> Tensor:
        rows = self._seen(pictures) if self._kept is None else [self._kept.picture(one) for one in pictures]
        return torch.from_numpy(np.stack(rows))

    def tokens(self, captions: list[str]) -> Tensor:
        rows = self._read(captions) if self._kept is None else [self._kept.caption(one) for one in captions]
        filled = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), rows[0].dtype)
        for place, row in zip(filled, rows, strict=True):
            place[: len(row)] = row
        return torch.from_numpy(filled)

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        return F.normalize(self.module.pictures(pictures).float(), dim=-1)

    def encode_captions(self, tokens: Tensor) -> Tensor:
        return F.normalize(self.module.captions(tokens).float(), dim=-1)

    @property
    def scale(self) -> Tensor:
        return factor(self.module.logit_scale)

    def of_images(self) -> Iterator[nn.Parameter]:
        yield from (*self.module.whole.parameters(), *self.module.parts.parameters())

    def of_captions(self) -> Iterator[nn.Parameter]:
        yield from (*self.module.words.parameters(), *self.module.said.parameters())

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        self._model.save(folder, weights)

    def _seen(self, pictures: list[bytes]) -> Sequence[Any]:
        vision = self._model.vision
        with ThreadPoolExecutor(cores()) as pool:
            prepared = list(pool.map(lambda data: vision.preprocess.picture(decoded(data)), pictures))
        return self._in_batches(
            torch.from_numpy(np.stack(prepared)), lambda some: vision.features(vision.preprocess.batch(some))
        )

    def _read(self, captions: list[str]) -> Sequence[Any]:
        found = self._in_batches(self._model.text.tokenize(captions), self._model.text.features)
        # Without what stands behind a caption's end.
        return [one[: int(np.flatnonzero(one[:, -1]).max(initial=0)) + 1] for one in found]

    def _in_batches(self, rows: Tensor, encode: Callable[[Tensor], Tensor]) -> list[Any]:
        found: list[Any] = []
        for some in torch.split(rows, _BATCH):
            filled = torch.cat([some, some[-1:].expand(_BATCH - len(some), *some.shape[1:])])
            found += list(encode(filled.to(self._device))[: len(some)].cpu().numpy())
        return found


def _blank() -> Any:
    from PIL import Image

    return Image.new("RGB", (32, 32))
