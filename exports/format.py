"""What a format is: a name, what a pair must have for it, and how pairs are written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from exports.folder import Folder
from exports.pairs import Pair


@dataclass(frozen=True, slots=True)
class Need:
    """What a pair must have, or is left out and counted."""

    condition: str  # SQL over the columns of `Pair`
    why: str  # it is left out, for a person


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an export before its first pair is written: how many pairs, by what."""

    build_id: str
    splits: dict[str, int]
    operations: dict[str, int]
    licenses: dict[str, int]
    sources: dict[str, int]
    # Lines of a card: how good what the build has accepted is, as far as that was measured.
    measured: Callable[[], Sequence[str]] = field(default=tuple, kw_only=True)


class Format(Protocol):
    """One of the shapes that pairs can be exported in."""

    @property
    def name(self) -> str:
        """What `--to` calls it."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """What it cannot do without."""

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:
        """Write pairs, which come sorted by split, picture and right caption, as they come."""


WHOLE = (
    Need("image_negative_id IS NOT NULL", "no edited picture"),
    Need("original_still_true IS NOT TRUE", "the right caption is true of the edited picture too"),
)


def of_operations(*operations: str) -> Need:
    """Need one of some operations."""
    listed = ", ".join(f"'{each}'" for each in operations)
    return Need(f"operation IN ({listed})", "the format knows no such operation")
