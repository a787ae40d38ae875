"""Which things exclude each other in a picture, which may both be there, and of which nobody can say."""

from functools import cache

from generators.text.knowledge.exclusions import clothes_exclude, gender_of
from generators.text.knowledge.places import places_exclude
from generators.text.knowledge.things import is_same_thing, thing_of
from generators.text.knowledge.wordnet import above, is_part, parents

# What most photos show, whatever they are of: that it is not there, nobody can tell from a caption.
_SCENERY = frozenset(
    {
        "wall", "floor", "ground", "sky", "tree", "building", "window", "door", "fence", "house", "rock",
        "plant", "bush",
        "light", "railing", "stone", "stairs", "step", "pole", "leaf", "branch", "flower", "rail", "gate", "barrier",
        "structure", "roof", "ceiling", "shadow", "table", "clothes", "clothing", "town", "city", "wood",
        "road", "street",
        "sidewalk", "pavement", "grass", "hill", "dirt", "path", "background", "area",
    }
)  # fmt: skip
# What looks alike, is worn or used alike, or is there together, and has no parent in common in WordNet.
_ALIKE = frozenset(
    frozenset(pair)
    for pair in (
        ("cup", "mug"), ("sofa", "couch"),
        ("helmet", "hat"), ("helmet", "cap"), ("buffet", "counter"),
        ("skirt", "dress"), ("hat", "cap"), ("rug", "carpet"), ("bag", "backpack"),
        ("backpack", "luggage"), ("bag", "purse"), ("plate", "dish"), ("plate", "bowl"), ("glass", "cup"),
        ("boat", "kayak"), ("boat", "canoe"), ("canoe", "kayak"), ("boat", "raft"), ("canoe", "raft"),
        ("raft", "kayak"),
        ("ball", "toy"), ("jeep", "truck"), ("motorcycle", "dirt bike"), ("stick", "branch"), ("stick", "log"),
        ("chair", "seat"), ("bench", "seat"), ("couch", "seat"), ("wagon", "cart"), ("bus", "van"), ("van", "car"),
        ("sled", "toboggan"), ("bread", "sandwich"), ("snack", "food"), ("bun", "bread"), ("ramp", "rail"),
        ("guitar", "banjo"), ("bed", "couch"), ("slide", "playground"), ("stream", "water"), ("bat", "club"),
        ("bike", "motorcycle"), ("bike", "scooter"), ("raft", "innertube"), ("costume", "uniform"), ("pole", "stick"),
        ("tv", "screen"), ("computer", "laptop"), ("basket", "bag"), ("blanket", "towel"), ("blanket", "cloth"),
        ("swing", "playground"), ("tub", "box"), ("tub", "pool"),
        ("tent", "house"), ("tent", "shelter"), ("balloon", "ball"),
    )
)  # fmt: skip
_WORN = frozenset({"clothing", "accessory", "bag"})
# Kinds whose members are there together, or take in each other's, so that one says nothing against another.
_LOOSE = frozenset(
    {"structure", "building", "barrier", "artifact", "natural object", "place", "cloth", "plant", "sign"}
)
_TOGETHER = frozenset(
    frozenset(pair)
    for pair in (
        ("food", "kitchenware"), ("drink", "kitchenware"), ("food", "drink"), ("clothing", "person"), ("food", "plant"),
        ("accessory", "person"), ("bag", "container"), ("kitchenware", "container"), ("tool", "equipment"),
        ("device", "appliance"), ("board", "equipment"), ("container", "vehicle"), ("fixture", "furniture"),
        ("kitchenware", "tool"), ("board", "vehicle"), ("furniture", "equipment"), ("cloth", "clothing"),
    )
)  # fmt: skip
# Animals below one of these look alike to who does not know the breed.
_ONE_LOOK = frozenset(
    {
        "canine.n.02", "domestic_cat.n.01", "horse.n.01", "bird.n.01", "fish.n.01", "cattle.n.01",
        "insect.n.01",
        "deer.n.01", "bear.n.01", "monkey.n.01", "sheep.n.01", "snake.n.01", "duck.n.01", "lizard.n.01", "bovine.n.01",
    }
)  # fmt: skip


# Parents that say nothing of what their children look like.
_TOO_GENERAL = frozenset(
    {"structure.n.01", "artifact.n.01", "natural_object.n.01", "instrumentality.n.03", "device.n.01", "whole.n.02"}
)
_YOUNG = frozenset({"puppy", "pup", "kitten", "foal", "calf", "lamb", "chick", "fawn", "cub"})  # of any breed


@cache
def things_exclude(first: str, second: str) -> bool | None:
    """Tell whether two things, or places, exclude each other where one of them is meant.

    True: lexical knowledge says that nothing is both, and a picture of the one hardly one of the other. False: both
    may well hold, as of the same, a part and its whole, or two garments. None: nothing says, it is doubtful.
    """
    ours, theirs = thing_of(first), thing_of(second)
    if ours is None or theirs is None:
        return False if first == second else None
    if ours.kind == theirs.kind == "person":
        return {gender_of(first), gender_of(second)} == {"male", "female"}
    heads = frozenset({first.rpartition(" ")[2], second.rpartition(" ")[2]})
    if is_same_thing(first, second) or heads in _ALIKE or len(heads) == 1 or is_part(ours.sense, theirs.sense):
        return False
    kinds = frozenset({ours.kind, theirs.kind})
    if "toy" in heads and not kinds & {"person", "place", "animal"}:
        return None  # whatever somebody plays with
    if kinds <= _WORN:
        return clothes_exclude(first, second)
    if ours.place and theirs.place:
        return places_exclude(ours.place, theirs.place)
    scenery = heads & _SCENERY
    if scenery:
        return False if scenery == heads else None
    near = bool((parents(ours.sense) & parents(theirs.sense)) - _TOO_GENERAL)
    if kinds & _LOOSE:
        return False if near else None
    if len(kinds) == 2:
        return None if kinds in _TOGETHER else True
    if kinds == {"animal"}:
        alike = not (above(ours.sense) & above(theirs.sense)).isdisjoint(_ONE_LOOK)
        return (False if heads & _YOUNG else None) if alike else True
    return None if near and kinds != {"food"} else True


@cache
def is_scenery(noun: str) -> bool:
    """Tell whether most photos show such a thing, so that it may be there whatever a caption names in its place."""
    return noun.rpartition(" ")[2] in _SCENERY
