"""Which version of a model's weights: a commit on the hub, or a hash of the files in a folder; and of a library."""

import hashlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import version
from pathlib import Path

from schemas.errors import InputError

_CHUNK = 1 << 20
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


HubCommits = dict[tuple[str, ...], str]  # a repository, and the files that tell whether the cache has it -> its commit
_commits: HubCommits = {}


def hub_commits() -> HubCommits:
    """Return the commits of hub models that this process takes."""
    return dict(_commits)


def agree_on(commits: HubCommits) -> None:
    """Take these commits, whatever this machine's cache or the hub has: as in the process that has named the work."""
    _commits.update(commits)


def hub_commit(repository: str, *files: str) -> str:
    """Name the commit of a model on the hub: the one that this machine's cache has for the main branch, else the hub's
    newest, else, where the hub gives no answer, the one that was fetched last.

    The cache has a model where it has one of `files` (config.json when none is named).
    A process takes the same one all its life. Raises InputError where neither has it.
    """
    key = (repository, *files)
    if key not in _commits:
        _commits[key] = _found_commit(repository, files or ("config.json",))
    return _commits[key]


def _found_commit(repository: str, wanted: tuple[str, ...]) -> str:
    from huggingface_hub import model_info, try_to_load_from_cache

    try:
        for file in wanted:
            cached = try_to_load_from_cache(repository, file)
            if isinstance(cached, str):
                return cached.removesuffix(file).rstrip("/").rpartition("/")[2]
        return str(model_info(repository, timeout=10).sha)
    except Exception as error:  # the hub's errors, the network's, and those of malformed names
        # What was fetched by its commit, as we do, is in the cache under no branch.
        fetched = [folder for folder in _snapshots(repository) if any((folder / file).is_file() for file in wanted)]
        if fetched:
            return max(fetched, key=lambda folder: folder.stat().st_mtime).name
        raise InputError(
            f"model {repository}: not in this machine's hub cache, and the hub gave no answer ({_why(error)}); "
            "check the name, or give a folder"
        ) from error


def check_hub_weights(model: str, repository: str, commit: str, *weights: str) -> None:
    """Raise InputError where a commit has no file of these names or patterns ("*.safetensors"), pickles at most:
    neither in this machine's cache nor on the hub. `model` is what to call it."""
    cached = {
        file.relative_to(folder).as_posix()
        for folder in _snapshots(repository)
        if folder.name == commit
        for file in folder.rglob("*")
    }
    if _named(cached, weights):
        return
    try:
        files, where = _files_on_hub(repository, commit), "on the hub"
    except Exception as error:  # the hub's errors, and the network's
        files, where = cached, f"in this machine's hub cache, and the hub gave no answer ({_why(error)})"
    if _named(files, weights):
        return
    if pickles := _named(files, PICKLES):
        raise InputError(
            f"model {model}: its weights come as {pickles[0]}, a pickle; convert them to safetensors in a folder and "
            "name that"
        )
    raise InputError(f"model {model}: no {' or '.join(weights)} {where}; name another, or give a folder")


@cache
def _files_on_hub(repository: str, commit: str) -> set[str]:
    from huggingface_hub import model_info

    return {file.rfilename for file in model_info(repository, revision=commit, timeout=10).siblings or ()}


def _named(files: Iterable[str], patterns: Iterable[str]) -> list[str]:
    return sorted(file for file in files if any(fnmatchcase(file, pattern) for pattern in patterns))


def _snapshots(repository: str) -> list[Path]:
    """List the folders of this machine's cache that hold commits of a model."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.file_download import repo_folder_name

    try:
        name = repo_folder_name(repo_id=repository, repo_type="model")
    except HFValidationError:  # a folder that is not there, say
        return []
    place = Path(constants.HF_HUB_CACHE, name, "snapshots")
    return [folder for folder in place.glob("*") if folder.is_dir()]


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


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
