"""What a benchmark is to us: how its folder is known, how it becomes items, and what it calls our metrics."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evaluation.items import Item, Picture, item
from evaluation.metrics import Own
from schemas.errors import InputError

MATCHING = {"picks_caption": "text", "picks_picture": "image", "group": "group"}  # Winoground's names


class Row(NamedTuple):
    """A row of a benchmark's files, not looked into yet: one that is not as it should be costs no other."""

    place: str  # where it stands, for a person
    item: Callable[[], Item | None]  # makes it an item; None where the benchmark itself does not count it


class Refused(NamedTuple):
    """A row that is not as it should be."""

    benchmark: str
    place: str
    reason: str


@dataclass(frozen=True)
class Benchmark:
    """One entry of the list."""

    name: str
    layout: str  # what its folder holds, for a person
    there: Callable[[Path], bool]
    read: Callable[[Path], Iterator[Row]]  # raises InputError for a file that cannot be read
    own: Mapping[str, str] = field(default_factory=dict)  # our metric -> its name
    usual: Literal["micro", "macro"] | None = None  # how it averages; None: it reports categories, or none is known
    least: int = 0  # items of a category, for it to count in the average over categories

    def items(self, folder: Path, refused: Callable[[Refused], None] = lambda _: None) -> Iterator[Item]:
        """Read its items; rows that are not as they should be are told to `refused`. Raises InputError as `read`."""
        for row in self.read(folder):
            try:
                one = row.item()
            except (KeyError, IndexError, TypeError, ValueError, AttributeError, InputError) as error:
                lacks = f"it lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:100]
                refused(Refused(self.name, row.place, f"a row is not as it should be ({lacks})"))
                continue
            if one is not None:
                yield one

    def reported(self) -> list[Own]:
        """Tell what it calls our metrics."""
        return [Own(self.name, metric, own, self.usual, self.least) for metric, own in self.own.items()]


def matched(benchmark: str, item_id: object, pictures: Sequence[Picture], captions: Sequence[str], **more: Any) -> Item:
    """Make an item of two pictures with a caption each; those that share the first picture are a group."""
    return item(benchmark, item_id, pictures, captions, group=pictures[0]["key"], **more)


def chosen(benchmark: str, item_id: object, shown: Picture, right: str, wrong: Sequence[str], **more: Any) -> Item:
    """Make an item of a picture with one right caption among wrong ones; those that share the picture are a group."""
    return item(benchmark, item_id, [shown], [right, *wrong], group=shown["key"], **more)
