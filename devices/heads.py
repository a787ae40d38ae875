"""A language model in two: what reads tokens, and the head, which weighs the whole vocabulary at each of them."""

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def in_two(model: Any) -> tuple[Any, Any] | None:
    """Part a causal language model of transformers: what returns `last_hidden_state`, and what makes of that, given as
    `inputs_embeds`, the same `logits` as the model itself, whatever it does to them. None where a model has no such
    parts.

    So that few logits are in memory at a time: those of 16,384 tokens of Qwen3's 151,936 words take 5 GB in 16 bits.
    """
    import torch

    name = model.base_model_prefix
    body = getattr(model, name, None)
    if body is None or body is model or not isinstance(body, torch.nn.Module):
        return None
    ids = torch.arange(1, 9, device=model.device)[None]  # to try it on
    # The model's own code, with all that it does behind its head (caps, factors), around what hands on what it gets.
    head = copy.copy(model)
    try:
        with torch.inference_mode():
            read = body(input_ids=ids, use_cache=False)
            head._modules = {**model._modules, name: _giving(type(read))}
            ours: torch.Tensor = head(inputs_embeds=read.last_hidden_state, use_cache=False).logits
            theirs: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    except (TypeError, AttributeError, ValueError, RuntimeError):  # other parts, or other arguments
        return None
    same = ours.shape == theirs.shape and torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3, equal_nan=True)
    return (body, head) if same else None


def _giving(output: Any) -> Any:
    """Make a module that returns what it gets as `inputs_embeds`, in the output class of what it stands for."""
    import torch

    class Giving(torch.nn.Module):
        def forward(self, *_: Any, inputs_embeds: "torch.Tensor", **__: Any) -> Any:
            return output(last_hidden_state=inputs_embeds)

    return Giving()
