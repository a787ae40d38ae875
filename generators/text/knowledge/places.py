"""Which places exclude each other: whoever is in the water is on no road, and a beach is no forest."""

# Classes of places, as the rows of things.tsv have them: water, pool, snow, sand, shore, road, path, field, forest,
# mountain, room, venue, town, ground for games.
_APART = frozenset(
    frozenset(pair)
    for pair in (
        ("water", "road"), ("water", "room"), ("water", "field"), ("water", "forest"), ("water", "venue"),
        ("water", "path"), ("water", "ground for games"), ("water", "town"), ("water", "pool"),
        ("pool", "road"), ("pool", "room"), ("pool", "field"), ("pool", "forest"), ("pool", "sand"), ("pool", "snow"),
        ("pool", "mountain"), ("pool", "path"), ("pool", "ground for games"), ("pool", "shore"), ("pool", "town"),
        ("snow", "sand"), ("snow", "room"), ("snow", "venue"), ("snow", "pool"),
        ("sand", "road"), ("sand", "room"), ("sand", "field"), ("sand", "forest"), ("sand", "venue"), ("sand", "town"),
        ("road", "room"), ("road", "field"), ("road", "forest"), ("road", "shore"),
        ("field", "room"), ("field", "venue"), ("field", "town"), ("field", "shore"),
        ("forest", "room"), ("forest", "venue"), ("forest", "town"), ("forest", "ground for games"),
        ("forest", "shore"),
        ("mountain", "room"), ("mountain", "venue"), ("mountain", "town"), ("mountain", "ground for games"),
        ("shore", "room"), ("shore", "venue"), ("path", "room"), ("path", "venue"), ("room", "town"),
    )
)  # fmt: skip
# Places that one picture has in one: a shore has water and sand, a snowy field is both.
_IN_ONE = frozenset(
    frozenset(pair)
    for pair in (
        ("water", "shore"), ("sand", "shore"), ("snow", "field"), ("snow", "forest"), ("snow", "mountain"),
        ("snow", "road"), ("snow", "path"), ("snow", "water"), ("path", "forest"), ("path", "field"),
        ("path", "mountain"), ("path", "road"), ("mountain", "forest"), ("mountain", "field"), ("town", "road"),
        ("town", "venue"), ("town", "shore"), ("venue", "room"), ("water", "sand"), ("field", "ground for games"),
        ("path", "ground for games"), ("mountain", "shore"), ("water", "mountain"), ("path", "sand"),
        ("sand", "mountain"),
    )
)  # fmt: skip
# Classes whose members differ as places do: a kitchen and a bedroom, a shop and a church; a lake and a river do not.
_MANY = frozenset({"room", "venue"})


def places_exclude(first: str, second: str) -> bool | None:
    """Tell whether somebody at a place of one class can be at none of the other; none where nothing says."""
    if first == second:
        return first in _MANY
    pair = frozenset({first, second})
    if pair in _APART:
        return True
    return False if pair in _IN_ONE else None
