"""What a model gives that is no number: half precision overflows, and SQL takes NaN for more than any threshold."""

import logging
from typing import TYPE_CHECKING

from schemas.errors import InputError

if TYPE_CHECKING:
    import torch

_FEW = 8  # of so few rows, all may be odd by chance


def tell_unknown(model: str, unknown: int, rows: int, dtype: "torch.dtype") -> None:
    """Say in one line how many rows of a model come to nothing, since what it gave for them is no number.

    Raises InputError where that is all of them, and they are not few: rules would judge nothing.
    """
    if unknown == rows >= _FEW:
        raise InputError(no_numbers(model, unknown, rows, dtype))
    if unknown:
        logging.getLogger("counterfoil").warning(
            "counterfoil: %s; nothing is kept of them", no_numbers(model, unknown, rows, dtype)
        )


def no_numbers(model: str, unknown: int, rows: int, dtype: "torch.dtype") -> str:
    """Write that some of a model's rows are no numbers, and what to do."""
    kind = str(dtype).removeprefix("torch.")
    other = "bfloat16 or float32" if kind == "float16" else "float32"
    hint = f"set compute.dtype: {other}" if kind != "float32" else "its weights may be damaged"
    return f"model {model}: {unknown:,} of {rows:,} rows come out as no number in {kind}; {hint}"
