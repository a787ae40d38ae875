"""A language model on this machine: a base model is shown examples, an instruct model is talked to."""

import copy
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from devices import pick_device, pick_dtype
from devices.attention import quick_to_write
from devices.language_model import (
    LanguageModel,
    check_language_model,
    language_model_revision,
    load_language_model,
)
from devices.memory import Batches, rows_in
from devices.numbers import tell_unknown
from generators.text.llm.writers.base import Answer, Prompt
from generators.text.llm.writers.replies import caption_in
from generators.text.llm.writers.telling import Telling
from generators.text.llm.writers.vocabulary import Vocabulary
from schemas.config import Compute
from schemas.config import Writer as Settings
from schemas.errors import InputError

if TYPE_CHECKING:
    import torch

# Tokens that are drawn from: beyond the likeliest so many, top_p hardly ever reaches, and each costs a sort.
_TOP = 128
# How instruct models begin what they wrap around an answer, in several lines.
_WRAPPED = ("```", "{", "<think>")


class LocalWriter:
    """Answer prompts by a causal language model of transformers.

    A prompt's answer hangs on the prompt, its seed and the model: each row draws from a generator of its own, so that
    its company in a batch changes nothing but rounding. What prompts share at their beginning, the instruction and
    examples, is read once; a state space, which cannot go on from there in many rows, reads it with each.
    """

    version = 3

    def __init__(self, config: Settings, compute: Compute) -> None:
        self.config, self.compute = config, compute
        self._memory = Batches(config.batch_size)

    @cached_property
    def identity(self) -> list[Any]:
        """Kind, version, the model's revision and number format, and what words are drawn by."""
        config, revision = self.config, language_model_revision(self.config.model, self.config.gguf_file)
        drawn = [config.temperature, config.top_p, config.max_tokens]
        return ["local", self.version, revision, str(self._dtype), *drawn]

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        check_language_model(self.config.model, self.config.gguf_file)

    def write(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answer every prompt, in order; tokens of the shared beginning count for the first that has it.

        A prompt that leaves no room for an answer in what the model can read has no text but a detail, and so has one
        at which the model gives no numbers. Raises InputError where the model cannot be loaded, keeps nothing of what
        it has read, or never gives numbers.
        """
        answers: dict[int, Answer] = {}
        unknown = 0
        groups: dict[tuple[Any, ...], dict[int, list[int]]] = defaultdict(dict)
        for index, prompt in enumerate(prompts):
            ids = self._telling.tokens(prompt)
            if len(ids) + self.config.max_tokens > self._loaded.longest:
                answers[index] = Answer(None, 0, f"{len(ids)} tokens leave no room for an answer")
            else:
                groups[prompt.instruction, prompt.examples][index] = ids
        for tokens in groups.values():
            # The last token of each is read with its row: what comes next is drawn there.
            shared = _common([ids[:-1] for ids in tokens.values()]) if self._shares else 0
            beginning = self._read(next(iter(tokens.values()))[:shared])
            written = partial(self._written, prompts, tokens, beginning, shared)
            for batch in self._batches(tokens, self._fitting(beginning, shared, max(map(len, tokens.values())))):
                rows = self._memory.run(batch, written)
                unknown += sum(row.unknown for row in rows)
                answers.update((index, self._answer(row)) for index, row in zip(batch, rows, strict=True))
            first = answers[next(iter(tokens))]
            answers[next(iter(tokens))] = Answer(first.text, first.tokens + shared, first.detail)
        tell_unknown(self.config.model, unknown, len(prompts), self._dtype)
        return [answers[index] for index in range(len(prompts))]

    def _written(
        self, prompts: Sequence[Prompt], tokens: dict[int, list[int]], beginning: Any, shared: int, batch: list[int]
    ) -> "list[_Row]":
        rows = [_Row(prompts[index], tokens[index][shared:]) for index in batch]
        self._continue(rows, beginning, shared)
        return rows

    def _fitting(self, beginning: Any, shared: int, longest: int) -> int:
        """Count the rows at most whose keys and values there is room for, told by those of what they all begin with."""
        kept = [getattr(layer, name, None) for layer in beginning.layers for name in ("keys", "values")]
        size = sum(tensor.nbytes for tensor in kept if tensor is not None)
        if not shared or not size:
            return self.config.batch_size
        logits = 8 * self._loaded.model.get_output_embeddings().weight.shape[0]  # as they come, and in float32
        a_row = size / shared * (longest + self.config.max_tokens) + logits
        return rows_in(self._loaded.device, a_row, self.config.batch_size)

    def _batches(self, tokens: dict[int, list[int]], most: int) -> Iterator[list[int]]:
        """Put prompts of like length together: of the same where padding would change what a model makes of them."""
        batch: list[int] = []
        for index in sorted(tokens, key=lambda index: (len(tokens[index]), index)):
            size = len(tokens[index])
            alike = not batch or size == len(tokens[batch[0]])
            # Layers that see only the last tokens count those that are masked.
            padded = self._pads and size + self.config.max_tokens <= self._loaded.window
            if len(batch) >= min(most, self._memory.most) or not (alike or padded):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _read(self, ids: list[int]) -> Any:
        """Read what all prompts of a group begin with; returns its keys and values."""
        import torch
        from transformers import DynamicCache

        cache = DynamicCache(config=self._loaded.model.config)
        if ids:
            with torch.inference_mode():
                given = torch.tensor([ids], device=self._loaded.device)
                self._loaded.model(input_ids=given, use_cache=True, logits_to_keep=1, **{self._keeper: cache})
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
        if self._shares:
            cache.batch_repeat_interleave(len(rows))
        open_rows = list(rows)
        for step in range(self.config.max_tokens):
            with torch.inference_mode():
                logits = model(
                    input_ids=ids, use_cache=True, logits_to_keep=1, **{self._keeper: cache},
                    **({"attention_mask": mask, "position_ids": positions} if self._pads else {}),
                ).logits[:, -1].float()  # fmt: skip
                for n, row in enumerate(open_rows if step == 0 else ()):
                    self._bar(logits[n], row.prompt)
            for row, token in zip(open_rows, self._drawn(logits, open_rows), strict=True):
                if not row.ended:
                    self._take(row, token)
            going = [n for n, row in enumerate(open_rows) if not row.ended]
            if not going:
                return
            # Rows that have ended are carried along until it pays to leave them out.
            if self._shares and 2 * len(going) <= len(open_rows):
                keep = torch.tensor(going, device=device)
                cache.batch_select_indices(keep)
                open_rows, mask, positions = [open_rows[n] for n in going], mask[keep], positions[keep]
            ids = torch.tensor([[row.written[-1] if row.written else pad] for row in open_rows], device=device)
            mask = torch.cat([mask, mask.new_ones(len(open_rows), 1)], 1)
            positions = positions[:, -1:] + 1

    @cached_property
    def _keeper(self) -> str:
        """What this version of transformers calls the argument for keys and values."""
        for name in ("cache", "past_key_values"):
            if name in self._arguments:
                return name
        raise InputError(f"model {self.config.model}: keeps no keys and values; name another, or a server")

    @cached_property
    def _arguments(self) -> frozenset[str]:
        return frozenset(signature(self._loaded.model.forward).parameters)

    @property
    def _pads(self) -> bool:
        """Whether a model can be told what to leave out, and where a token stands whatever is left out before it."""
        return self._shares and {"attention_mask", "position_ids"} <= self._arguments

    @cached_property
    def _shares(self) -> bool:
        """Whether rows can go on from the same beginning: a state space keeps no keys and values, but a sum."""
        from transformers import DynamicCache

        layers = DynamicCache(config=self._loaded.model.config).layers
        return all(hasattr(layer, "batch_repeat_interleave") for layer in layers)

    def _drawn(self, logits: "torch.Tensor", rows: "list[_Row]") -> list[int | None]:
        """Draw each row's next token; None where a model's logits are no numbers."""
        best, tokens = logits.topk(min(_TOP, logits.shape[1]), dim=1)
        # In float64, so that a draw does not hang on the order of small numbers' sums; MPS has none.
        values, chosen = best.cpu().numpy().astype(np.float64), tokens.cpu().numpy()
        known = np.isfinite(values[:, 0])
        at = self._places(np.where(known[:, None], values, 0.0), rows)
        return [int(chosen[n, k]) if fine else None for n, (k, fine) in enumerate(zip(at, known, strict=True))]

    def _places(self, values: npt.NDArray[np.float64], rows: "list[_Row]") -> list[int]:
        """Draw from each row of descending logits: the place of what is drawn."""
        if self.config.temperature == 0:
            return [0] * len(rows)
        scaled = values / self.config.temperature
        chances: npt.NDArray[np.float64] = np.exp(scaled - scaled[:, :1])
        chances /= chances.sum(1, keepdims=True)
        before = np.cumsum(chances, 1) - chances
        chances[before >= self.config.top_p] = 0  # the likeliest stays
        ends = np.cumsum(chances, 1)
        drawn = [np.searchsorted(ends[n], row.random.random() * ends[n, -1], "right") for n, row in enumerate(rows)]
        return [min(int(place), values.shape[1] - 1) for place in drawn]

    def _take(self, row: "_Row", token: int | None) -> None:
        if token is None:
            row.unknown = row.ended = True
        elif self._ends(row, token):
            row.ended = True
        else:
            row.written.append(token)

    def _ends(self, row: "_Row", token: int) -> bool:
        """Tell whether a token ends an answer: with its line, unless that only begins what is wrapped around it."""
        if token in self._vocabulary.stops:
            return True
        wraps = self._telling.talks and not row.prompt.start
        return bool(self._vocabulary.ends[token]) and not (wraps and self._text(row).startswith(_WRAPPED))

    @cached_property
    def _telling(self) -> Telling:
        return Telling(self._loaded.tokenizer)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        model, tokenizer = self._loaded.model, self._loaded.tokenizer
        ends = model.generation_config.eos_token_id
        several = ends if isinstance(ends, list) else [ends]
        stops = frozenset({tokenizer.eos_token_id, *several, *tokenizer.all_special_ids} - {None})
        return Vocabulary(tokenizer, model.get_output_embeddings().weight.shape[0], stops)

    def _bar(self, logits: "torch.Tensor", prompt: Prompt) -> None:
        """Leave no chance to tokens that must not come first."""
        logits[self._no_words if prompt.start else self._nothing] = -float("inf")
        logits[self._vocabulary.begins(prompt.avoid)] = -float("inf")

    @cached_property
    def _no_words(self) -> "torch.Tensor":
        """Tokens that do not begin a new word."""
        import torch

        return torch.from_numpy(self._vocabulary.no_words).to(self._loaded.device)

    @cached_property
    def _nothing(self) -> "torch.Tensor":
        """Tokens that would end an answer before it has begun."""
        import torch

        return torch.from_numpy(self._vocabulary.ends).to(self._loaded.device)

    def _answer(self, row: "_Row") -> Answer:
        start, text, tokens = row.prompt.start, self._text(row), len(row.ids) + len(row.written)
        if row.unknown:
            return Answer(None, tokens, "no number")
        if not start:
            caption, detail = caption_in(text, not row.ended)
            return Answer(caption, tokens, detail)
        # What stands first in an answer that was cut off may still be of use, without its last word.
        text = text if row.ended else text.rpartition(" ")[0].rstrip()
        return Answer(f"{start} {text}", tokens) if text else Answer(None, tokens, "cut off")

    def _text(self, row: "_Row") -> str:
        text: str = self._loaded.tokenizer.decode(row.written, skip_special_tokens=True)
        return text.strip()

    @cached_property
    def _loaded(self) -> LanguageModel:
        return replace(self._held, model=quick_to_write(self._held.model))

    @cached_property
    def _held(self) -> LanguageModel:
        """What is shared with others that ask for the same model, as long as it is held."""
        device = pick_device(self.compute.device)
        return load_language_model(self.config.model, self.config.gguf_file, device, self._dtype)

    @property
    def _dtype(self) -> "torch.dtype":
        return pick_dtype(self.compute.dtype, pick_device(self.compute.device))


class _Row:
    """A prompt that is being answered."""

    def __init__(self, prompt: Prompt, ids: list[int]) -> None:
        self.prompt, self.ids = prompt, ids  # ids: what is its own of the prompt
        self.written: list[int] = []
        self.ended = False
        self.unknown = False  # no number came
        self.random = np.random.default_rng(prompt.seed)


def _common(sequences: list[list[int]]) -> int:
    """Count what sequences have in common at their beginning: what the least and the greatest have."""
    first, last = min(sequences), max(sequences)
    return next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
