"""What a caption says, so that another in other words can be held against it: nothing more, nothing less."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from generators.text.knowledge.exclusions import NUMBERS
from generators.text.knowledge.relations import region_of
from generators.text.knowledge.wordnet import has_common_sense
from generators.text.language.grammar import PRONOUNS
from generators.text.language.sentence import NOUN_TAGS, Sentence

# Words by which a caption speaks of itself: "a photo of a dog" says what "a dog" says.
_OF_CAPTIONS = frozenset({"photo", "photograph", "picture", "image", "view", "shot", "scene"})
_EMPTY_VERBS = frozenset({"be", "have", "see", "show", "depict", "do"})
_ONE = frozenset({"a", "an", "one"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """Lemmas, and who does what to whom; the same for "a dog chases a cat" and "a cat is chased by a dog"."""

    nouns: Counter[str]
    plurals: frozenset[str]
    attributes: frozenset[tuple[str, str]]  # noun, adjective or number
    actions: Counter[str]
    roles: frozenset[tuple[str, str, str]]  # verb, agent or patient, noun
    relations: frozenset[tuple[str, str, str]]  # what is or happens, where, of what
    other: frozenset[str]  # adverbs, particles, denials

    @classmethod
    def of(cls, sentence: Sentence) -> "Meaning":
        """Read a parsed caption."""
        tokens = sentence.tokens
        phrases = [p for p in sentence.noun_phrases if p.lemma not in _OF_CAPTIONS]
        named = {p.head: p.lemma for p in phrases}
        verbs = [v for v in sentence.verbs if v.lemma.lower() not in _EMPTY_VERBS]
        said = {index for p in phrases for index in range(p.first, p.head + 1)} | {v.index for v in verbs}
        return cls(
            Counter(named.values()),
            frozenset(p.lemma for p in phrases if tokens[p.head].tag == "NNS"),
            frozenset(_attributes(sentence)),
            Counter(v.lemma.lower() for v in verbs),
            frozenset(role for v in verbs for role in _roles(sentence, v.index, named)),
            frozenset(
                (tokens[r.governor].lemma.lower(), region_of(r.words) or r.words, named[r.target])
                for r in sentence.relations
                if r.target in named and r.words not in {"of", "by"}
            ),
            frozenset(
                t.lower for t in tokens
                if t.lower in PRONOUNS or (t.index not in said and t.lower != "there" and (
                    t.pos in {"ADV", "PART", "ADJ", "NUM", "PROPN"}
                    or (t.tag in NOUN_TAGS and t.lemma.lower() not in _OF_CAPTIONS)))
            ),
        )  # fmt: skip


def _attributes(sentence: Sentence) -> Iterator[tuple[str, str]]:
    for phrase in sentence.noun_phrases:
        for index in range(phrase.first, phrase.head):
            token = sentence.tokens[index]
            if token.pos in {"ADJ", "VERB", "NUM"} and token.lower not in _ONE:
                yield phrase.lemma, token.lower


def _roles(sentence: Sentence, verb: int, named: dict[int, str]) -> Iterator[tuple[str, str, str]]:
    lemma, passive = sentence.tokens[verb].lemma.lower(), sentence.child(verb, "nsubjpass", "auxpass") is not None
    subject, patient = sentence.subject_of(verb), sentence.child(verb, "dobj")
    by = sentence.child(verb, "agent")
    agent = sentence.child(by, "pobj") if by is not None else None
    if passive or by is not None:
        subject, patient = agent, subject
    for role, index in (("agent", subject), ("patient", patient)):
        if index in named:
            yield lemma, role, named[index]


def says_the_same(ours: Sentence, theirs: Sentence) -> bool:
    """Tell whether two captions say the same things of the same things, words for the same counting as one."""
    first, second = Meaning.of(ours), Meaning.of(theirs)
    nouns, verbs = _matched(second.nouns, first.nouns, "n"), _matched(second.actions, first.actions, "v")
    adjectives = _matched(
        Counter({word: 1 for _, word in second.attributes}), Counter({word: 1 for _, word in first.attributes}), "a"
    )
    if nouns is None or verbs is None or adjectives is None:
        return False
    names = nouns | verbs
    return (
        _renamed(second.plurals, nouns) == first.plurals
        and {(nouns.get(n, n), adjectives[w]) for n, w in second.attributes} == first.attributes
        and {(verbs[v], role, nouns[n]) for v, role, n in second.roles} == first.roles
        and {(names.get(what, what), where, nouns[n]) for what, where, n in second.relations} == first.relations
        and second.other == first.other
    )


def _renamed(words: Iterable[str], names: dict[str, str]) -> set[str]:
    return {names[word] for word in words}


def _matched(theirs: Counter[str], ours: Counter[str], pos: str) -> dict[str, str] | None:
    """Match words one for one with words for the same; none where one is left."""
    found: dict[str, str] = {}
    left = Counter(ours)
    for word in sorted(theirs, key=lambda word: word not in ours):  # the same word first
        match = word if left[word] else next((w for w in sorted(left) if left[w] and _is_same(word, w, pos)), None)
        if match is None or left[match] != theirs[word]:
            return None
        found[word] = match
        del left[match]
    return None if left else found


def _is_same(first: str, second: str, pos: str) -> bool:
    return first not in NUMBERS and second not in NUMBERS and has_common_sense(first, second, pos)
