"""Who does it to whom, turned by the verb alone: "a dog chases a man", "a dog is chased by a man"."""

from collections.abc import Iterator

from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.roles import BORNE, CHILDREN, YOUNG
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Edit, joined
from generators.text.language.frames import noun_at
from generators.text.language.grammar import verb_form
from generators.text.language.sentence import Sentence, Token

# What each of two beings of these kinds may do to the other, and what is seen to be done by one of them.
_BY_ANYBODY = frozenset({"bite", "chase", "follow"})
_BY_PEOPLE = frozenset(
    {"carry", "catch", "feed", "help", "hit", "kick", "lead", "lift", "paint", "photograph", "pull", "push", "splash",
     "tackle", "teach", "tickle", "wash"}
)  # fmt: skip
_MUTUAL = frozenset({"each", "another", "other", "together"})
_BE = {"VBZ": "is", "VBP": "are"}


def turned_verbs(sentence: Sentence, lexicon: Lexicon) -> Iterator[Candidate]:
    """Turn active verbs passive, and passive ones active, where either of two beings may do it to the other."""
    if any(token.lower in _MUTUAL for token in sentence.tokens):
        return  # both do it, or a third one is there
    for verb in sentence.verbs:
        agent = sentence.child(verb.index, "agent")
        by = sentence.child(agent, "pobj") if agent is not None else None
        other = by if by is not None else sentence.child(verb.index, "dobj")
        subject = _who(sentence, verb)
        if subject is None or other is None or not _may_each(sentence, verb, subject, other):
            continue
        edits = (
            _to_active(sentence, lexicon, verb, agent) if agent is not None else _to_passive(sentence, lexicon, verb)
        )
        if edits:
            roles = [noun_at(sentence, subject), noun_at(sentence, other)]
            yield Candidate("swap_object", edits, joined(roles), joined(roles[::-1]))


def _who(sentence: Sentence, verb: Token) -> int | None:
    """Find the subject of a verb, or of a clause with "who" the noun that this tells of."""
    subject = sentence.subject_of(verb.index)
    if subject is not None and sentence.tokens[subject].tag in {"WP", "WDT"}:
        return verb.head
    return subject


def _may_each(sentence: Sentence, verb: Token, first: int, second: int) -> bool:
    deed, nouns = verb.lemma.lower(), [noun_at(sentence, first), noun_at(sentence, second)]
    kinds = {kind_of(noun) for noun in nouns}
    alike = sentence.tokens[first].tag == sentence.tokens[second].tag
    if not CHILDREN.isdisjoint(nouns) or (deed in BORNE and not (alike and YOUNG.isdisjoint(nouns))):
        return False  # a man carries a baby, and no baby him; three carry one, and one no three
    if any(sentence.child(index, "conj", "cc") is not None for index in (first, second)):
        return False
    if any(_owns(sentence, index) for index in (first, second)):
        return False
    if nouns[0] == nouns[1] and _like(sentence, first) == _like(sentence, second):
        return False  # one dog and another
    return (kinds == {"person"} and deed in _BY_PEOPLE | _BY_ANYBODY) or (
        kinds <= {"person", "animal"} and deed in _BY_ANYBODY
    )


def _owns(sentence: Sentence, index: int) -> bool:
    """Tell whether a noun stands before what is meant, as in "a dogs ear" where the apostrophe is left out."""
    return index + 1 < len(sentence.tokens) and sentence.tokens[index + 1].pos in {"NOUN", "PROPN"}


def _like(sentence: Sentence, index: int) -> set[str]:
    phrase = sentence.phrase_of(index)
    return {sentence.tokens[a].lower for a in phrase.adjectives} if phrase is not None else set()


def _to_passive(sentence: Sentence, lexicon: Lexicon, verb: Token) -> list[Edit]:
    """Make "chases" "is chased by", "is chasing" "is being chased by" and "a dog chasing" "a dog chased by"."""
    thing = sentence.child(verb.index, "dobj")
    form = verb_form(lexicon, verb.lemma.lower(), "VBN")
    phrase = sentence.phrase_of(thing) if thing is not None else None
    if form is None or phrase is None or phrase.first != verb.index + 1:
        return []
    if verb.tag in _BE:
        return [Edit(verb.start, verb.end, f"{_BE[verb.tag]} {form} by")]
    if verb.tag != "VBG":
        return []
    helped = sentence.child(verb.index, "aux") is not None
    return [Edit(verb.start, verb.end, f"being {form} by" if helped else f"{form} by")]


def _to_active(sentence: Sentence, lexicon: Lexicon, verb: Token, agent: int) -> list[Edit]:
    """Make "is chased by" "chases", "is being chased by" "is chasing" and "a dog chased by" "a dog chasing"."""
    lemma, end = verb.lemma.lower(), sentence.tokens[agent].end
    helping = [
        sentence.tokens[c] for c in sentence.children[verb.index] if sentence.tokens[c].dep in {"aux", "auxpass"}
    ]
    if agent != verb.index + 1:
        return []
    running = verb_form(lexicon, lemma, "VBG")
    if not helping:
        return [Edit(verb.start, end, running)] if running and verb.dep in {"acl", "ROOT"} else []
    if helping[-1].lower == "being" and len(helping) == 2:
        return [Edit(helping[-1].start, end, running)] if running else []
    form = verb_form(lexicon, lemma, "VBZ") if helping[0].lower == "is" else lemma
    plain = len(helping) == 1 and helping[0].lower in {"is", "are"} and helping[0].index == verb.index - 1
    return [Edit(helping[0].start, end, form)] if form and plain else []
