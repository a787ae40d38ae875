"""Heat maps of phrases by a text-prompted segmenter (CLIPSeg, arXiv 2112.10003)."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from devices import pick_device
from devices.memory import Batches
from devices.pictures import decoded
from devices.revision import check_hub_weights, hash_of_files, hub_commit
from schemas.config import Compute
from schemas.errors import InputError
from schemas.tables import HEAT_MAPS

_BATCH = 16


class Segmenter:
    """Turn phrases into heat maps over a picture, as `Masks` wants them."""

    version = 1

    def __init__(self, model: str, compute: Compute) -> None:
        self.model, self.compute = model, compute
        self._batches = Batches(_BATCH)

    @property
    def identity(self) -> list[Any]:
        """Stage name, version and the model's weights."""
        return ["segmenter", self.version, self._weights]

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        if not Path(self.model).is_dir():
            check_hub_weights(self.model, self.model, hub_commit(self.model), "*.safetensors")
        elif not list(Path(self.model).glob("*.safetensors")):
            raise InputError(f"segmenter {self.model}: no .safetensors weights in that folder")

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of key, image (encoded), caption and spans into HEAT_MAPS, from 0 to 1. What the spans cover is
        looked for.

        Raises InputError when the model cannot be loaded.
        """
        return pa.Table.from_pylist(self._batches.run(table.to_pylist(), self._batch), HEAT_MAPS)

    def _batch(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        import torch

        processor, model = self._loaded
        phrases = [" ".join(row["caption"][s["start"] : s["end"]] for s in row["spans"]) for row in rows]
        pictures = [decoded(row["image"]) for row in rows]
        given = processor(text=phrases, images=pictures, padding=True, truncation=True, return_tensors="pt").to(
            model.device
        )
        with torch.inference_mode():
            logits = model(**given).logits
        heats = torch.sigmoid(logits.float()).reshape(len(rows), *logits.shape[-2:]).cpu().numpy()
        return [
            {"key": row["key"], "heat": heat.ravel(), "rows": heat.shape[0], "columns": heat.shape[1]}
            for row, heat in zip(rows, np.asarray(heats), strict=True)
        ]

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import CLIPSegForImageSegmentation, CLIPSegProcessor

        self.check()
        try:
            # The very commit that the identity names, whatever the hub has by now.
            known = {} if Path(self.model).is_dir() else {"revision": hub_commit(self.model)}
            processor = CLIPSegProcessor.from_pretrained(self.model, **known)
            model = CLIPSegForImageSegmentation.from_pretrained(self.model, use_safetensors=True, **known)
        except Exception as error:  # hub, file and config errors of several libraries
            why = " ".join(str(error).split())[:200]
            raise InputError(f"segmenter {self.model}: transformers cannot load it: {why}") from error
        return processor, model.eval().to(pick_device(self.compute.device))

    @cached_property
    def _weights(self) -> str:
        folder = Path(self.model)
        if not folder.is_dir():
            return f"{self.model} {hub_commit(self.model)}"
        return hash_of_files(file for file in folder.iterdir() if file.suffix in {".safetensors", ".json", ".txt"})
