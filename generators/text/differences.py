"""Say in words how one picture of a pair differs from the other (PC-CLIP's difference captions, arXiv 2409.09721).

"the cup is blue instead of red": made of the words of both captions, of which one is true of each picture, so that what
is said is right wherever the pair is. Of the published ones, which a language model wrote, half are wrong. Where no
form is sure to be English, nothing is said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generators.text.knowledge.exclusions import NUMBERS, attribute_family
from generators.text.language.grammar import gerund

_ARTICLES = frozenset({"a", "an"})
_ONE = _ARTICLES | {"one"}
_SEVERAL = frozenset(NUMBERS)
_OTHERS = frozenset({"the", "this", "that", "these", "those", "his", "her", "its", "their", "no", "another"})
_DETERMINERS = _ONE | _SEVERAL | _OTHERS
_WORDS = """
about above across after against ahead along alongside among amongst around as at atop away back before behind below
beneath beside besides between beyond by down during for forward from in inside into near off on onto out outside over
past through throughout to together toward towards under underneath up upon while with within without
"""
_PREPOSITIONS = frozenset(_WORDS.split())
_FINITE = frozenset({"is", "are", "was", "were", "has", "have", "does", "do", "am"})
_ENDS = " .,;:!?"
_MOST_WORDS = 7  # of a noun phrase that is repeated


@dataclass(frozen=True, slots=True)
class Said:
    """One side of a pair: its caption, and of that what changes and what the change is about (see TEXT_NEGATIVES)."""

    caption: str
    phrase: str | None
    unit: str | None


def difference(operation: str, original: Said, negative: Said) -> str | None:
    """Say what the picture of the wrong caption has that the right caption's has not; None where no form is sure."""
    return _FORWARD[operation](original, negative)


