"""What somebody does: which deeds exclude each other, and where each can be done."""

from typing import NamedTuple

from generators.text.knowledge.exclusions import ANY_CREATURE
from generators.text.knowledge.roles import YOUNG, beast_of
from generators.text.knowledge.things import kind_of, thing_of

# What somebody can do only one of at a time.
_POSTURES = frozenset({"sit", "lie", "lay", "kneel", "crouch", "squat", "sleep"})
_MOVES = frozenset(
    {
        "run",
        "walk",
        "swim",
        "fly",
        "crawl",
        "climb",
        "drive",
        "ski",
        "surf",
        "skateboard",
        "snowboard",
        "dance",
        "bike",
        "paddle",
        "row",
        "sail",
        "skate",
    }
)
# Nobody does these asleep.
_AWAKE = frozenset(
    {
        "bark", "chase", "cook", "drink", "eat", "fight", "jump", "laugh", "leap", "paint", "play", "point", "pose",
        "read", "sing", "smile", "talk", "wash", "watch", "wave", "work", "wrestle",
    }
)  # fmt: skip
# Ways of doing what the classes here name.
_KINDS_OF_ACTION: dict[str, str] = {
    **dict.fromkeys(("jog", "sprint", "trot", "gallop", "dash"), "run"),
    **dict.fromkeys(("hike", "stroll", "march", "wander", "stride", "trek", "pace"), "walk"),
    **dict.fromkeys(("nap", "doze"), "sleep"),
    **dict.fromkeys(("toss", "hurl", "pitch"), "throw"),
    **dict.fromkeys(("devour", "munch", "chew", "nibble"), "eat"),
    **dict.fromkeys(("clutch", "grip", "grasp"), "hold"),
    **dict.fromkeys(("cycle", "bicycle", "pedal"), "bike"),
    "perch": "sit",
    "recline": "lie",
    "sip": "drink",
}
_SEATED = frozenset({"drive", "bike", "row", "paddle", "sail"})  # what somebody does who sits
_HANDLINGS = frozenset({"throw", "catch", "kick", "eat", "push", "pull", "ride", "drink", "paint", "read", "wash"})
_HELD = frozenset({"hold", "carry"})
_MOVED_BY_HAND = frozenset({"throw", "kick", "ride"})  # who eats something may well hold it
# Ways of moving that one person may call this and another that.
_MOVES_ALIKE = frozenset(
    frozenset(pair)
    for pair in (
        ("climb", "crawl"), ("climb", "walk"), ("paddle", "row"), ("paddle", "surf"), ("paddle", "swim"),
        ("surf", "sail"), ("surf", "swim"), ("dance", "skate"), ("ski", "skate"), ("drive", "bike"),
    )
)  # fmt: skip
_PATHS = frozenset({"down", "up", "through", "along", "across", "over", "into", "toward", "towards", "past"})
_DOORS = ({"open", "close"}, {"enter", "leave"}, {"push", "pull"}, {"stand", "sit"}, {"stand", "lie"})


def actions_exclude(first: str, second: str, frame: str) -> bool:
    """Tell whether nobody does both at a time: "sit" and "run", "throw" and "catch" the same thing."""
    pair = {_KINDS_OF_ACTION.get(verb, verb) for verb in (first, second)}
    if (
        len(pair) == 1
        or pair in _MOVES_ALIKE
        or pair <= {"lie", "lay", "sleep"}
        or pair <= {"crouch", "squat", "kneel"}
    ):
        return False
    if "sit" in pair and pair & _SEATED:
        return False
    if pair in _DOORS:
        return True
    if "sleep" in pair and pair & _AWAKE:
        return not frame.startswith("dobj:")
    if frame.startswith("dobj:"):
        if kind_of(frame.removeprefix("dobj:")) in {"person", "animal"}:
            return pair <= {"push", "pull", "ride", "wash", "paint"}  # nobody is kicked or eaten here
        return pair <= _HANDLINGS or (bool(pair & _HELD) and bool(pair & _MOVED_BY_HAND))
    if "swim" in pair and frame.endswith((":water", ":ocean", ":river", ":pool", ":lake", ":wave", ":surf")):
        return bool(pair & {"sit", "sleep", "fly"})  # who runs through water may swim the next moment
    if frame.partition(":")[0] in _PATHS and second in _POSTURES | {"stand"}:
        return False  # nobody sits through a field
    one_still = bool(pair & (_POSTURES | {"stand"})) and bool(pair & _MOVES)
    return one_still or pair <= _POSTURES or pair <= _MOVES


