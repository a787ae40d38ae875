"""Models that learn: loaded, told apart by towers, saved, and loaded by their own library again."""

import json
from pathlib import Path

import open_clip
import pytest
import torch

from schemas.config import Clip
from schemas.errors import InputError
from tests.pictures import picture
from tests.tiny_models import make_tiny_clip, make_tiny_dual_encoder, make_tiny_projectors
from training.towers import Towers, load_towers

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["open_clip", "clip", "siglip", "projected"])
def name(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "open_clip":
        return make_tiny_clip(folder)
    return (
        make_tiny_projectors(folder) if request.param == "projected" else make_tiny_dual_encoder(folder, request.param)
    )


def vectors(towers: Towers) -> torch.Tensor:
    pictures = towers.pictures([picture(n) for n in range(3)])
    tokens = towers.tokens(["A red cup .", "A blue cup on a plate ."])
    return torch.cat([towers.encode_pictures(pictures), towers.encode_captions(tokens)])


def test_vectors_have_length_one_and_a_gradient(name: str) -> None:
    towers = load_towers(name, CPU)
    found = vectors(towers)
    assert found.norm(dim=1).tolist() == pytest.approx([1.0] * 5, abs=1e-5)
    (found.sum() * towers.scale).backward()  # type: ignore[no-untyped-call]
    assert all(one.grad is not None for one in (*towers.of_images(), *towers.of_captions()))
    assert 1 <= towers.scale.item() <= 100


def test_each_weight_is_of_one_tower(name: str) -> None:
    towers = load_towers(name, CPU)
    images, captions = ({id(one) for one in part()} for part in (towers.of_images, towers.of_captions))
    assert images
    assert captions
    assert not images & captions
    rest = [key for key, one in towers.module.named_parameters() if id(one) not in images | captions]
    assert set(rest) <= {"logit_scale", "logit_bias"}


def test_what_is_saved_is_loaded_again(name: str, tmp_path: Path) -> None:
    towers = load_towers(name, CPU)
    with torch.no_grad():
        for one in towers.module.parameters():
            one.add_(0.01)
        before = vectors(towers)
    towers.save(tmp_path, {key: value.clone() for key, value in towers.module.state_dict().items()})
    again = load_towers(str(tmp_path), CPU)
    with torch.no_grad():
        assert torch.allclose(vectors(again), before, atol=1e-6)
    assert not list(tmp_path.glob("*.bin"))


def test_a_captions_vector_does_not_depend_on_its_neighbours(name: str) -> None:
    towers = load_towers(name, CPU)
    with torch.no_grad():
        alone = towers.encode_captions(towers.tokens(["A red cup ."]))
        beside = towers.encode_captions(towers.tokens(["A red cup .", "A blue cup on a plate beside a spoon ."]))
    assert torch.allclose(alone[0], beside[0], atol=1e-5)


def test_a_model_by_name_is_saved_with_its_activation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name that OpenAI's weights go by says nothing of quick GELU, which they switch on."""
    model = make_tiny_clip(tmp_path / "tiny")
    towers = load_towers(model, CPU)
    quick = open_clip.CLIP(**json.loads((tmp_path / "tiny" / "open_clip_config.json").read_text())["model_cfg"],
                           quick_gelu=True)  # fmt: skip
    from training import towers as module

    quick.visual.preprocess_cfg = {"size": 32, "mean": [0.5] * 3, "std": [0.5] * 3}
    monkeypatch.setattr("open_clip.factory.get_model_config", lambda _: {"embed_dim": 16})
    found = module._open_clip_config(Clip(model="Some-Name", pretrained="openai"), quick)
    assert found["model_cfg"]["quick_gelu"] is True
    assert module._open_clip_config(Clip(model=model), towers.module)["model_cfg"]["embed_dim"] == 16


def test_a_folder_that_is_no_dual_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither open_clip_config.json nor config.json"):
        load_towers(str(tmp_path), CPU)


def test_a_caption_ends_where_it_ends(tmp_path: Path) -> None:
    """The padding of CLIP has the id of the end of a text."""
    from transformers import AutoModel, AutoTokenizer

    folder = make_tiny_dual_encoder(tmp_path, "clip")
    towers = load_towers(folder, CPU)
    captions = ["A red cup .", "A cup ."]
    own = AutoTokenizer.from_pretrained(folder)(captions, padding=True, return_tensors="pt")
    with torch.no_grad():
        theirs = AutoModel.from_pretrained(folder).get_text_features(**own).pooler_output
        ours = towers.encode_captions(towers.tokens(captions))
    assert torch.allclose(ours, torch.nn.functional.normalize(theirs, dim=-1), atol=1e-6)


def test_captions_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    """open_clip's own way, filled up to the greatest length, gives the same vectors."""
    towers = load_towers(make_tiny_clip(tmp_path), CPU)
    captions = ["A red cup .", "A blue cup on a plate beside a spoon ."]
    tokens = towers.tokens(captions)
    filled = open_clip.get_tokenizer(f"local-dir:{tmp_path}")(captions)
    assert tokens.shape[1] < filled.shape[1]
    with torch.no_grad():
        theirs = torch.nn.functional.normalize(towers.module.encode_text(filled), dim=-1)  # type: ignore[operator]
        assert torch.allclose(towers.encode_captions(tokens), theirs, atol=1e-6)


def test_pictures_in_their_own_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in their own shape"):
        load_towers(make_tiny_dual_encoder(tmp_path, "siglip2"), CPU)
