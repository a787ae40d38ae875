"""What a build finds made already: one listing a table, and what cannot be what was written is removed and named."""

import logging

from storage.dataset import Build, Dataset
from storage.files import Listed
from storage.manifest import Manifest


class Presence:
    """Which shards are there, of the sizes that the last build wrote. It is asked by one thread."""

    def __init__(self, dataset: Dataset, previous: Build | None) -> None:
        self._dataset = dataset
        self._manifest = dataset.manifest(previous) if previous is not None else Manifest()
        self._there: dict[str, dict[str, Listed]] = {}
        self._added: set[tuple[str, str]] = set()

    def has(self, table: str, shard: str) -> bool:
        """Tell whether a shard need not be made. One that is cut or exchanged is removed, which is logged."""
        if (table, shard) in self._added:
            return True
        if table not in self._there:
            self._there[table] = self._dataset.listing(table)
        listed = self._there[table].get(shard)
        if listed is None:
            return False
        why = self._dataset.why(table, shard, listed, self._manifest)
        if why is None:
            return True
        path = self._dataset.path(table, shard)
        logging.getLogger("counterfoil").warning("counterfoil: %s: %s; it is made anew", path, why)
        self._dataset.remove(table, shard)
        del self._there[table][shard]
        return False

    def add(self, table: str, shard: str) -> None:
        """Note that a shard has been made."""
        self._added.add((table, shard))

    def rows(self, table: str, shard: str) -> int:
        """Count the rows of a shard that is there: from the manifest, or where that has none, from its footer."""
        known = None if (table, shard) in self._added else self._manifest.get(table, shard)
        return self._dataset.count(table, shard) if known is None else known.rows