def actions_alike(first: str, second: str) -> bool:
    """Tell whether two verbs say that somebody rests, or that somebody goes, so that it is done at the same places."""
    pair = {_KINDS_OF_ACTION.get(verb, verb) for verb in (first, second)}
    return len(pair) == 1 or pair <= _POSTURES | {"stand"} or pair <= {"run", "walk", "jump", "play", "leap", "race"}


# What is seen not to be done by who does another thing. Who sits may sleep, who walks may run a moment later, between
# sitting and crouching nobody draws the line, and of who runs a picture may show one foot on the ground.
_INSTEAD: dict[str, tuple[str, ...]] = {
    "sit": ("stand", "lie", "walk", "run", "jump", "dance"),
    "stand": ("sit", "lie", "sleep", "run"),
    "lie": ("sit", "stand", "walk", "run", "jump", "dance"),
    "sleep": ("stand", "walk", "run", "jump", "dance"),
    "walk": ("sit", "lie", "sleep"),
    "run": ("sit", "lie", "sleep"),
    "jump": ("sit", "lie", "sleep"),
    "play": ("sleep",),
    "swim": ("sit", "sleep"),
    "wade": ("sit",),
    "climb": ("sit", "lie", "sleep"),
    "crawl": ("sit", "stand", "run"),
    "dance": ("sit", "lie", "sleep"),
    "kneel": ("stand", "lie", "run", "jump"),
    "crouch": ("stand", "lie", "run", "jump"),
    "roll": ("stand", "sit", "run"),
    "race": ("sit", "lie", "sleep"),
    "dig": ("sleep", "run"),
    "rest": ("run", "jump", "dance"),
    "wait": ("run", "dance"),
    "smile": ("cry", "frown"),
    "laugh": ("cry", "sleep"),
    "cry": ("laugh", "smile"),
    **dict.fromkeys(("talk", "pose", "eat", "bark", "wrestle", "fight"), ("sleep",)),
    **dict.fromkeys(("ski", "surf", "skate", "skateboard", "snowboard"), ("sit", "sleep")),
}
_NOT_OF_BEASTS = frozenset({"dance"})
_NOT_OF_PEOPLE = {"stand": frozenset({"sleep"})}  # who stands behind a tripod does not sleep there
POSTURES = ("sit", "stand", "lie")
_NEAR = frozenset({"by", "near", "next to", "beside", "behind", "in front of"})
_AT_REST = frozenset({"in", "on", "under", *_NEAR})
_BEDS = frozenset(
    {"bed", "chair", "cot", "crib", "hammock", "lounge", "lounger", "recliner"}
)  # who is propped up there sits and lies
_FOR_TWO_LEGS = frozenset({"animal", "board", "vehicle", "clothing", "drink", "food"})  # nobody stands in or on these
_ORDERS = frozenset({"circle", "line", "queue", "row"})  # who stands in line sits in none
_SOFT = "bench blanket carpet couch deck dock floor grass hay leaf mat pillow porch rug sofa towel"


class _Where(NamedTuple):
    """Where a deed is done that is not done everywhere: behind which prepositions, at which places."""

    prepositions: frozenset[str]
    classes: frozenset[str]  # of places.py
    things: frozenset[str]
    of_beasts: frozenset[str] = frozenset()  # where a dog does it, and hardly anybody else


