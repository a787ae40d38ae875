"""What a stage is, and how it says what its work cost."""

import json
from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa

from schemas.tables import LEDGER

_KEY = b"counterfoil.ledger"


class Stage(Protocol):
    """Rows in, rows out, nothing else: built from its config, loads its model on the first call.

    A stage runs unchanged in a Prefect task, Ray's or Dask's map, or a for-loop.
    """

    @property
    def identity(self) -> list[Any]:
        """JSON values that the output depends on besides the input: name, version, settings, model revision."""
        ...

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn a table of the stage's input schema into one of its output schema."""
        ...


def with_ledger(table: pa.Table, entries: Sequence[dict[str, Any]]) -> pa.Table:
    """Attach ledger entries (columns of LEDGER except stage and shard) to a stage's result."""
    metadata = {**(table.schema.metadata or {}), _KEY: json.dumps(list(entries)).encode()}
    return table.replace_schema_metadata(metadata)


def unknown_entries(model: str, unknown: int) -> list[dict[str, Any]]:
    """Note how many rows a model gave no number for, where there are any."""
    return [{"model": model, "check_name": "no_number", "rows_out": unknown}] if unknown else []


def entries_of(table: pa.Table) -> list[dict[str, Any]]:
    """Read the ledger entries that a stage attached to its result."""
    entries: list[dict[str, Any]] = json.loads((table.schema.metadata or {}).get(_KEY, b"[]"))
    return entries


def ledger_of(table: pa.Table, stage: str, shard: str) -> pa.Table:
    """Read the ledger entries that a stage attached to its result, as rows of LEDGER."""
    return pa.Table.from_pylist([{**entry, "stage": stage, "shard": shard} for entry in entries_of(table)], LEDGER)
