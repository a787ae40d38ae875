"""What a benchmark is to us: how its folder is known, how it becomes items, and what it calls our metrics."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evaluation.items import Item, Picture, item
from evaluation.metrics import Own
from schemas.errors import InputError

MATCHING = {"picks_caption": "text", "picks_picture": "image", "group": "group"}  # Winoground's names


@dataclass(frozen=True)
class Benchmark:
    """One entry of the list."""

    name: str
    layout: str  # what its folder holds, for a person
    there: Callable[[Path], bool]
    read: Callable[[Path], Iterator[Item]]  # raises InputError for files that are not of this layout
    own: Mapping[str, str] = field(default_factory=dict)  # our metric -> its name
    usual: Literal["micro", "macro"] | None = None  # how it averages; None: it reports categories, or none is known
    least: int = 0  # items of a category, for it to count in the average over categories

    def items(self, folder: Path) -> Iterator[Item]:
        """Read its items; raises InputError where a row is not as the benchmark has it."""
        number = 0
        try:
            for one in self.read(folder):
                number += 1
                yield one
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            what = f"lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:100]
            raise InputError(
                f"{folder}: the row after item {number:,} of {self.name} is not as it should be ({what}); "
                f"expected {self.layout}"
            ) from error

    def reported(self) -> list[Own]:
        """Tell what it calls our metrics."""
        return [Own(self.name, metric, own, self.usual, self.least) for metric, own in self.own.items()]


def matched(benchmark: str, item_id: object, pictures: Sequence[Picture], captions: Sequence[str], **more: Any) -> Item:
    """Make an item of two pictures with a caption each; those that share the first picture are a group."""
    return item(benchmark, item_id, pictures, captions, group=pictures[0]["key"], **more)


def chosen(benchmark: str, item_id: object, shown: Picture, right: str, wrong: Sequence[str], **more: Any) -> Item:
    """Make an item of a picture with one right caption among wrong ones; those that share the picture are a group."""
    return item(benchmark, item_id, [shown], [right, *wrong], group=shown["key"], **more)
