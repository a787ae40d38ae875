"""What a caption claims, as data, and whether it is true of a scene: the exact ground truth of this world."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from generators.shapes.world import ATTRIBUTES, Scene, Thing, holds


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a thing: (attribute, value) pairs in the order of ATTRIBUTES, the shape among them."""

    said: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, **values: str | None) -> "Description":
        """Build from keywords such as colour="red"; None says nothing of an attribute."""
        return cls.from_pairs((name, value) for name, value in values.items() if value is not None)

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> "Description":
        """Build from (attribute, value) pairs in any order; a contradiction stays one."""
        order = list(ATTRIBUTES)
        return cls(tuple(sorted(set(pairs), key=lambda pair: (order.index(pair[0]), pair[1]))))

    def value(self, attribute: str) -> str | None:
        """What is said of one attribute, if anything."""
        return next((value for name, value in self.said if name == attribute), None)

    def but(self, attribute: str, value: str | None) -> "Description":
        """The same with another value of one attribute, or without it."""
        kept = [pair for pair in self.said if pair[0] != attribute]
        return self.from_pairs([*kept, (attribute, value)] if value is not None else kept)

    def fits(self, thing: Thing) -> bool:
        """Tell whether all that is said is so; a contradiction ("a red blue circle") fits nothing."""
        return all(getattr(thing, name) == value for name, value in self.said)

    def select(self, scene: Scene) -> list[Thing]:
        """The things of a scene that it fits."""
        return [thing for thing in scene.things if self.fits(thing)]


@dataclass(frozen=True, slots=True)
class Mention:
    """A noun phrase. "A circle": at least one (count None). "Two circles", "one circle": exactly so many."""

    what: Description
    count: int | None = None

    def holds(self, scene: Scene) -> bool:
        """Tell whether the scene has what is mentioned, as often as it says."""
        found = len(self.what.select(scene))
        return found >= 1 if self.count is None else found == self.count

    @property
    def plural(self) -> bool:
        """Whether the phrase is in the plural."""
        return self.count is not None and self.count > 1


@dataclass(frozen=True, slots=True)
class Relation:
    """The subject is left, right, above or below the object; both are indices of mentions."""

    subject: int
    name: str
    object: int


@dataclass(frozen=True, slots=True)
class Claim:
    """All that a caption says.

    A denied claim without relations says that not all it mentions is there. With relations (or nothing but a
    background) it takes the mentioned things for granted and denies the rest: "a circle is not above a square".
    """

    mentions: tuple[Mention, ...]
    relations: tuple[Relation, ...] = ()
    background: str | None = None
    denied: bool = False

    def with_mention(self, index: int, mention: Mention) -> "Claim":
        """The same with one mention exchanged."""
        return replace(self, mentions=(*self.mentions[:index], mention, *self.mentions[index + 1 :]))


def is_true(claim: Claim, scene: Scene) -> bool:
    """Tell whether a claim is true of a scene.

    "A circle" stands for some circle, a number of them for all there are; a thing that is said to be left of
    one thing and right of another is one and the same thing.
    """
    there = all(mention.holds(scene) for mention in claim.mentions)
    related = all(_related(claim, scene, subject) for subject in {r.subject for r in claim.relations})
    grounded = claim.background in (None, scene.background)
    if not claim.denied:
        return there and related and grounded
    if claim.relations or claim.background is not None:
        return there and not (related and grounded)
    return not there


def _related(claim: Claim, scene: Scene, subject: int) -> bool:
    mention = claim.mentions[subject]
    relations = [r for r in claim.relations if r.subject == subject]
    each = (
        all(_stands(thing, r.name, claim.mentions[r.object], scene) for r in relations)
        for thing in mention.what.select(scene)
    )
    return _some_or_all(mention, each)


def _stands(thing: Thing, relation: str, mention: Mention, scene: Scene) -> bool:
    return _some_or_all(mention, (holds(relation, thing, other) for other in mention.what.select(scene)))


def _some_or_all(mention: Mention, each: Iterator[bool]) -> bool:
    return any(each) if mention.count is None else all(each)
