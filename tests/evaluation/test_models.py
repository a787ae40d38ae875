"""Dual encoders by every kind of name, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from devices.pictures import as_png
from evaluation.models import load
from evaluation.transformers_encoder import TransformersEncoder
from filters.embeddings import Encoder
from schemas.config import Clip, Compute
from schemas.errors import InputError
from tests.evaluation.known import COLOURS
from tests.tiny_models import make_tiny_clip, make_tiny_dual_encoder

CPU = Compute(device="cpu")
PICTURES = [Image.new("RGB", (40, 30), colour) for colour in COLOURS.values()]
CAPTIONS = ["a dog", "a dog runs through the grass", "red"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module", params=["clip", "siglip", "siglip2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_dual_encoder(tmp_path_factory.mktemp(request.param), request.param)


def test_vectors_are_of_unit_length_and_float32(clip: str) -> None:
    model = load(clip, CPU)
    for vectors, rows in ((model.images(PICTURES), len(PICTURES)), (model.captions(CAPTIONS), len(CAPTIONS))):
        assert vectors.dtype == np.float32
        assert len(vectors) == rows
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert "torch.float32" in model.identity


def test_open_clips_vectors_are_those_that_a_build_has(clip: str) -> None:
    encoder = Encoder(Clip(model=clip), Compute(device="cpu", dtype="float32"))
    images = [as_png(picture) for picture in PICTURES]
    nulls = [None] * len(CAPTIONS)
    keys = [bytes(16)] * (len(images) + len(CAPTIONS))
    rows = pa.table(
        [pa.array(keys, pa.binary(16)), [*images, *nulls], [*[None] * len(images), *CAPTIONS]],
        names=["key", "image", "caption"],
    )
    vectors = np.array(encoder(rows)["embedding"].to_pylist(), np.float32)
    model = load(clip, CPU)
    assert np.array_equal(vectors, np.vstack([model.images(PICTURES), model.captions(CAPTIONS)]))


def test_a_folder_is_that_of_its_files(clip: str, folder: str) -> None:
    same = load(clip.removeprefix("local-dir:"), CPU)
    assert np.array_equal(same.captions(CAPTIONS), load(clip, CPU).captions(CAPTIONS))
    assert same.identity == load(clip, CPU).identity or clip in str(load(clip, CPU).identity)
    assert isinstance(load(folder, CPU), TransformersEncoder)


def test_a_row_does_not_depend_on_those_beside_it(folder: str) -> None:
    model = load(folder, CPU, batch_size=4)
    assert np.array_equal(model.captions(CAPTIONS)[:1], model.captions(CAPTIONS[:1]))
    assert np.array_equal(model.images(PICTURES)[5:6], model.images(PICTURES[5:6]))
    assert model.images([]).shape[0] == 0


def test_transformers_features_are_its_own(folder: str) -> None:
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    ours, theirs = load(folder, CPU), AutoModel.from_pretrained(folder).eval()
    texts = AutoTokenizer.from_pretrained(folder)(
        CAPTIONS, padding="max_length", truncation=True, return_tensors="pt",
        max_length=theirs.config.text_config.max_position_embeddings,
    )  # fmt: skip
    pictures = AutoImageProcessor.from_pretrained(folder)(images=PICTURES, return_tensors="pt")
    with torch.inference_mode():
        found = theirs(**texts, **pictures)
    assert np.allclose(ours.captions(CAPTIONS), found.text_embeds, atol=1e-5)
    assert np.allclose(ours.images(PICTURES), found.image_embeds, atol=1e-5)


def test_what_ships_goes_by_its_name() -> None:
    assert load("package:shapes-clip-bag", CPU).images(PICTURES).shape == (8, 384)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ViT-B-32:openai", "ViT-B-32: the weights openai were trained with QuickGELU.*name it ViT-B-32-quickgelu"),
        ("ViT-B-32", "expected one of"),
        ("no-such-model", "open_clip knows no such model"),
        ("package:nothing", "no such model comes with Counterfoil"),
        ("local-dir:/nowhere", "no open_clip_config.json in that folder"),
    ],
)
def test_what_is_no_model_is_refused_before_weights_are_loaded(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(name, CPU)


def test_folders_without_a_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither open_clip_config\.json nor config\.json"):
        load(str(tmp_path), CPU)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(InputError, match=r"no \.safetensors weights"):
        load(str(tmp_path), CPU)
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(InputError, match="transformers cannot load it"):
        load(str(tmp_path), CPU).captions(["a dog"])
