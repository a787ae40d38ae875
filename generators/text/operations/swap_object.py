"""Let two things change roles: "a man behind a dog", "a dog behind a man"."""

import random
from collections.abc import Iterator
from dataclasses import replace

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import (
    COLOURS,
    NOT_VISIBLE,
    SYMMETRIC_PREPOSITIONS,
    SYMMETRIC_VERBS,
)
from generators.text.knowledge.relations import region_of
from generators.text.knowledge.roles import BORNE, YOUNG
from generators.text.knowledge.things import class_of, kind_of
from generators.text.knowledge.wordnet import is_known
from generators.text.language.edits import Candidate, Edit, joined, moved_text
from generators.text.language.frames import determiner_class
from generators.text.language.grammar import agreement_edits, has_pronoun
from generators.text.language.sentence import NounPhrase, Sentence
from generators.text.operations.base import Operation
from generators.text.operations.casting import recast
from generators.text.operations.standing import deeds_of
from generators.text.operations.telling import Change, definite
from generators.text.operations.voice import turned_verbs
from generators.text.operations.wardrobe import exchanged_clothes


def swap_object(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Let two things change roles, phrases and all: "a man with a red hat behind a dog"."""
    if any(token.lower in {"another", "other", "others"} for token in sentence.tokens):
        return  # "a dog jumps at another dog in front of a man": another one than which
    roles = [*_verb_roles(sentence), *_preposition_roles(sentence)]
    rng.shuffle(roles)
    doubt = "roles" if any(verb.lemma.lower() in _PURSUITS for verb in sentence.verbs) else None
    yield from (replace(candidate, doubt=doubt) for candidate in turned_verbs(sentence, lexicon))
    yield from exchanged_clothes(sentence)
    yield from recast(sentence, facts)
    for first, second, words, symmetric in roles[:most]:
        unsure = "roles" if words in _PURSUING else doubt
        swapped = _swap_phrases(sentence, lexicon, first, second, words, symmetric)
        yield from (replace(candidate, doubt=unsure) for candidate in swapped)


# Two phrases, the preposition between them (none for a verb), whether the relation holds both ways.
Roles = tuple[NounPhrase, NounPhrase, str | None, bool]
# Of two that run, a picture shows hardly which one is after the other.
_PURSUITS = frozenset({"chase", "circle", "follow", "pursue", "race"})
_PURSUING = frozenset({"after", "around"})
# Relations between two beings besides those of place.
_TOWARDS = frozenset({"after", "at", "past", "around", "with", "than"})
_ANIMATE = frozenset({"person", "animal"})
_SWAPPABLE = _ANIMATE | {"figure", "vehicle"}
_MOVABLE = frozenset({"person", "animal", "vehicle"})
_AROUND = frozenset({"front", "behind", "over", "under", "left", "right"})


def _verb_roles(sentence: Sentence) -> Iterator[Roles]:
    for verb in sentence.verbs:
        if verb.dep in {"xcomp", "advcl"}:
            continue  # "jumps into a pool to get a duck": no duck jumps
        subject, target = sentence.subject_of(verb.index), sentence.child(verb.index, "dobj")
        if subject is not None and target is not None:
            yield from _roles(sentence, subject, target, None, verb.lemma.lower() in SYMMETRIC_VERBS)
        agent = sentence.child(verb.index, "agent")
        by = sentence.child(agent, "pobj") if agent is not None else None
        if subject is not None and by is not None:  # "a man is chased by a dog"
            yield from _roles(sentence, subject, by, None, verb.lemma.lower() in SYMMETRIC_VERBS)


def _preposition_roles(sentence: Sentence) -> Iterator[Roles]:
    for relation in sentence.relations:
        if region_of(relation.words) is None and relation.words not in _TOWARDS:
            continue
        governor, symmetric = sentence.tokens[relation.governor], relation.words in SYMMETRIC_PREPOSITIONS
        if sentence.tokens[relation.first].dep == "agent":
            continue  # a role of its verb
        subject: int | None = relation.governor
        if governor.pos in {"VERB", "AUX"}:
            subject = sentence.subject_of(relation.governor)
            symmetric = symmetric or governor.lemma.lower() in SYMMETRIC_VERBS
        if subject is not None:
            yield from _roles(sentence, subject, relation.target, relation.words, symmetric)


def _roles(sentence: Sentence, first: int, second: int, words: str | None, symmetric: bool) -> Iterator[Roles]:
    ours, theirs = sentence.phrase_of(first), sentence.phrase_of(second)
    if ours is None or theirs is None or {ours.lemma, theirs.lemma} & COLOURS.keys():
        return  # "a woman in white" wears it
    if ours.head < theirs.head and sentence.parts[ours.head] == sentence.parts[theirs.head]:
        yield ours, theirs, words, symmetric


def _swap_phrases(
    sentence: Sentence,
    lexicon: Lexicon,
    first: NounPhrase,
    second: NounPhrase,
    words: str | None,
    symmetric: bool,
) -> Iterator[Candidate]:
    end, last = _own_end(sentence, first, second.first), _own_end(sentence, second, len(sentence.tokens))
    if end > second.first or {first.lemma, second.lemma} & NOT_VISIBLE:
        return
    if any(_is_slip(phrase) for phrase in (first, second)):
        return
    if has_pronoun(sentence) or any(_is_shared(sentence, phrase) for phrase in (first, second)):
        return
    edits = [
        Edit(
            sentence.tokens[first.first].start,
            sentence.tokens[end - 1].end,
            moved_text(sentence, second.first, last),
        ),
        Edit(
            sentence.tokens[second.first].start,
            sentence.tokens[last - 1].end,
            moved_text(sentence, first.first, end),
        ),
    ]
    plural = sentence.tokens[second.head].tag == "NNS"
    failed = _why_not_swap(sentence, first, second, words, symmetric)
    if words is None and _is_borne(sentence, first, second):
        failed = failed or "incompatible"
    if not _may_act(sentence, lexicon, first, second):
        failed = failed or "incompatible"
    if any(_lacks_determiner(sentence, lexicon, phrase) for phrase in (first, second)):
        failed = failed or "ungrammatical"
    if (sentence.tokens[first.head].tag == "NNS") != plural:
        agreeing = agreement_edits(sentence, lexicon, first.head, plural)
        if agreeing is None:
            failed = failed or "ungrammatical"
        edits += agreeing or []
    originals = [sentence.text(first.first, end), sentence.text(second.first, last)]
    negatives = [edits[0].text, edits[1].text]
    yield Candidate("swap_object", edits, joined(originals), joined(negatives), [], failed)


def _is_slip(phrase: NounPhrase) -> bool:
    """Tell whether a noun is no compound that anybody knows: "a baby swings"."""
    return " " in phrase.lemma and not is_known(phrase.lemma, "n")


def _may_act(sentence: Sentence, lexicon: Lexicon, first: NounPhrase, second: NounPhrase) -> bool:
    """Tell whether a thing can do what one of another kind does: a dog chases a man, and pets none."""
    kinds = {kind_of(first.lemma), kind_of(second.lemma)}
    if len(kinds) == 1:
        return kinds != {"animal"} or class_of(first.lemma) == class_of(second.lemma)  # no duck goes after a dog
    if kinds == {"person", "animal"} and sentence.tokens[second.head].dep == "dobj":
        verb = sentence.tokens[sentence.tokens[second.head].head].lemma.lower()
        return verb in _EITHER_WAY  # a woman pulls no horses in a cart
    if sentence.tokens[first.head].dep == "nsubjpass":
        return True  # something is done to both
    deeds = deeds_of(sentence, first.head)
    return all(lexicon.acts(second.lemma, verb, frame.partition(":")[0]) for verb, frame in deeds)


_EITHER_WAY = frozenset({"approach", "bite", "chase", "face", "follow", "lead", "pass", "watch"})


def _is_borne(sentence: Sentence, first: NounPhrase, second: NounPhrase) -> bool:
    """Tell whether one of two throws or carries the other, who is a child; nor does one person carry several."""
    deeds = {verb.lemma.lower() for verb in sentence.verbs if sentence.subject_of(verb.index) == first.head}
    alike = sentence.tokens[first.head].tag == sentence.tokens[second.head].tag
    return not BORNE.isdisjoint(deeds) and not (alike and YOUNG.isdisjoint({first.lemma, second.lemma}))


def _is_shared(sentence: Sentence, phrase: NounPhrase) -> bool:
    """Tell whether more is said of a thing than moves with it: it is one of several, or a clause tells of it."""
    after = next((r for r in sentence.relations if r.first == phrase.head + 1 and r.governor != phrase.head), None)
    if after is not None and after.words == "in" and kind_of(sentence.tokens[after.target].lemma.lower()) == "clothing":
        return True  # the parser has the verb wear it
    told = sentence.child(phrase.head, "conj", "cc", "appos", "relcl", "acl")
    return told is not None or sentence.tokens[phrase.head].dep == "conj"


def _lacks_determiner(sentence: Sentence, lexicon: Lexicon, phrase: NounPhrase) -> bool:
    """Tell whether a phrase cannot be moved as it is: the parser has cut it off from its determiner."""
    singular = sentence.tokens[phrase.head].tag == "NN" and determiner_class(sentence, phrase) == ""
    return singular and not lexicon.is_bare(phrase.lemma)


def _own_end(sentence: Sentence, phrase: NounPhrase, limit: int) -> int:
    """Find the end of a phrase with the prepositional phrases that are its own."""
    end = phrase.head + 1
    for child in sentence.children[phrase.head]:
        token = sentence.tokens[child]
        if child < end:
            continue
        edge = sentence.right_edge(child) + 1
        if token.dep != "prep" or child != end or edge > limit or not _is_own(sentence, child):
            break
        end = edge
    return end


def _is_own(sentence: Sentence, preposition: int) -> bool:
    """Tell whether a prepositional phrase says what a thing is like, not where it is."""
    target = sentence.child(preposition, "pobj")
    phrase = sentence.phrase_of(target) if target is not None else None
    if sentence.tokens[preposition].lower in {"with", "of"}:
        return True
    return sentence.tokens[preposition].lower == "in" and phrase is not None and kind_of(phrase.lemma) == "clothing"


def _why_not_swap(
    sentence: Sentence, first: NounPhrase, second: NounPhrase, words: str | None, symmetric: bool
) -> str | None:
    kinds = kind_of(first.lemma), kind_of(second.lemma)
    same = kinds[0] == kinds[1] and kinds[0] in (_ANIMATE if words is None else _SWAPPABLE)
    alike = set(kinds) <= _ANIMATE or same
    around = set(kinds) <= _MOVABLE and region_of(words or "") in _AROUND
    if not alike and not around:
        return "incompatible"
    if words is None and not _HELPLESS.isdisjoint({first.lemma, second.lemma}):
        return "incompatible"  # no baby carries a man
    if symmetric:
        return "symmetric"
    if first.lemma == second.lemma and _adjectives(sentence, first) == _adjectives(sentence, second):
        return "unchanged"
    return None


_HELPLESS = frozenset({"baby", "infant"})


def _adjectives(sentence: Sentence, phrase: NounPhrase) -> set[str]:
    return {sentence.tokens[a].lower for a in phrase.adjectives}


def _told(change: Change) -> str:
    first, second = change.swapped
    return f"Swap {definite(first)} and {definite(second)}"


OPERATION = Operation("swap_object", swap_object, _told)
