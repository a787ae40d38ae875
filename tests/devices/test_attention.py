"""Attention for writing: the same numbers as the library's, of the same weights, sooner."""

from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import DynamicCache

from devices.attention import quick_to_write
from tests.devices.test_scoring import make

KINDS = ("llama", "gemma3_text", "gpt2")


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name = make(request.param, tmp_path_factory.mktemp(request.param))
    return transformers.AutoModelForCausalLM.from_pretrained(name, dtype=torch.bfloat16).eval()


def written(model: Any) -> list[torch.Tensor]:
    """Read rows of which one is padded, then four tokens, one by one."""
    ids = torch.arange(3, 63).reshape(3, 20) % 300
    mask = torch.ones_like(ids)
    mask[1, :6] = 0
    cache, logits = DynamicCache(config=model.config), []
    with torch.inference_mode():
        for step in range(5):
            positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            how = {"attention_mask": mask, "position_ids": positions, _keeper(model): cache}
            out = model(input_ids=ids, use_cache=True, **how)
            logits.append(out.logits[:, -1].float())
            ids = torch.tensor([[step + 5], [step + 50], [step + 90]])
            mask = torch.cat([mask, mask.new_ones(3, 1)], 1)
    return logits


def _keeper(model: Any) -> str:
    return "cache" if "cache" in signature(model.forward).parameters else "past_key_values"


def test_it_attends_as_the_library_does(model: Any) -> None:
    quick = quick_to_write(model)
    assert quick is not model
    for ours, theirs in zip(written(quick), written(model), strict=True):
        assert (ours - theirs).abs().max() < 0.03 * theirs.abs().max()


def test_the_other_model_keeps_its_settings_and_its_weights_are_not_copied(model: Any) -> None:
    quick = quick_to_write(model)
    assert model.config._attn_implementation == "sdpa"
    ours, theirs = ({name: p.data_ptr() for name, p in one.named_parameters()} for one in (quick, model))
    assert ours == theirs


def test_where_nothing_is_to_be_won_the_model_is_as_it_was(tmp_path: Path) -> None:
    for kind, dtype in (("llama", torch.float32), ("mamba", torch.bfloat16), ("bloom", torch.bfloat16)):
        name = make(kind, tmp_path / kind)
        model = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
        assert quick_to_write(model) is model
