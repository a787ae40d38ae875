"""Which version of a model's weights: a commit on the hub, or a hash of the files in a folder; and of a library."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from schemas.errors import InputError

_CHUNK = 1 << 20


@cache
def hub_commit(repository: str, *files: str) -> str:
    """Name the commit of a model on the hub: the one in this machine's cache, else the hub's newest.

    The cache has a model where it has one of `files` (config.json when none is named).
    Raises InputError where neither has it.
    """
    from huggingface_hub import model_info, try_to_load_from_cache

    try:
        for file in files or ("config.json",):
            cached = try_to_load_from_cache(repository, file)
            if isinstance(cached, str):
                return Path(cached).parent.name
        return str(model_info(repository, timeout=10).sha)
    except Exception as error:  # the hub's errors, the network's, and those of malformed names
        why = " ".join(str(error).split())[:120]
        raise InputError(
            f"model {repository}: not in this machine's hub cache, and the hub gave no answer ({why}); "
            "check the name, or give a folder"
        ) from error


@cache
def libraries(*names: str) -> tuple[str, ...]:
    """Name the versions of libraries that hold part of a method: "scipy 1.17.1"."""
    return tuple(f"{name} {version(name)}" for name in names)


def hash_of_files(files: Iterable[Path]) -> str:
    """Hash names and contents of files, whatever their size, in constant memory."""
    sha = hashlib.sha256()
    for path in sorted(files):
        sha.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                sha.update(chunk)
    return sha.hexdigest()
