"""Encode pictures and captions with a dual encoder, each once, the same bits in any company."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices import cores, pick_device, pick_dtype
from devices.pictures import decoded
from devices.revision import hash_of_files, hub_commit
from devices.shipped import clip_name
from filters.reading import Reading
from schemas.config import Clip, Compute
from schemas.errors import InputError
from schemas.ids import fingerprint
from schemas.stage import with_ledger
from schemas.tables import EMBEDDINGS

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from filters.projected.model import ProjectedModel

_LOCAL, _HUB = "local-dir:", "hf-hub:"
_CONFIG, _WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
_FILES = {".safetensors", ".json", ".txt", ".model"}  # weights, config and tokenizer
Vectors = npt.NDArray[np.float32]  # one a row
_HANDFUL = 8  # pictures that a thread decodes at a go: of 64x64 pixels one takes less time than handing it over


class Preprocess:
    """open_clip's own transform in two halves: pictures one by one as bytes, then a whole batch as numbers.

    The numbers are those of open_clip, bit for bit on a CPU. A transform that does not end in the usual two
    steps is taken as it is, picture by picture.
    """

    def __init__(self, transform: Any, device: "torch.device", dtype: "torch.dtype") -> None:
        import torch
        from torchvision.transforms import Normalize, ToTensor

        self._dtype = dtype
        match list(getattr(transform, "transforms", [])):
            # Where a deviation is 0, open_clip's step raises an error; ours would divide.
            case [*steps, ToTensor(), Normalize() as normalize] if all(normalize.std):
                self._steps = steps
                # Tensors on the device, the 255 too: a GPU multiplies by 1/255 where a plain number is the divisor.
                self._numbers = [
                    torch.as_tensor(value, dtype=torch.float32, device=device).view(-1, 1, 1)
                    for value in (255, normalize.mean, normalize.std)
                ]
            case _:
                self._steps, self._numbers = [transform], []

    def picture(self, image: "Image.Image") -> "np.ndarray[Any, Any]":
        """Resize and crop a picture: height x width x 3 bytes (from an unusual transform, what that gives)."""
        result: Any = image
        for step in self._steps:
            result = step(result)
        return np.asarray(result)

    def batch(self, pictures: "torch.Tensor") -> "torch.Tensor":
        """Turn a batch of pictures into what the model takes: rows x 3 x height x width."""
        if not self._numbers:
            return pictures.to(self._dtype)
        scale, mean, std = self._numbers
        numbers = pictures.permute(0, 3, 1, 2).contiguous().float()
        return numbers.div_(scale).sub_(mean).div_(std).to(self._dtype)


@dataclass(frozen=True)
class Loaded:
    """An open_clip model, or one that takes its place, with what it takes to feed it."""

    model: Any
    preprocess: Preprocess
    tokenize: Any
    device: "torch.device"

    def encode_image(self, pictures: "torch.Tensor") -> Any:
        """Return vectors, not of unit length, of pictures that `preprocess.picture` made."""
        return self.model.encode_image(self.preprocess.batch(pictures))


class Encoder:
    """Turn pictures and captions into unit vectors by any open_clip model, or by projectors on two frozen encoders.

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
        return ["embeddings", self.version, self.weights, dtype, self.clip.batch_size]

    @property
    def fingerprint(self) -> str:
        """The identity in 32 hexadecimal digits: what an embedding's key begins with."""
        return fingerprint(*self.identity)

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        name = self._name
        if self._projected is not None:
            self._projected.check(self._folder)
        elif name.startswith(_LOCAL):
            self._check_folder(self._folder)
        elif name.startswith(_HUB):
            self._commit()
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

    def pictures(self, images: "Sequence[Image.Image]") -> Vectors:
        """Encode pictures of RGB as rows of unit length, pictures x width; raises InputError as `__call__` does."""
        import torch

        loaded, vectors = self.loaded, list[Any]()
        for start in range(0, len(images), self.clip.batch_size):
            batch = [loaded.preprocess.picture(image) for image in images[start : start + self.clip.batch_size]]
            vectors.extend(self._forward(loaded.encode_image, torch.from_numpy(np.stack(batch))))
        return np.array(vectors, np.float32)

    def captions(self, captions: Sequence[str]) -> Vectors:
        """Encode captions as rows of unit length, captions x width; raises InputError as `__call__` does."""
        return np.array(list(self._captions(list(captions))), np.float32)

    @property
    def _name(self) -> str:
        return clip_name(self.clip.model)

    def _images(self, pictures: list[bytes]) -> Iterator[Any]:
        for batch in self._decoded(pictures):
            yield from self._forward(self.loaded.encode_image, batch)

    def _captions(self, captions: list[str]) -> Iterator[Any]:
        size = self.clip.batch_size
        for start in range(0, len(captions), size):
            tokens = self.loaded.tokenize(captions[start : start + size])
            yield from self._forward(self.loaded.model.encode_text, tokens)

    def _decoded(self, pictures: list[bytes]) -> Iterator["torch.Tensor"]:
        if not pictures:
            return
        import torch

        size, decoding = self.clip.batch_size, deque[Iterator[list[Any]]]()
        # A GPU is busy with one batch while the next is decoded. On a CPU the two would take turns on the same
        # cores, and a thread of the model that waits for its turn holds up all the others.
        ahead = 0 if self.loaded.device.type == "cpu" else 1
        with ThreadPoolExecutor(cores(self.compute.threads)) as pool:
            for start in range(0, len(pictures), size):
                batch = pictures[start : start + size]
                handfuls = [batch[at : at + _HANDFUL] for at in range(0, len(batch), _HANDFUL)]
                decoding.append(pool.map(self.decode, handfuls))
                if len(decoding) > ahead:
                    yield torch.from_numpy(np.stack(list(chain.from_iterable(decoding.popleft()))))
            for rest in decoding:
                yield torch.from_numpy(np.stack(list(chain.from_iterable(rest))))

    def decode(self, pictures: list[bytes]) -> list[Any]:
        """Decode, resize and crop encoded pictures as the model wants them; `loaded.preprocess.batch` takes them on."""
        return [self.loaded.preprocess.picture(decoded(data)) for data in pictures]

    def _forward(self, encode: Any, rows: "torch.Tensor") -> list[Any]:
        import torch

        vectors: list[Any] = []
        while len(vectors) < len(rows):
            part = rows[len(vectors) : len(vectors) + self._batch]
            try:
                vectors.extend(self._unit(encode, part))
            except torch.cuda.OutOfMemoryError:
                if self._batch == 1:
                    raise
                self._batch //= 2
                torch.cuda.empty_cache()
        return vectors

    def _unit(self, encode: Any, rows: "torch.Tensor") -> "np.ndarray[Any, Any]":
        import torch

        missing = self._batch - len(rows)
        full = torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows
        with torch.inference_mode():
            vectors = torch.nn.functional.normalize(encode(full.to(self.loaded.device)).float(), dim=-1)
        found: np.ndarray[Any, Any] = vectors[: len(rows)].cpu().numpy()
        return found

    @cached_property
    def loaded(self) -> Loaded:
        """The model with what it takes to feed it; loaded on the first use."""
        import open_clip
        import torch

        self.check()
        if self._projected is not None:
            return self._projected.load(self._folder)
        device = pick_device(self.compute.device)
        dtype = pick_dtype(self.compute.dtype, device)
        precision = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
        name = self._name
        try:
            self._check_format()
            model, _, preprocess = open_clip.create_model_and_transforms(
                name, pretrained=self.clip.pretrained, precision=precision, device=device, require_pretrained=True
            )
            tokenize = self.tokenize
        except InputError:
            raise
        except Exception as error:  # hub, file and config errors of several libraries
            why = " ".join(str(error).split())[:200]
            raise InputError(f"model {name}: open_clip cannot load it: {why}") from error
        return Loaded(model.eval(), Preprocess(preprocess, device, dtype), tokenize, device)

    @cached_property
    def reading(self) -> Reading:
        """What tells which changes of captions the model reads; needs its tokenizer only.

        Raises InputError when the tokenizer cannot be loaded.
        """
        self.check()
        try:
            return Reading(self.tokenize)
        except Exception as error:  # hub, file and config errors of several libraries
            why = " ".join(str(error).split())[:200]
            raise InputError(f"model {self._name}: open_clip cannot load its tokenizer: {why}") from error

    @cached_property
    def tokenize(self) -> Any:
        """What turns captions into rows of token ids; raises errors of several libraries."""
        if self._projected is not None:
            return self._projected.text.tokenize
        import open_clip

        return open_clip.get_tokenizer(self._name)

    @property
    def _folder(self) -> Path:
        return Path(self._name.removeprefix(_LOCAL))

    @cached_property
    def _projected(self) -> "ProjectedModel | None":
        if not self._name.startswith(_LOCAL):
            return None
        from filters.projected.model import ProjectedModel, is_projected

        return (
            ProjectedModel.opened(self._folder, self.compute, self.clip.batch_size)
            if is_projected(self._folder)
            else None
        )

    def _check_folder(self, folder: Path) -> None:
        name = self._name
        if not (folder / _CONFIG).is_file():
            raise InputError(f"model {name}: no {_CONFIG} in that folder")
        pickles = [*folder.glob("*.bin"), *folder.glob("*.pth")]
        # Without weights open_clip goes on with random ones, and among several files it may take a pickle.
        if not list(folder.glob("*.safetensors")) or (pickles and not (folder / _WEIGHTS).is_file()):
            raise InputError(f"model {name}: no .safetensors weights in that folder; convert others to {_WEIGHTS}")

    def _check_format(self) -> None:
        """Fetch a hub model's weights and refuse a pickle, which open_clip takes where it finds nothing else."""
        from open_clip.pretrained import download_pretrained, download_pretrained_from_hf, get_pretrained_cfg

        name, tag = self._name, self.clip.pretrained
        if name.startswith(_LOCAL):
            return
        if name.startswith(_HUB):
            file = download_pretrained_from_hf(name.removeprefix(_HUB))
        else:
            file = download_pretrained(get_pretrained_cfg(name, tag))
        commit = self._commit()
        if commit is not None and Path(file).parent.name != commit:
            raise InputError(f"model {name}: the hub has another version since this build began; run it again")
        if not str(file).endswith(".safetensors"):
            raise InputError(
                f"model {name}: its weights come as {Path(file).name}, a pickle; "
                "convert them to safetensors in a folder and name that as local-dir:"
            )

    def _check_name(self) -> None:
        import open_clip

        name, tag = self._name, self.clip.pretrained
        if name not in open_clip.list_models():
            raise InputError(f"model {name}: open_clip knows no such model; or write hf-hub:... or local-dir:...")
        tags = open_clip.list_pretrained_tags_by_model(name)
        if tag not in tags:
            # A file would do for open_clip, which then guesses how its pictures were prepared.
            raise InputError(f"model {name}: pretrained: {tag}; expected one of {', '.join(tags)} (or use local-dir:)")
        self._check_activation()
        self._commit()

    def _check_activation(self) -> None:
        """Refuse weights that were trained with another activation than the model has, of which open_clip only warns
        (open_clip#771): every score would be a little off."""
        import open_clip
        from open_clip.pretrained import get_pretrained_cfg

        name, tag = self._name, self.clip.pretrained
        with_it, trained_with_it = open_clip.get_model_config(name), get_pretrained_cfg(name, tag)
        # Without the mark nothing is known: roberta-ViT-B-32's weights lack it and were trained with QuickGELU.
        if trained_with_it.get("quick_gelu") and not with_it.get("quick_gelu"):
            raise InputError(
                f"model {name}: the weights {tag} were trained with QuickGELU, which this model computes without; "
                f"name it {name}-quickgelu"
            )

    def _commit(self) -> str | None:
        """Name the commit of a hub model, whatever name it has in the config; None where weights come from a URL."""
        from open_clip.pretrained import get_pretrained_cfg

        name = self._name
        if name.startswith(_HUB):
            return hub_commit(name.removeprefix(_HUB), _WEIGHTS, _CONFIG)
        repository, _, file = get_pretrained_cfg(name, self.clip.pretrained).get("hf_hub", "").rpartition("/")
        files = (Path(file).with_suffix(".safetensors").name, file) if file else (_WEIGHTS, _CONFIG)
        return hub_commit(repository, *files) if repository else None

    @cached_property
    def weights(self) -> str:
        """The model's content: a hash of a folder's files, or its name with its commit on the hub."""
        if not self._name.startswith(_LOCAL):
            return f"{self._name} {self.clip.pretrained} {self._commit()}"
        return hash_of_files(file for file in self._folder.iterdir() if file.suffix in _FILES)
