"""Let two things change attributes: "a red cup and a blue plate", "a blue cup and a red plate"."""

import random
from collections.abc import Iterator
from itertools import combinations

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import (
    attribute_family,
    excludes,
)
from generators.text.knowledge.roles import has_colour
from generators.text.knowledge.things import kind_of
from generators.text.knowledge.wordnet import is_opposite
from generators.text.language.edits import Candidate, Edit, joined, moved_text
from generators.text.language.grammar import article_edits
from generators.text.language.sentence import NOUN_TAGS, NounPhrase, Sentence
from generators.text.operations.base import Operation
from generators.text.operations.replace_attribute import attributes
from generators.text.operations.telling import swap


def swap_attribute(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, _facts: Facts
) -> Iterator[Candidate]:
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
            edits += article_edits(sentence, start, text)
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


def _why_not_attributes(
    sentence: Sentence, lexicon: Lexicon, ours: NounPhrase, theirs: NounPhrase, words: list[str]
) -> str | None:
    if words[0] == words[1] or set(words[0].split()) == set(words[1].split()):
        return "unchanged"
    if ours.lemma == theirs.lemma and (_are_interchangeable(sentence, ours, theirs) or _tells_of_each(sentence)):
        return "symmetric"
    if _are_together(sentence, ours, theirs):
        return "symmetric"
    if any(not _is_natural(sentence, *pair) for pair in zip(words, (ours, theirs), strict=True)):
        return "incompatible"  # "a yellow and blue dog"
    simple = [word for word in zip(words, (ours, theirs), strict=True) if " " not in word[0]]
    fits = all(lexicon.says_of(word, phrase.lemma) for word, phrase in simple)
    return None if fits else "incompatible"


def _is_natural(sentence: Sentence, words: str, phrase: NounPhrase) -> bool:
    """Tell whether an animal can have the colour of an attribute, and was given no other one beside it: of a dog that
    is called black and white another person may see the brown."""
    if kind_of(phrase.lemma) != "animal":
        return True
    told = [token.lower for token in sentence.tokens[phrase.first : phrase.head]]
    if sum(attribute_family(word) == "colour" for word in told) > 1:
        return False
    colours = {word for word in words.split() if attribute_family(word) == "colour"}
    return len(colours) < 2 and all(has_colour(phrase.lemma, c) for c in colours)


def _are_together(sentence: Sentence, ours: NounPhrase, theirs: NounPhrase) -> bool:
    """Tell whether two things of one name do something together: "a black dog along with a white dog"."""
    between = " ".join(token.lower for token in sentence.tokens[ours.head + 1 : theirs.first])
    return ours.lemma == theirs.lemma and between in _TOGETHER


def _tells_of_each(sentence: Sentence) -> bool:
    """Tell whether a caption counts things off without saying which is which: "one in a red hat, the other ..."."""
    return any(token.lower in _EACH and token.tag != "NN" and token.dep != "nummod" for token in sentence.tokens)


_TOGETHER = frozenset({"along with", "together with", "as well as", "with", "alongside"})
_EACH = frozenset({"one", "other", "another", "others", "each"})


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


OPERATION = Operation("swap_attribute", swap_attribute, swap)
