"""What the captions of one image, taken together, say is there."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations

from generators.text.knowledge.deeds import deed_of
from generators.text.knowledge.exclusions import NUMBER_WORDS, gender_of
from generators.text.knowledge.relations import region_of
from generators.text.knowledge.things import kind_of
from generators.text.language.grammar import gendered_pronouns, is_female
from generators.text.language.sentence import NOUN_TAGS, NounPhrase, Sentence
from schemas.words import words_of

_ARTICLES = frozenset({"a", "an", "the"})


def normalised(caption: str) -> tuple[str, ...]:
    """Reduce a caption to its words: no case, punctuation or articles."""
    return tuple(word for word in words_of(caption) if word not in _ARTICLES)


class Facts:
    """What the captions of one image, taken together, say is there."""

    def __init__(self, sentences: Sequence[Sentence], pairs: Sequence[str] = ()) -> None:
        """Take the captions, and the ids of their pairs where rows are to name them."""
        self.sentences = sentences
        self._pairs = {id(sentence): pair for sentence, pair in zip(sentences, pairs, strict=False)}
        self.captions = {normalised(sentence.caption) for sentence in sentences}
        self.bags = {tuple(sorted(words)) for words in self.captions}
        self.words = {token.lemma.lower() for sentence in sentences for token in sentence.tokens}
        self.nouns: set[str] = set()
        self.plurals: set[str] = set()
        self.several: set[str] = set()  # nouns of which the image may show more than one
        self.adjectives: set[str] = set()  # said of nothing in particular: "the dog is black"
        self.apart: set[frozenset[str]] = set()  # two nouns that one caption has of two things
        self.attributes: dict[str, set[str]] = defaultdict(set)  # noun -> adjectives
        self.actions: set[str] = set()
        self.deeds: set[tuple[str | None, str]] = set()  # kind of who does it, verb
        self.deed_counts: Counter[str] = Counter()  # how many captions have a deed
        self.numbers: set[str] = set()
        self.genders: Counter[str] = Counter()  # how many captions have somebody of a gender, by noun or pronoun
        self.untold = 0  # captions that have somebody, and of no gender
        self.most: Counter[str] = Counter()  # how many people of a gender one caption has at most; two for several
        self.regions: set[tuple[str, str]] = set()  # region of a preposition, noun
        self.counts: dict[str, set[str]] = defaultdict(
            set
        )  # noun -> how many captions say: "two", "" for the plural alone
        for sentence in sentences:
            self._add(sentence)
        self.kinds = {kind_of(noun) for noun in self.nouns}
        self.lone = {kind for kind in _BEINGS if all(_has_one_at_most(kind, sentence) for sentence in sentences)}

    def pair_of(self, sentence: Sentence) -> str:
        """Return the id of the pair that a caption belongs to."""
        return self._pairs[id(sentence)]

    def is_sure(self, gender: str) -> bool:
        """Tell whether a picture, as far as its captions tell, shows somebody's gender.

        Most captions that have anybody say it, and nearly all where a face is hidden, far away or a baby's. Of one
        caption or two nobody can ask that.
        """
        if len(self.sentences) < 3:
            return True
        said, untold = self.genders[gender], self.untold
        if self.words.isdisjoint(_HIDING):
            return said > max(1, untold)
        return said > 3 and untold < 2

    def gender(self) -> str:
        """Return the gender of all whom captions tell it of, if a picture shows it and more than one says so."""
        [gender] = self.genders if len(self.genders) == 1 else [""]
        return gender if self.genders[gender] > 1 and self.is_sure(gender) else ""

    def is_vouched(self, verb: str) -> bool:
        """Tell whether more than one caption has a verb, or another for the same deed."""
        return self.deed_counts[deed_of(verb)] > 1

    def _add(self, sentence: Sentence) -> None:
        owned: set[int] = set()
        for phrase in sentence.noun_phrases:
            if sum(other.lemma == phrase.lemma for other in sentence.noun_phrases) > 1:
                self.several.add(phrase.lemma)
            self.nouns.add(phrase.lemma)
            self.counts[phrase.lemma].add(count_of(sentence, phrase))
            if sentence.tokens[phrase.head].tag == "NNS":
                self.plurals.add(phrase.lemma)
                self.several.add(phrase.lemma)
            owned.update(phrase.adjectives)
            self.attributes[phrase.lemma].update(sentence.tokens[a].lower for a in phrase.adjectives)
        genders = _genders(sentence)
        self.genders.update(genders)
        self.untold += not genders and any(
            kind_of(phrase.lemma) == "person" or phrase.lemma in _ANYBODY for phrase in sentence.noun_phrases
        )
        self.most |= _people_of(sentence)
        names = {phrase.lemma for phrase in sentence.noun_phrases}
        self.apart.update(frozenset(pair) for pair in combinations(sorted(names), 2))
        for token in sentence.tokens:
            if token.tag in NOUN_TAGS or token.pos == "PROPN":
                self.nouns.add(token.lemma.lower())
            elif token.pos == "VERB":
                self.actions.add(token.lemma.lower())
            elif token.tag == "CD" and not (token.text.isdecimal() and len(token.text) > 2):  # no years
                self.numbers.add(NUMBER_WORDS.get(token.lower, token.lower))
            if token.index not in owned and (token.pos in {"ADJ", "ADV"} or token.dep in {"amod", "compound"}):
                self.adjectives.add(token.lower)
        self.deed_counts.update({deed_of(verb.lemma.lower()) for verb in sentence.verbs})
        for verb in sentence.verbs:
            subject = sentence.subject_of(verb.index)
            if subject is not None:
                self.deeds.add((kind_of(sentence.tokens[subject].lemma.lower()), verb.lemma.lower()))
        for relation in sentence.relations:
            self.regions.add(
                (region_of(relation.words) or relation.words, sentence.tokens[relation.target].lemma.lower())
            )


def _genders(sentence: Sentence) -> set[str]:
    """Tell of which genders a caption has somebody; a dog may be called he."""
    said = {gender_of(token.lemma.lower()) for token in sentence.tokens}
    if not any(kind_of(phrase.lemma) == "animal" for phrase in sentence.noun_phrases):
        said.update("female" if is_female(token) else "male" for token in gendered_pronouns(sentence))
    return said - {""}


def _people_of(sentence: Sentence) -> Counter[str]:
    """Count the people of each gender that a caption names; two where it has several in one phrase."""
    found: Counter[str] = Counter()
    for phrase in sentence.noun_phrases:
        gender = gender_of(phrase.lemma)
        if gender:
            found[gender] += 1 + (sentence.tokens[phrase.head].tag == "NNS")
    return found


_ANYBODY = frozenset({"person", "people", "someone", "somebody"})
# Words of captions of somebody whose face is covered, turned away or far off, or tells nothing yet.
_HIDING = frozenset(
    {
        "baby", "back", "bicyclist", "biker", "climb", "climber", "costume", "cyclist", "dark", "distance", "distant",
        "diver", "dusk", "far", "fog", "foggy", "football", "goggle", "goggles", "helmet", "hiker", "hockey", "infant",
        "kayaker", "mask", "masked", "motocross", "motorcycle", "motorcyclist", "night", "parachute", "parasail",
        "racer", "rider", "scuba", "shadow", "silhouette", "silhouetted", "ski", "skier", "sled", "snowboard",
        "snowboarder", "snowsuit", "spacesuit", "sunset", "surfer", "toddler", "underwater", "uniform", "wakeboard",
        "wakeboarder", "wetsuit",
    }
)  # fmt: skip
_BEINGS = ("person", "animal")


def _has_one_at_most(kind: str, sentence: Sentence) -> bool:
    """Tell whether a caption names no two of a kind, and nobody in the plural or in a crowd."""
    named = [p for p in sentence.noun_phrases if kind_of(p.lemma) == kind or p.lemma in CROWDS]
    plural = any(sentence.tokens[p.head].tag == "NNS" or p.lemma in CROWDS for p in named)
    return len(named) < 2 and not plural and not any(token.lower in _OTHERS for token in sentence.tokens)


CROWDS = frozenset({"crowd", "group", "couple", "pair", "team", "bunch", "lot", "pack", "herd", "flock", "trio"})
_OTHERS = frozenset({"another", "other", "others", "both", "each", "they", "their", "them", "someone", "somebody"})


def count_of(sentence: Sentence, phrase: NounPhrase) -> str:
    """Say how many a phrase is of: "two", "one" for the singular, nothing for a plural alone."""
    if sentence.tokens[phrase.head].tag != "NNS":
        return "one"
    number = sentence.child(phrase.head, "nummod")
    word = sentence.tokens[number].lower if number is not None else ""
    return NUMBER_WORDS.get(word, word)
