"""Which words exclude each other in a picture: what WordNet does not say and an edit must know.

Small closed classes of English, written out. A word that is in none of them is left to WordNet.
"""

from generators.text.knowledge.wordnet import SMALL_WORDS, is_opposite

# The eleven basic colour terms (Berlin and Kay 1969) and the shades that captions use, by basic term.
COLOURS: dict[str, str] = {
    "black": "black",
    "white": "white",
    "red": "red",
    "maroon": "red",
    "crimson": "red",
    "green": "green",
    "yellow": "yellow",
    "golden": "yellow",
    "gold": "yellow",
    "blue": "blue",
    "navy": "blue",
    "turquoise": "blue",
    "teal": "blue",
    "brown": "brown",
    "tan": "tan",
    "beige": "tan",
    "cream": "tan",
    "purple": "purple",
    "violet": "purple",
    "pink": "pink",
    "orange": "orange",
    "grey": "grey",
    "gray": "grey",
    "silver": "grey",
}
BASIC_COLOURS = ("black", "white", "red", "green", "yellow", "blue", "purple", "pink", "orange", "brown")
# Neighbours on the colour wheel, which two people may name differently on the same thing.
_NEIGHBOURS = frozenset(
    frozenset(pair)
    for pair in (
        ("red", "orange"),
        ("red", "pink"),
        ("red", "brown"),
        ("orange", "yellow"),
        ("orange", "brown"),
        ("yellow", "brown"),
        ("yellow", "white"),
        ("yellow", "green"),
        ("green", "blue"),
        ("blue", "purple"),
        ("purple", "pink"),
        ("tan", "brown"),
        ("tan", "yellow"),
        ("tan", "white"),
        ("tan", "grey"),
        ("tan", "orange"),
        ("tan", "red"),
        ("grey", "white"),
        ("grey", "black"),
        ("grey", "blue"),
        ("blue", "black"),  # navy
        ("grey", "brown"),
        ("brown", "black"),
    )
)
# Words that make one attribute with the colour behind them.
SHADES = frozenset({"navy", "light", "dark", "bright", "pale", "royal", "sky", "hot", "neon", "reddish", "deep"})
_PATTERNS = frozenset({"striped", "plaid", "checkered", "checked", "floral", "spotted", "flowered", "plain"})
_PATTERNS_ALIKE = ({"checkered", "plaid"}, {"checkered", "checked"}, {"plaid", "checked"}, {"plaid", "striped"})
_MATERIALS = frozenset({"wooden", "metal", "metallic", "plastic", "brick", "concrete", "glass", "leather", "stone"})
_HAIR = frozenset({"blond", "blonde", "brunette", "redheaded", "bald"})
_OPPOSITES = frozenset(
    frozenset(pair)
    for pair in (
        ("young", "older"),
        ("young", "middle-aged"),
        ("younger", "older"),
        ("little", "older"),
        ("tall", "short"),
        ("long", "short"),
        ("smaller", "larger"),
        ("busy", "empty"),
        ("busy", "deserted"),
        ("crowded", "empty"),
        ("full", "empty"),
        ("indoor", "outdoor"),
        ("sunny", "cloudy"),
        ("sunny", "rainy"),
        ("snowy", "grassy"),
        ("snowy", "sandy"),
        ("grassy", "sandy"),
        ("grassy", "rocky"),
        ("paved", "grassy"),
        ("wooded", "sandy"),
        ("happy", "sad"),
        ("curly", "straight"),
        ("female", "male"),
        ("skinny", "fat"),
        ("thin", "fat"),
        ("calm", "rough"),
    )
)

_COMPARED = (
    ("bigger", "smaller"), ("larger", "smaller"), ("taller", "shorter"), ("longer", "shorter"), ("higher", "lower"),
    ("thicker", "thinner"), ("wider", "narrower"), ("heavier", "lighter"),
)  # fmt: skip


def opposite_comparatives(word: str) -> tuple[str, ...]:
    """List what is said of the other one of two things of which a word is said: "smaller" for "bigger"."""
    return tuple({first: second, second: first}[word] for first, second in _COMPARED if word in {first, second})


def attribute_family(adjective: str) -> str | None:
    """Name the closed family of attributes that a word belongs to."""
    if adjective in COLOURS:
        return "colour"
    if adjective in _PATTERNS:
        return "pattern"
    if adjective in _MATERIALS:
        return "material"
    return "hair" if adjective in _HAIR else None


def excludes(first: str, second: str) -> bool:
    """Tell whether nothing can have both attributes: "red" and "blue", "wet" and "dry"."""
    family = attribute_family(first)
    if family != attribute_family(second) or {first, second} & SMALL_WORDS:
        return False
    if family == "colour":
        pair = frozenset({COLOURS[first], COLOURS[second]})
        return len(pair) == 2 and pair not in _NEIGHBOURS
    if family == "hair":
        return {first, second} != {"blond", "blonde"} and first != second
    if family is not None:
        return first != second and {first, second} not in _PATTERNS_ALIKE
    return frozenset({first, second}) in _OPPOSITES or is_opposite(first, second)


# Clothes worn on one part of the body, one at a time. A coat and a shirt go together, so they are not here.
_WORN: dict[str, frozenset[str]] = {
    "head": frozenset({"hat", "cap", "helmet", "hood", "headband", "bandanna", "bandana", "turban", "wig", "crown"}),
    "legs": frozenset({"shorts", "pants", "jeans", "trousers", "skirt", "dress", "tights", "leggings", "kilt"}),
    "feet": frozenset({"shoe", "boot", "sandal", "sneaker", "flip-flop", "slipper", "sock", "skate", "heel"}),
}


