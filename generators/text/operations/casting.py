"""Who does what, exchanged: "a man holds a ball while a woman watches", "a woman holds a ball while a man watches"."""

from collections.abc import Iterator
from itertools import permutations

from generators.text.corpus.facts import Facts
from generators.text.knowledge.deeds import deed_of
from generators.text.knowledge.exclusions import attribute_family, fits_gender, gender_of
from generators.text.knowledge.roles import GROWN
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Edit, joined, moved_text
from generators.text.language.frames import determiner_class, noun_at
from generators.text.language.grammar import PRONOUNS, exchanged_gender_edits, gendered_pronouns
from generators.text.language.sentence import NounPhrase, Sentence, Token

_YOUNG = frozenset({"boy", "child", "girl", "kid"})
# What one of two people does with a thing that there is one of.
_ALONE = frozenset(
    {"bounce", "carry", "catch", "drink", "eat", "feed", "fly", "hit", "hold", "kick", "lift", "paint", "photograph",
     "pull", "push", "read", "swing", "take", "throw", "toss"}
)  # fmt: skip
# What one of two people is seen to do, and the other not, whose verb is another.
_SEEN = frozenset(
    {"bend", "bowl", "climb", "crawl", "dance", "dive", "fish", "give", "hang", "jump", "kneel", "lie", "make", "pitch",
     "play", "point", "sing", "sit", "sleep", "slide", "stand", "swim", "wave", "work"}
)  # fmt: skip
_TOWARDS = frozenset({"after", "at", "past", "toward", "towards"})
_OF_GROWN = frozenset({"cook", "drive", "shave", "smoke"})
# What one of two people has with him.
_HAD = frozenset({"bag", "board", "container", "device", "equipment", "instrument", "tool"})
_OTHERS = frozenset({"another", "both", "each", "other", "others", "someone", "somebody", "together", "one", "twin"})
_COMMON = frozenset({"black", "blue", "brown", "white"})  # colours that the other one may well wear too


def recast(sentence: Sentence, facts: Facts) -> Iterator[Candidate]:
    """Put each of two people, whom their nouns tell apart, in the place of the other."""
    people = [p for p in sentence.noun_phrases if kind_of(p.lemma) == "person"]
    if len(people) != 2 or not _OTHERS.isdisjoint(token.lower for token in sentence.tokens):
        return
    first, second = people
    if not (_are_apart(first.lemma, second.lemma) and _may_change_places(sentence, first, second)):
        return
    if not any(_has_own_part(sentence, *two) for two in permutations(people)) or _is_said(sentence, people, facts):
        return
    pronouns = _pronoun_edits(sentence, first.lemma, second.lemma)
    if pronouns is None:
        return
    texts = [moved_text(sentence, p.first, p.head + 1) for p in people]
    edits = [
        Edit(sentence.tokens[p.first].start, sentence.tokens[p.head].end, text)
        for p, text in zip(people, reversed(texts), strict=True)
    ]
    yield Candidate("swap_object", [*edits, *pronouns], joined(texts), joined(texts[::-1]))


def _are_apart(first: str, second: str) -> bool:
    """Tell whether a caption that has both nouns has two people of whom neither could be called the other."""
    if not {first, second} <= GROWN | _YOUNG:
        return False
    return {gender_of(first), gender_of(second)} == {"male", "female"} or (first in GROWN) != (second in GROWN)


def _may_change_places(sentence: Sentence, first: NounPhrase, second: NounPhrase) -> bool:
    """Tell whether each phrase reads well in the place of the other, and does what is said of that one."""
    if sentence.parts[first.head] != sentence.parts[second.head]:
        return False
    if any(sentence.tokens[p.head].tag != "NN" for p in (first, second)):
        return False
    determiners = {determiner_class(sentence, p) for p in (first, second)}
    if not (determiners <= {"a", "the"} or determiners == {""}):
        return False
    if any(sentence.tokens[p.determiner or 0].dep == "poss" or _is_before_noun(sentence, p) for p in (first, second)):
        return False
    if sentence.conjunct_heads[first.head] == sentence.conjunct_heads[second.head]:
        return False
    if any(not fits_gender(p.lemma, token.lemma.lower()) for p in (first, second) for token in sentence.tokens):
        return False
    both = {first.head, second.head}
    return (first.lemma in GROWN) == (second.lemma in GROWN) or not any(
        verb.lemma.lower() in _OF_GROWN or {sentence.child(verb.index, "dobj"), sentence.subject_of(verb.index)} == both
        for verb in sentence.verbs
    )


