"""One batch over several processes: each encodes its part, all see the whole, gradients are those of one process."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from training.encoded import Encoded

if TYPE_CHECKING:
    from accelerate import Accelerator


def gathered(accelerator: "Accelerator", own: Encoded) -> Encoded:
    """Put the examples of all processes together, in the order of the processes.

    A gradient finds its way back to where a vector was made, added up over the processes.
    """
    if accelerator.num_processes == 1:
        return own
    from torch.distributed.nn.functional import all_gather

    whole = {}
    for name, part in own.parts().items():
        if part.requires_grad:
            whole[name] = torch.cat(all_gather(part.contiguous()))  # type: ignore[no-untyped-call]
        else:
            told = part.to(torch.uint8) if part.dtype == torch.bool else part
            whole[name] = accelerator.gather(told.contiguous()).to(part.dtype)
    return own.with_parts(whole)


def summed_gradients(accelerator: "Accelerator", learning: list[nn.Parameter]) -> None:
    """Give every process the gradient of the whole batch.

    Each has computed the loss of all examples: gathering multiplied by their number what a mean takes back.
    """
    if accelerator.num_processes == 1:
        return
    for one in learning:
        gradient: Tensor = torch.zeros_like(one) if one.grad is None else one.grad
        one.grad = accelerator.reduce(gradient, reduction="mean")
