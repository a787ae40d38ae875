"""The folder of a fine-tuning: whose it is, and what of it is there already."""

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from schemas.errors import InputError
from schemas.ids import fingerprint
from training.config import FineTune

_WORK = "work"


@dataclass(frozen=True)
class Run:
    """Where a tuned model will lie, and beside it, while it is made, its examples and checkpoint."""

    folder: Path
    recipe: FineTune
    dataset: str
    build_id: str

    def claim(self) -> None:
        """Make the folder this run's; raises InputError where another run, or anything else, is in it."""
        file = self.folder / "finetune.json"
        if file.is_file():
            told = json.loads(file.read_text(encoding="utf-8"))
            if told.get("fingerprint") != self.fingerprint:
                raise InputError(f"{self.folder}: holds a fine-tuning by another config or of another build; "
                                 "give another --out, or remove it")  # fmt: skip
            return
        if self.folder.exists() and any(self.folder.iterdir()):
            raise InputError(f"{self.folder}: is not empty; give another --out")
        self.work.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @property
    def work(self) -> Path:
        """Return the folder of what is needed until the model is there."""
        return self.folder / _WORK

    @property
    def done(self) -> bool:
        """Whether the model is there, with its card."""
        return (self.folder / "README.md").is_file()

    @cached_property
    def fingerprint(self) -> str:
        """What the weights depend on, where they are computed aside."""
        recipe = self.recipe.model_dump(mode="json", exclude={"compute", "trackers", "keep_every", "micro_batch_size"})
        return fingerprint("finetune", recipe, self.dataset, self.build_id)

    @property
    def told(self) -> dict[str, Any]:
        """Return what the folder says of itself."""
        return {
            "fingerprint": self.fingerprint,
            "counterfoil": version("counterfoil"),
            "dataset": self.dataset,
            "build_id": self.build_id,
            "recipe": self.recipe.model_dump(mode="json", exclude_unset=True),
        }
