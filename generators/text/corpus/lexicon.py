"""What this corpus says of what: counted from parses, and drawn from when a word is replaced."""

import bisect
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import itemgetter
from typing import Any

import pyarrow as pa

from generators.text.knowledge.deeds import actions_alike
from generators.text.knowledge.things import is_kin, kind_of, thing_of
from generators.text.knowledge.wordnet import is_known

_ANY = "any determiner"
_SPELLED = ("noun", "attribute")  # kinds whose forms have the capitals that they have within a sentence
# One count of a kind: word, form, tag, context, object, frequency.
Row = tuple[str, str, str, str, str, int]


def _is_drawable(lemma: str, kinds: frozenset[str]) -> bool:
    # A compound that no dictionary has is as often a slip of the parser as a thing.
    return kind_of(lemma) in kinds and (" " not in lemma or is_known(lemma, "n"))


def _is_alike(first: str, second: str) -> bool:
    """Tell whether what does or is the one may well do or be the other: sitting and lying, a man and a dog."""
    if first == second or actions_alike(first, second):
        return True
    return {kind_of(first), kind_of(second)} <= {"person", "animal"} or is_kin(first, second)


# Kinds whose members do not have each other's colours and forms.
_UNLIKE = frozenset({"person", "animal", "plant", "place", "natural object", "food", "drink"})


def _likeness(noun: str) -> str:
    """Name what a noun shares its adjectives with: its kind, of a place its class."""
    thing = thing_of(noun)
    return (thing.place or thing.kind) if thing is not None else noun


@dataclass(frozen=True, slots=True)
class Word:
    """A word that can be drawn: its lemma, the form that the corpus has, and how often."""

    lemma: str
    form: str
    frequency: int


def _by(rows: list[Row], *columns: int) -> dict[Any, list[Row]]:
    """Index rows by some of their columns: by the value of one, by the tuple of several."""
    index: dict[Any, list[Row]] = defaultdict(list)
    of = itemgetter(*columns)
    for row in rows:
        index[of(row)].append(row)
    return index


class Choice:
    """Words to draw from without repeats, as often as the corpus says them."""

    def __init__(self, words: list[Word]) -> None:
        self.words = words
        self._cumulative = list(accumulate(word.frequency for word in words))
        self._different = len({word.form for word in words})

    def draw(self, rng: random.Random, most: int) -> Iterator[Word]:
        """Draw up to `most` different words at random, each by its frequency."""
        seen: set[str] = set()
        all_of_them = min(most, self._different)
        for _ in range(4 * most if self.words else 0):
            at = bisect.bisect(self._cumulative, rng.random() * self._cumulative[-1])
            word = self.words[min(at, len(self.words) - 1)]
            if word.form not in seen:
                seen.add(word.form)
                yield word
                if len(seen) == all_of_them:
                    return


