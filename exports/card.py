"""What a dataset says of itself on the Hugging Face hub: the header of its card, and sections that all cards have."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from schemas.licenses import NOT_STATED, spelled

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
# The hub's names of licences, by what is left of them for comparison.
_LICENSES = {spelled(name): name for name in (
    "apache-2.0", "mit", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0")}  # fmt: skip
USE = """\
## Intended use

To train and to test models that match pictures with captions, CLIP and its kin: whether they tell apart captions that
differ in one thing. A wrong caption is a hard negative of its picture; where there is an edited picture, the wrong
caption is true of that.

## Limits

- What is wrong was found by rules and models, not by people: some wrong captions are true all the same. The figures
  here say how many where that was measured; elsewhere read a sample (`counterfoil gallery DIR --review`).
- Pictures and captions are those of the source, with its licences, its errors and its view of the world. Words are
  exchanged without regard to whether what comes out is kind.
- Edited pictures carry the marks of the editor that made them; a model can learn these instead of what was changed.
- Captions are English. What the source does not say, no negative is made of.
"""


@dataclass(frozen=True)
class Example:
    """One accepted negative."""

    operation: str
    original: str
    negative: str
    pictures: tuple[str, ...] = ()  # names of files beside the card


def header(licenses: Mapping[str, int], rows: int, configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write the lines of YAML that the hub reads: `configs` say which files are which table, the first by default."""
    told = {
        "license": license_of(licenses),
        "language": ["en"],
        "task_categories": ["zero-shot-image-classification", "image-to-text"],
        "tags": ["hard-negatives", "compositionality", "counterfoil"],
        "size_categories": [next((name for below, name in _SIZES if rows < below), "n>10M")],
        "configs": [dict(each) for each in configs],
    }
    return ["---", yaml.safe_dump(told, sort_keys=False, allow_unicode=True).rstrip(), "---"]


def without_header(card: str) -> str:
    """Take the text of a card alone, for who reads no YAML."""
    return card.partition("---\n")[2].partition("---\n")[2]


def counts(name: str, what: str, numbers: Mapping[str, int]) -> list[str]:
    """Write a table of numbers by name."""
    rows = [f"| {cell(key)} | {number:,} |" for key, number in numbers.items()]
    return [f"| {name} | {what} |", "| --- | ---: |", *rows, ""]


def examples(several: Sequence[Example]) -> list[str]:
    """Write a table of examples, with their pictures where these stand beside the card."""
    if not several:
        return []
    shown = any(one.pictures for one in several)
    rows = [
        f"| {cell(one.operation)} | {cell(one.original)} | {cell(one.negative)} |"
        + (f" {' '.join(f'![]({name})' for name in one.pictures)} |" if shown else "")
        for one in several
    ]
    names = "| operation | right | wrong |" + (" pictures |" if shown else "")
    return ["## Examples", "", names, "| --- | --- | --- |" + (" --- |" if shown else ""), *rows, ""]


def cell(text: str) -> str:
    """Write what may be anything as a cell of a table: in one line, and no markup."""
    return re.sub(r"([\\|`*<>\[\]&#!~])", r"\\\1", " ".join(text.split()))


def license_of(stated: Mapping[str, int]) -> str:
    """Name the licence as the hub does: `other` where there are several, or one that it does not know."""
    if list(stated) == [NOT_STATED]:
        return "unknown"
    known = {_LICENSES.get(spelled(name), "other") for name in stated}
    return known.pop() if len(known) == 1 else "other"
