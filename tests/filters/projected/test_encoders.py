"""Frozen encoders of every library: what they see and read, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from devices.pictures import decoded
from filters.projected.text import FrozenText
from filters.projected.vision import FrozenVision
from schemas.config import Compute
from schemas.errors import InputError
from tests.pictures import picture
from tests.tiny_models import make_tiny_clip, make_tiny_dual_encoder, make_tiny_language_model, make_tiny_vision

CPU = Compute(device="cpu", dtype="float32")
CAPTIONS = ["A red cup .", "A blue cup on a plate beside a spoon ."]


def seen(vision: FrozenVision) -> torch.Tensor:
    prepare = vision.preprocess
    rows = torch.from_numpy(np.stack([prepare.picture(decoded(picture(n))) for n in range(2)]))
    return vision.features(prepare.batch(rows))


@pytest.mark.parametrize("kind", ["open_clip", "vit", "convnet", "dinov2", "siglip"])
def test_a_picture_is_seen_as_a_whole_and_in_cells(kind: str, tmp_path: Path) -> None:
    made = {"open_clip": lambda: make_tiny_clip(tmp_path), "siglip": lambda: make_tiny_dual_encoder(tmp_path, kind)}
    name = made[kind]() if kind in made else make_tiny_vision(tmp_path, kind)
    vision = FrozenVision(name, 2, CPU, 4)
    vision.check()
    features = seen(vision)
    cells = 1 if kind == "convnet" else 4  # of 32 pixels its last map is one place
    assert features.shape == (2, 1 + cells, vision.width)
    assert features.isfinite().all()
    assert not torch.allclose(features[0], features[1])
    if kind in {"convnet", "siglip"}:  # they have no class token
        assert torch.allclose(features[:, 0], features[:, 1:].mean(1), atol=1e-5)
    else:
        assert not torch.allclose(features[:, 0], features[:, 1:].mean(1), atol=1e-5)


@pytest.mark.parametrize("kind", ["open_clip", "language model", "clip"])
def test_a_caption_is_read_token_by_token_and_no_further(kind: str, tmp_path: Path) -> None:
    made = {"open_clip": make_tiny_clip, "language model": make_tiny_language_model}
    name = made[kind](tmp_path) if kind in made else make_tiny_dual_encoder(tmp_path, kind)
    text = FrozenText(name, 24, CPU, 4)
    text.check()
    both, alone = (text.features(text.tokenize(some)) for some in (CAPTIONS, CAPTIONS[:1]))
    assert both.shape == (2, 24, text.width + 1)
    assert torch.equal(both[0], alone[0]), "a caption does not depend on its neighbours"
    there = both[..., -1]
    assert 0 < there[0].sum() < there[1].sum() <= 24
    assert torch.equal(there, there.sort(1, descending=True).values), "tokens stand at the beginning"
    assert not both[there == 0].any()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("package:smollm2-135m", "vision package:smollm2-135m: is a language model"),
        ("timm:no_such_model.at_all", "timm knows no such model with weights"),
        ("package:nothing", "no such model comes with Counterfoil"),
    ],
)
def test_what_sees_no_pictures_is_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        FrozenVision(name, 2, CPU, 4).check()


def test_what_reads_no_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="timm has encoders of pictures alone"):
        FrozenText(make_tiny_vision(tmp_path / "vit", "vit"), 24, CPU, 4)
    with pytest.raises(InputError, match=r"neither open_clip_config\.json nor a readable config\.json"):
        FrozenText(str(tmp_path), 24, CPU, 4)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"no \.safetensors weights in that folder"):
        FrozenText(str(tmp_path), 24, CPU, 4).check()
