"""What some things surely are not that are called something: no wooden bench is a metal one, whatever a corpus says."""

from functools import cache

_GROWN = "couple gentleman guy lady man people woman"
_PEOPLE = "boy child girl guy kid lady man toddler woman"
# Adjectives, nouns, and what is put for the adjectives.
_OPPOSITES: tuple[tuple[frozenset[str], frozenset[str], tuple[str, ...]], ...] = tuple(
    (frozenset(adjectives.split()), frozenset(nouns.split()), tuple(new.split()))
    for adjectives, nouns, new in (
        ("little small", "boy girl", "teenage"),  # some who are called young are teenagers
        ("young", _GROWN, "elderly old"),
        ("elderly old", _GROWN, "young"),
        ("blond blonde", _PEOPLE, "dark-haired redheaded"),
        ("brunette dark-haired black-haired", _PEOPLE, "blond redheaded"),
        ("bald", _PEOPLE, "long-haired blond"),
        ("smiling laughing happy", _PEOPLE, "crying frowning"),
        ("crying sad frowning", _PEOPLE, "smiling laughing"),
        ("wooden", "bench seat", "metal stone plastic"),
        ("wooden", "fence gate railing chair stool pole", "metal plastic"),
        ("wooden", "bowl tray spoon table", "metal glass plastic"),
        ("wooden", "bridge wall steps stairs staircase", "stone metal"),
        ("metal", "bench fence gate railing chair table pole bowl bridge stairs", "wooden"),
        ("concrete stone brick", "bench wall bridge steps stairs staircase", "wooden metal"),
        ("plastic", "chair table bowl fence bench", "wooden metal"),
        ("striped", "shirt jacket dress sweater shorts pants skirt hat", "checkered floral"),
        ("plaid checkered", "shirt jacket dress shorts pants skirt", "floral spotted"),
        ("floral flowered", "shirt dress skirt shorts", "striped plaid"),
        ("rough choppy", "water sea ocean river", "calm"),
        ("calm", "water sea ocean river lake", "rough"),
        ("dirty muddy", "face hand boy girl child dog", "clean"),
        ("snowy", "field hill trail path", "sandy grassy"),
        ("sandy", "trail path hill", "snowy grassy"),
        ("open", "mouth door window gate", "closed"),
        ("closed", "mouth door window gate", "open"),
    )
)


@cache
def sure_opposites(adjective: str, noun: str) -> tuple[str, ...]:
    """List what a thing, by the last word of its name, surely is not that is called by an adjective."""
    last = noun.rpartition(" ")[2]
    return next((new for adjectives, nouns, new in _OPPOSITES if adjective in adjectives and last in nouns), ())