def _is_before_noun(sentence: Sentence, phrase: NounPhrase) -> bool:
    """Tell whether a noun stands before what is meant, as in "a womans hand" where the apostrophe is left out."""
    after = sentence.tokens[phrase.head + 1 : phrase.head + 2]
    return any(token.pos in {"NOUN", "PROPN"} or token.tag == "POS" for token in after)


def _has_own_part(sentence: Sentence, one: NounPhrase, other: NounPhrase) -> bool:
    """Tell whether something is said of one of two people that does not hold of the other."""
    return (
        any(_is_own(sentence, verb, other) for verb in _verbs_of(sentence, one))
        or _has_own_clothes(sentence, one)
        or any(
            r.words == "with" and r.governor == one.head and kind_of(noun_at(sentence, r.target)) in _HAD
            for r in sentence.relations
        )
    )


def _verbs_of(sentence: Sentence, phrase: NounPhrase) -> list[Token]:
    return [verb for verb in sentence.verbs if sentence.subject_of(verb.index) == phrase.head]


def _is_own(sentence: Sentence, verb: Token, other: NounPhrase) -> bool:
    thing = sentence.child(verb.index, "dobj")
    if thing is not None and verb.lemma.lower() in _ALONE:
        return thing != other.head and sentence.tokens[thing].tag == "NN"
    theirs = [deed_of(theirs.lemma.lower()) for theirs in _verbs_of(sentence, other)]
    deed = deed_of(verb.lemma.lower())
    return deed in _SEEN and deed not in theirs and (bool(theirs) or _is_aimed(sentence, verb, other))


def _is_aimed(sentence: Sentence, verb: Token, other: NounPhrase) -> bool:
    """Tell whether somebody does something towards another."""
    return any(r.governor == verb.index and r.target == other.head and r.words in _TOWARDS for r in sentence.relations)


def _has_own_clothes(sentence: Sentence, one: NounPhrase) -> bool:
    worn = [r.target for r in sentence.relations if r.words == "in" and r.governor == one.head]
    worn += [
        thing
        for verb in _verbs_of(sentence, one)
        if verb.lemma.lower() == "wear" and (thing := sentence.child(verb.index, "dobj")) is not None
    ]
    phrases = [phrase for head in worn if (phrase := sentence.phrase_of(head)) is not None]
    return any(
        kind_of(phrase.lemma) == "clothing"
        and any(attribute_family(word) == "colour" and word not in _COMMON for word in _adjectives(sentence, phrase))
        for phrase in phrases
    )


def _adjectives(sentence: Sentence, phrase: NounPhrase) -> list[str]:
    return [sentence.tokens[index].lower for index in phrase.adjectives]


def _is_said(sentence: Sentence, people: list[NounPhrase], facts: Facts) -> bool:
    """Tell whether another caption has somebody do what the wrong one has him do: captions differ on who holds what."""
    for one, other in permutations(people):
        deeds = {verb.lemma.lower() for verb in _verbs_of(sentence, one)}
        theirs = {verb.lemma.lower() for verb in _verbs_of(sentence, other)}
        for caption in facts.sentences:
            if caption is not sentence and any(
                verb.lemma.lower() in deeds - theirs
                and (subject := caption.subject_of(verb.index)) is not None
                and not _are_apart(noun_at(caption, subject), other.lemma)
                for verb in caption.verbs
            ):
                return True
    return False


def _pronoun_edits(sentence: Sentence, first: str, second: str) -> list[Edit] | None:
    """Let pronouns go along with those whom they stand for; none where it cannot be told who that is."""
    gendered = gendered_pronouns(sentence)
    if any(t.lower in PRONOUNS - {"who"} and t not in gendered for t in sentence.tokens):
        return None
    genders = {gender_of(first), gender_of(second)}
    if not gendered or len(genders) == 1:
        return None if gendered else []
    return exchanged_gender_edits(sentence) if "" not in genders else None
