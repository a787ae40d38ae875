"""The visible world: what kind of thing a word names.

`things.tsv` has the words, one a row: word, kind, class of a place, sense in WordNet, source. It is made, and its
sources are told, by `make_things.py`.
"""

from functools import cache
from importlib import resources
from typing import NamedTuple

from generators.text.knowledge.wordnet import above, base_forms, has_common_sense, parents


class Thing(NamedTuple):
    """What a word names in a picture."""

    kind: str
    place: str  # class of places.py, "" for what is none
    sense: str  # name of a synset of WordNet 3.0


@cache
def _table() -> dict[str, Thing]:
    text = (resources.files(__package__) / "things.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return {word: Thing(kind, place, sense) for word, kind, place, sense, _ in rows}


@cache
def thing_of(noun: str) -> Thing | None:
    """Return what a noun in the singular, or a compound by its last word, names; none for what nobody sees."""
    table = _table()
    if noun in table:
        return table[noun]
    last = noun.rpartition(" ")[2].rpartition("-")[2]
    if last != noun:
        return thing_of(last)
    return next((table[form] for form in base_forms(noun) if form in table), None)


@cache
def kind_of(noun: str) -> str | None:
    """Name what kind of visible thing a noun is: kinds are those of make_things.py."""
    thing = thing_of(noun)
    return thing.kind if thing is not None else None


_WAYS = {"vessel.n.02": "water", "raft.n.01": "water", "inner_tube.n.01": "water", "aircraft.n.01": "air"}
_CLASSES = ("mammal.n.01", "bird.n.01", "fish.n.01", "reptile.n.01", "arthropod.n.01")


@cache
def goes_on(vehicle: str) -> str:
    """Tell what a vehicle goes on or through: water, air, else land."""
    thing = thing_of(vehicle)
    senses = above(thing.sense) if thing is not None else frozenset()
    return next((way for sense, way in _WAYS.items() if sense in senses), "land")


@cache
def class_of(animal: str) -> str:
    """Name the class of animals that one is of, nothing for what is of none of the large ones."""
    thing = thing_of(animal)
    senses = above(thing.sense) if thing is not None else frozenset()
    return next((name for name in _CLASSES if name in senses), "")


def has_own_name(adjective: str, noun: str) -> bool:
    """Tell whether a word before a noun makes another thing of it: "hot" of a dog."""
    whole = _table().get(f"{adjective} {noun}")
    return whole is not None and whole.kind != kind_of(noun)


@cache
def is_kin(first: str, second: str, *, far: bool = False) -> bool:
    """Tell whether two things are the same, one more general, or of one parent in WordNet; places, of one class.

    Take `far` for one grandparent.
    """
    ours, theirs = thing_of(first), thing_of(second)
    if ours is None or theirs is None:
        return first == second
    if ours.place or theirs.place:
        return ours.place == theirs.place
    if is_same_thing(first, second):
        return True
    return not _elders(ours.sense, far).isdisjoint(_elders(theirs.sense, far))


def _elders(sense: str, far: bool) -> frozenset[str]:
    near = parents(sense)
    return near.union(*(parents(parent) for parent in near)) if far else near


@cache
def is_same_thing(first: str, second: str) -> bool:
    """Tell whether two words name the same thing, or one a more general one."""
    ours, theirs = thing_of(first), thing_of(second)
    if first == second or has_common_sense(first, second, "n"):
        return True
    if ours is None or theirs is None:
        return False
    return ours.sense in above(theirs.sense) or theirs.sense in above(ours.sense)