def difference_back(operation: str, original: Said, negative: Said) -> str | None:
    """Say the same from the wrong caption's picture to the right one's."""
    return _BACK[operation](negative, original)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Words that two phrases have in common at both ends, and what they have between."""

    before: list[str]
    old: list[str]
    new: list[str]
    after: list[str]


def _cut(first: str, second: str) -> _Cut:
    """Compare two phrases word by word; "a" and "an" are one word, which the next one chooses."""
    ours, theirs = first.split(), second.split()
    start = 0
    while start < min(len(ours), len(theirs)) and _same(ours[start], theirs[start]):
        start += 1
    end = 0
    while end < min(len(ours), len(theirs)) - start and ours[-1 - end] == theirs[-1 - end]:
        end += 1
    stop = len(ours) - end
    return _Cut(ours[:start], ours[start:stop], theirs[start : len(theirs) - end], ours[stop:])


def _same(first: str, second: str) -> bool:
    both = {first.lower(), second.lower()}
    return len(both) == 1 or both == _ARTICLES


def _units(before: Said, after: Said) -> tuple[str, str] | None:
    """Return both units as they read within a sentence, if there are any."""
    if not before.unit or not after.unit:
        return None
    return _inner(before.unit), _inner(after.unit)


def _inner(text: str) -> str:
    """Take the capital of a sentence from its first word, and the full stop from its end."""
    text = " ".join(text.split()).strip(_ENDS)
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _whole(said: Said) -> str:
    """Tell a caption of something that is known by now: "a dog" is "the dog"."""
    first, _, rest = _inner(said.caption).partition(" ")
    return f"the {rest}" if first in _ARTICLES else f"{first} {rest}"


def _is_noun_phrase(unit: str) -> bool:
    words = unit.split()
    return len(words) <= _MOST_WORDS and not _FINITE & set(words) and "," not in unit


def _told(said: Said) -> str | None:
    """Tell a unit; with the rest of its caption where it ends within something: "in front" of what, "while a dog"."""
    if said.unit is None:
        return None
    at = max(said.caption.find(said.unit), 0)
    following = said.caption[at + len(said.unit) :].split()[:1]
    cut_off = following == ["of"] or {"while", "as"} & set(said.unit.split())
    return _inner(said.caption[at:] if cut_off else said.unit)


def _things(before: Said, after: Said) -> str | None:
    """Say "a girl instead of a boy"."""
    units = _units(before, after)
    if units is None or units[0] == units[1]:
        return None
    was, now = _thing(units[0], before.phrase), _thing(units[1], after.phrase)
    return f"{now} instead of {was}" if was is not None and now is not None else None


def _thing(unit: str, phrase: str | None) -> str | None:
    """Take a thing as it is, and "a little girl" from "a little girl on her bike", whose pronouns change too."""
    if _is_noun_phrase(unit):
        return unit
    words, named = unit.split(), (phrase or "").lower().split()
    at = next((n for n in range(len(words)) if [word.lower() for word in words[n:][: len(named)]] == named), None)
    if not named or at is None or words[0].lower() not in _DETERMINERS or _PREPOSITIONS & set(words[:at]):
        return None
    head = " ".join(words[: at + len(named)])
    return head if _is_noun_phrase(head) else None


def _counts(before: Said, after: Said) -> str | None:
    """Say "two men instead of a man": the phrases have their nouns."""
    if not before.phrase or not after.phrase:
        return None
    ours, theirs = _inner(before.phrase), _inner(after.phrase)
    counted = all(phrase.partition(" ")[2] for phrase in (ours, theirs))
    return f"{theirs} instead of {ours}" if counted else _things(before, after)


def _attributes(before: Said, after: Said) -> str | None:
    """Say "the large cup is blue instead of red" of one thing, else "blue cups instead of red cups"."""
    units = _units(before, after)
    if units is None:
        return None
    cut = _cut(*units)
    if not cut.old or not cut.new:
        return _attribute_more(cut, units)
    families = {attribute_family(" ".join(words).lower()) for words in (cut.old, cut.new)}
    alone = before.caption.lower().split().count(cut.after[-1].lower()) == 1 if cut.after else False
    if None in families or not _names_one(cut) or not alone:
        return _things(before, after)
    return f"{_the(cut)} is {' '.join(cut.new)} instead of {' '.join(cut.old)}"


def _attribute_more(cut: _Cut, units: tuple[str, str]) -> str | None:
    """Say that a thing has an attribute now, or has it no longer; before, nothing was said of that."""
    attribute = " ".join(cut.new or cut.old)
    if not attribute or not all(map(_is_noun_phrase, units)):
        return None
    if attribute_family(attribute.lower()) is None or not _names_one(cut):
        return f"now with {units[1]}" if cut.new else f"no longer with {units[0]}"
    return f"{_the(cut)} is {attribute} now" if cut.new else f"{_the(cut)} is no longer {attribute}"


def _names_one(cut: _Cut) -> bool:
    """Tell whether a phrase is of one thing and has nothing but its attributes and its name."""
    words = [*cut.before, *cut.after]
    return (
        cut.before[:1] in [[word] for word in _ONE]
        and bool(cut.after)
        and len(words) <= _MOST_WORDS - 2
        and not ({*words[1:]} & (_PREPOSITIONS | _DETERMINERS | _FINITE | {"and", "or", "of"}))
        and all(word.replace("-", "").isalpha() for word in words)
    )


def _the(cut: _Cut) -> str:
    return " ".join(["the", *cut.before[1:], *cut.after])


def _relations(before: Said, after: Said) -> str | None:
    """Say "a person behind a car instead of in it"."""
    told, units = (_told(before), _told(after)), _units(before, after)
    if units is None or told[0] is None or told[1] is None:
        return None
    cut = _cut(*units)
    if not cut.old or not cut.new or not cut.before or not cut.after:
        return None
    return f"{told[1]} instead of {' '.join([*cut.old, *_again(cut.after)])}"


def _actions(before: Said, after: Said) -> str | None:
    """Say "a man lies on a bench instead of sitting", "a boy kicks a ball instead of holding it"."""
    told, units = _told(after), _units(before, after)
    if units is None or told is None:
        return None
    cut = _cut(*units)
    if len(cut.old) != 1 or len(cut.new) != 1:
        return None
    doing = gerund(cut.old[0])
    if doing is None:
        return None
    following = cut.after[0].lower() if cut.after else ""
    governs = following != "" and following not in _PREPOSITIONS and not following.endswith("ly")
    return f"{told} instead of {' '.join([doing, *(_again(cut.after) if governs else ())])}"


def _again(thing: Sequence[str]) -> list[str]:
    """Name a thing once more: one that is new in the sentence is "it"."""
    first = thing[0].lower() if thing else ""
    alone = not {word.lower() for word in thing[1:]} & {"and", "or"}
    return ["it"] if first in _ARTICLES and alone else list(thing)


def _denied(_before: Said, after: Said) -> str | None:
    """Say "the man does not sit on a bench any more": the right caption, or the truth beside it, is that he did."""
    return f"{_whole(after)} any more" if _has_not(after) else None


def _affirmed(before: Said, after: Said) -> str | None:
    """Say "now the man sits on a bench"; of a true denial nobody knows what it has come to."""
    return f"now {_whole(after)}" if _has_not(before) and not _has_not(after) else None


def _has_not(said: Said) -> bool:
    return "not" in said.caption.lower().split()


def _more_things(before: Said, after: Said) -> str | None:
    """Say "there is also a girl", "the girl is gone"; of a thing within a true detail what it was before."""
    if before.phrase and after.phrase:
        return _things(before, after)
    extra = _inner(after.phrase or before.phrase or "").removeprefix("and ")
    first, _, rest = extra.partition(" ")
    if not rest:
        return None
    if first in _PREPOSITIONS:
        return f"now {extra}" if after.phrase else f"no longer {extra}"
    if first in _ONE:
        return f"there is also {extra}" if after.phrase else f"the {rest} is gone"
    if first in _SEVERAL:
        return f"there are also {extra}" if after.phrase else f"the {extra} are gone"
    return None


def _exchanged(_before: Said, after: Said) -> str | None:
    """Say "a dog behind a man, not the other way round"."""
    told = _told(after)
    return f"{told}, not the other way round" if told is not None else None


_Template = Callable[[Said, Said], str | None]
_FORWARD: dict[str, _Template] = {
    "replace_object": _things,
    "replace_attribute": _attributes,
    "replace_relation": _relations,
    "replace_action": _actions,
    "replace_count": _counts,
    "swap_object": _exchanged,
    "swap_attribute": _exchanged,
    "swap_relation": _exchanged,
    "add_object": _more_things,
    "add_attribute": _attributes,
    "negate": _denied,
}
_BACK: dict[str, _Template] = {**_FORWARD, "negate": _affirmed}
