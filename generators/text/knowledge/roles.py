"""What can take a thing's part in what is done with it, and surely is another thing: a horse ridden, for a bike.

A corpus says that somebody sits on a bench and that something is on a train; not whether one sits on a train. The roles
here are closed and few: what one does with such a thing, and the things, in groups. Two things of one group may be
called the same, or be seen as the same; of two groups never.
"""

from functools import cache
from typing import NamedTuple

from generators.text.knowledge.exclusions import COLOURS, gender_of
from generators.text.knowledge.things import kind_of

# Who does it (nothing for anybody), what is done (a verb and, where the thing is behind one, a preposition), and the
# groups of things. The first of a group is what is put in others' places.
_ROLES: tuple[tuple[str, str, str], ...] = (
    (
        "",
        "ride, ride on",
        "bike bicycle motorcycle motorbike dirt-bike mountain-bike scooter tricycle unicycle ; horse pony ; "
        "camel ; elephant ; skateboard ; donkey mule",
    ),
    (
        "person",
        "hold, carry, hold onto, grab, lift, pick up",
        "stick branch pole ; ball football basketball baseball soccer-ball tennis-ball ; umbrella ; guitar ; "
        "camera ; flag ; balloon ; book magazine ; basket ; broom ; shovel ; flower ; bottle ; cup mug glass "
        "; teddy-bear doll toy ; fish ; frisbee ; sword ; surfboard ; skateboard snowboard ; microphone ; "
        "phone cellphone ; candle ; kite ; trophy",
    ),
    (
        "person",
        "with",  # less: who has a stick may have a bottle too
        "stick branch pole ; ball football basketball baseball soccer-ball tennis-ball ; umbrella ; guitar ; flag ; "
        "balloon ; broom ; shovel ; teddy-bear doll ; fish ; frisbee ; sword ; surfboard ; skateboard ; kite ; trophy",
    ),
    (
        "animal",
        "hold, carry, chew, chew on, bite, with, fetch, retrieve, grab, catch, play with",
        "ball tennis-ball football basketball soccer-ball baseball toy ; stick branch log ; frisbee disc ; "
        "bone ; shoe boot ; rope leash ; towel blanket",
    ),
    (
        "animal",
        "chase, run after, jump after",
        "ball tennis-ball football basketball soccer-ball toy ; frisbee disc ; stick branch ; cat kitten ; "
        "rabbit ; squirrel ; bird duck goose ; car truck",
    ),
    (
        "person",
        "throw, toss, catch",
        "ball football baseball basketball tennis-ball soccer-ball volleyball ; frisbee disc ; stick branch ; "
        "rock stone ; snowball ; boomerang",
    ),
    (
        "person",
        "play, play on",
        "guitar banjo ; piano keyboard ; violin fiddle ; cello ; flute ; trumpet ; saxophone ; accordion ; harp ; drum",
    ),
    (
        "person",
        "play with",
        "ball football basketball soccer-ball ; doll teddy-bear ; stick branch ; frisbee ; balloon ; hose ; "
        "kite ; toy-car toy-truck toy-train ; bucket ; puppy dog ; cat kitten",
    ),
    (
        "person",
        "eat",
        "pizza ; sandwich hamburger burger hot-dog ; apple ; banana ; popsicle ice-cream ; cupcake cake ; "
        "carrot ; lollipop",
    ),
    (
        "person",
        "read",
        "book ; newspaper ; magazine ; map ; letter",
    ),
    (
        "person",
        "push",
        "stroller carriage ; shopping-cart cart ; wheelbarrow ; bike bicycle ; lawnmower ; wheelchair ; car truck",
    ),
    (
        "person",
        "pull",
        "sled ; wagon cart ; suitcase luggage ; rope ; boat ; rickshaw",
    ),
    (
        "person",
        "drive",
        "car truck van jeep suv taxi ; bus ; tractor ; motorcycle ; boat",
    ),
    (
        "person",
        "fly",
        "kite ; drone",
    ),
    (
        "person",
        "swing",
        "bat baseball-bat ; racket tennis-racket ; golf-club ; sword ; hammer ; axe",
    ),
    (
        "",
        "jump over, leap over, hop over",
        "fence hurdle bar pole gate barrier rail railing ; log ; puddle ; wall ; bench ; rock "
        "boulder ; rope ; creek stream",
    ),
    (
        "",
        "sit on, lie on, sleep on, lay on, rest on",
        "bench park-bench chair stool seat ; couch sofa ; bed ; log ; rock boulder stone ; blanket towel mat "
        "rug ; table",
    ),
    (
        "",
        "sit in, ride in",
        "car truck van jeep ; wheelchair ; wagon cart ; bathtub tub ; stroller "
        "carriage ; shopping-cart ; helicopter ; sled",
    ),
    (
        "person",
        "climb, climb up",
        "tree ; ladder ; rope ; fence ; cliff rock mountain wall rock-wall hill ; staircase stairs ; pole",
    ),
    (
        "",
        "jump on, bounce on",
        "trampoline ; bed ; couch sofa ; table",
    ),
    (
        "person",
        "wear",
        "hat cap ; crown ; turban ; headband bandanna",
    ),
    (
        "person",
        "wear",
        "shorts trunks ; jeans pants trousers",
    ),
)


