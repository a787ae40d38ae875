"""A parsed caption: tokens, noun phrases and who does what, as plain data that tests can write by hand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from generators.text.knowledge.exclusions import COLOURS
from generators.text.language.casing import Style, as_spoken, starts_sentence, style_of
from generators.text.language.scope import unasserted, verbatim

NOUN_TAGS = frozenset({"NN", "NNS"})
# Prepositions that English builds out of several words, longest first.
COMPOUND_PREPOSITIONS = (
    ("in", "front", "of"),
    ("on", "top", "of"),
    ("to", "the", "left", "of"),
    ("to", "the", "right", "of"),
    ("on", "the", "left", "of"),
    ("on", "the", "right", "of"),
    ("left", "of"),
    ("right", "of"),
    ("next", "to"),
    ("close", "to"),
    ("out", "of"),
    ("away", "from"),
    ("inside", "of"),
    ("outside", "of"),
)

_LAST_WORDS = frozenset(words[-1] for words in COMPOUND_PREPOSITIONS)

# Nouns whose plural is another word than the parser's lemma of it: "shorts" are no "short".
PLURAL_ONLY = frozenset(
    {
        "shorts", "pants", "jeans", "trousers", "overalls", "tights", "leggings", "trunks", "pajamas", "khakis",
        "glasses", "sunglasses", "goggles", "binoculars", "headphones", "scissors", "stairs", "woods", "clothes",
        "bleachers", "waders", "briefs", "fatigues",
    }
)  # fmt: skip
_PLAIN = re.compile(r"[^\W\d_]+(?:[-‐‑–'’][^\W\d_]+)*\.?")


@dataclass(slots=True)
class Token:
    """One token; `start` and `end` are character offsets in the caption, `head` an index of a token."""

    index: int
    text: str
    start: int
    lemma: str
    pos: str
    tag: str
    dep: str
    head: int
    lower: str = field(init=False)  # the text in lower case

    def __post_init__(self) -> None:
        self.lower = self.text.lower()

    @property
    def end(self) -> int:
        """Offset behind the last character."""
        return self.start + len(self.text)

    @property
    def is_plain(self) -> bool:
        """Whether this is a word: letters, hyphens and apostrophes, no "IMG_12.jpg" and no emoji."""
        return self.text.isalpha() or _PLAIN.fullmatch(self.text) is not None


@dataclass(slots=True)
class NounPhrase:
    """A noun with what belongs to it. All fields but `lemma` and `slot` are token indices, ends exclusive."""

    head: int
    first: int  # leftmost modifier or determiner
    noun: int  # first token of the nominal: a compound ("tennis" of "tennis ball") or the head
    last: int  # behind the whole phrase, prepositional phrases and clauses included
    determiner: int | None
    adjectives: list[int]
    lemma: str  # of the nominal: "tennis ball"
    slot: str  # "ride:dobj", "run:nsubj", "on:pobj", "group of:pobj" or "root"


class Sentence:
    """A caption with its parse."""

    def __init__(self, caption: str, tokens: Sequence[Token]) -> None:
        self.caption = caption
        self.tokens = list(tokens)
        self.children: list[list[int]] = [[] for _ in self.tokens]
        for token in self.tokens:
            if token.head != token.index:
                self.children[token.head].append(token.index)

    @classmethod
    def from_row(cls, caption: str, tokens: Sequence[Mapping[str, Any]]) -> "Sentence":
        """Build from a row of the `parses` table."""
        return cls(caption, [Token(index, **token) for index, token in enumerate(tokens)])

    def text(self, first: int, last: int) -> str:
        """Return the caption's characters from token `first` up to, not including, token `last`."""
        return self.caption[self.tokens[first].start : self.tokens[last - 1].end]

    def spoken(self, first: int, last: int) -> str:
        """Return the same without the capitals that only their place gives to words: as it reads in a sentence."""
        start = self.tokens[first].start
        return as_spoken(self.text(first, last), self.style, starts_sentence(self.caption, start))

    @cached_property
    def style(self) -> Style:
        """How the caption is written: as a sentence, as a title, in capitals."""
        return style_of(self.caption)

    @cached_property
    def parts(self) -> list[int]:
        """For every token the number of its sentence, or of its item in a list; no word moves to another."""
        found, part = [], 0
        for token in self.tokens:
            if token.index and "\n" in self.caption[self.tokens[token.index - 1].end : token.start]:
                part += 1
            found.append(part)
            part += token.text in _STOPS
        return found

    @cached_property
    def unasserted(self) -> frozenset[int]:
        """Tokens whose change need not make the caption false: under a negation, in a question, behind an "or"."""
        return unasserted(self)

    @cached_property
    def verbatim(self) -> frozenset[int]:
        """Tokens that are no English to be rewritten: quoted, names, numbers, addresses, marks of a list."""
        return verbatim(self)

    def child(self, index: int, *deps: str) -> int | None:
        """Find the first child with one of these dependency labels."""
        return next((c for c in self.children[index] if self.tokens[c].dep in deps), None)

    def left_edge(self, index: int) -> int:
        """Find the first token of a subtree."""
        while self.children[index] and self.children[index][0] < index:
            index = self.children[index][0]
        return index

    def right_edge(self, index: int) -> int:
        """Find the last token of a subtree."""
        while self.children[index] and self.children[index][-1] > index:
            index = self.children[index][-1]
        return index

    @cached_property
    def noun_phrases(self) -> list[NounPhrase]:
        """All noun phrases whose head is a common noun, in order."""
        inside = self._inside_prepositions
        return [
            self._noun_phrase(t.index)
            for t in self.tokens
            if t.tag in NOUN_TAGS and t.dep in _HEADS and t.index not in inside and t.is_plain
        ]

    @cached_property
    def _inside_prepositions(self) -> set[int]:
        """Tokens such as the "front" of "in front of", which are no things in the picture."""
        inside: set[int] = set()
        for token in self.tokens:
            if token.lower in _LAST_WORDS:
                inside.update(range(self.preposition(token.index)[1], token.index))
        return inside

    def phrase_of(self, head: int) -> NounPhrase | None:
        """Find the noun phrase with this head."""
        return self._by_head.get(head)

    @cached_property
    def _by_head(self) -> dict[int, NounPhrase]:
        return {phrase.head: phrase for phrase in self.noun_phrases}

    @cached_property
    def verbs(self) -> list[Token]:
        """Verbs that say what somebody does: not auxiliaries, not participles before a noun."""
        return [t for t in self.tokens if t.pos == "VERB" and t.tag[:2] == "VB" and t.dep in _PREDICATES]

    @cached_property
    def conjunct_heads(self) -> list[int]:
        """For every token the first conjunct of its coordination, itself when it is in none."""
        heads = list(range(len(self.tokens)))
        for token in self.tokens:
            at = token.index
            while self.tokens[at].dep == "conj" and self.tokens[at].head != at:
                at = self.tokens[at].head
            heads[token.index] = at
        return heads

    def subject_of(self, verb: int) -> int | None:
        """Find the head noun of a verb's subject, also for "a dog running" and coordinated verbs."""
        for _ in range(4):
            subject = self.child(verb, "nsubj", "nsubjpass")
            if subject is not None:
                return subject
            token = self.tokens[verb]
            if token.dep in {"acl", "relcl"}:
                return token.head
            if token.dep not in {"conj", "advcl", "xcomp"} or token.head == verb:
                return None
            verb = token.head
            if self.tokens[verb].tag in NOUN_TAGS:
                return verb
        return None

    @cached_property
    def relations(self) -> list["Relation"]:
        """Prepositions that join a governor to a noun, those of several words as one."""
        return [self._relation(token.index) for token in self.tokens if token.dep == "pobj"]

    def _relation(self, target: int) -> "Relation":
        preposition = self.tokens[target].head
        words, first = self.preposition(preposition)
        governor = self.tokens[first].head
        for index in range(first, preposition + 1):  # the governor of the words together
            outer = self.tokens[index].head
            if not first <= outer <= preposition:
                governor = outer
        return Relation(words, first, preposition + 1, governor, target)

    def preposition(self, last: int) -> tuple[str, int]:
        """Return the whole preposition that ends at a token, in lower case, and its first token."""
        if self.tokens[last].lower not in _LAST_WORDS:
            return self.tokens[last].lower, last
        for words in COMPOUND_PREPOSITIONS:
            first = last - len(words) + 1
            if first >= 0 and all(self.tokens[first + k].lower == word for k, word in enumerate(words)):
                return " ".join(words), first
        return self.tokens[last].lower, last

    def _noun_phrase(self, head: int) -> NounPhrase:
        noun, determiner, adjectives = head, None, []
        for child in self.children[head]:
            token = self.tokens[child]
            if child > head:
                break
            if token.dep in {"det", "poss"} and determiner is None:
                determiner = child
            elif token.dep == "amod" or (token.dep == "compound" and is_attributive(token)):
                adjectives.append(child)
            elif token.dep == "compound":
                noun = min(noun, self.left_edge(child))
        adjectives = [a for a in adjectives if a < noun]
        last_word = self.tokens[head]
        singular = last_word.lower if last_word.lower in PLURAL_ONLY else last_word.lemma.lower()
        lemma = self.caption[self.tokens[noun].start : last_word.start].lower() + singular
        first, last = self.left_edge(head), self._phrase_end(head)
        return NounPhrase(head, first, noun, last, determiner, adjectives, lemma, self._slot(head))

    def _phrase_end(self, head: int) -> int:
        last = head
        for child in self.children[head]:
            if child > head and self.tokens[child].dep in {"prep", "acl", "relcl", "amod"}:
                last = max(last, self.right_edge(child))
        return last + 1

    def _slot(self, head: int) -> str:
        at = self.conjunct_heads[head]
        token = self.tokens[at]
        governor = self.tokens[token.head]
        if token.dep == "pobj":
            words, first = self.preposition(token.head)
            if words == "of":
                return f"{self.tokens[self.tokens[first].head].lemma.lower()} of:pobj"
            return f"{words}:pobj"
        if token.dep in {"dobj", "nsubj", "nsubjpass"} and governor.pos in {"VERB", "AUX"}:
            return f"{governor.lemma.lower()}:{token.dep}"
        clause = self.child(at, "acl", "relcl")
        if clause is not None and self.tokens[clause].tag == "VBG":
            return f"{self.tokens[clause].lemma.lower()}:nsubj"
        return "root"


@dataclass(slots=True)
class Relation:
    """A preposition, one word or several, between a governor and the noun that it introduces."""

    words: str  # lower case
    first: int  # token indices of the words, end exclusive
    last: int
    governor: int
    target: int


def is_attributive(token: Token) -> bool:
    """Tell whether a word that the parser calls part of a compound is really an adjective."""
    if token.lower in COLOURS:
        return True  # "an orange star" is no star of oranges
    if "-" in token.text:
        return True  # "a two-tone car"
    return token.tag in {"JJ", "JJR", "JJS", "VBN"} or token.lower.endswith(("less", "-colored", "colored"))


_STOPS = frozenset({".", "!", "?", ";", "•", "|", "..."})
_HEADS = frozenset({"nsubj", "nsubjpass", "dobj", "pobj", "ROOT", "conj", "attr", "appos", "dative", "dep"})
_PREDICATES = frozenset({"ROOT", "acl", "relcl", "conj", "advcl", "xcomp", "ccomp", "pcomp"})
