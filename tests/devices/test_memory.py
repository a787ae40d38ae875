"""What memory does not hold is made in halves: nothing is left out, nothing is made again, and the size is kept."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.memory import Batches, free_bytes, is_out_of_memory, rows_in

ROWS = st.lists(st.integers(1, 20), max_size=30)


def too_large() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@settings(deadline=None, max_examples=30)
@given(rows=ROWS, most=st.integers(1, 200), memory=st.integers(20, 200))
def test_all_is_made_once_and_in_order_whatever_memory_holds(rows: list[int], most: int, memory: int) -> None:
    made = list[int]()

    def make(part: list[int]) -> list[int]:
        if len(part) * part[-1] > memory:
            raise too_large()
        made.extend(part)
        return [2 * row for row in part]

    rows = sorted(rows)
    batches = Batches(most)
    assert batches.run(rows, make, lambda many, last: many * last) == [2 * row for row in rows]
    assert made == rows
    assert 1 <= batches.most <= most


def test_a_tensor_is_cut_as_a_list_is() -> None:
    parts: list[int] = []
    found = Batches(2).run(torch.arange(5), lambda part: parts.append(len(part)) or part.tolist())
    assert (found, parts) == ([0, 1, 2, 3, 4], [2, 2, 1])


def test_one_row_that_is_too_much_and_other_errors_are_raised() -> None:
    def make(part: list[int]) -> Any:
        raise too_large() if len(part) < 3 else ValueError("another")

    with pytest.raises(ValueError, match="another"):
        Batches(4).run([1, 2, 3, 4], make)
    with pytest.raises(torch.OutOfMemoryError):
        Batches(2).run([1, 2, 3, 4], make)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("anything"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17.9 GB, max allowed: 18.1 GB)"), True),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            True,
        ),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("CUDA error: out of memory"), False),
    ],
)
def test_every_device_says_it_in_its_own_words(error: Exception, told: bool) -> None:
    assert is_out_of_memory(error) == told


def test_free_memory_has_what_torch_holds_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (600, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 300)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 200)
    assert free_bytes(cuda) == 700
    assert [rows_in(cuda, size, 9) for size in (10, 100, 10_000)] == [9, 5, 1]
    for device in (torch.device("cpu"), torch.device("mps")):
        assert free_bytes(device) is None
        assert rows_in(device, 10_000, 9) == 9
