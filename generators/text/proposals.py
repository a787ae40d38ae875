"""Words that a language model finds likely in a place of a caption: fluent rivals that a small corpus never says.

One reading of a caption tells what may stand behind each of its beginnings. Of these words those are taken that the
place's operation could draw: of the same form and of a kind that excludes what stands there. They are weighed again
with what follows, and what leaves the caption about as plausible as it was may be drawn, as the corpus' own words may.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import methodcaller
from typing import Any, cast

from devices.scoring import Scorer
from generators.text.corpus.lexicon import Choice, Lexicon, Word
from generators.text.knowledge.exclusions import NOT_VISIBLE, actions_exclude, excludes, relations_exclude
from generators.text.knowledge.things import kind_of
from generators.text.language.frames import determiner_class, frame_of
from generators.text.language.sentence import Sentence
from generators.text.operations.replace_action import is_free
from generators.text.operations.replace_attribute import attributes
from generators.text.operations.replace_object import objects, rivals
from generators.text.operations.replace_relation import is_spatial

_LOOKED_AT = 400  # likeliest next words of a place: most are of another kind than what stands there
_REACH = 3.0  # nats that a word may cost the caption
# All proposed words of a place weigh as so many uses in the corpus: where that says little they are what is drawn,
# where it says a lot they are hardly seen. And where it has so many different words, it is not worth the reading.
_USES, _ENOUGH = 48, 40

# "Upon", "atop" and "within" are bookish, "onto" and "into" want somebody who moves: of 13 relations that were read, 7
# were bad, and 6 of those had one of these.
_EVERYDAY = frozenset({"above", "behind", "below", "beside", "in", "inside", "near", "on", "outside", "over", "under"})

Key = tuple[str | None, ...]  # what an operation asks the lexicon for


@dataclass(frozen=True)
class Place:
    """A place where an operation may put another word."""

    start: int  # character offsets of what stands there
    end: int
    key: Key
    lemma_of: Callable[[str], str | None]  # of a word that may stand there; None for others
    vouched: Callable[[str], list[Key]]  # what is then known to go together, from the lemma
    said: Callable[[Lexicon], Choice]  # what the corpus has for it


class Proposals:
    """Propose words for the places of captions."""

    version = 1

    def __init__(self, scorer: Scorer, most: int) -> None:
        """Take the language model, and how many words to weigh for one place."""
        self.scorer, self.most = scorer, most

    @property
    def identity(self) -> list[Any]:
        """Version and settings; the model is the ranking's."""
        return ["proposals", self.version, self.most]

    def __call__(self, sentences: Sequence[Sentence], corpus: Lexicon) -> tuple[dict[int, Lexicon], dict[str, Any]]:
        """Return a lexicon for each sentence (by its identity) that has the words likely there, and a ledger entry."""
        started, scored = time.perf_counter(), self.scorer.scored
        every = [
            (sentence, place)
            for sentence in sentences
            for place in places(sentence)
            if len(place.said(corpus).words) < _ENOUGH
        ]
        before = sorted({_beginning(sentence, place) for sentence, place in every})
        next_words = self.scorer.likely(before, _LOOKED_AT)
        wanted = [
            (sentence, place, self._fitting(place, next_words.get(_beginning(sentence, place), [])))
            for sentence, place in every
        ]
        captions = {_with(sentence, place, word) for sentence, place, words in wanted for word, _ in words}
        scores = self.scorer.score(sorted(captions | {sentence.caption for sentence in sentences}))
        found: dict[int, dict[Key, list[Word]]] = defaultdict(dict)
        vouched: dict[int, set[Key]] = defaultdict(set)
        for sentence, place, words in wanted:
            own = scores.get(sentence.caption)
            near = [
                (word, lemma)
                for word, lemma in words
                if own and (new := scores.get(_with(sentence, place, word))) and new[0] >= own[0] - _REACH
            ]
            uses = max(1, _USES // max(1, len(near)))
            found[id(sentence)].setdefault(place.key, []).extend(Word(lemma, word, uses) for word, lemma in near)
            vouched[id(sentence)].update(key for _, lemma in near for key in place.vouched(lemma))
        likely = {id(s): cast(Lexicon, Likely(corpus, found[id(s)], vouched[id(s)])) for s in sentences}
        work = {
            "model": self.scorer.model,
            "rows_in": len(sentences),
            "rows_out": sum(len(words) for of in found.values() for words in of.values()),
            "tries": self.scorer.scored - scored,
            "seconds": time.perf_counter() - started,
        }
        return likely, work

    def _fitting(self, place: Place, words: list[tuple[str, float]]) -> list[tuple[str, str]]:
        lemmas = ((word, place.lemma_of(word)) for word, _ in words)
        return [(word, lemma) for word, lemma in lemmas if lemma is not None][: self.most]


class Likely:
    """A lexicon for one caption: the corpus' words and, where it is asked for one of the caption's places, likely ones.

    Operations draw from it as from a Lexicon, which answers whatever else it is asked.
    """

    def __init__(self, corpus: Lexicon, found: dict[Key, list[Word]], vouched: set[Key]) -> None:
        self._corpus, self._found, self._vouched = corpus, found, vouched

    def __getattr__(self, name: str) -> Any:
        return getattr(self._corpus, name)

    def nouns(self, slot: str, tag: str, determiner: str, kinds: frozenset[str]) -> Choice:
        """Nouns of these kinds for a slot, in a form and behind a determiner."""
        likely = [word for word in self._of("noun", slot, tag, determiner) if kind_of(word.lemma) in kinds]
        return _together(self._corpus.nouns(slot, tag, determiner, kinds), likely)

    def attributes(self, kind: str | None, noun: str) -> Choice:
        """Adjectives for a noun."""
        return _together(self._corpus.attributes(kind, noun), self._of("attribute", noun))

    def actions(self, subject_kind: str | None, frame: str, tag: str) -> Choice:
        """Verbs in a form for a subject of a kind."""
        return _together(self._corpus.actions(subject_kind, frame, tag), self._of("action", subject_kind, frame, tag))

    def relations(self, target: str) -> Choice:
        """Prepositions for a noun."""
        return _together(self._corpus.relations(target), self._of("relation", target))

    def is_bare(self, noun: str) -> bool:
        """Tell whether a singular noun goes without a determiner."""
        return ("bare", noun) in self._vouched or self._corpus.is_bare(noun)

    def says_of(self, adjective: str, noun: str) -> bool:
        """Tell whether an adjective goes with a noun."""
        return ("says of", adjective, noun) in self._vouched or self._corpus.says_of(adjective, noun)

    def takes(self, verb: str, frame: str) -> bool:
        """Tell whether a verb goes with what a frame has."""
        return ("takes", verb, frame) in self._vouched or self._corpus.takes(verb, frame)

    def relates(self, governor: str, words: str, target: str) -> bool:
        """Tell whether a preposition goes between a governor and a noun."""
        return ("relates", governor, words, target) in self._vouched or self._corpus.relates(governor, words, target)

    def places(self, governor: str, words: str, target: str) -> bool:
        """Tell whether a thing is where a preposition puts it."""
        return ("stands", target) in self._vouched or self._corpus.places(governor, words, target)

    def has_with(self, noun: str, words: str, target: str) -> bool:
        """Tell whether a thing has with it what a preposition says."""
        return ("stands", noun) in self._vouched or self._corpus.has_with(noun, words, target)

    def _of(self, *key: str | None) -> list[Word]:
        return self._found.get(key, [])


def _together(choice: Choice, likely: list[Word]) -> Choice:
    said = {word.form for word in choice.words}
    return Choice([*choice.words, *(word for word in likely if word.form not in said)]) if likely else choice


def places(sentence: Sentence) -> Iterator[Place]:
    """Find the places of a caption where another word could stand; the first word is none, nothing leads to it."""
    for found in (_nouns, _attributes, _actions, _relations):
        yield from (place for place in found(sentence) if place.start > 0)


def _nouns(sentence: Sentence) -> Iterator[Place]:
    for phrase in objects(sentence):
        head, determiner = sentence.tokens[phrase.head], determiner_class(sentence, phrase)
        adjectives = [sentence.tokens[index].lower for index in phrase.adjectives]
        kinds, old, bare = rivals(phrase.lemma), phrase.lemma, determiner == "" and head.tag == "NN"

        def lemma_of(word: str, tag: str = head.tag, kinds: frozenset[str] = kinds, old: str = old) -> str | None:
            lemma = _lemma(word, "NOUN", tag)
            return lemma if lemma not in {None, old, *NOT_VISIBLE} and kind_of(lemma or "") in kinds else None

        def vouched(lemma: str, adjectives: list[str] = adjectives, bare: bool = bare) -> list[Key]:
            fits: list[Key] = [("says of", adjective, lemma) for adjective in adjectives]
            return [*fits, ("stands", lemma), *([("bare", lemma)] if bare else [])]

        asked = (phrase.slot, head.tag, determiner)
        said = methodcaller("nouns", *asked, kinds)
        yield Place(sentence.tokens[phrase.noun].start, head.end, ("noun", *asked), lemma_of, vouched, said)


def _attributes(sentence: Sentence) -> Iterator[Place]:
    for phrase, index in attributes(sentence):
        old, noun = sentence.tokens[index], phrase.lemma

        def lemma_of(word: str, old: str = old.lower) -> str | None:
            return word if excludes(old, word) else None

        def vouched(lemma: str, noun: str = noun) -> list[Key]:
            return [("says of", lemma, noun)]

        said = methodcaller("attributes", kind_of(noun), noun)
        yield Place(old.start, old.end, ("attribute", noun), lemma_of, vouched, said)


def _actions(sentence: Sentence) -> Iterator[Place]:
    for verb in sentence.verbs:
        subject = sentence.subject_of(verb.index)
        if verb.tag not in {"VBG", "VBZ", "VBP"} or subject is None or not is_free(sentence, verb):
            continue
        frame, old = frame_of(sentence, verb), verb.lemma.lower()

        def lemma_of(word: str, tag: str = verb.tag, old: str = old, frame: str = frame) -> str | None:
            lemma = _lemma(word, "VERB", tag)
            return lemma if lemma is not None and actions_exclude(old, lemma, frame) else None

        def vouched(lemma: str, frame: str = frame) -> list[Key]:
            return [("takes", lemma, frame)]

        asked = (kind_of(sentence.tokens[subject].lemma.lower()), frame, verb.tag)
        said = methodcaller("actions", *asked)
        yield Place(verb.start, verb.end, ("action", *asked), lemma_of, vouched, said)


def _relations(sentence: Sentence) -> Iterator[Place]:
    for relation in sentence.relations:
        phrase = sentence.phrase_of(relation.target)
        if phrase is None or not is_spatial(sentence, relation):
            continue
        governor, target = sentence.tokens[relation.governor].lemma.lower(), phrase.lemma

        def lemma_of(word: str, old: str = relation.words) -> str | None:
            return word if word in _EVERYDAY and relations_exclude(old, word) else None

        def vouched(lemma: str, governor: str = governor, target: str = target) -> list[Key]:
            return [("relates", governor, lemma, target)]

        start, end = sentence.tokens[relation.first].start, sentence.tokens[relation.last - 1].end
        said = methodcaller("relations", target)
        yield Place(start, end, ("relation", target), lemma_of, vouched, said)


@cache
def _lemma(word: str, kind: str, tag: str) -> str | None:
    """Return the lemma of a word that can be a noun or verb in the form of a tag; None for others."""
    import lemminflect

    for lemma in lemminflect.getLemma(word, kind, lemmatize_oov=False):
        # Its first form: of many animals the second plural is that of hunters, "camel".
        if word in lemminflect.getInflection(lemma, tag, inflect_oov=False)[:1]:
            return str(lemma)
    return None


def _beginning(sentence: Sentence, place: Place) -> str:
    return sentence.caption[: place.start].rstrip()


def _with(sentence: Sentence, place: Place, word: str) -> str:
    return sentence.caption[: place.start] + word + sentence.caption[place.end :]
