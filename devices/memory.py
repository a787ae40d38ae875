"""Memory of a device: what of it is free, and how many rows it holds at a time."""

import gc
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

# What torch says of memory by an error of no kind of its own, besides what accelerate knows: of the driver, of cuBLAS.
_SAID = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")

_SHARE = 0.8  # of what is free: the rest is for what a model computes on the way


def free_bytes(device: "torch.device") -> int | None:
    """Count the bytes that a CUDA device has left, those that torch holds unused included; None elsewhere."""
    import torch

    if device.type != "cuda":
        return None
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + unused


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an error says that memory did not hold what was asked of it, whichever the device."""
    import torch
    from accelerate.utils.memory import should_reduce_batch_size

    if isinstance(error, torch.OutOfMemoryError):
        return True
    return should_reduce_batch_size(error) or (
        isinstance(error, RuntimeError) and any(said in str(error) for said in _SAID)
    )


def give_back() -> None:
    """Let the device have what torch holds of it and nothing uses."""
    import sys

    gc.collect()
    if "torch" in sys.modules:  # else nothing is held
        from accelerate.utils.memory import clear_device_cache

        clear_device_cache()


def rows_in(device: "torch.device", bytes_a_row: float, most: int) -> int:
    """Count the rows, one at least and `most` at most, that a CUDA device's free memory holds; `most` elsewhere."""
    free = free_bytes(device)
    return most if free is None else min(most, max(1, int(_SHARE * free / bytes_a_row)))


class Batches:
    """How many rows a model takes at a time: what memory does not hold is halved, for later rows too."""

    def __init__(self, most: int) -> None:
        """Begin with this many rows, or with rows of this cost."""
        self.most = max(1, most)

    def run(
        self,
        rows: Any,
        make: Callable[[Any], Iterable[T]],
        cost: Callable[[int, Any], int] = lambda many, _: many,
    ) -> list[T]:
        """Make something of each row, batch by batch, in order; what is made is not made again.

        `rows` is a sequence or a tensor, `make` takes a part of it, `cost` tells what so many rows cost, of which the
        last is this one. Raises what `make` raises, want of memory too where that is for a single row.
        """
        made: list[T] = []
        while len(made) < len(rows):
            start = end = len(made)
            while end < len(rows) and (end == start or cost(end + 1 - start, rows[end]) <= self.most):
                end += 1
            found = self._made(make, rows[start:end])
            if found is None:
                self.most = max(1, min(self.most, cost(end - start, rows[end - 1])) // 2)
            else:
                made.extend(found)
        return made

    @staticmethod
    def _made(make: Callable[[Any], Iterable[T]], part: Any) -> list[T] | None:
        try:
            return list(make(part))
        except Exception as error:
            if len(part) == 1 or not is_out_of_memory(error):
                raise
        give_back()  # not before: as long as the error is handled, it holds on to what filled the memory
        return None
