"""A hub cache on disk, as the hub's own library lays it out, and no network."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Hub:
    """What a machine without a network has of the hub: the models that were fetched before."""

    cache: Path

    def add(self, repository: str, folder: Path) -> str:
        """Put a folder into the cache as a model's newest commit, and return that commit."""
        commit = hashlib.sha1(repository.encode(), usedforsecurity=False).hexdigest()
        place = self.cache / f"models--{repository.replace('/', '--')}"
        (place / "refs").mkdir(parents=True)
        (place / "refs" / "main").write_text(commit)
        shutil.copytree(folder, place / "snapshots" / commit)
        return commit


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Point the hub's library at an empty cache and cut its network."""
    from huggingface_hub import constants

    cache = tmp_path_factory.mktemp("hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return Hub(cache)
