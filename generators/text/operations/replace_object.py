"""Put another thing in a noun's place: "a dog on a couch", "a cat on a couch"."""

import random
from collections.abc import Iterator

from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import (
    NOT_VISIBLE,
    clothes_exclude,
    gender_of,
)
from generators.text.knowledge.wordnet import kind_of
from generators.text.language.edits import Candidate, Edit
from generators.text.language.frames import determiner_class
from generators.text.language.grammar import (
    article_edits,
    gender_edits,
    gendered_pronouns,
)
from generators.text.language.sentence import NounPhrase, Sentence


def replace_object(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Put another thing of the same kind in a noun's place: "a dog on a couch", "a cat on a couch"."""
    phrases = objects(sentence)
    rng.shuffle(phrases)
    for phrase in phrases:
        yield from other_objects(sentence, lexicon, rng, most, phrase)


def objects(sentence: Sentence) -> list[NounPhrase]:
    """List the noun phrases whose noun may change."""
    return [p for p in sentence.noun_phrases if p.lemma not in NOT_VISIBLE and kind_of(p.lemma)]


def other_objects(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, phrase: NounPhrase
) -> Iterator[Candidate]:
    """Put other things in one noun's place."""
    head = sentence.tokens[phrase.head]
    determiner = determiner_class(sentence, phrase)
    if determiner == "num" and head.tag == "NN":
        return  # "two woman": the slip is not ours to multiply
    choice = lexicon.nouns(phrase.slot, head.tag, determiner, rivals(phrase.lemma))
    for word in choice.draw(rng, 3 * most):
        if word.lemma == phrase.lemma or word.lemma in NOT_VISIBLE:
            continue
        if determiner == "" and head.tag == "NN" and phrase.first > 0 and not lexicon.is_bare(word.lemma):
            continue  # "near water", but not "near house"
        candidate = with_noun(sentence, lexicon, phrase, word.lemma, word.form)
        if candidate is not None:
            yield candidate


def rivals(lemma: str) -> frozenset[str]:
    """Name the kinds of things that can stand in for a thing and exclude it."""
    kind = kind_of(lemma)
    # Whoever says "person" excludes no person, but does exclude a dog.
    return frozenset({kind, "animal"} if kind == "person" else {kind or ""})


def with_noun(sentence: Sentence, lexicon: Lexicon, phrase: NounPhrase, lemma: str, form: str) -> Candidate | None:
    """Put a noun in a phrase's place; none where pronouns would have to change and it cannot be told how."""
    start, end = sentence.tokens[phrase.noun].start, sentence.tokens[phrase.head].end
    edits = [Edit(start, end, form), *article_edits(sentence, phrase.noun, form)]
    agreeing = _pronoun_edits(sentence, phrase, lemma)
    if agreeing is None:
        return None
    fits = all(lexicon.says_of(sentence.tokens[a].lower, lemma) for a in phrase.adjectives)
    if kind_of(lemma) == "clothing" and not clothes_exclude(lemma, phrase.lemma):
        fits = False
    return Candidate(
        "replace_object",
        edits + agreeing,
        sentence.caption[start:end],
        form,
        [("noun", lemma, phrase.lemma)],
        None if fits else "incompatible",
    )


def _pronoun_edits(sentence: Sentence, phrase: NounPhrase, lemma: str) -> list[Edit] | None:
    before, after = gender_of(phrase.lemma), gender_of(lemma)
    if kind_of(phrase.lemma) != "person" or not gendered_pronouns(sentence):
        return []
    others = [p for p in sentence.noun_phrases if kind_of(p.lemma) in {"person", "animal"} and p is not phrase]
    if before == after:
        return []
    if others or not after:
        return None  # whom "his" means cannot be told, or what to put for it
    return gender_edits(sentence, after == "female")
