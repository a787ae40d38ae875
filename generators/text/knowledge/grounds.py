"""On what ground somebody is, and on what other one surely not: who runs through snow runs through no sand.

Few grounds that are told apart at a glance. Each has the words by which captions tell of it, so that none is put where
any caption of the picture may have seen it.
"""

from functools import cache

# What grounds are called, each by its first word.
_GROUNDS: tuple[tuple[str, ...], ...] = (
    ("snow",),
    ("sand",),
    ("beach", "shore", "seashore"),
    ("grass", "lawn"),
    ("field", "meadow", "pasture"),
    ("water",),
    ("street", "road", "highway"),
    ("sidewalk", "pavement"),
    ("forest", "woods"),
    ("floor", "carpet", "rug"),
    ("hallway", "hall"),
    ("path", "trail"),
)
_GROUND_OF = {name: names[0] for names in _GROUNDS for name in names}
# Behind a preposition: which grounds are put for which. Not water for a beach, which has both, nor a street for snow.
_INSTEAD: dict[str, dict[str, str]] = {
    "in": {
        "snow": "sand grass water",
        "sand": "snow grass",
        "grass": "snow sand water",
        "water": "snow grass",
        "field": "forest pool river",
        "forest": "pool street",
        "street": "field forest river",
    },
    "on": {
        "snow": "sand grass beach",
        "sand": "snow grass street",
        "beach": "snow grass street sidewalk",
        "grass": "snow sand beach street sidewalk",
        "street": "grass beach sand",
        "sidewalk": "grass beach sand",
        "floor": "grass beach sand snow",
    },
    "through": {
        "snow": "water grass sand",
        "sand": "snow grass",
        "grass": "water snow sand",
        "water": "snow grass",
        "field": "forest tunnel river",
        "forest": "tunnel river street",
        "street": "field forest",
    },
    "across": {
        "snow": "grass beach sand",
        "sand": "grass field street",
        "beach": "grass field street",
        "grass": "beach snow street",
        "field": "beach street bridge",
        "street": "beach field",
    },
    "down": {
        "street": "beach hallway",
        "sidewalk": "beach hallway",
        "path": "beach hallway",
        "beach": "street sidewalk",
        "hallway": "street beach",
    },
    "along": {
        "beach": "street sidewalk",
        "street": "beach river",
        "sidewalk": "beach river",
        "path": "beach street",
    },
}
# Words, in their base form, of captions that tell of a ground, or of what one expects there.
_TOLD_BY: dict[str, frozenset[str]] = {
    ground: frozenset(words.split())
    for ground, words in {
        "snow": "snow snowy ice icy winter ski skier slope sled snowball snowboard snowman blizzard frozen",
        "sand": "sand sandy beach shore shoreline coast desert dune sandbox seashore ocean sea volleyball",
        "beach": "sand sandy beach shore shoreline coast seashore ocean sea surf wave lake",
        "grass": "grass grassy lawn field yard backyard park meadow pasture garden hill hillside farm golf green "
        "soccer football plain weed clover turf",
        "field": "grass grassy lawn field yard backyard park meadow pasture garden hill hillside farm golf soccer "
        "football baseball plain crop hay flower",
        "water": "water wet swim splash surf wave wade fountain sprinkler hose boat lake river stream creek pond pool "
        "ocean sea puddle shore beach waterfall float rain",
        "street": "street road highway roadway pavement city town car traffic alley crosswalk intersection sidewalk "
        "urban curb bus truck downtown parade race path asphalt concrete lot driveway",
        "sidewalk": "street road highway pavement city town traffic alley crosswalk sidewalk urban curb downtown path "
        "walkway concrete pathway driveway patio brick",
        "forest": "forest wood wooded tree jungle bush branch trail leaf mountain hike",
        "hallway": "hall hallway corridor inside indoors room building house door mall subway station tunnel floor",
        "pool": "pool swim swimming water wet splash kiddie lake",
        "river": "river stream creek water wet lake pond swim splash boat wade bridge shore bank canal ocean sea",
        "tunnel": "tunnel tube hoop pipe obstacle agility course bridge",
        "bridge": "bridge river stream creek dock pier boardwalk water",
    }.items()
}
# What is done on one ground alone, or takes another look on each.
_OF_ONE = frozenset(
    {
        "boat", "dig", "drive", "float", "kayak", "motorcycle", "paddle", "puddle", "race", "reflection", "ride",
        "row", "sandcastle", "shake", "shovel", "ski", "sled", "slide", "snowball", "splash", "surf", "swim", "tall",
        "traffic", "wade", "wave", "wet",
    }
)  # fmt: skip
# What somebody does wherever he is.
THERE = frozenset(
    {
        "crawl", "crouch", "jump", "kneel", "lay", "leap", "lie", "play", "pose", "rest", "roll", "run", "sit", "sleep",
        "stand", "trot", "walk",
    }
)  # fmt: skip
# What one says without an article.
MASSES = frozenset({"grass", "sand", "snow", "water"})


@cache
def grounds_for(preposition: str, noun: str) -> tuple[str, ...]:
    """List the grounds that are put for one behind a preposition."""
    return tuple(_INSTEAD.get(preposition, {}).get(_GROUND_OF.get(noun, ""), "").split())


def is_told(ground: str, words: set[str]) -> bool:
    """Tell whether words of captions, in their base form, tell of a ground or of what one expects there."""
    return not _TOLD_BY[ground].isdisjoint(words)


def is_bound(words: set[str]) -> bool:
    """Tell whether a caption's words speak of what is done on one ground alone."""
    return not _OF_ONE.isdisjoint(words)
