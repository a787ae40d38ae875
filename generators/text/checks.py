"""Is it really wrong? Each check sees a candidate and what all captions of the image say.

The order is the order of schemas.reasons.CHECKS: the first that fails names why a candidate is left out.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import COLOURS, NUMBER_WORDS, attribute_family, gender_of, region_of
from generators.text.knowledge.wordnet import is_close, is_same_or_general, kind_of
from generators.text.language.edits import Applied, Candidate, Claim
from generators.text.language.sentence import NOUN_TAGS, Sentence

if TYPE_CHECKING:
    from generators.text.operations.details import Detail

_WORD = re.compile(r"[a-z0-9']+")
_ARTICLES = frozenset({"a", "an", "the"})


def normalised(caption: str) -> tuple[str, ...]:
    """Reduce a caption to its words: no case, punctuation or articles."""
    return tuple(word for word in _WORD.findall(caption.lower()) if word not in _ARTICLES)


class Facts:
    """What the captions of one image, taken together, say is there."""

    def __init__(self, sentences: Sequence[Sentence], pairs: Sequence[str] = ()) -> None:
        """Take the captions, and the ids of their pairs where rows are to name them."""
        self.sentences = sentences
        self.details: dict[int, list[Detail]] = {}  # by caption (its identity): what `borrow.details` has found
        self._pairs = {id(sentence): pair for sentence, pair in zip(sentences, pairs, strict=False)}
        self.captions = {normalised(sentence.caption) for sentence in sentences}
        self.bags = {tuple(sorted(words)) for words in self.captions}
        self.nouns: set[str] = set()
        self.plurals: set[str] = set()
        self.several: set[str] = set()  # nouns of which the image may show more than one
        self.adjectives: set[str] = set()
        self.attributes: dict[str, set[str]] = defaultdict(set)  # noun -> adjectives
        self.actions: set[str] = set()
        self.numbers: set[str] = set()
        self.regions: set[tuple[str, str]] = set()  # region of a preposition, noun
        for sentence in sentences:
            self._add(sentence)
        self.kinds = {kind_of(noun) for noun in self.nouns}

    def pair_of(self, sentence: Sentence) -> str:
        """Return the id of the pair that a caption belongs to."""
        return self._pairs[id(sentence)]

    def _add(self, sentence: Sentence) -> None:
        for phrase in sentence.noun_phrases:
            if sum(other.lemma == phrase.lemma for other in sentence.noun_phrases) > 1:
                self.several.add(phrase.lemma)
            self.nouns.add(phrase.lemma)
            if sentence.tokens[phrase.head].tag == "NNS":
                self.plurals.add(phrase.lemma)
                self.several.add(phrase.lemma)
            self.attributes[phrase.lemma].update(sentence.tokens[a].lower for a in phrase.adjectives)
        for token in sentence.tokens:
            if token.tag in NOUN_TAGS or token.pos == "PROPN":
                self.nouns.add(token.lemma.lower())
            elif token.pos == "VERB":
                self.actions.add(token.lemma.lower())
            elif token.tag == "CD" and not (token.text.isdecimal() and len(token.text) > 2):  # no years
                self.numbers.add(NUMBER_WORDS.get(token.lower, token.lower))
            if token.pos in {"ADJ", "ADV"} or token.dep in {"amod", "compound"}:
                self.adjectives.add(token.lower)
        for relation in sentence.relations:
            self.regions.add(
                (region_of(relation.words) or relation.words, sentence.tokens[relation.target].lemma.lower())
            )


def failed_check(
    candidate: Candidate, applied: Applied, sentence: Sentence, facts: Facts, lexicon: Lexicon
) -> str | None:
    """Name the first check that a candidate fails, none when it may pass as wrong."""
    words, original = normalised(applied.caption), normalised(candidate.original or sentence.caption)
    if words == original:
        return "unchanged"
    if candidate.failed is not None:
        return candidate.failed
    if any(_is_synonym(claim, lexicon) for claim in candidate.claims):
        return "synonym"
    if words in facts.captions:
        return "reference"
    swapped = candidate.operation.startswith("swap")
    if tuple(sorted(words)) in facts.bags and not (swapped and sorted(words) == sorted(original)):
        return "same_words"
    if any(_is_entailed(claim, facts, lexicon) for claim in candidate.claims):
        return "entailed"
    return None


def _is_synonym(claim: Claim, lexicon: Lexicon) -> bool:
    """Tell whether the new word can mean the old one, by WordNet or by this corpus's own habits."""
    if claim[0] not in {"noun", "action"} or not claim[2]:
        return False
    kind, new, old = claim
    if kind == "action":
        return is_same_or_general(new, old, "v") or lexicon.are_alternatives(new, old)
    if kind_of(new) == "person" and kind_of(old) == "person":
        return {gender_of(new), gender_of(old)} != {"male", "female"}
    return is_close(new, old, "n") or lexicon.are_alternatives(new, old)


def _is_entailed(claim: Claim, facts: Facts, lexicon: Lexicon) -> bool:
    """Tell whether a caption of the image says what the wrong caption newly says, or may mean it."""
    match claim:
        case ("noun", new, _):
            return _is_mentioned(new, facts, lexicon)
        case ("attribute", new, _):
            return _has_attribute(new, facts)
        case ("attribute of", new, noun):
            return any(
                new in adjectives and is_same_or_general(noun, other, "n")
                for other, adjectives in facts.attributes.items()
            )
        case ("action", new, _):
            return any(is_same_or_general(new, old, "v") for old in facts.actions)
        case ("count", number, noun):
            return number in facts.numbers or not facts.nouns.isdisjoint(_CROWDS) or noun == "people"
        case ("plural", noun):
            return _may_be_many(noun, facts)
        case ("relation", words, noun):
            return any(
                region == (region_of(words) or words) and is_same_or_general(noun, other, "n")
                for region, other in facts.regions
            )
    return False


_CROWDS = frozenset({"crowd", "group", "couple", "pair", "team", "bunch", "lot", "pack", "herd", "flock", "trio"})


def _is_mentioned(new: str, facts: Facts, lexicon: Lexicon) -> bool:
    kind, gender = kind_of(new), gender_of(new)
    for noun in facts.nouns:
        if is_same_or_general(new, noun, "n"):
            # "person" includes "woman", and yet a man is a person too: only their gender can tell.
            if not (kind == "person" and gender and noun in {"person", "people", "child", "kid", "adult"}):
                return True
        elif kind != "person" and kind_of(noun) == kind and lexicon.are_alternatives(new, noun):
            return True
        if gender and gender_of(noun) == gender:
            return True
    return False


def _has_attribute(new: str, facts: Facts) -> bool:
    if not facts.adjectives.isdisjoint(new.split()):
        return True
    if attribute_family(new) == "colour":
        return any(COLOURS.get(old) == COLOURS[new] for old in facts.adjectives)
    return False


def _may_be_many(noun: str, facts: Facts) -> bool:
    kind = kind_of(noun)
    return any(kind_of(other) == kind for other in facts.plurals) or bool(facts.numbers - {"one"})
