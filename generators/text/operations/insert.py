"""Say something more that is wrong: a thing that is not there, an attribute it has not, a "not"."""

import random
from collections.abc import Iterator
from dataclasses import replace

from generators.text.checks import Facts, failed_check
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import NOT_VISIBLE, attribute_family, excludes
from generators.text.knowledge.wordnet import kind_of
from generators.text.language.edits import Candidate, Claim, Edit, apply
from generators.text.language.grammar import agreement_edits, article, base_form, has_pronoun
from generators.text.language.scope import forbidden
from generators.text.language.sentence import NounPhrase, Sentence, Token
from generators.text.operations.details import Detail, details
from generators.text.operations.replace import attributes, objects, other_actions, other_attributes, other_objects

# Things so large or lively that five people who describe a picture would hardly all pass over them.
SALIENT_KINDS = ("animal", "person", "vehicle")


def add_object(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Add a thing that is not there, told from one that is: "a dog runs on the beach", "a dog runs on the street".

    Where no other caption vouches for anything more, it is told from the caption alone: "a dog and a horse run".
    """
    found = False
    for detail in _shuffled(details(sentence, facts), rng):
        for phrase in objects(detail.sentence):
            if detail.first <= phrase.head < detail.last:
                for candidate in other_objects(detail.sentence, lexicon, rng, most, phrase):
                    found = True
                    yield _told_from(detail, candidate, "add_object")
    if not found:
        yield from _joined(sentence, lexicon, rng, most, facts)


def add_attribute(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Add an attribute that a thing has not, told from the one that it has: "a black dog runs", "a white dog runs"."""
    for detail in _shuffled(details(sentence, facts), rng):
        for phrase, index in attributes(detail.sentence):
            known = facts.attributes.get(phrase.lemma, set())
            if detail.first <= index < detail.last:
                for candidate in other_attributes(detail.sentence, lexicon, rng, most, phrase, index):
                    if _excludes_all(candidate.negative_phrase, known):
                        yield _told_from(detail, candidate, "add_attribute")


def _shuffled(found: list[Detail], rng: random.Random) -> list[Detail]:
    rng.shuffle(found)
    return found


def _told_from(detail: Detail, candidate: Candidate, operation: str) -> Candidate:
    failed = forbidden(detail.sentence, candidate.edits, moving=False) or candidate.failed
    original = detail.sentence.caption
    return replace(candidate, operation=operation, original=original, vouched_by=detail.vouched_by, failed=failed)


def _joined(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts) -> Iterator[Candidate]:
    """Add a thing of a kind that no caption of the image speaks of."""
    kinds = frozenset(kind for kind in SALIENT_KINDS if kind not in facts.kinds)
    phrases = [p for p in sentence.noun_phrases if _is_plain_subject(sentence, p)]
    if not kinds or not phrases:
        return
    phrase = phrases[0]
    head = sentence.tokens[phrase.head]
    bare = phrase.first == phrase.noun and head.tag == "NN" and phrase.lemma not in _INDEFINITE  # "Man and dog sit"
    for word in lexicon.new_nouns("NN", kinds).draw(rng, 4 * most):
        if word.lemma in NOT_VISIBLE or not _may_join(lexicon, word.lemma, phrase.slot):
            continue
        text = f" and {word.form}" if bare else f" and {article(word.form)} {word.form}"
        agreeing = agreement_edits(sentence, lexicon, phrase.head, plural=True)
        if agreeing is not None:
            edits = [Edit(head.end, head.end, text), *agreeing]
            yield Candidate("add_object", edits, "", text.strip(), [("noun", word.lemma, "")])


_INDEFINITE = frozenset({"someone", "somebody", "everyone", "everybody"})


def _may_join(lexicon: Lexicon, noun: str, slot: str) -> bool:
    # Animals do what animals do; of vehicles a car drives and a boat does not.
    return lexicon.fills(noun, slot) and (kind_of(noun) != "vehicle" or lexicon.has(noun, slot))


def _is_plain_subject(sentence: Sentence, phrase: NounPhrase) -> bool:
    head = sentence.tokens[phrase.head]
    if head.dep not in {"nsubj", "ROOT"} or kind_of(phrase.lemma) not in {"person", "animal", "vehicle"}:
        return False
    behind = [sentence.tokens[c].dep for c in sentence.children[phrase.head] if c > phrase.head]
    wanted = "acl" if head.dep == "ROOT" else "punct"
    plain = all(dep in {wanted, "punct"} for dep in behind) and not has_pronoun(sentence)
    return plain and phrase.slot not in {"root", "wear:nsubj"} and (head.dep == "nsubj" or "acl" in behind)


def _excludes_all(new: str, known: set[str]) -> bool:
    """Tell whether an attribute excludes one of those known, and may go with none of its own family."""
    family = attribute_family(new)
    rivals = [old for old in known if attribute_family(old) == family] if family else list(known)
    excluded = [excludes(new, old) for old in rivals]
    return any(excluded) and (all(excluded) or family is None)


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
        if verb.pos != "VERB" or forbidden(sentence, [edit], moving=False):
            continue
        for other in other_actions(sentence, lexicon, rng, most, verb):
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
    if verb.tag == "VBZ":
        base = base_form(verb)
        return Edit(verb.start, verb.end, f"does not {base}") if base else None
    if verb.tag == "VBP":
        return Edit(verb.start, verb.end, f"do not {verb.text}")
    if verb.tag == "VBG" and verb.index > 0:
        return Edit(verb.start, verb.start, "not ")
    return None
