"""Put another thing in a noun's place: "a dog on a couch", "a cat on a couch"."""

import random
import re
from collections.abc import Iterator

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import (
    ANY_CREATURE,
    COLOURS,
    NOT_VISIBLE,
    attribute_family,
    clothes_exclude,
    gender_of,
    ground_of,
    grounds_exclude,
)
from generators.text.knowledge.wordnet import is_known, kind_of
from generators.text.language.edits import Candidate, Edit
from generators.text.language.frames import determiner_class
from generators.text.language.grammar import (
    article_edits,
    gender_edits,
    gendered_pronouns,
    plural_of,
)
from generators.text.language.sentence import NounPhrase, Sentence
from generators.text.operations.base import Compared, Operation, Question, Span
from generators.text.operations.telling import definite

# Things so large or lively that five people who describe a picture would hardly all pass over them.
SALIENT_KINDS = ("animal", "person", "vehicle")


def replace_object(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, _facts: Facts
) -> Iterator[Candidate]:
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


def _places(sentence: Sentence) -> list[Span]:
    # "A man skis", "a brook meanders": no compounds, whatever the parser says.
    found = [p for p in objects(sentence) if p.noun == p.head or is_known(p.lemma, "n")]
    return [(phrase.noun, phrase.head + 1) for phrase in found]


_PLAIN = re.compile(r"[A-Za-z]+(?:[ -][A-Za-z]+)*")


def _read(sentence: Sentence, answer: Sentence, change: Compared, lexicon: Lexicon) -> Candidate | None:
    ours = [p for p in objects(sentence) if p.noun <= change[0] and p.head + 1 == change[1]]
    theirs = [p for p in answer.noun_phrases if p.noun <= change[2] and p.head + 1 == change[3]]
    if not ours or not theirs:
        return None
    [old], [new] = ours, theirs
    form: str | None = answer.spoken(new.noun, new.head + 1)
    if sentence.tokens[old.head].tag != answer.tokens[new.head].tag:
        form = plural_of(lexicon, new.lemma) if sentence.tokens[old.head].tag == "NNS" else new.lemma
    found = with_noun(sentence, lexicon, old, new.lemma, form) if form and _PLAIN.fullmatch(form) else None
    if found is not None:
        found.failed = _why_not_object(sentence, old, new.lemma)
    return found


def _why_not_object(sentence: Sentence, old: NounPhrase, new: str) -> str | None:
    """Name why one thing is no other than another, or is nothing to put in its place.

    The corpus need not know the new word, so what it would tell by its silence is told here.
    """
    kind = kind_of(new)
    coloured = any(attribute_family(sentence.tokens[a].lower) == "colour" for a in old.adjectives)
    fitting = {*rivals(old.lemma), *(() if kind_of(old.lemma) == "person" else SALIENT_KINDS)}
    if kind not in fitting or new in NOT_VISIBLE or new in COLOURS:
        return "incompatible"
    if kind == "person" and coloured:
        return "incompatible"  # the colour of somebody's skin is no attribute to play with
    if new.rpartition(" ")[2] in ANY_CREATURE:
        return "synonym"
    if (kind == "clothing" or old.slot == "wear:dobj") and not clothes_exclude(new, old.lemma):
        return "compatible"
    places = "place" in {kind, kind_of(old.lemma)} or ground_of(new) or ground_of(old.lemma)
    if places and not grounds_exclude(new, old.lemma):
        return "compatible"  # a garden may be called a field, a shore a beach
    return None


def _end(answer: Sentence, first: int) -> int:
    return next((p.head + 1 for p in answer.noun_phrases if p.noun <= first <= p.head), first + 1)


OPERATION = Operation(
    "replace_object",
    replace_object,
    lambda c: f"Replace {definite(c.old)} with {c.new_thing}",
    Question(
        _places,
        "Change one thing in a caption of a photo to another thing that could be there instead and is not the same. "
        "Keep all other words as they are.",
        (
            ("A man is riding a bike down the street .", "bike", "A man is riding a horse down the street ."),
            ("Two dogs play in the snow .", "dogs", "Two squirrels play in the snow ."),
            ("A woman in a red dress sits on a bench .", "bench", "A woman in a red dress sits on a suitcase ."),
            ("A boy jumps over a fence .", "fence", "A boy jumps over a puddle ."),
        ),
        _read,
        _end,
    ),
)