_ON_GROUND = frozenset({"in", "on"})
_OVER_GROUND = frozenset({"in", "on", "through", "along", "across"})
_WHERE: dict[str, _Where] = {
    "lie": _Where(
        _ON_GROUND,
        frozenset({"field", "sand", "shore"}),
        frozenset({*_SOFT.split(), "boulder", "dirt", "ground", "pier", "rock", "snow", "bed", "trampoline"}),
        frozenset({"path", "road", "sidewalk", "street", "trail", "forest", "woods"}),
    ),
    "sleep": _Where(
        _ON_GROUND, frozenset({"field", "sand", "shore"}), frozenset({*_SOFT.split(), "bed"}), frozenset({"snow"})
    ),
    "run": _Where(
        _OVER_GROUND,
        frozenset({"field", "forest", "ground for games", "path", "road", "sand", "shore", "snow"}),
        frozenset({"dirt", "grass"}),
    ),
    "walk": _Where(
        _OVER_GROUND,
        frozenset({"field", "forest", "path", "road", "sand", "shore", "snow"}),
        frozenset({"bridge", "dirt", "dock", "grass", "pier"}),
    ),
    "jump": _Where(_ON_GROUND, frozenset({"field", "sand", "shore", "snow"}), frozenset({"grass", "bed"})),
    "dance": _Where(_ON_GROUND, frozenset({"field", "road", "sand", "shore"}), frozenset({"floor", "grass", "stage"})),
}
# Of the body: who stands on his hind legs lies on none.
_OF_THE_BODY = frozenset(
    {"arm", "back", "belly", "chest", "elbow", "face", "foot", "hand", "head", "heel", "hip", "knee", "lap", "leg",
     "paw", "rear", "shoulder", "side", "stomach", "toe", "tiptoe"}
)  # fmt: skip

# What is done with a thing by hand, and what is seen not to be done with it by who does that.
_WITH_THINGS: tuple[tuple[str, dict[str, tuple[str, ...]]], ...] = (
    (
        "ball football",
        {"hold": ("kick", "throw"), "carry": ("kick", "throw"), "throw": ("kick",), "kick": ("throw", "carry"),
         "catch": ("kick",)},
    ),
    ("baseball basketball frisbee rock snowball stick stone volleyball", {"hold": ("throw",), "carry": ("throw",)}),
    ("bike bicycle motorcycle scooter", {"ride": ("push", "carry"), "push": ("ride", "carry"), "carry": ("ride",)}),
    ("skateboard surfboard snowboard sled", {"ride": ("carry",), "carry": ("ride",), "hold": ("ride",)}),
    ("cart stroller wagon wheelbarrow carriage car sled", {"push": ("pull",), "pull": ("push",)}),
    ("horse camel elephant donkey pony", {"ride": ("lead", "feed", "wash"), "lead": ("ride",)}),
    (
        "dog puppy",
        {"walk": ("wash", "feed", "carry"), "carry": ("feed", "chase"), "hug": ("chase",), "pet": ("chase",)},
    ),
    ("picture", {"take": ("paint",)}),
    ("guitar violin drum accordion cello", {"play": ("carry",)}),
    ("book newspaper magazine", {"read": ("carry",)}),
    ("car truck van bus tractor", {"drive": ("wash", "push")}),
    (
        "cap coat dress hat helmet jacket mask scarf shirt sunglasses sweater t-shirt",
        {"wear": ("hold",), "hold": ("wear",), "carry": ("wear",)},
    ),
)  # fmt: skip


def deed_of(verb: str) -> str:
    """Name what a verb is a way of: jogging of running."""
    return {"lay": "lie", "leap": "jump", "squat": "crouch", "grin": "smile"}.get(
        verb, _KINDS_OF_ACTION.get(verb, verb)
    )


def done_instead(verb: str, kind: str | None, frame: str) -> tuple[str, ...]:
    """List what somebody of a kind may do in place of a verb, with the thing or at the place of its frame."""
    taken, _, noun = frame.partition(":")
    last = noun.rpartition(" ")[2]
    if kind not in {"person", "animal"} or noun in _OF_THE_BODY:
        return ()
    if last in _BEDS and deed_of(verb) in {"sit", "lie"}:
        return tuple(other for other in ("jump",) if taken == "on" and last == "bed")
    if taken == "dobj":
        return next((w.get(verb, ()) for t, w in _WITH_THINGS if last in t.split()), ()) if kind == "person" else ()
    return tuple(
        other
        for other in _INSTEAD.get(deed_of(verb), ())
        if other not in (_NOT_OF_BEASTS if kind == "animal" else _NOT_OF_PEOPLE.get(deed_of(verb), ()))
        and _is_done_at(other, kind, taken, noun)
    )