class _Role(NamedTuple):
    who: str
    deeds: frozenset[str]
    groups: tuple[tuple[str, ...], ...]


@cache
def _roles() -> tuple[_Role, ...]:
    return tuple(
        _Role(
            who,
            frozenset(deeds.split(", ")),
            tuple(tuple(word.replace("-", " ") for word in group.split()) for group in groups.split(" ; ")),
        )
        for who, deeds, groups in _ROLES
    )


@cache
def stand_ins(who: str | None, deed: str, noun: str) -> tuple[str, ...]:
    """List with what else somebody of a kind may do the same: deeds are "ride", "sit on", "with"."""
    found: dict[str, None] = {}
    for role in _roles():
        if deed in role.deeds and role.who in {"", who}:
            own = [group for group in role.groups if noun in group]
            found.update((group[0], None) for group in role.groups if own and group not in own)
    return tuple(found)


@cache
def are_alike(first: str, second: str) -> bool:
    """Tell whether two things are of one group, by their last words: a toy tricycle is seen as a bike."""
    heads = {first, first.rpartition(" ")[2]}, {second, second.rpartition(" ")[2]}
    return any(not heads[0].isdisjoint(g) and not heads[1].isdisjoint(g) for role in _roles() for g in role.groups)


# Where a bike does what no horse does.
_STUNTS = frozenset(
    {
        "air", "competition", "halfpipe", "jump", "midair", "motocross", "pedal", "race", "racer", "rail", "ramp",
        "ski", "skate", "snow", "stunt", "trick", "water", "wave", "wheel", "wheelie",
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
        ("jump leap air midair hoop hurdle fly climb", "dog cat monkey goat horse rabbit"),
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
        "agility", "attack", "bark", "fetch", "greyhound", "herd", "howl", "muzzle", "obstacle", "pant", "race",
        "racing", "ramp", "retrieve", "sniff", "tongue", "train", "trainer", "tug", "tunnel", "wag",
    }
)  # fmt: skip


@cache
def beings_for(noun: str) -> tuple[str, ...]:
    """List the beings that are surely none that a noun names: women for a man, cats for a dog."""
    if kind_of(noun) == "person":
        return {"male": _FEMALE, "female": _MALE}.get(gender_of(noun), ())
    return tuple(beast for beast in _BEASTS if beast != noun) if noun in _BEASTS else ()


def does_as_well(beast: str, words: set[str]) -> bool:
    """Tell whether an animal of `beings_for` may do, or have done to it, what a caption says in all its lemmas."""
    if not _OF_DOGS.isdisjoint(words):
        return False
    return all(beast in some for these, some in _OF_SOME if not these.isdisjoint(words))


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
