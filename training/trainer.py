"""The steps of a fine-tuning: counted over interruptions, on one device or several, in batches larger than memory."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from devices import pick_dtype
from devices.memory import give_back, is_out_of_memory
from schemas.errors import InputError
from training.adapters import adapted
from training.batch import Batch, make_batch, seen_by_losses
from training.checkpoint import load_checkpoint, save_checkpoint
from training.config import FineTune
from training.encoded import Encoded
from training.examples import Examples
from training.losses.distillation import Distillation
from training.processes import gathered, summed_gradients
from training.projected import ProjectedTowers
from training.sampler import Drawing, Sampler
from training.schedule import one_cycle
from training.towers import Towers, load_towers

if TYPE_CHECKING:
    from accelerate import Accelerator

_BETAS, _EPSILON, _LONGEST_GRADIENT = (0.9, 0.98), 1e-6, 1.0
_PRECISION = {torch.float32: "no", torch.bfloat16: "bf16", torch.float16: "fp16"}
# Told of every step: its number, how many there are, and the losses by name.
Told = Callable[[int, int, dict[str, float]], None]


def accelerator_for(recipe: FineTune, folder: Path) -> "Accelerator":
    """Make what places a training on this machine's devices, in the number format that the recipe says.

    Raises InputError where a tracker is not installed, which accelerate would go on without.
    """
    from accelerate import Accelerator, PartialState

    for tracker in recipe.trackers:
        if find_spec(tracker) is None:
            raise InputError(f"trackers: {tracker} is not installed; pip install {tracker}, or leave it out")

    cpu = recipe.compute.device == "cpu"
    precision = _PRECISION[pick_dtype(recipe.compute.dtype, PartialState(cpu=cpu).device)]
    return Accelerator(cpu=cpu, mixed_precision=precision, log_with=list(recipe.trackers) or None, project_dir=folder)


class Trainer:
    """One training: a model, its examples, and the steps that are left of it. `folder` keeps its checkpoint.

    `towers` is the recipe's model, to be trained in place; loaded when left out. Features of frozen encoders are
    computed first, where the model has some: `advance` hears how many, of how many. Raises InputError where the model
    cannot be loaded, ValueError where the examples fill no batch.
    """

    def __init__(
        self,
        recipe: FineTune,
        examples: Examples,
        folder: Path,
        accelerator: "Accelerator",
        towers: Towers | None = None,
        advance: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self.recipe, self._examples, self._accelerator = recipe, examples, accelerator
        self._file, self._log = folder / "checkpoint.safetensors", folder / "losses.jsonl"
        self.towers: Towers = towers or load_towers(recipe.model, accelerator.device, recipe.seed)
        if isinstance(self.towers, ProjectedTowers):
            with accelerator.main_process_first():
                self.towers.keep(examples, folder / "features", advance)
        self._module: Any = self._prepared()
        self._learning = [one for one in self._module.parameters() if one.requires_grad]
        self._optimizer: Any = accelerator.prepare(self._make_optimizer())
        self._terms = recipe.terms
        distillation = self._terms.get("distillation")
        self._decay = distillation.decay if isinstance(distillation, Distillation) else None
        self._teacher = {} if self._decay is None else self._copied()
        balance = recipe.data.balance
        weights, shares = examples.shares(balance) if balance else (None, None)
        self._sampler = Sampler(examples.keys, recipe.batch_size, recipe.seed, shares)
        self._drawing = Drawing(examples, recipe.data, recipe.seed, weights)
        each = len(self._sampler.epoch(0))
        if not each:
            raise ValueError(f"{len(examples):,} examples fill no batch of {recipe.batch_size:,}")
        self.steps = recipe.steps or max(1, round(recipe.epochs * each))
        self._micro = recipe.micro_batch_size or 2**30
        self._memory: dict[str, float] = {}
        self.done = 0
        if self._file.exists():
            told = load_checkpoint(self._file, self._module, self._optimizer, self._teacher)
            self.done, self._memory = told["step"], told["memory"]

    def train(self, told: Told | None = None, until: int | None = None) -> None:
        """Take the steps that are left, up to `until` of them in all."""
        last = min(until or self.steps, self.steps)
        self._forget_log()
        with ThreadPoolExecutor(1) as reader:
            batches = self._batches(reader, last)
            while self.done < last:
                losses = self._step(next(batches))
                self.done += 1
                self._tell(losses, told)
                if self.done % self.recipe.keep_every == 0 or self.done == last:
                    self._save()

    def weights(self) -> dict[str, Tensor]:
        """Return all weights as the first model has them, adapters merged, on the CPU. Ends the training."""
        module = self._module.merge_and_unload() if self.recipe.lora is not None else self._module
        return {name: one.detach().cpu().clone() for name, one in module.state_dict().items()}

    def _prepared(self) -> Any:
        module: Any = self.towers.module
        if self.recipe.lora is not None:
            torch.manual_seed(self.recipe.seed)
            module = adapted(module, self.recipe.lora)
        frozen = {"images": self.towers.of_images, "captions": self.towers.of_captions}.get(self.recipe.freeze)
        for one in frozen() if frozen else ():
            one.requires_grad_(False)
        return module

    def _make_optimizer(self) -> torch.optim.Optimizer:
        wide = [one for one in self._learning if one.ndim > 1]
        narrow = [one for one in self._learning if one.ndim <= 1]  # gains, biases and the scale are not drawn to 0
        groups = [
            {"params": part, "weight_decay": decay}
            for part, decay in ((wide, self.recipe.weight_decay), (narrow, 0.0))
            if part
        ]
        return torch.optim.AdamW(groups, lr=self.recipe.learning_rate, betas=_BETAS, eps=_EPSILON)

    def _batches(self, reader: ThreadPoolExecutor, last: int) -> Iterator[Batch]:
        """Read this process's part of each batch, the next one while a step is taken."""
        many, own = self._accelerator.num_processes, self._accelerator.process_index
        steps = self._sampler.steps(self.done)

        def read(step: int) -> Batch:
            rows = next(steps)
            mine = rows[own * len(rows) // many : (own + 1) * len(rows) // many]
            drawn = [self._drawing.draw(int(row), step, step / self.steps) for row in mine]
            return make_batch(drawn, self.recipe.data.negatives, self._examples.picture, self.towers)

        ahead = reader.submit(read, self.done)
        for step in range(self.done + 1, last + 1):
            batch = ahead.result()
            if step < last:
                ahead = reader.submit(read, step)
            yield batch

    def _step(self, batch: Batch) -> dict[str, float]:
        rate = one_cycle(
            self.done, self.steps, self.recipe.learning_rate, min(self.recipe.warm_up, max(1, self.steps // 10))
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        losses = self._backward(batch)
        summed_gradients(self._accelerator, self._learning)
        self._accelerator.clip_grad_norm_(self._learning, _LONGEST_GRADIENT)
        self._optimizer.step()
        self._teach()
        return losses

    def _backward(self, batch: Batch) -> dict[str, float]:
        while True:
            self._optimizer.zero_grad()
            try:
                return self._gradients(batch)
            except RuntimeError as error:
                if self._micro == 1 or not is_out_of_memory(error):
                    raise
            give_back()  # not before: as long as the error is handled, it holds on to what filled the memory
            self._micro = (min(self._micro, max(len(batch.pictures), len(batch.tokens))) + 1) // 2

    def _gradients(self, batch: Batch) -> dict[str, float]:
        """Compute the gradient of the loss of a whole batch, whatever part of it memory has room for.

        Vectors are made part by part without a gradient, the loss says how each of them should move, and each part is
        made again to pass that on (GradCache, arXiv 2101.06983).
        """
        encoders = (self.towers.encode_pictures, self.towers.encode_captions)
        parts = [self._split(batch.pictures), self._split(batch.tokens)]
        if all(len(each) == 1 for each in parts):
            vectors = [self._encoded(encode, each[0]) for encode, each in zip(encoders, parts, strict=True)]
            return self._loss(batch, *vectors)
        with torch.no_grad():
            leaves = [
                torch.cat([self._encoded(encode, part) for part in each])
                for encode, each in zip(encoders, parts, strict=True)
            ]
        for leaf in leaves:
            leaf.requires_grad_()
        losses = self._loss(batch, *leaves)
        for encode, each, leaf in zip(encoders, parts, leaves, strict=True):
            if leaf.grad is None:
                continue
            for part, gradient in zip(each, self._split(leaf.grad), strict=True):
                again = self._encoded(encode, part)
                if again.requires_grad:
                    again.backward(gradient)  # type: ignore[no-untyped-call]
        return losses

    def _split(self, rows: Tensor) -> list[Tensor]:
        return list(torch.split(rows, self._micro))

    def _encoded(self, encode: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
        with self._accelerator.autocast():
            return encode(rows.to(self._accelerator.device, non_blocking=True)).float()

    def _loss(self, batch: Batch, pictures: Tensor, captions: Tensor) -> dict[str, float]:
        seen = self._taught(batch, seen_by_losses(batch, pictures, captions, self.towers.scale.float()))
        seen = gathered(self._accelerator, seen)
        # What is remembered is put down when a step is whole.
        seen = replace(seen, memory=dict(self._memory))
        found = {name: term(seen) for name, term in self._terms.items()}
        total = torch.stack([self._terms[name].weight * one for name, one in found.items()]).sum()
        self._accelerator.backward(total)
        self._memory = seen.memory
        return {**{name: one.item() for name, one in found.items()}, "total": total.item()}

    def _taught(self, batch: Batch, seen: Encoded) -> Encoded:
        if self._decay is None:
            return seen
        with self._as_teacher(), torch.no_grad():
            pictures = torch.cat(
                [self._encoded(self.towers.encode_pictures, one) for one in self._split(batch.pictures)]
            )
            captions = torch.cat([self._encoded(self.towers.encode_captions, one) for one in self._split(batch.tokens)])
        taught = seen_by_losses(batch, pictures, captions, seen.scale)
        return seen.with_parts({"taught_images": taught.images, "taught_captions": taught.captions})

    def _copied(self) -> dict[str, Tensor]:
        return {name: one.detach().clone() for name, one in self._module.named_parameters() if one.requires_grad}

    @contextmanager
    def _as_teacher(self) -> Iterator[None]:
        """Give the module the teacher's weights for a while."""
        own = {name: one for name, one in self._module.named_parameters() if name in self._teacher}
        kept = {name: one.data for name, one in own.items()}
        for name, one in own.items():
            one.data = self._teacher[name]
        try:
            yield
        finally:
            for name, one in own.items():
                one.data = kept[name]

    @torch.no_grad()
    def _teach(self) -> None:
        if self._decay is not None:
            for name, one in self._module.named_parameters():
                if name in self._teacher:
                    self._teacher[name].lerp_(one, 1 - self._decay)

    def _save(self) -> None:
        if self._accelerator.is_main_process:
            told = {"step": self.done, "memory": self._memory}
            save_checkpoint(self._file, self._module, self._optimizer, self._teacher, told)
        self._accelerator.wait_for_everyone()

    def _tell(self, losses: dict[str, float], told: Told | None) -> None:
        if not self._accelerator.is_main_process:
            return
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": self.done, **losses}) + "\n")
        if told is not None:
            told(self.done, self.steps, losses)

    def _forget_log(self) -> None:
        """Leave out steps that were taken after the last checkpoint: they are taken again."""
        if self._accelerator.is_main_process and self._log.exists():
            lines = self._log.read_text(encoding="utf-8").splitlines(keepends=True)[: self.done]
            self._log.write_text("".join(lines), encoding="utf-8")
