"""Score captions by a causal language model; what captions share at their beginning is computed once."""

import math
from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from devices import pick_device, pick_dtype
from devices.heads import in_two
from devices.language_model import (
    LanguageModel,
    check_language_model,
    language_model_revision,
    load_language_model,
)
from devices.memory import Batches, is_out_of_memory
from devices.numbers import tell_unknown
from devices.prefixes import PrefixTree, Tokens, planted
from schemas.config import Compute
from schemas.errors import InputError

if TYPE_CHECKING:
    import torch

# Logits in memory at a time: tokens x vocabulary numbers, which would bound a batch where the vocabulary is large.
_MOST_LOGITS = 128 * 1024 * 1024
# Nodes of a row: attention grows with its square, and each row begins with its first caption's whole prefix.
_ROW = 128
# Positions whose probabilities are normalised at a time: on a CPU those that its cache holds, seven times as fast
# as 512 (Gemma 3 270M with 262,144 words, bfloat16, one core); elsewhere those that memory has room for.
_CACHED, _ROOM = 2, 256
# Nats a token that reading trees may move a probe's score by, at most. Rounding moved it by 0.037 in bfloat16, 0.011 in
# float16 and 0.000004 in float32; to know the mask but not the positions by 0.3 or more, the positions but not the mask
# by 2 (worst of the probes; Gemma 3 270M and SmolLM2 135M).
_TOLERANCE_16_BITS, _TOLERANCE = 0.1, 1e-4
# Sentences that branch early, late and from one another's ends, to see whether a model can read trees.
_PROBES = (
    "A man",
    "A man in a red shirt is riding a bicycle down the street .",
    "A man in a blue shirt is riding a bicycle down the street .",
    "A man in a blue shirt is riding a horse .",
    "A man sits on a bench next to his brown dog .",
    "A woman is holding a child in her arms .",
    "Several people stand in front of a large building at night .",
    "The children play with a ball on the beach .",
    "Two dogs run through the grass .",
    "Two dogs run through the water and one of them has a stick .",
)