def _is_done_at(verb: str, kind: str, preposition: str, noun: str) -> bool:
    if not preposition:
        return verb != "lie"  # "a man with a hat is lying"
    thing, last = thing_of(noun), noun.rpartition(" ")[2]
    if thing is None or last in _ORDERS:
        return False
    where = _WHERE.get(verb)
    if where is None:  # sitting and standing
        return preposition in _AT_REST and (preposition in _NEAR or thing.kind not in _FOR_TWO_LEGS)
    if verb in {"lie", "sleep"} and kind == "animal" and preposition in _NEAR:
        return thing.kind != "person"  # who may be passing by
    there = thing.place in where.classes or last in where.things or (kind == "animal" and last in where.of_beasts)
    return preposition in where.prepositions and there


# Beasts that sit, crawl and lie down as people do; of others the words are other ones.
_SUPPLE = frozenset({"cat", "dog"})
_OF_OTHER_BEASTS = frozenset({"stand", "walk", "run", "lie"})
# What is done by who can hardly walk, and what no old man on a bench is seen to do instead.
_OF_BABIES = frozenset({"crawl", "lie", "sit", "sleep"})
_OF_THE_SPRY = frozenset({"crawl", "dance", "dive", "jump", "run", "ski"})
BABIES = frozenset({"baby", "infant", "newborn"})
_OLD = frozenset({"elderly", "old", "older", "grandfather", "grandmother", "pregnant"})
# Who is called by what he does is not seen to lie about or to dance meanwhile.
_DOERS = frozenset(
    {"batter", "bicyclist", "biker", "boxer", "catcher", "climber", "cyclist", "dancer", "diver", "driver", "goalie",
     "golfer", "gymnast", "hiker", "jogger", "motorcyclist", "pitcher", "player", "racer", "rider", "runner", "skater",
     "skateboarder", "skier", "snowboarder", "surfer", "swimmer", "wrestler"}
)  # fmt: skip


def does(who: str, kind: str, deed: str, words: set[str]) -> bool:
    """Tell whether somebody is one to do a deed, by what he is called and by all words, in base form, of captions."""
    if kind == "animal":
        return who in ANY_CREATURE or beast_of(who) in _SUPPLE or deed in _OF_OTHER_BEASTS
    if who in BABIES or (who in YOUNG and not BABIES.isdisjoint(words)):
        return deed in _OF_BABIES
    if not _OLD.isdisjoint(words) and deed in _OF_THE_SPRY:
        return False
    return who.rpartition(" ")[2] not in _DOERS or deed not in {"dance", "lie", "sleep"}


# What somebody is seen to do besides, who sits, stands or lies.
_AT_EASE = frozenset(
    {"drink", "eat", "enjoy", "face", "have", "hold", "laugh", "listen", "look", "point", "pose", "read", "show",
     "sing", "smile", "stare", "talk", "use", "wait", "watch"}
)  # fmt: skip
_WORN = frozenset({"clothe", "cover", "dress", "wear"})
_BESIDES: dict[str, frozenset[str]] = {
    "sit": _AT_EASE | {"fish", "paint", "work", "write"},
    "stand": _AT_EASE | {"carry", "fish", "paint", "sell", "work", "write"},
    "lie": frozenset({"listen", "look", "smile", "watch"}),
}


def is_done_besides(deed: str, other: str) -> bool:
    """Tell whether who does one thing may be seen to do another as well: to smile who sits, not to run."""
    return other in _WORN or other in _BESIDES.get(deed, frozenset())


# Deeds with both hands or the whole body, not done with a cup in one's hand.
_WITH_HANDS_FREE = frozenset({"climb", "crawl", "dance", "dive", "jump", "kick", "lie", "run", "ski", "sleep", "throw"})


def leaves_hands_free(deed: str) -> bool:
    """Tell whether a deed is done by nobody who has something in his hands, with him or on his back."""
    return deed in _WITH_HANDS_FREE


# Deeds by which somebody gets somewhere: of all others nobody is told "down the road".
_GOING = frozenset(
    {"carry", "chase", "climb", "crawl", "drive", "jump", "kick", "lead", "pull", "push", "ride", "run", "ski", "throw",
     "walk"}
)  # fmt: skip


def goes(deed: str) -> bool:
    """Tell whether somebody gets somewhere by a deed."""
    return deed in _GOING
