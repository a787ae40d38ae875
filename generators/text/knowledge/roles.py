"""What can take a thing's part in what is done with it, and surely is another thing: a horse ridden, for a bike.

A corpus says that somebody sits on a bench and that something is on a train; not whether one sits on a train. The roles
here are closed and few: what one does with such a thing, and the things, in groups. Two things of one group may be
called the same, or be seen as the same; of two groups never.
"""

from collections import defaultdict
from functools import cache
from importlib import resources
from typing import NamedTuple

from generators.text.knowledge.exclusions import COLOURS, gender_of
from generators.text.knowledge.things import kind_of, thing_of
from generators.text.knowledge.wordnet import above


class _Role(NamedTuple):
    """What is done with some things, and with what else it may be done."""

    who: str  # kind of who does it, "" for anybody
    deeds: frozenset[str]  # a verb and, where the thing is behind one, a preposition; or that alone
    old: tuple[tuple[str, ...], ...]  # things in groups
    new: tuple[tuple[str, ...], ...]  # the first of each is what is put in the place of others


@cache
def _roles() -> tuple[_Role, ...]:
    """Read `roles.tsv`: who, deeds, groups of things; behind a ">" stands what is put for the others, and not back.

    A word of several has "_" for blanks.
    """
    text = (resources.files(__package__) / "roles.tsv").read_text(encoding="utf-8")
    found = []
    for who, deeds, things in (line.split("\t") for line in text.splitlines()):
        old, _, new = things.partition(" > ")
        found.append(_Role(who, frozenset(deeds.split(", ")), _groups(old), _groups(new or old)))
    return tuple(found)


def _groups(things: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(word.replace("_", " ") for word in group.split()) for group in things.split(" ; "))


@cache
def stand_ins(who: str | None, deed: str, noun: str) -> tuple[str, ...]:
    """List with what else somebody of a kind may do the same: deeds are "ride", "sit on", "with"."""
    found: dict[str, None] = {}
    for role in _roles():
        if deed in role.deeds and role.who in {"", who}:
            own = [group for group in role.old if noun in group]
            found.update((group[0], None) for group in role.new if own and group not in own)
    return tuple(found)


@cache
def are_alike(first: str, second: str) -> bool:
    """Tell whether two things are of one group, by their last words: a toy tricycle is seen as a bike."""
    groups = _groups_of()
    ours, theirs = (groups[noun] | groups[noun.rpartition(" ")[2]] for noun in (first, second))
    return not ours.isdisjoint(theirs)


@cache
def _groups_of() -> defaultdict[str, frozenset[int]]:
    """Number the groups that each thing is in."""
    found: defaultdict[str, frozenset[int]] = defaultdict(frozenset)
    for number, group in enumerate(group for role in _roles() for group in role.old):
        for noun in group:
            found[noun] |= {number}
    return found


# Where a bike does what no horse does.
_STUNTS = frozenset(
    {
        "air", "bicyclist", "biker", "competition", "cyclist", "halfpipe", "handlebar", "helmet", "jump", "midair",
        "motocross", "motorcyclist", "pedal", "race", "racer", "rail", "ramp", "skate", "ski", "snow", "stunt", "trick",
        "water", "wave", "wheel", "wheelie",
    }
)  # fmt: skip


def is_stunt(words: set[str]) -> bool:
    """Tell whether a caption's lemmas speak of what is done with one thing alone: a jump with a bike."""
    return not _STUNTS.isdisjoint(words)


_MALE, _FEMALE = ("man", "boy"), ("woman", "girl", "lady")
_BEASTS = ("dog", "cat", "horse", "cow", "sheep", "goat", "pig", "rabbit", "monkey", "bear")
# Which of them do, or have done to them, what a caption says in one of these words.
_OF_SOME: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(words.split()), frozenset(beasts.split()))
    for words, beasts in (
        ("carry cradle cuddle hold hug kiss lift pick snuggle arm lap", "dog cat rabbit monkey pig goat"),
        (
            "bite carry catch chase chew drag fight grab hold play pull mouth teeth tooth fang ball toy stick frisbee "
            "tug attack growl",
            "dog cat monkey bear",
        ),
        ("jump leap air midair hoop hurdle fly climb", "dog cat monkey goat rabbit"),
        ("bed carpet chair couch inside kitchen laptop pillow room rug sofa stairs window", "dog cat rabbit monkey"),
        ("buggy carriage cart plough sleigh wagon", "horse goat cow dog"),
        ("his her their owner", "dog cat horse rabbit goat pig"),
        ("ride riding rider saddle bridle rein jockey gallop", "horse"),
        ("hind", "dog cat monkey bear rabbit horse"),
        ("paw claw", "dog cat bear rabbit"),
        ("whisker", "dog cat rabbit"),
        ("fur furry fluffy shaggy hairy coat", "dog cat bear rabbit sheep goat monkey"),
        ("leash collar lead", "dog cat horse goat pig monkey"),
    )
)
# What dogs do, or are, and hardly another animal does.
_OF_DOGS = frozenset(
    {
        "agility", "attack", "bark", "fetch", "greyhound", "guard", "guide", "herd", "howl", "muzzle", "obstacle",
        "pant", "police", "race", "racing", "ramp", "retrieve", "sled", "sniff", "tongue", "train", "trainer", "tug",
        "tunnel", "wag",
    }
)  # fmt: skip


