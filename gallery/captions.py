"""Captions as a page shows them: what changed told from what did not, and nothing in them that hides or turns text."""

import unicodedata
from collections.abc import Sequence

Span = dict[str, int]  # start and end, in code points

# Joiners are part of emoji and of Persian or Hindi words; what else has no shape of its own is named.
_JOINERS = frozenset("\u200c\u200d")
_SHAPELESS = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def segments(text: str, spans: Sequence[Span] | None) -> list[str]:
    """Cut a text at its spans: what stands at odd places is inside of one. Offsets outside of the text are cut off."""
    parts, at = [], 0
    for span in sorted(spans or [], key=lambda one: one["start"]):
        start, end = max(at, span["start"]), min(len(text), span["end"])
        if start < end:
            parts += [text[at:start], text[start:end]]
            at = end
    return [visible(part) for part in (*parts, text[at:])]


def visible(text: str) -> str:
    """Write control characters as their names, ⟨U+202E⟩: one that turns the direction would turn other words too."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"⟨U+{ord(sign):04X}⟩" if sign not in _JOINERS and unicodedata.category(sign) in _SHAPELESS else sign
        for sign in text
    )
