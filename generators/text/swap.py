"""Swap two phrases of a caption so that the same words say something else."""

import random
from collections.abc import Iterator
from itertools import combinations

from generators.text.edits import Candidate, Edit, joined, moved_text
from generators.text.families import (
    NOT_VISIBLE,
    SYMMETRIC_PREPOSITIONS,
    SYMMETRIC_VERBS,
    attribute_family,
    excludes,
)
from generators.text.grammar import PRONOUNS, agreement_edits, article
from generators.text.lexicon import Lexicon
from generators.text.replace import is_skin_colour, is_spatial
from generators.text.sentence import NounPhrase, Relation, Sentence
from generators.text.wordnet import is_opposite, kind_of


def swap_object(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Let two things change roles, phrases and all: "a man with a red hat behind a dog"."""
    roles = [*_verb_roles(sentence), *_preposition_roles(sentence)]
    rng.shuffle(roles)
    for first, second, symmetric in roles[:most]:
        yield from _swap_phrases(sentence, lexicon, first, second, symmetric)


Roles = tuple[NounPhrase, NounPhrase, bool]


def _verb_roles(sentence: Sentence) -> Iterator[Roles]:
    for verb in sentence.verbs:
        subject, target = sentence.subject_of(verb.index), sentence.child(verb.index, "dobj")
        if subject is not None and target is not None:
            yield from _roles(sentence, subject, target, verb.lemma.lower() in SYMMETRIC_VERBS)


def _preposition_roles(sentence: Sentence) -> Iterator[Roles]:
    for relation in sentence.relations():
        if relation.words == "of":
            continue
        governor, symmetric = sentence.tokens[relation.governor], relation.words in SYMMETRIC_PREPOSITIONS
        subject: int | None = relation.governor
        if governor.pos in {"VERB", "AUX"}:
            subject = sentence.subject_of(relation.governor)
            symmetric = symmetric or governor.lemma.lower() in SYMMETRIC_VERBS
        if subject is not None:
            yield from _roles(sentence, subject, relation.target, symmetric)


def _roles(sentence: Sentence, first: int, second: int, symmetric: bool) -> Iterator[Roles]:
    ours, theirs = sentence.phrase_of(first), sentence.phrase_of(second)
    if ours is not None and theirs is not None and ours.head < theirs.head:
        yield ours, theirs, symmetric


def _swap_phrases(
    sentence: Sentence, lexicon: Lexicon, first: NounPhrase, second: NounPhrase, symmetric: bool
) -> Iterator[Candidate]:
    end, last = _own_end(sentence, first, second.first), _own_end(sentence, second, len(sentence.tokens))
    if end > second.first or {first.lemma, second.lemma} & NOT_VISIBLE:
        return
    inner = sentence.tokens[first.first : end] + sentence.tokens[second.first : last]
    if any(token.lower in PRONOUNS for token in inner):
        return  # "a man and his dog" would leave "his" with nobody before it
    edits = [
        Edit(sentence.tokens[first.first].start, sentence.tokens[end - 1].end, moved_text(sentence, second.first, last)),
        Edit(sentence.tokens[second.first].start, sentence.tokens[last - 1].end, moved_text(sentence, first.first, end)),
    ]
    plural = sentence.tokens[second.head].tag == "NNS"
    failed = _why_not_swap(sentence, lexicon, first, second, symmetric)
    if (sentence.tokens[first.head].tag == "NNS") != plural:
        agreeing = agreement_edits(sentence, lexicon, first.head, plural)
        if agreeing is None or sentence.child(first.head, "conj") is not None:
            failed = failed or "ungrammatical"
        edits += agreeing or []
    originals = [sentence.text(first.first, end), sentence.text(second.first, last)]
    negatives = [edits[0].text, edits[1].text]
    yield Candidate("swap_object", edits, joined(originals), joined(negatives), [], failed)


def _own_end(sentence: Sentence, phrase: NounPhrase, limit: int) -> int:
    """Find the end of a phrase with the prepositional phrases that are its own."""
    end = phrase.head + 1
    for child in sentence.children[phrase.head]:
        token = sentence.tokens[child]
        if child < end:
            continue
        edge = sentence.right_edge(child) + 1
        if token.dep != "prep" or child != end or edge > limit:
            break
        end = edge
    return end


def _why_not_swap(
    sentence: Sentence, lexicon: Lexicon, first: NounPhrase, second: NounPhrase, symmetric: bool
) -> str | None:
    kinds = kind_of(first.lemma), kind_of(second.lemma)
    if None in kinds:
        return "incompatible"
    animate = {"person", "animal"}
    alike = kinds[0] == kinds[1] or set(kinds) <= animate
    if symmetric and alike:
        return "symmetric"
    if alike and first.lemma != second.lemma:
        return None
    if first.lemma == second.lemma:
        differ = {sentence.tokens[a].lower for a in first.adjectives} != {
            sentence.tokens[a].lower for a in second.adjectives
        }
        return None if differ and not symmetric else "unchanged"
    fits = lexicon.fills(second.lemma, first.slot) and lexicon.fills(first.lemma, second.slot)
    return None if fits and set(kinds).isdisjoint({"clothing", "place", "way"}) else "incompatible"


def swap_attribute(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int
) -> Iterator[Candidate]:
    """Let two things change attributes: "a red cup and a blue plate", "a blue cup and a red plate"."""
    places = [(p, a) for p in sentence.noun_phrases for a in p.adjectives if not is_skin_colour(sentence, p, a)]
    pairs = [
        (ours, theirs)
        for ours, theirs in combinations(places, 2)
        if ours[0].head != theirs[0].head and _comparable(sentence, ours[1], theirs[1])
    ]
    rng.shuffle(pairs)
    for (ours, first), (theirs, second) in pairs[:most]:
        a, b = _attribute_span(sentence, first), _attribute_span(sentence, second)
        texts = [moved_text(sentence, *b), moved_text(sentence, *a)]
        edits = []
        for (start, end), text in zip((a, b), texts, strict=True):
            edits.append(Edit(sentence.tokens[start].start, sentence.tokens[end - 1].end, text))
            edits += _article_before(sentence, start, text)
        words = [sentence.text(*b).lower(), sentence.text(*a).lower()]
        claims = [("attribute", word, p.lemma) for word, p in zip(words, (ours, theirs), strict=True)]
        failed = _why_not_attributes(sentence, lexicon, ours, theirs, words)
        same = ours.lemma == theirs.lemma
        original = joined([sentence.text(*a), sentence.text(*b)])
        yield Candidate("swap_attribute", edits, original, joined(texts), [] if same else claims, failed)


def _comparable(sentence: Sentence, first: int, second: int) -> bool:
    ours, theirs = sentence.tokens[first].lower, sentence.tokens[second].lower
    family = attribute_family(ours)
    if family is not None:
        return family == attribute_family(theirs) and ours != theirs
    return excludes(ours, theirs) or is_opposite(ours, theirs)


def _attribute_span(sentence: Sentence, index: int) -> tuple[int, int]:
    """Find the whole attribute: "dark blue", "black and white"."""
    first, last = sentence.left_edge(index), sentence.right_edge(index) + 1
    return first, last


def _article_before(sentence: Sentence, index: int, text: str) -> list[Edit]:
    before = sentence.tokens[index - 1] if index else None
    if before is None or before.lower not in {"a", "an"} or before.lower == article(text):
        return []
    return [Edit(before.start, before.end, article(text))]


def _why_not_attributes(
    sentence: Sentence, lexicon: Lexicon, ours: NounPhrase, theirs: NounPhrase, words: list[str]
) -> str | None:
    if words[0] == words[1] or set(words[0].split()) == set(words[1].split()):
        return "unchanged"
    if ours.lemma == theirs.lemma and _owner(sentence, ours) == _owner(sentence, theirs):
        return "symmetric"  # "a red ball and a blue ball", "a man in red and a man in blue"
    simple = [word for word in zip(words, (ours, theirs), strict=True) if " " not in word[0]]
    fits = all(lexicon.says_of(word, phrase.lemma) for word, phrase in simple)
    return None if fits else "incompatible"


def _owner(sentence: Sentence, phrase: NounPhrase) -> str:
    token = sentence.tokens[sentence.tokens[sentence.conjunct_heads[phrase.head]].head]
    if token.dep in {"prep", "acl"}:
        token = sentence.tokens[token.head]
    return token.lemma.lower() if token.index != phrase.head else phrase.slot


def swap_relation(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int
) -> Iterator[Candidate]:
    """Let two things change relations: "on the bench behind the tree", "behind the bench on the tree"."""
    places = [r for r in sentence.relations() if is_spatial(sentence, r) or r.words in {"from", "to"}]
    pairs = [p for p in combinations(places, 2) if p[0].words != p[1].words]
    rng.shuffle(pairs)
    for first, second in pairs[:most]:
        edits = [_relation_edit(sentence, first, second), _relation_edit(sentence, second, first)]
        targets = [sentence.phrase_of(r.target) for r in (first, second)]
        ours, theirs = targets
        if ours is None or theirs is None:
            continue
        known = lexicon.relates(second.words, ours.lemma) and lexicon.relates(first.words, theirs.lemma)
        failed = None if known else "incompatible"
        if ours.lemma == theirs.lemma:
            failed = "symmetric"
        yield Candidate(
            "swap_relation",
            edits,
            joined([first.words, second.words]),
            joined([second.words, first.words]),
            [("relation", second.words, ours.lemma), ("relation", first.words, theirs.lemma)],
            failed,
        )


def _relation_edit(sentence: Sentence, place: Relation, text: Relation) -> Edit:
    return Edit(sentence.tokens[place.first].start, sentence.tokens[place.last - 1].end, text.words)
