"""Swap two phrases of a caption so that the same words say something else."""

import random
from collections.abc import Iterator
from itertools import combinations

from generators.text.corpus.lexicon import Lexicon, determiner_class
from generators.text.knowledge.exclusions import (
    COLOURS,
    NOT_VISIBLE,
    SYMMETRIC_PREPOSITIONS,
    SYMMETRIC_VERBS,
    attribute_family,
    excludes,
    region_of,
    relations_exclude,
)
from generators.text.knowledge.wordnet import is_opposite, kind_of
from generators.text.language.edits import Candidate, Edit, joined, moved_text
from generators.text.language.grammar import PRONOUNS, agreement_edits, article
from generators.text.language.sentence import NOUN_TAGS, NounPhrase, Relation, Sentence
from generators.text.operations.replace import attributes, is_spatial


def swap_object(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Let two things change roles, phrases and all: "a man with a red hat behind a dog"."""
    roles = [*_verb_roles(sentence), *_preposition_roles(sentence)]
    rng.shuffle(roles)
    for role in roles[:most]:
        yield from _swap_phrases(sentence, lexicon, *role)


# Two phrases, the preposition between them (none for a verb), whether the relation holds both ways.
Roles = tuple[NounPhrase, NounPhrase, str | None, bool]
# Relations between two beings besides those of place.
_TOWARDS = frozenset({"after", "at", "past", "around", "with"})
_ANIMATE = frozenset({"person", "animal"})
_SWAPPABLE = _ANIMATE | {"vehicle", "equipment", "furniture", "food", "container", "instrument", "tool", "figure"}
_MOVABLE = frozenset({"person", "animal", "vehicle"})


def _verb_roles(sentence: Sentence) -> Iterator[Roles]:
    for verb in sentence.verbs:
        subject, target = sentence.subject_of(verb.index), sentence.child(verb.index, "dobj")
        if subject is not None and target is not None:
            yield from _roles(sentence, subject, target, None, verb.lemma.lower() in SYMMETRIC_VERBS)


def _preposition_roles(sentence: Sentence) -> Iterator[Roles]:
    for relation in sentence.relations:
        if region_of(relation.words) is None and relation.words not in _TOWARDS:
            continue
        governor, symmetric = sentence.tokens[relation.governor], relation.words in SYMMETRIC_PREPOSITIONS
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
    inner = sentence.tokens[first.first : end] + sentence.tokens[second.first : last]
    if any(token.lower in PRONOUNS for token in inner):
        return  # "a man and his dog" would leave "his" with nobody before it
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
    if any(_lacks_determiner(sentence, lexicon, phrase) for phrase in (first, second)):
        failed = failed or "ungrammatical"
    if (sentence.tokens[first.head].tag == "NNS") != plural:
        agreeing = agreement_edits(sentence, lexicon, first.head, plural)
        if agreeing is None or sentence.child(first.head, "conj") is not None:
            failed = failed or "ungrammatical"
        edits += agreeing or []
    originals = [sentence.text(first.first, end), sentence.text(second.first, last)]
    negatives = [edits[0].text, edits[1].text]
    yield Candidate("swap_object", edits, joined(originals), joined(negatives), [], failed)


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
    alike = set(kinds) <= _ANIMATE or (kinds[0] == kinds[1] and kinds[0] in _SWAPPABLE)
    around = set(kinds) <= _MOVABLE and region_of(words or "") in {
        "front",
        "behind",
        "over",
        "under",
        "left",
        "right",
    }
    if not alike and not around:
        return "incompatible"
    if symmetric:
        return "symmetric"
    if first.lemma == second.lemma and _adjectives(sentence, first) == _adjectives(sentence, second):
        return "unchanged"
    return None


def _adjectives(sentence: Sentence, phrase: NounPhrase) -> set[str]:
    return {sentence.tokens[a].lower for a in phrase.adjectives}


def swap_attribute(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Let two things change attributes: "a red cup and a blue plate", "a blue cup and a red plate"."""
    places = attributes(sentence)
    pairs = [
        (ours, theirs)
        for ours, theirs in combinations(places, 2)
        if sentence.parts[ours[1]] == sentence.parts[theirs[1]]
        and ours[0].head != theirs[0].head
        and _comparable(sentence, ours[1], theirs[1])
    ]
    rng.shuffle(pairs)
    for (ours, first), (theirs, second) in pairs[:most]:
        a, b = _attribute_span(sentence, first), _attribute_span(sentence, second)
        if any(sentence.tokens[index].pos in {"DET", "NUM"} for index in (*range(*a), *range(*b))):
            continue  # a misparse: "a little" as a measure
        texts = [moved_text(sentence, *b), moved_text(sentence, *a)]
        edits = []
        for (start, end), text in zip((a, b), texts, strict=True):
            edits.append(Edit(sentence.tokens[start].start, sentence.tokens[end - 1].end, text))
            edits += _article_before(sentence, start, text)
        words = [sentence.text(*b).lower(), sentence.text(*a).lower()]
        claims = [("attribute of", word, p.lemma) for word, p in zip(words, (ours, theirs), strict=True)]
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
    if ours.lemma == theirs.lemma and _are_interchangeable(sentence, ours, theirs):
        return "symmetric"
    simple = [word for word in zip(words, (ours, theirs), strict=True) if " " not in word[0]]
    fits = all(lexicon.says_of(word, phrase.lemma) for word, phrase in simple)
    return None if fits else "incompatible"


def _are_interchangeable(sentence: Sentence, ours: NounPhrase, theirs: NounPhrase) -> bool:
    """Tell whether nothing but the attribute sets two things of one name apart.

    "A red ball and a blue ball"; but not "a red dog with a stick and a blue dog", and not a dog that bites
    another. What follows the last of them may belong to both.
    """
    if sentence.conjunct_heads[ours.head] == sentence.conjunct_heads[theirs.head]:
        behind = [c for c in sentence.children[ours.head] if ours.head < c < theirs.head]
        return not any(sentence.tokens[c].dep in {"prep", "acl", "relcl"} for c in behind)
    owners = [_owner(sentence, phrase) for phrase in (ours, theirs)]
    return owners[0] == owners[1]


def _owner(sentence: Sentence, phrase: NounPhrase) -> str:
    token = sentence.tokens[sentence.tokens[sentence.conjunct_heads[phrase.head]].head]
    if token.dep in {"prep", "acl"}:
        token = sentence.tokens[token.head]
    return token.lemma.lower() if token.tag in NOUN_TAGS else f"{token.index} {phrase.slot}"


def swap_relation(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Let two things change relations: "on the bench behind the tree", "behind the bench on the tree"."""
    places = [r for r in sentence.relations if is_spatial(sentence, r) or r.words in _PATH]
    pairs = [
        (ours, theirs)
        for ours, theirs in combinations(places, 2)
        if sentence.parts[ours.first] == sentence.parts[theirs.first] and _may_change(ours.words, theirs.words)
    ]
    rng.shuffle(pairs)
    for first, second in pairs[:most]:
        edits = [_relation_edit(sentence, first, second), _relation_edit(sentence, second, first)]
        targets = [sentence.phrase_of(r.target) for r in (first, second)]
        ours, theirs = targets
        if ours is None or theirs is None:
            continue
        governors = [sentence.tokens[r.governor].lemma.lower() for r in (first, second)]
        known = lexicon.relates(governors[0], second.words, ours.lemma)
        known = known and lexicon.relates(governors[1], first.words, theirs.lemma)
        failed = None if known or {first.words, second.words} == _PATH else "incompatible"
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


_PATH = {"from", "to"}


def _may_change(first: str, second: str) -> bool:
    return {first, second} == _PATH or relations_exclude(first, second)


def _relation_edit(sentence: Sentence, place: Relation, text: Relation) -> Edit:
    return Edit(sentence.tokens[place.first].start, sentence.tokens[place.last - 1].end, text.words)
