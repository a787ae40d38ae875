"""A training by two processes of this machine, as `accelerate launch` starts them."""

import os
from pathlib import Path

import torch.multiprocessing as mp
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.config import FineTune
from training.examples import Examples
from training.trainer import Trainer, accelerator_for

PORT = "29731"


def weights_of_two(recipe: FineTune, examples: Path, folder: Path) -> dict[str, Tensor]:
    """Train by two processes on the CPU; returns the weights of the first one."""
    mp.spawn(_one_of_two, args=(recipe.model_dump_json(exclude_unset=True), examples, folder), nprocs=2)
    return load_file(folder / "two.safetensors")


def _one_of_two(rank: int, recipe: str, examples: Path, folder: Path) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": PORT,
        "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    given = FineTune.model_validate_json(recipe)
    trainer = Trainer(given, Examples(examples), folder, accelerator_for(given, folder))
    assert trainer._accelerator.num_processes == 2
    trainer.train()
    if rank == 0:
        save_file(trainer.weights(), folder / "two.safetensors")
