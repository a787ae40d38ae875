"""A language model on this machine: a base model is shown examples, an instruct model is talked to."""

import copy
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from devices import pick_device, pick_dtype
from devices.language_model import (
    LanguageModel,
    check_language_model,
    language_model_revision,
    load_language_model,
)
from generators.text.writing.base import Answer, Prompt
from generators.text.writing.replies import caption_in
from schemas.config import Compute
from schemas.config import Writer as Settings
from schemas.errors import InputError

if TYPE_CHECKING:
    import torch

_QUESTION, _ANSWER = "Caption:", "Changed:"
# Tokens that are drawn from: beyond the likeliest so many, top_p hardly ever reaches, and each costs a sort.
_TOP = 128
# Below so many letters a word that only begins like the one to avoid is another word.
_STEM = 3
_SPACES = ("▁", "Ġ", " ")  # how tokenizers write a blank before a word


class LocalWriter:
    """Answer prompts by a causal language model of transformers.

    A prompt's answer hangs on the prompt, its seed and the model: each row draws from a generator of its own, so that
    its company in a batch changes nothing but rounding. What prompts share at their beginning, the instruction and
    examples, is read once.
    """

    version = 1

    def __init__(self, config: Settings, compute: Compute) -> None:
        self.config, self.compute = config, compute

    @cached_property
    def identity(self) -> list[Any]:
        """Kind, version, the model's revision and number format, and what words are drawn by."""
        config, dtype = self.config, str(pick_dtype(self.compute.dtype, pick_device(self.compute.device)))
        revision = language_model_revision(config.model, config.gguf_file)
        return ["local", self.version, revision, dtype, config.temperature, config.top_p, config.max_tokens]

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        check_language_model(self.config.model, self.config.gguf_file)

    def write(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answer every prompt, in order; tokens of the shared beginning count for the first that has it.

        Raises InputError where the model cannot be loaded or keeps no keys and values of what it has read.
        """
        answers: dict[int, Answer] = {}
        groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for index, prompt in enumerate(prompts):
            groups[prompt.instruction, prompt.examples].append(index)
        for group in groups.values():
            tokens = {index: self._tokens(prompts[index]) for index in group}
            # The last token of each is read with its row: what comes next is drawn there.
            shared = _common([ids[:-1] for ids in tokens.values()])
            beginning = self._read(tokens[group[0]][:shared])
            for batch in self._batches(tokens):
                rows = [_Row(prompts[index], tokens[index][shared:]) for index in batch]
                self._continue(rows, beginning, shared)
                answers.update((index, self._answer(row)) for index, row in zip(batch, rows, strict=True))
            first = answers[group[0]]
            answers[group[0]] = Answer(first.text, first.tokens + shared, first.detail)
        return [answers[index] for index in range(len(prompts))]

    def _tokens(self, prompt: Prompt) -> list[int]:
        tokenizer = self._loaded.tokenizer
        if tokenizer.chat_template is None:
            ids: list[int] = tokenizer(_plain(prompt))["input_ids"]
            return ids
        messages = _messages(prompt, system=self._knows_system)
        how = {"continue_final_message": True} if prompt.start else {"add_generation_prompt": True}
        text = tokenizer.apply_chat_template(messages, tokenize=False, **how)
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    @cached_property
    def _knows_system(self) -> bool:
        messages = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
        try:
            self._loaded.tokenizer.apply_chat_template(messages, tokenize=False)
        except Exception:  # templates raise what they like
            return False
        return True

    def _batches(self, tokens: dict[int, list[int]]) -> Iterator[list[int]]:
        order = sorted(tokens, key=lambda index: (len(tokens[index]), index))
        for at in range(0, len(order), self.config.batch_size):
            yield order[at : at + self.config.batch_size]

    def _read(self, ids: list[int]) -> Any:
        """Read what all prompts of a group begin with; returns its keys and values."""
        import torch
        from transformers import DynamicCache

        model = self._loaded.model
        cache = DynamicCache(config=model.config)
        if ids:
            with torch.inference_mode():
                given = torch.tensor([ids], device=self._loaded.device)
                model(input_ids=given, use_cache=True, logits_to_keep=1, **{self._keeper: cache})
            if not _holds(cache, len(ids)):
                raise InputError(f"model {self.config.model}: keeps no keys and values; name another, or a server")
        return cache

    def _continue(self, rows: "list[_Row]", beginning: Any, shared: int) -> None:
        """Draw token after token until every row has ended or has as many as it may."""
        import torch

        device, model = self._loaded.device, self._loaded.model
        widest = max(len(row.ids) for row in rows)
        pad = rows[0].ids[-1]  # behind the mask, it may be anything
        ids = torch.tensor([[pad] * (widest - len(row.ids)) + row.ids for row in rows], device=device)
        unseen = torch.tensor([widest - len(row.ids) for row in rows], device=device)
        columns = torch.arange(shared + widest, device=device)
        mask = ((columns < shared) | (columns >= shared + unseen[:, None])).long()
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, shared:]
        cache = copy.deepcopy(beginning)
        cache.batch_repeat_interleave(len(rows))
        open_rows = list(rows)
        for step in range(self.config.max_tokens):
            with torch.inference_mode():
                logits = model(
                    input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1,
                    **{self._keeper: cache},
                ).logits[:, -1].float()  # fmt: skip
                for n, row in enumerate(open_rows if step == 0 else ()):
                    logits[n, self._barred(row.prompt)] = -torch.inf
            for row, token in zip(open_rows, self._drawn(logits, open_rows), strict=True):
                row.ended = row.ended or self._ends(token)
                if not row.ended:
                    row.written.append(token)
            going = [n for n, row in enumerate(open_rows) if not row.ended]
            if not going:
                return
            if 2 * len(going) <= len(open_rows):  # rows that have ended are carried along until that pays
                keep = torch.tensor(going, device=device)
                cache.batch_select_indices(keep)
                open_rows, mask, positions = [open_rows[n] for n in going], mask[keep], positions[keep]
            ids = torch.tensor([[row.written[-1] if row.written else pad] for row in open_rows], device=device)
            mask = torch.cat([mask, mask.new_ones(len(open_rows), 1)], 1)
            positions = positions[:, -1:] + 1

    @cached_property
    def _keeper(self) -> str:
        """What this version of transformers calls the argument for keys and values."""
        return "cache" if "cache" in signature(self._loaded.model.forward).parameters else "past_key_values"

    def _drawn(self, logits: "torch.Tensor", rows: "list[_Row]") -> list[int]:
        values, tokens = logits.topk(min(_TOP, logits.shape[1]), dim=1)
        if self.config.temperature == 0:
            return [int(token) for token in tokens[:, 0]]
        # In float64, so that a draw does not hang on the order of small numbers' sums.
        scaled = values.double().cpu().numpy() / self.config.temperature
        chances: npt.NDArray[np.float64] = np.exp(scaled - scaled[:, :1])
        chances /= chances.sum(1, keepdims=True)
        before = np.cumsum(chances, 1) - chances
        chances[before >= self.config.top_p] = 0  # the likeliest stays
        ends = np.cumsum(chances, 1)
        at = [int(np.searchsorted(ends[n], row.random.random() * ends[n, -1], side="right"))
              for n, row in enumerate(rows)]  # fmt: skip
        return [int(tokens[n, min(k, tokens.shape[1] - 1)]) for n, k in enumerate(at)]

    def _ends(self, token: int) -> bool:
        return token in self._stops or "\n" in self._texts[token]

    @cached_property
    def _stops(self) -> frozenset[int]:
        tokenizer, config = self._loaded.tokenizer, self._loaded.model.generation_config
        several = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
        return frozenset({tokenizer.eos_token_id, *several, *tokenizer.all_special_ids} - {None})

    @cached_property
    def _texts(self) -> list[str]:
        """The text of each token, a blank before a word included; nothing for those that have none."""
        size = self._loaded.model.get_output_embeddings().weight.shape[0]
        names = self._loaded.tokenizer.convert_ids_to_tokens(list(range(min(size, len(self._loaded.tokenizer)))))
        texts = [_text(name or "") for name in names]
        return texts + [""] * (size - len(texts))

    @cached_property
    def _by_letter(self) -> dict[str, list[tuple[int, str]]]:
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for token, text in enumerate(self._texts):
            word = text.strip().lower()
            if word:
                found[word[0]].append((token, word))
        return found

    @cached_property
    def _no_words(self) -> list[int]:
        """Tokens that do not begin a new word."""
        return [token for token, text in enumerate(self._texts) if not (text.startswith(" ") and text.strip())]

    @cached_property
    def _nothing(self) -> list[int]:
        """Tokens that would end an answer before it has begun."""
        return [token for token in range(len(self._texts)) if self._ends(token)]

    def _barred(self, prompt: Prompt) -> list[int]:
        """List the tokens that must not come first."""
        avoid = prompt.avoid.lower()
        begins = [
            token for token, word in self._by_letter.get(avoid[:1], [])
            if avoid.startswith(word) or (len(avoid) >= _STEM and word.startswith(avoid))
        ]  # fmt: skip
        return begins + (self._no_words if prompt.start else self._nothing)

    def _answer(self, row: "_Row") -> Answer:
        tokens = len(row.ids) + len(row.written)
        text = self._loaded.tokenizer.decode(row.written, skip_special_tokens=True).strip()
        if (
            row.prompt.start
        ):  # what stands first in an answer that was cut off may still be of use, without its last word
            text = text if row.ended else text.rpartition(" ")[0]
            return Answer(f"{row.prompt.start} {text}", tokens)
        caption, detail = caption_in(text, not row.ended)
        return Answer(caption, tokens, detail)

    @cached_property
    def _loaded(self) -> LanguageModel:
        device = pick_device(self.compute.device)
        dtype = pick_dtype(self.compute.dtype, device)
        return load_language_model(self.config.model, self.config.gguf_file, device, dtype)


class _Row:
    """A prompt that is being answered."""

    def __init__(self, prompt: Prompt, ids: list[int]) -> None:
        self.prompt, self.ids = prompt, ids  # ids: what is its own of the prompt
        self.written: list[int] = []
        self.ended = False
        self.random = np.random.default_rng(prompt.seed)


def _holds(cache: Any, tokens: int) -> bool:
    """Tell whether a cache has kept what was read: models without attention over all of it keep something else."""
    try:
        return bool(cache.get_seq_length() == tokens)
    except ValueError:
        return False


def _common(sequences: list[list[int]]) -> int:
    """Count what sequences have in common at their beginning: what the least and the greatest have."""
    first, last = min(sequences), max(sequences)
    return next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def _plain(prompt: Prompt) -> str:
    """Write a prompt for a model that only continues texts."""
    shown = "".join(f"{_QUESTION} {question}\n{_ANSWER} {answer}\n\n" for question, answer in prompt.examples)
    start = f" {prompt.start}" if prompt.start else ""
    return f"{prompt.instruction}\n\n{shown}{_QUESTION} {prompt.question}\n{_ANSWER}{start}"


def _messages(prompt: Prompt, system: bool) -> list[dict[str, str]]:
    turns = [*prompt.examples, (prompt.question, prompt.start)]
    if not system:
        turns[0] = f"{prompt.instruction}\n\n{turns[0][0]}", turns[0][1]
    messages = [{"role": "system", "content": prompt.instruction}] if system else []
    for question, answer in turns:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return messages if prompt.start else messages[:-1]


def _text(name: str) -> str:
    for blank in _SPACES:
        if name.startswith(blank):
            return " " + name[len(blank) :]
    return name.replace("Ċ", "\n")  # a line's end, as byte-level tokenizers write it
