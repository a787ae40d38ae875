"""Say something more that is wrong: a thing that is not there, an attribute it has not, a "not"."""

import random
from collections.abc import Iterator

from generators.text.checks import Facts
from generators.text.edits import Candidate, Edit
from generators.text.families import NOT_VISIBLE, attribute_family, excludes
from generators.text.grammar import agreement_edits, article, article_edits, base_form, has_pronoun
from generators.text.lexicon import Lexicon
from generators.text.sentence import NounPhrase, Sentence, Token
from generators.text.wordnet import kind_of

# Things so large or lively that five people who describe a picture would hardly all pass over them.
SALIENT_KINDS = ("animal", "person", "vehicle")


def add_object(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Add a thing of a kind that no caption of the image speaks of: "a dog and a horse run"."""
    kinds = frozenset(kind for kind in SALIENT_KINDS if kind not in facts.kinds)
    phrases = [p for p in sentence.noun_phrases if _is_plain_subject(sentence, p)]
    if not kinds or not phrases:
        return
    phrase = phrases[0]
    head = sentence.tokens[phrase.head]
    for word in lexicon.new_nouns("NN", kinds).draw(rng, 4 * most):
        if word.lemma in NOT_VISIBLE or not _may_join(lexicon, word.lemma, phrase.slot):
            continue
        text = f" and {article(word.form)} {word.form}"
        agreeing = agreement_edits(sentence, lexicon, phrase.head, plural=True)
        if agreeing is not None:
            edits = [Edit(head.end, head.end, text), *agreeing]
            yield Candidate("add_object", edits, "", text.strip(), [("noun", word.lemma, "")])


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


def add_attribute(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Add an attribute that excludes what another caption says of the thing: "a white dog" for a black one."""
    phrases = [
        p
        for p in sentence.noun_phrases
        if not p.adjectives
        and facts.attributes.get(p.lemma)
        and sentence.tokens[p.head].tag == "NN"
        and p.lemma not in facts.several
    ]
    rng.shuffle(phrases)
    for phrase in phrases:
        drawn = 0
        known = facts.attributes[phrase.lemma]
        for word in lexicon.attributes(kind_of(phrase.lemma), phrase.lemma).draw(rng, 8 * most):
            if drawn == most or not _excludes_all(word.form, known):
                continue
            if kind_of(phrase.lemma) == "person" and attribute_family(word.form) == "colour":
                continue
            drawn += 1
            start = sentence.tokens[phrase.noun].start
            edits = [Edit(start, start, word.form + " "), *article_edits(sentence, phrase.noun, word.form)]
            claims = [("attribute", word.form, phrase.lemma)]
            failed = None if lexicon.says_of(word.form, phrase.lemma) else "incompatible"
            yield Candidate("add_attribute", edits, "", word.form, claims, failed)


def _excludes_all(new: str, known: set[str]) -> bool:
    """Tell whether an attribute excludes one of those known, and may go with none of its own family."""
    family = attribute_family(new)
    rivals = [old for old in known if attribute_family(old) == family] if family else list(known)
    excluded = [excludes(new, old) for old in rivals]
    return any(excluded) and (all(excluded) or family is None)


def negate(
    sentence: Sentence,
    _: Lexicon,
    rng: random.Random,
    most: int,
) -> Iterator[Candidate]:
    """Deny what happens: "a dog is not running", "a man does not sit", "a girl not smiling"."""
    copulas = [t for t in sentence.tokens if t.pos == "AUX" and t.dep == "ROOT" and t.lemma == "be"]
    verbs = [v for v in (*sentence.verbs, *copulas) if v.dep in {"ROOT", "acl"} and not _is_negated(sentence, v)]
    rng.shuffle(verbs)
    for verb in verbs[:most]:
        edit = _negation(sentence, verb)
        if edit is not None:
            original = sentence.caption[edit.start : edit.end]
            yield Candidate("negate", [edit], original, edit.text.strip(), [("negation", verb.lemma.lower())])


def _is_negated(sentence: Sentence, verb: Token) -> bool:
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
