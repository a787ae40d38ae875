"""Where an interrupted training goes on: weights, the optimizer's state, and what else a step leaves behind.

Safetensors and JSON, no pickle: a checkpoint may come from elsewhere.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

_OPTIMIZER, _TEACHER = "optimizer", "teacher"


def save_checkpoint(
    file: Path, module: nn.Module, optimizer: torch.optim.Optimizer, teacher: dict[str, Tensor], told: dict[str, Any]
) -> None:
    """Write a checkpoint whole or not at all: weights, the optimizer, the teacher, and what JSON can say.

    All weights: those beneath adapters stand still but for rounding, as peft adds adapters to them and takes them away
    in each step.
    """
    tensors: dict[str, Tensor] = {f"module/{name}": one for name, one in module.named_parameters()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"{_OPTIMIZER}/{number}/{name}": torch.as_tensor(value) for name, value in state.items()}
    tensors |= {f"{_TEACHER}/{name}": one for name, one in teacher.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    held = {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
    save_file(held, partial, metadata={"told": json.dumps(told)})
    partial.rename(file)


def load_checkpoint(
    file: Path, module: nn.Module, optimizer: torch.optim.Optimizer, teacher: dict[str, Tensor]
) -> dict[str, Any]:
    """Bring everything back to what a checkpoint holds, in place; return what was told."""
    with safe_open(file, framework="pt") as stored:
        told: dict[str, Any] = json.loads(stored.metadata()["told"])
        names = list(stored.keys())
        with torch.no_grad():
            for name, one in module.named_parameters():
                one.copy_(stored.get_tensor(f"module/{name}"))
            for name, taught in teacher.items():
                taught.copy_(stored.get_tensor(f"{_TEACHER}/{name}"))
        state: dict[int, dict[str, Tensor]] = {}
        for name in names:
            if name.startswith(f"{_OPTIMIZER}/"):
                _, number, key = name.split("/", 2)
                state.setdefault(int(number), {})[key] = stored.get_tensor(name)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return told
