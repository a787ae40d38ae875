"""What training runs share: one cycle of the learning rate, checkpoints to go on from, a line of progress."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.schedule import one_cycle

_WARM_UP = 0.03  # of all steps


def rows_of(many: int, batch: int, step: int) -> npt.NDArray[np.int64]:
    """Choose the rows of a step, in order: each epoch goes through all in an order of its own."""
    each = many // batch
    order = np.random.default_rng(step // each).permutation(many)
    return np.sort(order[step % each * batch :][:batch])


class Course:
    """The steps of one training, counted over interruptions.

    `steps` yields the number of each step that is still to be done and sets its learning rate; every `keep` steps, and
    after the last, module and optimizer are written to `file`, where the next run goes on.
    """

    def __init__(
        self, module: torch.nn.Module, steps: int, top: float, file: Path, decay: float = 0.05, keep: int = 250
    ) -> None:
        self.module, self.total, self.top, self.file, self.keep = module, steps, top, file, keep
        several = [[p for p in module.parameters() if (p.ndim > 1) is wide] for wide in (True, False)]
        groups = [{"params": part, "weight_decay": weight} for part, weight in zip(several, (decay, 0.0), strict=True)]
        self.optimizer = torch.optim.AdamW(groups, lr=top, betas=(0.9, 0.98))
        self.done = 0
        if file.exists():
            state = torch.load(file, weights_only=True)
            module.load_state_dict(state["module"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.done = state["step"]

    def steps(self, until: int | None = None) -> Iterator[int]:
        """Yield the steps that are left, up to `until`; the body of the loop calls `learn` once each."""
        last = min(until or self.total, self.total)
        self._started, self._first = time.monotonic(), self.done
        while self.done < last:
            yield self.done
            self.done += 1
            if self.done % self.keep == 0 or self.done == last:
                self._save()

    def learn(self, loss: torch.Tensor) -> None:
        """Take one step down the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle(self.done, self.total, self.top, round(_WARM_UP * self.total))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimizer.step()
        if (self.done + 1) % 20 == 0:
            each = (time.monotonic() - self._started) / (self.done + 1 - self._first)
            left = each * (self.total - self.done - 1)
            print(f"{self.file.stem}: step {self.done + 1:,} of {self.total:,}, loss {loss.item():.4f}, "
                  f"{each:.2f} s a step, {left / 60:.0f} min left", file=sys.stderr, flush=True)  # fmt: skip

    def _save(self) -> None:
        state = {"module": self.module.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.done}
        partial = self.file.with_suffix(".partial")
        torch.save(state, partial)
        partial.rename(self.file)
