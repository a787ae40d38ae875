"""What the work of a visual generator cost, by operation and by failed check."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def entries(
    operations: Sequence[str], made: Sequence[Mapping[str, Any]], seconds: Mapping[str, float], method: str, model: str
) -> list[dict[str, Any]]:
    """Sum up rows of IMAGE_NEGATIVES, one for each operation given, as entries of `schemas.stage.with_ledger`.

    `seconds` are the wall time of each operation.
    """
    tried: Counter[str] = Counter(operations)
    failed: Counter[tuple[str, str]] = Counter()
    for operation, row in zip(operations, made, strict=True):
        if row.get("failed_check") is not None:
            failed[operation, row["failed_check"]] += 1
    common = {"method": method, "model": model}
    work = [
        {"operation": name, **common, "rows_in": n, "tries": n, "seconds": seconds.get(name, 0.0),
         "rows_out": n - sum(k for (other, _), k in failed.items() if other == name)}
        for name, n in sorted(tried.items())
    ]  # fmt: skip
    checks = [{"operation": name, **common, "check_name": check, "rows_out": n}
              for (name, check), n in sorted(failed.items())]  # fmt: skip
    return work + checks
