"""Low-rank adapters (LoRA, arXiv 2106.09685) in the linear maps of both towers, by peft."""

from typing import Any

from torch import nn

from schemas.errors import InputError
from training.config import Lora


def adapted(module: nn.Module, lora: Lora) -> Any:
    """Put adapters into the attention and the perceptrons of all blocks of transformers; everything else stands still.

    Returns peft's model around the module, which learns in its place and whose `merge_and_unload` gives a module like
    the first one. Raises InputError without peft, or where the module has no such maps.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise InputError("lora: peft is not installed; pip install 'counterfoil[finetune]'") from error
    names = _maps(module)
    if not names:
        raise InputError("lora: the model has no linear maps in blocks; leave `lora` out and set a low learning_rate")
    return get_peft_model(module, LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=names))


def _maps(module: nn.Module) -> list[str]:
    attentions = {name for name, one in module.named_modules() if isinstance(one, nn.MultiheadAttention)}
    linear = {name for name, one in module.named_modules() if isinstance(one, nn.Linear)}
    # The maps inside torch's attention are the adapter's business; projections out of a tower have no block.
    blocks = {name for name in linear if name.rpartition(".")[0] not in attentions and name.count(".") > 2}
    return sorted(attentions | blocks)
