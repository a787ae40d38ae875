"""The words of the shapes world: what the writer says and the reader understands."""

from generators.shapes.world import COLOURS, PATTERNS, SHAPES

# Every adjective: what attribute it speaks of, and what it says.
ADJECTIVES: dict[str, tuple[str, str]] = {
    **{colour: ("colour", colour) for colour in COLOURS},
    **{pattern: ("pattern", pattern) for pattern in PATTERNS},
    **dict.fromkeys(("small", "little", "tiny"), ("size", "small")),
    **dict.fromkeys(("large", "big", "huge"), ("size", "large")),
}
# The words for each value, the usual one first; as many for every value of an attribute.
WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    said: tuple(word for word, other in ADJECTIVES.items() if other == said) for said in ADJECTIVES.values()
}
PLURALS = {shape: f"{shape}es" if shape.endswith("s") else f"{shape}s" for shape in SHAPES}
NOUNS = {**{shape: shape for shape in SHAPES}, **{plural: shape for shape, plural in PLURALS.items()}}
RELATION_WORDS: dict[str, tuple[str, ...]] = {
    "left": ("to the left of", "left of", "on the left of"),
    "right": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over", "above"),
    "below": ("below", "under", "beneath"),
}
RELATION_OF = {
    **{words: relation for relation, several in RELATION_WORDS.items() for words in several},
    "underneath": "below",
}
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
VERBS = {"floats": "float", "appears": "appear"}
