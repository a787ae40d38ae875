"""Deny what happens: "a dog is not sleeping", told from "a dog is not running"."""

import random
from collections.abc import Iterator
from dataclasses import replace

from generators.text.checks import failed_check
from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.deeds import actions_exclude, deed_of, done_instead
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Claim, Edit, apply
from generators.text.language.frames import noun_at
from generators.text.language.grammar import base_form
from generators.text.language.scope import forbidden
from generators.text.language.sentence import Sentence, Token
from generators.text.operations.base import Operation
from generators.text.operations.replace_action import other_actions
from generators.text.operations.telling import Change


def negate(
    sentence: Sentence,
    lexicon: Lexicon,
    rng: random.Random,
    most: int,
    facts: Facts,
) -> Iterator[Candidate]:
    """Deny what happens, told from a denial of what does not: "a dog is not sleeping", "a dog is not running".

    Where nothing is known that does not happen, it is told from the caption itself.
    """
    copulas = [t for t in sentence.tokens if t.pos == "AUX" and t.dep == "ROOT" and t.lemma == "be"]
    verbs = [v for v in (*sentence.verbs, *copulas) if v.dep in {"ROOT", "acl"} and not _is_open(sentence, v)]
    rng.shuffle(verbs)
    alone = []
    for verb in verbs[:most]:
        edit = _negation(sentence, verb)
        if edit is None:
            continue
        claims: list[Claim] = [("negation", verb.lemma.lower())]
        phrase = sentence.caption[edit.start : edit.end]
        alone.append(Candidate("negate", [edit], phrase, edit.text.strip(), claims))
        if _is_contested(sentence, verb, facts):
            continue
        if sentence.child(verb.index, "conj") is not None:
            continue  # "is not standing and reading" may be true where somebody sits
        if verb.pos != "VERB" or forbidden(sentence, [edit], moving=False):
            continue
        for other in other_actions(sentence, lexicon, rng, most, verb, facts):
            if " " in other.negative_phrase:
                continue  # with another preposition it is no denial of the same
            false = apply(sentence.caption, other.edits)
            if failed_check(other, false, sentence, facts, lexicon) is None:
                yield from _denied(sentence, verb, edit, other, claims)
    yield from alone


def _denied(
    sentence: Sentence, verb: Token, negation: Edit, other: Candidate, claims: list[Claim]
) -> Iterator[Candidate]:
    """Deny another action than the one that happens: what is said then is true, and is what the denial is told from."""
    [edit] = other.edits
    if negation.start == negation.end:
        true = apply(sentence.caption, [negation, edit])
        _, at = true.negative_spans
        false, right = edit.text, verb.text
    else:  # "does not sit": the verb is in its base form
        words, right = negation.text.rsplit(" ", 1)
        false = other.claims[0][1]
        true = apply(sentence.caption, [replace(negation, text=f"{words} {false}")])
        end = true.negative_spans[0][1]
        at = end - len(false), end
    yield Candidate("negate", [Edit(*at, right)], false, right, claims, original=true.caption, vouched_by=sentence)


def _is_contested(sentence: Sentence, verb: Token, facts: Facts) -> bool:
    """Tell whether a verb's deed may not be done: no other caption has it, or one has what excludes it.

    Where there is no other caption, this one is believed.
    """
    subject = sentence.subject_of(verb.index)
    kind = kind_of(noun_at(sentence, subject)) if subject is not None else None
    if len(facts.sentences) == 1:
        return False
    deed = deed_of(verb.lemma.lower())
    others = [
        deed_of(other.lemma.lower())
        for told in facts.sentences
        if told is not sentence
        for other in told.verbs
        if (who := told.subject_of(other.index)) is not None and kind_of(noun_at(told, who)) == kind
    ]
    against = {*done_instead(deed, kind, ""), *(o for o in others if deed in done_instead(o, kind, ""))}
    return deed not in others or any(o in against or actions_exclude(deed, o, "") for o in others)


# Of these one may sit and another not.
_SOME = frozenset({"some", "most", "half"})


def _is_open(sentence: Sentence, verb: Token) -> bool:
    """Tell whether a denial of a verb would be no denial of the caption: it is one already, or is of some only."""
    subject = sentence.subject_of(verb.index)
    if subject in sentence.unasserted:
        return True  # "a dog or a cat does not run"
    if subject is not None:
        words = [sentence.tokens[at].lower for at in (subject, *sentence.children[subject])]
        if not _SOME.isdisjoint(words) or (sentence.tokens[subject].tag == "CD" and "of" in words):  # "two of the men"
            return True
    return sentence.child(verb.index, "neg") is not None


def _negation(sentence: Sentence, verb: Token) -> Edit | None:
    auxiliary = sentence.child(verb.index, "aux", "auxpass")
    if auxiliary is not None and auxiliary < verb.index:
        at = sentence.tokens[auxiliary].end
        return Edit(at, at, " not") if sentence.tokens[auxiliary].tag != "TO" else None
    if verb.lemma == "be":
        return Edit(verb.end, verb.end, " not")
    if any(
        c.dep == "conj" and c.tag == verb.tag for c in map(sentence.tokens.__getitem__, sentence.children[verb.index])
    ):
        return None  # "does not stand and reads"
    if verb.tag == "VBZ":
        base = base_form(verb)
        return Edit(verb.start, verb.end, f"does not {base}") if base else None
    if verb.tag == "VBP":
        return Edit(verb.start, verb.end, f"do not {verb.text}")
    return None


def _told(change: Change) -> str:
    if "not" in change.original.split():  # told from the denial of something else
        return f"Show something else than {change.negative_phrase}"
    return f'Change what makes this true: "{change.original}"'


OPERATION = Operation("negate", negate, _told)