class Scorer:
    """The total natural-log probability that a causal language model gives to a caption.

    It is that of all the caption's tokens after the beginning-of-text token (the end-of-text token where a
    tokenizer has no other). Captions are read as trees of their common beginnings (SpecInfer's tree attention,
    arXiv 2305.09781): a row holds a tree's nodes, each sees the nodes that lead to it, and its position is its
    depth. A model that cannot be told what to see (state spaces) or where it is (ALiBi) reads a caption a row. The
    vocabulary is weighed for some nodes of a batch at a time, and a batch that memory does not hold is halved.
    """

    version = 2

    def __init__(self, model: str, gguf_file: str | None, compute: Compute, batch_tokens: int) -> None:
        self.model, self.gguf_file, self.compute, self.batch_tokens = model, gguf_file, compute, batch_tokens
        self.scored = 0  # captions scored so far
        self.unknown = 0  # of these, whose score is no number

    def check(self) -> None:
        """Raise InputError for what can be seen to be missing without loading weights."""
        check_language_model(self.model, self.gguf_file)

    @cached_property
    def identity(self) -> list[Any]:
        """The model's revision, number format, batch size, and version of the method: they change last digits."""
        revision = language_model_revision(self.model, self.gguf_file)
        return [revision, str(self._dtype), self.batch_tokens, self.version]

    def score(self, captions: list[str]) -> dict[str, tuple[float, int]]:
        """Return the log-probability (nats) and the number of tokens of each caption, whatever their order.

        A caption longer than the model can read is left out, and one whose score is no number. Raises InputError where
        the model cannot be loaded, its tokenizer cannot begin a text, or no score is a number.
        """
        if not captions:
            return {}
        tokens = dict(zip(captions, self._tokens(captions), strict=True))
        readable = {caption: ids for caption, ids in tokens.items() if len(ids) <= self._loaded.longest}
        totals = self._totals(sorted(set(readable.values())))
        known = {caption: ids for caption, ids in readable.items() if math.isfinite(totals[ids])}
        unknown = len(readable) - len(known)
        self.scored, self.unknown = self.scored + len(readable), self.unknown + unknown
        tell_unknown(self.model, unknown, len(readable), self._dtype)
        return {caption: (totals[ids], len(ids) - 1) for caption, ids in known.items()}

    def _tokens(self, captions: list[str]) -> list[Tokens]:
        tokenizer = self._loaded.tokenizer
        start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if start is None:
            raise InputError(f"model {self.model}: its tokenizer has no token that begins or ends a text")
        return [(start, *ids) for ids in tokenizer(captions, add_special_tokens=False)["input_ids"]]

    def _totals(self, sequences: list[Tokens]) -> dict[Tokens, float]:
        """Score ascending sequences: a sequence that is nothing but a beginning is certain."""
        # Of a longer caption, a mask of ours would show more to some layers than they see.
        shared = [s for s in sequences if 1 < len(s) <= self._loaded.window] if self.reads_trees else []
        plain = sorted(set(sequences).difference(shared))
        totals: dict[Tokens, float] = {s: 0.0 for s in plain if len(s) == 1}
        totals |= self._read(planted(shared, self._row), trees=True)
        return totals | self._read(planted([s for s in plain if len(s) > 1], 1), trees=False)

    def _read(self, rows: list[PrefixTree], trees: bool) -> dict[Tokens, float]:
        ascending = sorted(rows, key=lambda row: len(row.tokens))
        found = self._batches.run(
            ascending, lambda batch: self._totals_of(batch, trees), lambda many, widest: many * len(widest.tokens)
        )
        return {sequence: total for totals in found for sequence, total in totals.items()}

    def _totals_of(self, rows: list[PrefixTree], trees: bool) -> list[dict[Tokens, float]]:
        """Score the sequences of every row."""
        widest = max(len(row.tokens) for row in rows)
        edges = [(n * widest + node, token) for n, row in enumerate(rows) for node, token in row.edges]
        found = iter(self._log_probabilities(self._read_rows(rows, trees), edges))
        return [row.totals([next(found) for _ in row.edges]) for row in rows]

    def _read_rows(self, rows: list[PrefixTree], trees: bool) -> "torch.Tensor":
        """Read rows: nodes, those of padding too, x what the head makes logits of; x logits where it is no part."""
        import torch

        device, widest = self._loaded.device, max(len(row.tokens) for row in rows)
        # Nothing sees what follows a row's end: the padding may be anything.
        ids = torch.tensor([row.tokens + [row.tokens[0]] * (widest - len(row.tokens)) for row in rows], device=device)
        with torch.inference_mode():
            how = self._tree_inputs(rows, widest) if trees else self._row_inputs(rows, widest)
            body, _ = self._parts
            if body is None:
                found: torch.Tensor = self._loaded.model(input_ids=ids, use_cache=False, **how).logits
            else:
                found = body(input_ids=ids, use_cache=False, **how).last_hidden_state
        return found.flatten(0, 1)

    def _log_probabilities(self, read: "torch.Tensor", edges: list[tuple[int, int]]) -> list[float]:
        """Return the log-probability of each (node, token), as many logits in memory at a time as there is room for."""
        import torch

        _, head = self._parts
        order = sorted(range(len(edges)), key=lambda at: edges[at][0])
        nodes = sorted({node for node, _ in edges})  # no padding
        places = {node: at for at, node in enumerate(nodes)}
        ascending = [(places[edges[at][0]], edges[at][1]) for at in order]
        many = max(1, _MOST_LOGITS // self._vocabulary)
        parts: list[torch.Tensor] = []
        for start in range(0, len(nodes), many):
            logits = read[torch.tensor(nodes[start : start + many], device=read.device)]
            if head is not None:
                with torch.inference_mode():
                    logits = head(inputs_embeds=logits[None], use_cache=False).logits[0]
            here = ascending[bisect_left(ascending, (start,)) : bisect_left(ascending, (start + many,))]
            parts.append(_log_probabilities(logits, [(node - start, token) for node, token in here]))
        found = [0.0] * len(edges)
        for at, value in zip(order, torch.cat(parts).tolist(), strict=True):
            found[at] = value
        return found

    def _tree_inputs(self, rows: list[PrefixTree], widest: int) -> dict[str, "torch.Tensor"]:
        import torch

        seen = np.broadcast_to(np.eye(widest, dtype=bool), (len(rows), 1, widest, widest)).copy()
        positions = np.zeros((len(rows), widest), dtype=np.int64)
        for n, row in enumerate(rows):
            size = len(row.tokens)
            seen[n, 0, :size, :size] = row.ancestry()
            positions[n, :size] = row.depths
        dtype, device = self._loaded.model.dtype, self._loaded.device
        # Numbers, not truth values: attention that is written out adds its mask.
        mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~torch.from_numpy(seen), torch.finfo(dtype).min)
        return {"attention_mask": mask.to(device), "position_ids": torch.from_numpy(positions).to(device)}

    def _row_inputs(self, rows: list[PrefixTree], widest: int) -> dict[str, "torch.Tensor"]:
        import torch

        lengths = torch.tensor([len(row.tokens) for row in rows], device=self._loaded.device)
        return {"attention_mask": (torch.arange(widest, device=lengths.device) < lengths[:, None]).long()}

    @cached_property
    def reads_trees(self) -> bool:
        """Whether the model gives captions in trees what it gives them in rows."""
        probes = [ids[: min(self._loaded.window, self._loaded.longest)] for ids in self._tokens(list(_PROBES))]
        sequences = sorted({ids for ids in probes if len(ids) > 1})
        try:
            ours = self._read(planted(sequences, self._row), trees=True)
        except (TypeError, ValueError, RuntimeError, IndexError) as error:  # no such argument, or mask of that shape
            if is_out_of_memory(error):
                raise
            return False
        theirs = self._read(planted(sequences, 1), trees=False)
        tolerance = _TOLERANCE if self._loaded.model.dtype.itemsize > 2 else _TOLERANCE_16_BITS
        return all(abs(ours[ids] - theirs[ids]) <= tolerance * (len(ids) - 1) for ids in sequences)

    @property
    def _row(self) -> int:
        """Nodes of a tree."""
        return min(_ROW, self._loaded.longest, self._batches.most)

    @cached_property
    def _batches(self) -> Batches:
        """How many nodes are read at a time, padding included."""
        whole = self._parts == (None, None)  # then all logits of a batch are in memory
        return Batches(min(self.batch_tokens, _MOST_LOGITS // self._vocabulary) if whole else self.batch_tokens)

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        return in_two(self._loaded.model) or (None, None)

    @cached_property
    def _vocabulary(self) -> int:
        return int(self._loaded.model.get_output_embeddings().weight.shape[0])

    @property
    def _dtype(self) -> "torch.dtype":
        return pick_dtype(self.compute.dtype, pick_device(self.compute.device))

    @cached_property
    def _loaded(self) -> LanguageModel:
        return load_language_model(self.model, self.gguf_file, pick_device(self.compute.device), self._dtype)


def _log_probabilities(logits: "torch.Tensor", edges: list[tuple[int, int]]) -> "torch.Tensor":
    """Return the log-probability of each (row of logits, token), rows ascending, in float32, each normalised once."""
    import torch

    nodes = [node for node, _ in edges]
    rows = torch.tensor(nodes, device=logits.device)
    tokens = torch.tensor([token for _, token in edges], device=logits.device)
    step = _CACHED if logits.device.type == "cpu" else _ROOM
    parts = []
    for start in range(0, len(logits), step):
        here = slice(bisect_left(nodes, start), bisect_left(nodes, start + step))
        if here.start < here.stop:
            table = torch.log_softmax(logits[start : start + step], -1, dtype=torch.float32)
            parts.append(table[rows[here] - start, tokens[here]])
    return torch.cat(parts)
