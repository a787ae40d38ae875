"""Say of a thing that is not there that it is: "a dog runs on the street", told from "a dog runs on the beach"."""

import random
from collections.abc import Iterator, Sequence

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import ANY_CREATURE, NOT_VISIBLE, gender_of
from generators.text.knowledge.things import is_kin, kind_of
from generators.text.language.edits import Candidate, Edit
from generators.text.language.grammar import agreement_edits, article, has_pronoun
from generators.text.language.sentence import NounPhrase, Sentence
from generators.text.operations.additions import shuffled, told_from
from generators.text.operations.base import Operation
from generators.text.operations.details import details
from generators.text.operations.replace_object import SALIENT_KINDS, objects, other_objects
from generators.text.operations.standing import deeds_of


def add_object(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Add a thing that is not there, told from one that is: "a dog runs on the beach", "a dog runs on the street".

    Where no other caption vouches for anything more, it is told from the caption alone: "a dog and a horse run".
    """
    found = False
    for detail in shuffled(details(sentence, facts), rng):
        for phrase in objects(detail.sentence):
            if detail.first <= phrase.head < detail.last:
                if kind_of(phrase.lemma) == "place" or _has_such(sentence, phrase.lemma):
                    continue  # what suits everything else that a caption says; and in one picture, one stroller
                for candidate in other_objects(detail.sentence, lexicon, rng, most, phrase, facts):
                    found = True
                    yield told_from(detail, candidate, "add_object")
    if not found:
        yield from _joined(sentence, lexicon, rng, most, facts)


def _joined(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts) -> Iterator[Candidate]:
    """Add a thing of a kind that no caption of the image speaks of."""
    kinds = frozenset(kind for kind in SALIENT_KINDS if kind not in facts.kinds)
    phrases = [p for p in sentence.noun_phrases if _is_plain_subject(sentence, p)]
    if not kinds or not phrases:
        return
    phrase = phrases[0]
    head = sentence.tokens[phrase.head]
    bare = phrase.first == phrase.noun and head.tag == "NN" and phrase.lemma not in _INDEFINITE  # "Man and dog sit"
    deeds = deeds_of(sentence, phrase.head)
    for word in lexicon.new_nouns("NN", kinds).draw(rng, 4 * most):
        if word.lemma in NOT_VISIBLE | ANY_CREATURE or not _may_join(lexicon, word.lemma, phrase.slot, deeds):
            continue
        text = f" and {word.form}" if bare else f" and {article(word.form)} {word.form}"
        agreeing = agreement_edits(sentence, lexicon, phrase.head, plural=True)
        if agreeing is not None:
            edits = [Edit(head.end, head.end, text), *agreeing]
            yield Candidate("add_object", edits, "", text.strip(), [("noun", word.lemma, "")])


_INDEFINITE = frozenset({"someone", "somebody", "everyone", "everybody"})


def _has_such(sentence: Sentence, noun: str) -> bool:
    """Tell whether a caption names close kin of a thing."""
    return any(is_kin(p.lemma, noun) for p in sentence.noun_phrases)


_AGELESS = frozenset({"child", "kid", "baby", "toddler"})


def _may_join(lexicon: Lexicon, noun: str, slot: str, deeds: Sequence[tuple[str, str]]) -> bool:
    """Tell whether a being does all that the first does, by what the corpus says of its kind."""
    if kind_of(noun) == "person" and not (gender_of(noun) or noun in _AGELESS):
        return False  # a skier does what skiers do
    if kind_of(noun) == "person":  # who goes or rests wherever an animal does, and does not eat what it eats
        return lexicon.fills(noun, slot) and all(lexicon.does(noun, *d) for d in deeds if d[1].startswith("dobj:"))
    return lexicon.has(noun, slot) and all(lexicon.does(noun, *deed) for deed in deeds)


def _is_plain_subject(sentence: Sentence, phrase: NounPhrase) -> bool:
    head = sentence.tokens[phrase.head]
    if head.dep not in {"nsubj", "ROOT"} or kind_of(phrase.lemma) not in {"person", "animal", "vehicle"}:
        return False
    behind = [sentence.tokens[c].dep for c in sentence.children[phrase.head] if c > phrase.head]
    wanted = "acl" if head.dep == "ROOT" else "punct"
    plain = all(dep in {wanted, "punct"} for dep in behind) and not has_pronoun(sentence)
    return plain and phrase.slot not in {"root", "wear:nsubj"} and (head.dep == "nsubj" or "acl" in behind)


OPERATION = Operation(
    "add_object", add_object, lambda c: f"Add {c.negative_phrase.removeprefix('and ')}", within="replace_object"
)
