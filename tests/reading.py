"""Read sources as ingest does."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from schemas.config import Source
from storage.sources import Row, open_source

_UNPACKED = TemporaryDirectory(prefix="counterfoil-tests-")


def read(path: Path | str, **settings: Any) -> list[Row]:
    """Return all rows of a source; what had to be unpacked for them stays until the tests are over."""
    return list(open_source(Source(path=str(path), **settings), Path(_UNPACKED.name)))
