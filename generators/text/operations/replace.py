"""Replace one word by another that the picture excludes: object, attribute, relation, action; counts have their file.

Each operation is a generator of candidates, lazily, the likeliest to be drawn first; checks come later.
"""

import random
from collections.abc import Iterator

from generators.text.corpus.lexicon import Lexicon, determiner_class, frame_of
from generators.text.knowledge.exclusions import (
    NOT_VISIBLE,
    SHADES,
    actions_exclude,
    attribute_family,
    clothes_exclude,
    excludes,
    gender_of,
    is_measure,
    region_of,
    relations_exclude,
)
from generators.text.knowledge.wordnet import kind_of
from generators.text.language.casing import Style, starts_sentence
from generators.text.language.edits import Candidate, Edit
from generators.text.language.grammar import (
    article_edits,
    gender_edits,
    gendered_pronouns,
)
from generators.text.language.sentence import NounPhrase, Relation, Sentence, Token


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


def replace_attribute(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Put another attribute that excludes the old one: "a red shirt", "a blue shirt"."""
    places = attributes(sentence)
    rng.shuffle(places)
    for phrase, index in places:
        yield from other_attributes(sentence, lexicon, rng, most, phrase, index)


def other_attributes(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, phrase: NounPhrase, index: int
) -> Iterator[Candidate]:
    """Put other attributes in the place of one, a token of a phrase."""
    old = sentence.tokens[index]
    drawn = 0
    for word in lexicon.attributes(kind_of(phrase.lemma), phrase.lemma).draw(rng, 4 * most):
        if drawn == most or word.form == old.lower or not excludes(old.lower, word.form):
            continue
        drawn += 1
        failed = None if lexicon.says_of(word.form, phrase.lemma) else "incompatible"
        yield with_attribute(sentence, phrase, index, word.form, failed)


def with_attribute(sentence: Sentence, phrase: NounPhrase, index: int, word: str, failed: str | None) -> Candidate:
    """Put an attribute in the place of a phrase's, a token."""
    old = sentence.tokens[index]
    edits = [Edit(old.start, old.end, word), *article_edits(sentence, index, word)]
    return Candidate("replace_attribute", edits, old.text, word, [("attribute", word, phrase.lemma)], failed)


def attributes(sentence: Sentence) -> list[tuple[NounPhrase, int]]:
    """List the attributes that may change, as noun phrase and token index of the adjective."""
    return [
        (phrase, index)
        for phrase in sentence.noun_phrases
        for index in phrase.adjectives
        if phrase.lemma not in NOT_VISIBLE and _may_change(sentence, phrase, index)
    ]


def _may_change(sentence: Sentence, phrase: NounPhrase, index: int) -> bool:
    family = attribute_family(sentence.tokens[index].lower)
    if _is_name(sentence, index):
        return False  # "the Green Bay Packers"
    if any(sentence.tokens[child].dep in {"npadvmod", "nummod"} for child in sentence.children[index]):
        return False  # "a 10 year old boy"
    if family == "colour" and kind_of(phrase.lemma) == "person":
        return False  # the colour of somebody's skin is no attribute to play with
    before = sentence.tokens[index - 1].lower if index else ""
    if before == "a" and sentence.tokens[index].lower == "few":
        return False  # "a many people"
    if is_measure(before):
        return False
    return family != "colour" or before not in SHADES  # "navy blue" and "light blue" are one attribute


def _is_name(sentence: Sentence, index: int) -> bool:
    """Tell whether a word begins a name: a capital where none is due, and another behind it."""
    token, after = sentence.tokens[index : index + 2]
    capitals = token.text[:1].isupper() and after.text[:1].isupper()
    return capitals and sentence.style is Style.SENTENCE and not starts_sentence(sentence.caption, token.start)


def replace_relation(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Put another relation that excludes the old one: "on the bench", "behind the bench"."""
    places = [r for r in sentence.relations if is_spatial(sentence, r)]
    rng.shuffle(places)
    for relation in places:
        target = sentence.phrase_of(relation.target)
        if target is None:
            continue
        start, end = sentence.tokens[relation.first].start, sentence.tokens[relation.last - 1].end
        drawn = 0
        governor = sentence.tokens[relation.governor].lemma.lower()
        for word in lexicon.relations(target.lemma).draw(rng, 4 * most):
            if drawn == most or not relations_exclude(relation.words, word.lemma):
                continue
            if is_loose(sentence, relation, word.lemma):
                continue
            drawn += 1
            yield Candidate(
                "replace_relation",
                [Edit(start, end, word.form)],
                sentence.caption[start:end],
                word.form,
                [("relation", word.lemma, target.lemma)],
                None if lexicon.relates(governor, word.lemma, target.lemma) else "incompatible",
            )


def is_loose(sentence: Sentence, relation: Relation, words: str) -> bool:
    """Tell whether the new relation may hold as well: who sits near the beach may well sit on it."""
    target = sentence.tokens[relation.target].lemma.lower()
    near = "near" in {region_of(relation.words), region_of(words)}
    if near and kind_of(target) in {"place", "plant", "structure"}:
        return True
    if {relation.words, words} == {"up", "down"} and target in _FLAT:
        return True  # along it, both of them
    return words == "by" and sentence.tokens[relation.governor].tag == "VBN"


_FLAT = frozenset({"street", "road", "path", "sidewalk", "alley", "highway", "trail", "track", "hallway", "beach"})


def is_spatial(sentence: Sentence, relation: Relation) -> bool:
    """Tell whether a preposition says where something visible is: not "in a hat", not "on a cold day"."""
    phrase = sentence.phrase_of(relation.target)
    if phrase is None or region_of(relation.words) is None or phrase.lemma in NOT_VISIBLE:
        return False
    kind = kind_of(phrase.lemma)
    worn = relation.words == "in" and kind == "clothing"
    agent = relation.words == "by" and sentence.tokens[relation.governor].tag == "VBN"  # "pulled by a dog"
    return kind is not None and not worn and not agent


def replace_action(sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int) -> Iterator[Candidate]:
    """Put another action that nobody does at the same time: "a man sits", "a man runs"."""
    verbs = [v for v in sentence.verbs if v.tag in {"VBG", "VBZ", "VBP"} and not has_complement(sentence, v)]
    rng.shuffle(verbs)
    for verb in verbs:
        yield from other_actions(sentence, lexicon, rng, most, verb)


def other_actions(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, verb: Token
) -> Iterator[Candidate]:
    """Put other actions in one verb's place."""
    subject = sentence.subject_of(verb.index)
    if subject is None:
        return
    lemma, frame = verb.lemma.lower(), frame_of(sentence, verb)
    drawn = 0
    kind = kind_of(sentence.tokens[subject].lemma.lower())
    for word in lexicon.actions(kind, frame, verb.tag).draw(rng, 4 * most):
        if drawn == most or not actions_exclude(lemma, word.lemma, frame):
            continue
        drawn += 1
        yield Candidate(
            "replace_action",
            [Edit(verb.start, verb.end, word.form)],
            verb.text,
            word.form,
            [("action", word.lemma, lemma)],
            None if lexicon.takes(word.lemma, frame) else "incompatible",
        )


def has_complement(sentence: Sentence, verb: Token) -> bool:
    """Tell whether a verb takes more than things and places: "lies covered in", "sits still"."""
    behind = [sentence.tokens[c] for c in sentence.children[verb.index] if c > verb.index]
    return any(t.dep in {"acomp", "oprd", "xcomp", "ccomp", "dative"} or t.tag in {"VBN", "RB", "RP"} for t in behind)
