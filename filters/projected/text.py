"""Encoders of texts that stand still: what they make of each token of a caption."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devices import pick_device, pick_dtype
from devices.language_model import check_language_model, language_model_revision, load_language_model
from devices.revision import hash_of_files, hub_commit
from filters.embeddings import Encoder
from filters.projected.loading import transformers_model
from filters.projected.names import clip_of, library_of
from schemas.config import Compute
from schemas.errors import InputError

if TYPE_CHECKING:
    import torch

_NONE = -1  # in place of a token where a caption is over: no tokenizer has it, some have no padding of their own
_FILES = {".safetensors", ".json", ".txt", ".model"}
Read = Callable[["torch.Tensor"], "torch.Tensor"]  # ids, padded by -1: rows x length -> rows x length x width


class FrozenText:
    """An encoder of texts by name, as states of tokens: safetensors, no code from a hub."""

    def __init__(self, name: str, context_length: int, compute: Compute, batch_size: int) -> None:
        self.name, self._most, self._compute, self._batch = name, context_length, compute, batch_size
        self._library = library_of(name)
        if self._library == "timm":
            raise InputError(f"text {name}: timm has encoders of pictures alone; name an encoder of texts")

    @cached_property
    def weights(self) -> str:
        """Its content: a hash of its files, or its commit on the hub."""
        if self._library == "open_clip":
            return self._clip.weights
        if self._library == "language model":
            return language_model_revision(self.name)
        if Path(self.name).is_dir():
            return hash_of_files(file for file in Path(self.name).iterdir() if file.suffix in _FILES)
        return f"{self.name} {hub_commit(self.name)}"

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        if self._library == "open_clip":
            self._clip.check()
        elif self._library == "language model":
            check_language_model(self.name)
        elif not Path(self.name).is_dir():
            hub_commit(self.name)
        elif not list(Path(self.name).glob("*.safetensors")):
            raise InputError(f"text {self.name}: no .safetensors weights in that folder")

    @cached_property
    def tokenize(self) -> Callable[..., "torch.Tensor"]:
        """Turn captions into rows of token ids, -1 where a caption is over; as long as the context, or as
        `context_length` says. Needs no weights, but for a language model that comes as a package."""
        self.check()
        if self._library == "open_clip":
            return self._tokens_of_open_clip
        try:
            tokenizer = self._tokenizer
        except Exception as error:  # hub, file and config errors of several libraries
            raise self._refusal(error) from error
        longest = min(self._most, tokenizer.model_max_length)

        def tokenize(captions: Sequence[str], context_length: int | None = None) -> "torch.Tensor":
            import torch

            length = context_length or longest
            rows = tokenizer(list(captions), truncation=True, max_length=length)["input_ids"]
            return torch.tensor([[*row, *[_NONE] * (length - len(row))] for row in rows], dtype=torch.long)

        return tokenize

    @cached_property
    def width(self) -> int:
        """Numbers that say what is read at one token."""
        return int(self.features(self.tokenize(["a"]).to(self._device)).shape[2]) - 1

    def features(self, ids: "torch.Tensor") -> "torch.Tensor":
        """Read captions: rows x length x (width + 1), float32; the last number is 1 where there is a token, else 0."""
        import torch

        with torch.no_grad():
            there = (ids != _NONE).float()[..., None]
            # What stands behind a caption's end means nothing, and may be no number.
            states = torch.where(there > 0, self._read(ids).float(), 0.0)
            return torch.cat([states, there], 2)

    @cached_property
    def _clip(self) -> Encoder:
        return Encoder(clip_of(self.name, self._batch), self._compute)

    @cached_property
    def _device(self) -> "torch.device":
        return pick_device(self._compute.device)

    @cached_property
    def _tokenizer(self) -> Any:
        if self._library == "language model":
            return self._language_model.tokenizer
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.name, trust_remote_code=False)

    @cached_property
    def _language_model(self) -> Any:
        return load_language_model(self.name, None, self._device, pick_dtype(self._compute.dtype, self._device))

    @cached_property
    def _read(self) -> Read:
        self.check()
        if self._library == "open_clip":
            return self._read_of_open_clip()
        try:
            model = self._model()
        except InputError:
            raise
        except Exception as error:  # hub, file and config errors of several libraries
            raise self._refusal(error) from error

        def read(ids: "torch.Tensor") -> "torch.Tensor":
            states: torch.Tensor = model(input_ids=ids.clamp(min=0), attention_mask=(ids != _NONE).long())[0]
            return states

        return read

    def _model(self) -> Any:
        if self._library == "language model":
            return self._language_model.model.base_model
        found = transformers_model(self.name, dtype=pick_dtype(self._compute.dtype, self._device))
        model = found.get_encoder() if found.config.is_encoder_decoder else getattr(found, "text_model", found)
        return model.eval().to(self._device)

    def _tokens_of_open_clip(self, captions: Sequence[str], context_length: int | None = None) -> "torch.Tensor":
        more = {} if context_length is None else {"context_length": context_length}
        ids: torch.Tensor = self._clip.tokenize(list(captions), **more)
        return ids.masked_fill(ids == self._padding, _NONE)

    @cached_property
    def _padding(self) -> int:
        [empty] = self._clip.tokenize([""]).tolist()
        return int(Counter(empty).most_common(1)[0][0])

    def _read_of_open_clip(self) -> Read:
        model: Any = self._clip.loaded.model
        if hasattr(getattr(model, "text", None), "config"):
            raise InputError(f"text {self.name}: its text tower is one of transformers; name that itself")

        def read(ids: "torch.Tensor") -> "torch.Tensor":
            last = {"text_indices": 1, "intermediates_only": True, "normalize_intermediates": True}
            found = model.forward_intermediates(text=ids.masked_fill(ids == _NONE, self._padding), **last)
            states: torch.Tensor = found["text_intermediates"][-1]
            return states

        return read

    def _refusal(self, error: Exception) -> InputError:
        return InputError(f"text {self.name}: transformers cannot load it: {' '.join(str(error).split())[:200]}")