class Lexicon:
    """The lexicon in memory, indexed the ways that the operations ask."""

    def __init__(self, table: pa.Table) -> None:
        self._rows: dict[str, list[Row]] = defaultdict(list)
        for kind, *row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            self._rows[kind].append(tuple(row))
        self._choices: dict[tuple[Any, ...], Choice] = {}
        self._placed: dict[tuple[str, str, str], bool] = {}
        self._had: dict[tuple[str, str, str], bool] = {}
        self._kin: dict[tuple[str, str], tuple[frozenset[str], frozenset[str | None]]] = {}
        self._rows_in: dict[tuple[str, str, str], list[Row]] = {}

    def nouns(self, slot: str, tag: str, determiner: str, kinds: frozenset[str]) -> Choice:
        """Nouns of these kinds that the corpus puts in a slot, in a form and behind a determiner."""
        return self._choice(
            ("noun", slot, tag, determiner, kinds),
            self._introduced_in(slot, tag, determiner),
            lambda row: _is_drawable(row[0], kinds),
        )

    def new_nouns(self, tag: str, kinds: frozenset[str]) -> Choice:
        """Nouns of these kinds that the corpus introduces by "a", wherever they stand."""
        return self._choice(
            ("new", tag, kinds),
            self._rows["noun"],
            lambda row: row[2] == tag and row[4] == "a" and _is_drawable(row[0], kinds),
        )

    def attributes(self, kind: str | None, noun: str) -> Choice:
        """Adjectives that the corpus uses of nouns of a kind, or of this noun where it has no kind."""
        return self._choice(
            ("attribute", kind is None, kind or noun),  # a noun may be named like a kind: "figure"
            self._attributes_of.get(noun, ()) if kind is None else self._rows["attribute"],
            lambda row: row[3] == noun or (kind is not None and kind_of(row[3]) == kind),
        )

    def relations(self, target: str) -> Choice:
        """Prepositions that the corpus uses before nouns of the target's kind, or before this noun."""
        kind = kind_of(target)
        return self._choice(
            ("relation", kind is None, kind or target),
            self._relations_to.get(target, ()) if kind is None else self._rows["relation"],
            lambda row: row[4] == target or (kind is not None and kind_of(row[4]) == kind),
        )

    def counts(self) -> Choice:
        """Number words of the whole corpus."""
        return self._choice(("count",), self._rows["count"], lambda row: row[2] == "CD")

    def _choice(self, key: tuple[Any, ...], rows: Iterable[Row], fits: Callable[[Row], bool]) -> Choice:
        """Return the choice kept under a key, counting the rows that fit on first use."""
        found = self._choices.get(key)
        if found is None:
            counts: Counter[tuple[str, str]] = Counter()
            for row in rows:
                if fits(row):
                    counts[row[0], self._spellings.get(row[1].lower(), row[1])] += row[5]
            ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            found = self._choices[key] = Choice([Word(lemma, form, n) for (lemma, form), n in ordered])
        return found

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """How the corpus mostly writes a form within a sentence: "SUVs", where some write "suvs"."""
        counts: Counter[str] = Counter()
        for kind in _SPELLED:
            for _, form, *_, n in self._rows[kind]:
                counts[form] += n
        return {form.lower(): form for form, _ in sorted(counts.items(), key=lambda item: (item[1], item[0]))}

    def is_bare(self, noun: str) -> bool:
        """Tell whether the corpus uses a singular noun without a determiner, as it does "water"."""
        bare, all_uses = self._bare.get(noun, (0, 0))
        return bare * 2 > all_uses

    def fills(self, lemma: str, slot: str) -> bool:
        """Tell whether the corpus has this noun, or one of its kind, in a slot."""
        return lemma in self._slots.get(slot, ()) or kind_of(lemma) in self._slots.get(slot, ())

    def has(self, lemma: str, slot: str) -> bool:
        """Tell whether the corpus has this very noun in a slot."""
        return lemma in self._slots.get(slot, ())

    def says_of(self, adjective: str, noun: str) -> bool:
        """Tell whether the corpus uses an adjective of a noun.

        One use in a hundred of all adjectives of this noun is enough, so is a use of three other nouns of
        its kind. People, beings and what grows or flows are not alike enough for that: "old" goes with men and not with
        girls, "green" with frogs and not with dogs.
        """
        uses, kind = self._uses.get(adjective), kind_of(noun)
        if uses is None:
            return False
        if uses[0][noun] * 100 > self._attributed[noun]:
            return True
        return kind not in _UNLIKE and len(uses[1][_likeness(noun)]) > 2

    def relates(self, governor: str, words: str, target: str) -> bool:
        """Tell whether the corpus uses a preposition before a noun, and behind a governor of that kind.

        Once in fifty of the prepositions before this noun is enough.
        """
        if not self._targets[words, target]:
            return False
        before = (governor, words) in self._governors or (kind_of(governor), words) in self._governors
        return before and self._targets[words, target] * 50 >= self._targets["", target]

    def places(self, governor: str, words: str, target: str) -> bool:
        """Tell whether the corpus puts, behind a preposition, a thing there that does or is such: "sit", "on", "couch".

        It has the very thing with a governor of that kind, or close kin of it with that governor.
        """
        key = (governor, words, target)
        known = self._placed.get(key)
        if known is None:
            known = self._placed[key] = any(
                _is_alike(governor, before) for before in self._behind.get(words, {}).get(target, ())
            ) or any(is_kin(other, target) for other in self._ahead.get((words, governor), ()))
        return known

    def has_with(self, noun: str, words: str, target: str) -> bool:
        """Tell whether the corpus has kin of a noun, or a being like it, with kin of another: a man in a vest."""
        key = (noun, words, target)
        known = self._had.get(key)
        if known is not None:
            return known
        befores, kinds = self._before_kin(words, target)
        beings = kinds & {kind_of(noun)} & {"person", "animal"}
        self._had[key] = known = bool(beings) or any(is_kin(before, noun) for before in befores)
        return known

    def _before_kin(self, words: str, target: str) -> tuple[frozenset[str], frozenset[str | None]]:
        """Return what stands before a preposition and kin of a noun, and of what kinds that is."""
        found = self._kin.get((words, target))
        if found is None:
            behind = self._behind.get(words, {})
            befores = frozenset().union(*(them for other, them in behind.items() if is_kin(other, target)))
            found = self._kin[words, target] = befores, frozenset(map(kind_of, befores))
        return found

    def does(self, noun: str, verb: str, frame: str) -> bool:
        """Tell whether the corpus has things of a noun's kind do this: "eat" a thing of that kind, "run" there."""
        taken, _, what = frame.partition(":")
        known = self._deeds.get((kind_of(noun), verb, taken), ())
        return what in known or any(is_kin(other, what) for other in known)

    def suits(self, noun: str, place: str) -> bool:
        """Tell whether captions name a thing together with places of a class, or hardly with any place at all."""
        settings = self._settings.get(noun, {})
        return place in settings or sum(settings.values()) < 3

    def is_said_at(self, noun: str, place: str) -> bool:
        """Tell whether captions name a thing together with places of a class."""
        return place in self._settings.get(noun, {})

    def acts(self, noun: str, verb: str, taken: str) -> bool:
        """Tell whether the corpus has things of a noun's kind do this to something, or somewhere."""
        return (kind_of(noun), verb, taken) in self._deeds

    def mentions(self, word: str) -> int:
        """Count the uses of a noun or verb."""
        return self._mentions[word]

    def is_beside(self, first: str, second: str) -> bool:
        """Tell whether captions name both of two things a lot, so that where the one is the other may be too."""
        return self._is_habit(self._beside, first, second)

    def are_alternatives(self, first: str, second: str) -> bool:
        """Tell whether captions of one image use these words for, likely, the same thing."""
        return self._is_habit(self._together, first, second)

    def _is_habit(self, counts: dict[tuple[str, str], int], first: str, second: str) -> bool:
        # Twice is chance in a small corpus; more, and as often as one mention in twenty of the rarer word, is a habit.
        together = counts.get((first, second), 0)
        return together > 2 and together * 20 >= min(self._mentions[first], self._mentions[second])

    def plural(self, lemma: str) -> str | None:
        """Return the plural that the corpus has of a noun."""
        return self._forms.get((lemma, "NNS"))

    def form(self, lemma: str, tag: str) -> str | None:
        """Return the most frequent form that the corpus has of a verb with this tag."""
        return self._verb_forms.get((lemma, tag))

    @cached_property
    def _nouns_by_slot(self) -> dict[tuple[str, str], list[Row]]:
        return _by(self._rows["noun"], 3, 2)

    @cached_property
    def _attributes_of(self) -> dict[str, list[Row]]:
        return _by(self._rows["attribute"], 3)

    @cached_property
    def _relations_to(self) -> dict[str, list[Row]]:
        return _by(self._rows["relation"], 4)

    def _introduced_in(self, slot: str, tag: str, determiner: str) -> list[Row]:
        key = (slot, tag, determiner)
        found = self._rows_in.get(key)
        if found is None:
            rows = self._nouns_by_slot.get((slot, tag), ())
            found = self._rows_in[key] = [row for row in rows if self._is_introduced(row[0], tag, determiner)]
        return found

    def _is_introduced(self, lemma: str, tag: str, determiner: str) -> bool:
        # Once in twenty is use; less is a slip of the caption or the parser: "a water".
        return self._introduced[lemma, tag, determiner] * 20 >= self._introduced[lemma, tag, _ANY]

    @cached_property
    def _introduced(self) -> Counter[tuple[str, str, str]]:
        counts: Counter[tuple[str, str, str]] = Counter()
        for lemma, _, tag, _, determiner, n in self._rows["noun"]:
            counts[lemma, tag, determiner] += n
            counts[lemma, tag, _ANY] += n
        return counts

    @cached_property
    def _bare(self) -> dict[str, tuple[int, int]]:
        index: dict[str, tuple[int, int]] = {}
        for lemma, _, tag, _, determiner, n in self._rows["noun"]:
            if tag == "NN":
                bare, total = index.get(lemma, (0, 0))
                index[lemma] = (bare + n * (determiner == ""), total + n)
        return index

    @cached_property
    def _slots(self) -> dict[str, set[str | None]]:
        index: dict[str, set[str | None]] = defaultdict(set)
        for lemma, _, _, slot, _, _ in self._rows["noun"]:
            index[slot].update((lemma, kind_of(lemma) or lemma))
        return index

    @cached_property
    def _uses(self) -> dict[str, tuple[Counter[str], dict[str, set[str]]]]:
        index: dict[str, tuple[Counter[str], dict[str, set[str]]]] = defaultdict(lambda: (Counter(), defaultdict(set)))
        for word, _, _, noun, _, n in self._rows["attribute"]:
            nouns, kinds = index[word]
            nouns[noun] += n
            kinds[_likeness(noun)].add(noun)
        return index

    @cached_property
    def _attributed(self) -> Counter[str]:
        totals: Counter[str] = Counter()
        for _, _, _, noun, _, n in self._rows["attribute"]:
            totals[noun] += n
        return totals

    @cached_property
    def _deeds(self) -> dict[tuple[str | None, str, str], set[str]]:
        """Map kinds of subjects, verbs, and prepositions or "dobj" to the nouns behind these."""
        found: dict[tuple[str | None, str, str], set[str]] = defaultdict(set)
        for word, _, _, subject, frame, _ in self._rows["action"]:
            taken, _, noun = frame.partition(":")
            found[kind_of(subject), word, taken].add(noun)
        return found

    @cached_property
    def _behind(self) -> dict[str, dict[str, set[str]]]:
        """Map prepositions to what stands behind them, and that to what stands before."""
        index: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for words, _, _, governor, target, _ in self._rows["relation"]:
            index[words][target].add(governor)
        return index

    @cached_property
    def _ahead(self) -> dict[tuple[str, str], set[str]]:
        """Map prepositions and what stands before them to what stands behind."""
        index: dict[tuple[str, str], set[str]] = defaultdict(set)
        for words, _, _, governor, target, _ in self._rows["relation"]:
            index[words, governor].add(target)
        return index

    @cached_property
    def _governors(self) -> set[tuple[str | None, str]]:
        pairs: set[tuple[str | None, str]] = set()
        for words, _, _, governor, _, _ in self._rows["relation"]:
            pairs.update(((governor, words), (kind_of(governor) or governor, words)))
        return pairs

    @cached_property
    def _targets(self) -> Counter[tuple[str, str]]:
        """Count prepositions before nouns; the empty preposition counts them all."""
        counts: Counter[tuple[str, str]] = Counter()
        for words, _, _, _, target, n in self._rows["relation"]:
            counts[words, target] += n
            counts["", target] += n
        return counts

    @cached_property
    def _together(self) -> dict[tuple[str, str], int]:
        return {(word, other): n for word, _, _, other, _, n in self._rows["alternative"]}

    @cached_property
    def _beside(self) -> dict[tuple[str, str], int]:
        return {(word, other): n for word, _, _, other, _, n in self._rows["beside"]}

    @cached_property
    def _settings(self) -> dict[str, dict[str, int]]:
        index: dict[str, dict[str, int]] = defaultdict(dict)
        for noun, _, _, place, _, n in self._rows["setting"]:
            index[noun][place] = index[noun].get(place, 0) + n
        return index

    @cached_property
    def _mentions(self) -> Counter[str]:
        mentions: Counter[str] = Counter()
        for kind in ("noun", "action"):
            for word, *_, n in self._rows[kind]:
                mentions[word] += n
        return mentions

    @cached_property
    def _forms(self) -> dict[tuple[str, str], str]:
        return self._most_frequent("noun")

    @cached_property
    def _verb_forms(self) -> dict[tuple[str, str], str]:
        return self._most_frequent("action")

    def _most_frequent(self, kind: str) -> dict[tuple[str, str], str]:
        counts: Counter[tuple[str, str, str]] = Counter()
        for word, form, tag, _, _, n in self._rows[kind]:
            counts[word, tag, form] += n
        forms: dict[tuple[str, str], str] = {}
        for (word, tag, form), _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            forms.setdefault((word, tag), form)
        return forms