def clothes_exclude(first: str, second: str) -> bool:
    """Tell whether nobody wears both: trousers and a skirt, a hat and a helmet."""
    heads = {first.rsplit(" ", 1)[-1], second.rsplit(" ", 1)[-1]}
    return len(heads) == 2 and any(heads <= worn for worn in _WORN.values())


# Relations that hold both ways: swapping their ends says the same thing.
SYMMETRIC_PREPOSITIONS = frozenset(
    {
        "next to",
        "near",
        "beside",
        "with",
        "by",
        "close to",
        "alongside",
        "against",
        "between",
        "among",
        "opposite",
    }
)
SYMMETRIC_VERBS = frozenset(
    {
        "accompany", "collide", "compete", "cuddle", "dance", "embrace", "face", "fight", "greet", "hug", "join",
        "kiss", "look", "marry", "meet", "play", "race", "smile", "spar", "stare", "talk", "touch", "watch", "wrestle",
    }
)  # fmt: skip

NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
DIGITS = {word: str(number) for number, word in enumerate(NUMBERS, 2)}
NUMBER_WORDS = {"1": "one", **{digits: word for word, digits in DIGITS.items()}}

# Of what a number before a noun counts something else: "a five foot fence", "two legged dogs", "four door cars".
_MEASURES = frozenset(
    {
        "year", "month", "week", "day", "hour", "minute", "second", "foot", "feet", "inch", "meter", "metre", "mile",
        "yard", "pound", "dollar", "cent", "ton", "gallon", "liter", "litre", "degree", "point", "wheel", "wheeled",
        "door", "story", "storey", "piece", "seat", "seater", "stage", "lane", "legged", "headed", "man", "person",
        "way", "speed", "star", "time", "part", "sided", "cm", "mm", "km", "m", "kg", "lb", "oz", "ft", "mph",
        "am", "pm",
    }
)  # fmt: skip


def is_measure(word: str) -> bool:
    """Tell whether a number before a word counts units or parts, not things: "year", "foot", "wheels"."""
    return word in _MEASURES or word.removesuffix("s") in _MEASURES


# Gender and age of the person words that captions use most; a word that is not here says neither.
_PERSONS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("man", "guy", "gentleman", "father", "dad", "husband", "grandfather"), ("male", "adult")),
    **dict.fromkeys(("woman", "lady", "mother", "mom", "wife", "grandmother"), ("female", "adult")),
    **dict.fromkeys(("boy", "son", "brother"), ("male", "")),
    **dict.fromkeys(("girl", "daughter", "sister"), ("female", "")),
    **dict.fromkeys(("male", "boyfriend"), ("male", "")),
    **dict.fromkeys(("female", "girlfriend", "bride", "actress", "cowgirl", "cheerleader"), ("female", "")),
}
GENDERED_PERSONS = frozenset(_PERSONS)


def gender_of(noun: str) -> str:
    """Return male, female, or nothing when a person word leaves it open."""
    return _PERSONS.get(noun.rsplit(" ", 1)[-1], ("", ""))[0]


# Nouns that name no single thing one could point at, or that are true of almost every picture.
NOT_VISIBLE = frozenset(
    {
        "air", "animal", "anyone", "anything", "area", "back", "background", "bit", "body", "bottom", "bunch",
        "camera", "center", "city", "competition", "corner", "couple", "crowd", "day", "direction", "distance",
        "edge", "end", "event", "everyone", "everything", "foreground", "front", "fun", "game", "ground", "group",
        "half", "hind leg", "horizon", "item", "jump", "kind", "land", "left", "leg", "line", "lot", "match", "member",
        "mid air", "midair", "middle", "night", "nobody", "number", "object", "one", "other", "outdoors", "outside",
        "pair", "part", "person", "photo", "picture",
        "piece", "place", "race", "right", "row", "run", "scene",
        "series", "set", "setting", "shade", "shot", "side", "sky", "someone", "something", "space", "spot", "sun",
        "surface", "terrain", "thing", "time", "top", "trick", "type", "variety", "vehicle", "view", "walk", "way",
        "world",
    }
)  # fmt: skip

# What hardly anybody of the other gender has.
_OF_GENDER = {
    **dict.fromkeys(
        ("beard", "goatee", "mustache", "moustache", "sideburns", "tie", "necktie", "tuxedo", "trunk", "trunks"), "male"
    ),
    **dict.fromkeys(("bikini", "dress", "skirt", "blouse", "bra", "tutu", "tube top", "gown", "pigtail"), "female"),
}


def fits_gender(noun: str, has: str) -> bool:
    """Tell whether people of a noun's gender have or wear a thing: no woman a goatee."""
    wanted = _OF_GENDER.get(has) or _OF_GENDER.get(has.rpartition(" ")[2])
    return wanted is None or gender_of(noun) in {wanted, ""}


# What dogs, cats or people may all be called.
ANY_CREATURE = frozenset(
    {
        "human",
        "pet",
        "pup",
        "puppy",
        "cub",
        "creature",
        "beast",
        "critter",
        "mutt",
        "kitten",
        "being",
        "canine",
        "body",
        "male",
        "female",
    }
)