# Who is surely not grown up; of boys and girls some are called men and women.
CHILDREN = frozenset({"baby", "child", "infant", "kid", "toddler"})
ADULTS = ("man", "woman")
GROWN = frozenset({"gentleman", "guy", "lady", "man", "woman"})
YOUNG = CHILDREN | {"boy", "girl"}
# What grown-ups do with children, and no child with a grown-up.
BORNE = frozenset({"carry", "cradle", "hoist", "hold", "lift", "pull", "push", "raise", "throw", "toss"})
# What only small children are in, have or are done with.
_OF_CHILDREN = frozenset(
    {
        "adult", "arm", "bib", "birthday", "carriage", "cradle", "crib", "daughter", "diaper", "family",
        "father", "high", "highchair", "kiddie", "lap", "mother", "mom", "dad", "nursery", "pacifier", "parent",
        "playpen", "sandbox", "school", "shoulder", "sibling", "son", "stroller", "toy", "tricycle",
    }
)  # fmt: skip


def is_of_children(words: set[str]) -> bool:
    """Tell whether a caption's lemmas speak of what only small children are in, have or are done with."""
    return not _OF_CHILDREN.isdisjoint(words)


@cache
def beings_for(noun: str) -> tuple[str, ...]:
    """List the beings that are surely none that a noun names: women for a man, cats for a dog."""
    if kind_of(noun) == "person":
        return {"male": _FEMALE, "female": _MALE}.get(gender_of(noun), ())
    own = beast_of(noun)
    return tuple(beast for beast in _BEASTS if beast != own) if own else ()


@cache
def beast_of(noun: str) -> str:
    """Name the common beast that an animal is, nothing for others: a poodle is a dog, as a sheepdog is."""
    thing, last = thing_of(noun), noun.rpartition(" ")[2]
    if thing is None or thing.kind != "animal":
        return ""
    if last in _BEASTS:
        return last
    senses = above(thing.sense)
    return next((beast for beast in _BEASTS if (other := thing_of(beast)) is not None and other.sense in senses), "")


def does_as_well(beast: str, words: set[str]) -> bool:
    """Tell whether an animal of `beings_for` may do, or have done to it, what a caption says in all its lemmas."""
    if not _OF_DOGS.isdisjoint(words):
        return False
    return all(beast in some for these, some in _OF_SOME if not these.isdisjoint(words))


# Where what is worn: nobody swims in a coat, and whoever plays baseball has a cap on that nobody tells of.
_NOT_WORN: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(garments.split()), frozenset(words.split()))
    for garments, words in (
        (
            "apron coat gown hoodie jacket jeans pants robe scarf sweater sweatshirt tie trousers turban",
            "bathing beach bikini dive float lake ocean pool sea shore splash sprinkler surf surfboard surfer swim "
            "swimming swimmer swimsuit trunk wade water wave wetsuit",
        ),
        ("cap crown dress hat headband skirt", "dive float swim swimming swimmer underwater wave surf surfer wetsuit"),
        (
            "bikini dress shorts skirt swimsuit tank-top trunks",
            "ice icy ski skier sled snow snowball snowboard snowboarder snowy winter",
        ),
        (
            "cap crown dress hat headband scarf skirt tie turban",
            "ball baseball basketball bat bicycle bike biker cyclist football game goal helmet hockey motorcycle "
            "player race rugby skateboard soccer softball team tennis uniform volleyball wrestle wrestler",
        ),
        ("apron tie", "bench bike climb climber hike hiker jump mountain ride run skate slide snow snowy trampoline"),
    )
)


def is_worn_there(garment: str, words: set[str]) -> bool:
    """Tell whether a garment is one that is worn, and told of, where captions in all their lemmas have somebody."""
    last = garment.rpartition(" ")[2]
    return all(words.isdisjoint(there) for garments, there in _NOT_WORN if last in garments)


def is_bare(words: set[str]) -> bool:
    """Tell whether a caption's lemmas have somebody in no shirt, as men are told of."""
    return not words.isdisjoint({"barechested", "shirtless", "topless"}) or (
        "shirt" in words and not words.isdisjoint({"no", "without"})
    )


# Adjectives that go with every being of a group, or thing, that a corpus need not say of it.
_OF_ANY_ADULT = frozenset({"young", "tall", "blond", "blonde", "smiling", "shirtless", "old", "older", "elderly"})
_OF_ANY_CHILD = frozenset({"young", "little", "small", "blond", "blonde", "smiling"})
_OF_ANY_BEAST = frozenset(
    {"black", "white", "brown", "grey", "gray", "large", "small", "big", "little", "wet", "young"}
)
_CHILDREN = frozenset({"boy", "girl"})


def goes_with(adjective: str, noun: str) -> bool:
    """Tell whether an adjective goes with what `stand_ins` and `beings_for` name, whatever a corpus says."""
    kind = kind_of(noun)
    if kind == "person":
        return adjective in (_OF_ANY_CHILD if noun in _CHILDREN else _OF_ANY_ADULT)
    if kind == "animal":
        return adjective in _OF_ANY_BEAST
    return may_be_coloured(noun) and adjective in COLOURS


# What comes in all colours, and does not have one by nature.
_COLOURED = frozenset({"accessory", "bag", "board", "clothing", "container", "equipment", "furniture", "vehicle"})
_UNCOLOURED = frozenset({"stick", "branch", "bone", "raft", "sandal", "jeans", "hay"})


def may_be_coloured(noun: str) -> bool:
    """Tell whether a thing may have any colour: a shirt or a car, not a stick, an animal or grass."""
    return kind_of(noun) in _COLOURED and noun not in _UNCOLOURED


# Of dogs and horses; of frogs and birds there are others, which a corpus says of no dog.
_OF_ANIMALS = frozenset({"black", "white", "brown", "tan", "grey", "gray", "golden"})


def has_colour(animal: str, colour: str) -> bool:
    """Tell whether an animal may have a colour."""
    return colour in _OF_ANIMALS or (animal == "cat" and colour == "orange")
