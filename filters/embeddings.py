"""Encode pictures and captions with a dual encoder, each once, the same bits in any company."""

import io
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from devices import cores, pick_device, pick_dtype
from devices.revision import hash_of_files, hub_commit
from schemas.config import Clip, Compute
from schemas.errors import InputError
from schemas.ids import fingerprint
from schemas.stage import with_ledger
from schemas.tables import EMBEDDINGS

if TYPE_CHECKING:
    import torch
    from PIL import Image

_LOCAL, _HUB = "local-dir:", "hf-hub:"
_CONFIG, _WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
_FILES = {".safetensors", ".json", ".txt", ".model"}  # weights, config and tokenizer


@dataclass(frozen=True)
class _Loaded:
    model: Any
    preprocess: Any
    tokenize: Any
    device: "torch.device"
    dtype: "torch.dtype"


class Encoder:
    """Turn pictures and captions into unit vectors by any open_clip model.

    The last batch is filled up to the full size, so that a row's vector does not depend on the rows
    beside it: a build that was killed and resumed equals one that ran through, bit for bit. Two things
    shift the last bits: a GPU that runs out of memory, where the batch is halved, and, in half precision on
    a CPU, another number of threads.
    """

    version = 2

    def __init__(self, clip: Clip, compute: Compute) -> None:
        self.clip, self.compute = clip, compute
        self.encoded = 0  # rows encoded so far
        self._batch = clip.batch_size

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, the model's fingerprint, number format and batch size."""
        dtype = str(pick_dtype(self.compute.dtype, pick_device(self.compute.device)))
        return ["embeddings", self.version, self._weights, dtype, self.clip.batch_size]

    @property
    def fingerprint(self) -> str:
        """The identity in 32 hexadecimal digits: what an embedding's key begins with."""
        return fingerprint(*self.identity)

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        name = self.clip.model
        if name.startswith(_LOCAL):
            self._check_folder(Path(name.removeprefix(_LOCAL)))
        elif name.startswith(_HUB):
            hub_commit(name.removeprefix(_HUB), _CONFIG)
        else:
            self._check_name()

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of key, image (encoded picture) and caption, one of the two null, into EMBEDDINGS.

        Raises InputError when the model cannot be loaded.
        """
        started = time.perf_counter()
        images, captions = table["image"].to_pylist(), table["caption"].to_pylist()
        pictured = [index for index, image in enumerate(images) if image is not None]
        written = [index for index, image in enumerate(images) if image is None]
        vectors: list[Any] = [None] * table.num_rows
        for indices, found in (
            (pictured, self._images([images[i] for i in pictured])),
            (written, self._captions([captions[i] for i in written])),
        ):
            for index, vector in zip(indices, found, strict=True):
                vectors[index] = vector
        self.encoded += table.num_rows
        result = pa.table([table["key"], pa.array(vectors, EMBEDDINGS.field("embedding").type)], schema=EMBEDDINGS)
        work = {"model": self.clip.model, "rows_in": table.num_rows, "rows_out": table.num_rows}
        return with_ledger(result, [{**work, "seconds": time.perf_counter() - started}])

    def _images(self, pictures: list[bytes]) -> Iterator[Any]:
        if not pictures:
            return
        import torch

        loaded = self._loaded
        with ThreadPoolExecutor(cores(self.compute.workers)) as pool:
            ahead: list[Future[Any]] = []
            for start in range(0, len(pictures) + self._batch, self._batch):
                # The next batch is decoded while the model is busy with this one.
                coming = [pool.submit(self._decode, data) for data in pictures[start : start + self._batch]]
                if ahead:
                    pixels = torch.stack([future.result() for future in ahead])
                    yield from self._forward(loaded.model.encode_image, pixels.to(loaded.dtype))
                ahead = coming

    def _captions(self, captions: list[str]) -> Iterator[Any]:
        for start in range(0, len(captions), self._batch):
            tokens = self._loaded.tokenize(captions[start : start + self._batch])
            yield from self._forward(self._loaded.model.encode_text, tokens)

    def _forward(self, encode: Any, batch: "torch.Tensor") -> list[Any]:
        import torch

        rows = batch.shape[0]
        if rows < self._batch:
            batch = torch.cat([batch, batch[-1:].expand(self._batch - rows, *batch.shape[1:])])
        try:
            with torch.inference_mode():
                vectors = encode(batch.to(self._loaded.device)).float()
                unit = torch.nn.functional.normalize(vectors, dim=-1)
        except torch.cuda.OutOfMemoryError:
            if self._batch == 1:
                raise
            self._batch = max(1, self._batch // 2)
            torch.cuda.empty_cache()
            starts = range(0, rows, self._batch)
            return [v for start in starts for v in self._forward(encode, batch[start : min(start + self._batch, rows)])]
        return list(unit[:rows].cpu().numpy())

    def _decode(self, data: bytes) -> "torch.Tensor":
        from PIL import Image

        Image.MAX_IMAGE_PIXELS = None  # ingest has checked the size
        with Image.open(io.BytesIO(data)) as image:
            pixels: torch.Tensor = self._loaded.preprocess(_as_seen(image))
        return pixels

    @cached_property
    def _loaded(self) -> _Loaded:
        import open_clip
        import torch

        self.check()
        device = pick_device(self.compute.device)
        dtype = pick_dtype(self.compute.dtype, device)
        precision = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
        name = self.clip.model
        try:
            self._check_format()
            model, _, preprocess = open_clip.create_model_and_transforms(
                name, pretrained=self.clip.pretrained, precision=precision, device=device, require_pretrained=True
            )
            tokenize = open_clip.get_tokenizer(name)
        except InputError:
            raise
        except Exception as error:  # hub, file and config errors of several libraries
            why = " ".join(str(error).split())[:200]
            raise InputError(f"model {name}: open_clip cannot load it: {why}") from error
        return _Loaded(model.eval(), preprocess, tokenize, device, dtype)

    def _check_folder(self, folder: Path) -> None:
        name = self.clip.model
        if not (folder / _CONFIG).is_file():
            raise InputError(f"model {name}: no {_CONFIG} in that folder")
        pickles = [*folder.glob("*.bin"), *folder.glob("*.pth")]
        # Without weights open_clip goes on with random ones, and among several files it may take a pickle.
        if not list(folder.glob("*.safetensors")) or (pickles and not (folder / _WEIGHTS).is_file()):
            raise InputError(f"model {name}: no .safetensors weights in that folder; convert others to {_WEIGHTS}")

    def _check_format(self) -> None:
        """Fetch a hub model's weights and refuse a pickle, which open_clip takes where it finds nothing else."""
        from open_clip.pretrained import download_pretrained, download_pretrained_from_hf, get_pretrained_cfg

        name, tag = self.clip.model, self.clip.pretrained
        if name.startswith(_LOCAL):
            return
        if name.startswith(_HUB):
            file = download_pretrained_from_hf(name.removeprefix(_HUB))
        else:
            file = download_pretrained(get_pretrained_cfg(name, tag))
        if not str(file).endswith(".safetensors"):
            raise InputError(
                f"model {name}: its weights come as {Path(file).name}, a pickle; "
                "convert them to safetensors in a folder and name that as local-dir:"
            )

    def _check_name(self) -> None:
        import open_clip

        name, tag = self.clip.model, self.clip.pretrained
        if name not in open_clip.list_models():
            raise InputError(f"model {name}: open_clip knows no such model; or write hf-hub:... or local-dir:...")
        tags = open_clip.list_pretrained_tags_by_model(name)
        if tag not in tags:
            # A file would do for open_clip, which then guesses how its pictures were prepared.
            raise InputError(f"model {name}: pretrained: {tag}; expected one of {', '.join(tags)} (or use local-dir:)")
        if repository := open_clip.pretrained.get_pretrained_cfg(name, tag).get("hf_hub", ""):
            hub_commit(repository.rpartition("/")[0], _CONFIG)

    @cached_property
    def _weights(self) -> str:
        name = self.clip.model
        if not name.startswith(_LOCAL):
            return f"{name} {self.clip.pretrained}"
        return hash_of_files(file for file in Path(name.removeprefix(_LOCAL)).iterdir() if file.suffix in _FILES)


def _as_seen(image: "Image.Image") -> "Image.Image":
    """Turn a picture into the RGB that people see: upright, 16 bits scaled to 8, transparency on white."""
    from PIL import Image, ImageOps

    with suppress(Exception):  # a broken EXIF block spoils no picture
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):  # Pillow's own conversion cuts off at 255: a white picture
        grey = np.asarray(image).clip(0, 65535) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")
