"""What a step of a build is given, by name: shards that belong together, as fingerprints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["rules", "rewrites", "mined"]


@dataclass(slots=True)
class Group:
    """The shards that come of one shard of pairs: by the rules or, as further groups of these pairs, by rewriting and
    mining."""

    number: int  # its place in the order of the source
    kind: Kind
    captions: int
    pairs: str
    made: dict[str, tuple[str, ...]] = field(default_factory=dict)  # step -> its shards of this group


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one shard is made of: of one group, or of all."""

    shards: Mapping[str, tuple[str, ...]]  # field -> shards: pairs, parses, negatives, scores, ..., lexicon
    captions: int
    part: Any = None  # which part of a group, where a step makes several shards of one
    groups: tuple["Inputs", ...] = ()  # for a step over the whole corpus: every group, in the order of the source

    def one(self, name: str) -> str:
        """Return the only shard of a field."""
        [shard] = self.shards[name]
        return shard

    def all(self, name: str) -> tuple[str, ...]:
        """Return the shards of a field in the order of the steps that made them, none where nothing was to be made."""
        return self.shards.get(name, ())
