"""Names of licences as sources spell them, told to be the same: in Python for cards, in SQL for rules."""

import re

NOT_STATED = "not stated"
"""What the licence of a row that states none is called, in counts and in lists of what is allowed."""

# Creative Commons' addresses become the short name: https://creativecommons.org/licenses/by-sa/4.0/ is cc by-sa 4.0.
_SPELLINGS = (
    (r"^(https?://)?(www\.)?creativecommons\.org/publicdomain/zero/", "cc0"),
    (r"^(https?://)?(www\.)?creativecommons\.org/(licenses|publicdomain)/", "cc"),
    (r"/(deed|legalcode).*$", ""),
    (r"[^a-z0-9]", ""),
    (r"^cc010$", "cc0"),  # there is one version
)


def spelled(license: str) -> str:
    """Return what is left of a licence's name for comparison: lower-case letters and digits, addresses as short names.

    `CC BY-SA 4.0`, `cc-by-sa-4.0` and `https://creativecommons.org/licenses/by-sa/4.0/` are one. A name with more in
    it, such as an author's, is another: what it adds may be a condition.
    """
    name = license.lower()
    for pattern, instead in _SPELLINGS:
        name = re.sub(pattern, instead, name)
    return name


def spelled_in_sql(column: str) -> str:
    """Write the same of an SQL expression; a licence that is null or empty is NOT_STATED."""
    name = f"lower({column})"
    for pattern, instead in _SPELLINGS:
        name = f"regexp_replace({name}, '{pattern}', '{instead}', 'g')"
    return f"coalesce(nullif({name}, ''), '{spelled(NOT_STATED)}')"


def not_allowed(column: str, allowed: tuple[str, ...]) -> str:
    """Write the SQL condition that a licence is none of those that are allowed."""
    names = ", ".join(f"'{name}'" for name in sorted({spelled(name) for name in allowed}))
    return f"{spelled_in_sql(column)} NOT IN ({names})"
