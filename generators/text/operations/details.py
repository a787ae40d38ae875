"""Say something more that is true: a detail that another caption of the image vouches for.

An addition alone gives itself away, because the longer caption is always the wrong one: a language model picks the
original in 0.91 to 0.95 of SugarCrepe's additions (arXiv 2306.14610). So a wrong addition is told from a true one of
the same form: "a white dog runs" from "a black dog runs", where the caption is "a dog runs" and another one says "a
black dog".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from generators.text.corpus.describing import ADJECTIVE_TAGS
from generators.text.corpus.facts import Facts
from generators.text.knowledge.contrasts import things_exclude
from generators.text.knowledge.exclusions import COLOURS, NOT_VISIBLE
from generators.text.knowledge.relations import region_of
from generators.text.knowledge.things import is_kin, kind_of
from generators.text.language.casing import as_spoken, recased, starts_sentence
from generators.text.language.grammar import PRONOUNS, article
from generators.text.language.sentence import NounPhrase, Relation, Sentence, Token

_MOST_WORDS = 7  # of a detail
_LISTED = frozenset({"person", "animal", "vehicle", "figure"})
_OWNERS = frozenset({"nsubj", "nsubjpass", "dobj", "ROOT"})
_VERBAL = ("VERB", "AUX")
_WHERE = frozenset({"in", "on", "at", "near", "by", "beside"})


@dataclass(frozen=True, slots=True)
class Detail:
    """A caption with a true detail in it."""

    sentence: Sentence  # the longer caption, parsed: a parse grafted onto another
    first: int  # token indices of the detail, end exclusive
    last: int
    vouched_by: Sentence  # the caption of the image that says it


def details(sentence: Sentence, facts: Facts) -> list[Detail]:
    """Find what other captions of the image say more of things that this one mentions too; found once."""
    found = _FOUND.setdefault(facts, {})
    key = id(sentence)
    if key not in found:
        found[key] = _details(sentence, facts)
    return list(found[key])


# By image and by caption (its identity): several operations ask for the same.
_FOUND: WeakKeyDictionary[Facts, dict[int, list[Detail]]] = WeakKeyDictionary()


def _details(sentence: Sentence, facts: Facts) -> list[Detail]:
    found: dict[str, Detail] = {}
    for donor in facts.sentences:
        if donor is not sentence:
            for at, first, last, governor in _grafts(sentence, donor, facts):
                longer = graft(sentence, at, donor, first, last, governor)
                found.setdefault(longer.caption, Detail(longer, at, at + last - first, donor))
    return list(found.values())


# Where in the caption, which of the donor's tokens (end exclusive), and the token that they belong to.
Graft = tuple[int, int, int, int]


def _grafts(sentence: Sentence, donor: Sentence, facts: Facts) -> Iterator[Graft]:
    """Find grafts of what the donor says outright; what it denies or asks, and what it quotes, is nobody's detail."""
    fixed = donor.unasserted | donor.verbatim
    for found in _all_grafts(sentence, donor, facts):
        _, first, last, governor = found
        if fixed.isdisjoint(range(first, last)) and governor not in sentence.unasserted:
            yield found


def _all_grafts(sentence: Sentence, donor: Sentence, facts: Facts) -> Iterator[Graft]:
    mentioned = {phrase.lemma for phrase in sentence.noun_phrases}
    for phrase in sentence.noun_phrases:
        for other in donor.noun_phrases:
            if _is_one(phrase, other, facts) or _are_the_same(phrase, other, facts):
                yield from _adjectives(sentence, phrase, donor, other)
    yield from _worn(sentence, donor, facts, mentioned)
    end = _end(sentence)
    for relation in donor.relations:
        target = donor.phrase_of(relation.target)
        if target is None or target.lemma in mentioned | NOT_VISIBLE or kind_of(target.lemma) is None:
            continue
        if _is_told(sentence, target.lemma, mentioned):
            continue
        last = donor.right_edge(relation.last - 1) + 1
        if not _is_plain(donor, relation.first, last):
            continue
        for at, governor in _places(sentence, donor, relation, facts):
            yield at, relation.first, last, governor
    root = next((t.index for t in sentence.tokens if t.head == t.index), 0)
    if sentence.phrase_of(root) is not None and not sentence.verbs and not _is_placed(sentence, root):
        for other in donor.noun_phrases:
            if other.lemma not in mentioned | NOT_VISIBLE and kind_of(other.lemma) in _LISTED:
                joined = other.first - 1
                coordinated = joined >= 0 and donor.tokens[joined].lower == "and"
                if coordinated and _is_plain(donor, joined, other.head + 1):
                    yield end, joined, other.head + 1, root


def _worn(sentence: Sentence, donor: Sentence, facts: Facts, mentioned: set[str]) -> Iterator[Graft]:
    """Find what another caption has somebody wear: "a man wearing a red hat"."""
    for verb in donor.verbs:
        worn = donor.child(verb.index, "dobj")
        target = donor.phrase_of(worn) if worn is not None else None
        owner = donor.phrase_of(verb.head)
        if verb.lower != "wearing" or verb.dep != "acl" or target is None or owner is None:
            continue
        last = donor.right_edge(verb.index) + 1
        if last != donor.right_edge(target.head) + 1 or _is_told(sentence, target.lemma, mentioned):
            continue
        if _is_plain(donor, verb.index + 1, last):
            for at, governor in _behind(sentence, owner, facts):
                yield at, verb.index, last, governor


def _is_told(sentence: Sentence, noun: str, mentioned: set[str]) -> bool:
    """Tell whether a caption may say so already: "in a cap" of a hat, "wearing blue" of a blue shirt."""
    if any(is_kin(noun, other) for other in mentioned):
        return True
    return kind_of(noun) == "clothing" and any(
        token.lemma.lower() in _WEARING or (token.lower in COLOURS and token.dep == "pobj") for token in sentence.tokens
    )


_WEARING = frozenset({"wear", "dress", "clothe", "clad", "shirtless", "topless", "naked", "bare", "nude"})


def _is_one(ours: NounPhrase, theirs: NounPhrase, facts: Facts) -> bool:
    """Tell whether two captions speak of one thing: by one noun, or of the one being that the image shows of a kind."""
    if ours.lemma == theirs.lemma:
        return ours.lemma not in facts.several
    kind = kind_of(ours.lemma)
    alone = kind in facts.lone and kind == kind_of(theirs.lemma)
    return alone and things_exclude(ours.lemma, theirs.lemma) is not True


def _are_the_same(ours: NounPhrase, theirs: NounPhrase, facts: Facts) -> bool:
    """Tell whether two captions speak of the same two dogs: every caption that has dogs has two, in one phrase."""
    counts = facts.counts[ours.lemma]
    return ours.lemma == theirs.lemma and len(counts) == 1 and counts.isdisjoint({"", "one"})


def _adjectives(sentence: Sentence, phrase: NounPhrase, donor: Sentence, other: NounPhrase) -> Iterator[Graft]:
    """Find adjectives to put right before a noun: any where there is none, else a colour behind what is no colour."""
    alike = sentence.tokens[phrase.head].tag == donor.tokens[other.head].tag
    told = [sentence.tokens[index].lower for index in phrase.adjectives]
    if not alike or phrase.noun == 0 or phrase.first == phrase.noun or any(word in COLOURS for word in told):
        return
    if any(token.lower in COLOURS for token in sentence.tokens[phrase.first : phrase.head]):
        return  # "a red red mask": the parser has it tell of something else
    if any(r.governor == phrase.head and sentence.tokens[r.target].lemma in _COATS for r in sentence.relations):
        return  # "a brown dog with red fur"
    for index in other.adjectives:
        fits = not told or (donor.tokens[index].lower in COLOURS and set(told) <= _BEFORE_COLOURS)
        if fits and donor.tokens[index].tag in ADJECTIVE_TAGS and not donor.children[index]:
            yield phrase.noun, index, index + 1, phrase.head


_COATS = frozenset({"coat", "fur", "hair", "mane"})
# English has a size or an age before a colour: "a small black dog".
_BEFORE_COLOURS = frozenset({"big", "large", "little", "small", "tiny", "huge", "long", "old", "young", "wet", "short"})


def _places(sentence: Sentence, donor: Sentence, relation: Relation, facts: Facts) -> Iterator[tuple[int, int]]:
    """Find where a prepositional phrase of another caption goes, and what it then belongs to."""
    owner = donor.phrase_of(relation.governor)
    if owner is not None:
        yield from _behind(sentence, owner, facts)
        return
    subject = donor.subject_of(relation.governor)
    if subject is None or region_of(relation.words) is None:
        return
    for verb in sentence.verbs:
        ours = sentence.subject_of(verb.index)
        same = ours is not None and _is_one_head(sentence, ours, donor, subject, facts)
        placed = any(r.governor == verb.index for r in sentence.relations)
        if same and not placed and _holds_anyway(verb, donor, relation):
            yield sentence.right_edge(verb.index) + 1 - _stops(sentence, verb), verb.index


def _behind(sentence: Sentence, owner: NounPhrase, facts: Facts) -> Iterator[tuple[int, int]]:
    """Find where more is said of what another caption names: right behind its noun, before what it does."""
    for phrase in sentence.noun_phrases:
        behind = [sentence.tokens[child] for child in sentence.children[phrase.head] if child > phrase.head]
        bare = all(token.dep == "punct" or (token.dep == "acl" and token.tag == "VBG") for token in behind)
        if sentence.tokens[phrase.head].dep in _OWNERS and bare and _is_one(phrase, owner, facts):
            yield phrase.head + 1, phrase.head


def _is_one_head(sentence: Sentence, ours: int, donor: Sentence, theirs: int, facts: Facts) -> bool:
    """Tell the same of two subjects, which may be pronouns or names."""
    phrase, other = sentence.phrase_of(ours), donor.phrase_of(theirs)
    if phrase is not None and other is not None and _is_one(phrase, other, facts):
        return True
    return sentence.tokens[ours].lemma.lower() == donor.tokens[theirs].lemma.lower()


def _is_placed(sentence: Sentence, root: int) -> bool:
    """Tell whether a list of things ends in words about the last of them."""
    return any(relation.first > root for relation in sentence.relations)


def _holds_anyway(verb: Token, donor: Sentence, relation: Relation) -> bool:
    """Tell whether what somebody does there, he does wherever the other caption has him: in one picture, one place."""
    there = kind_of(donor.tokens[relation.target].lemma.lower()) == "place" and relation.words in _WHERE
    return there or verb.lemma.lower() == donor.tokens[relation.governor].lemma.lower()


def _stops(sentence: Sentence, verb: Token) -> int:
    """Count the punctuation at the right end of a verb's clause."""
    last = sentence.right_edge(verb.index)
    return next(n for n in range(last + 1) if sentence.tokens[last - n].pos != "PUNCT")


def _end(sentence: Sentence) -> int:
    return next((t.index + 1 for t in reversed(sentence.tokens) if t.pos != "PUNCT"), 0)


def _is_plain(donor: Sentence, first: int, last: int) -> bool:
    """Tell whether a detail is short, is one, and says nothing of what others do or whose things are."""
    tokens = donor.tokens[first:last]
    if any(r.words in _WHITHER and first < r.first < last for r in donor.relations):
        return False  # "in a pink dress onto a bicycle": what is done there
    return len(tokens) <= _MOST_WORDS and not any(t.pos in (*_VERBAL, "PUNCT") or t.lower in PRONOUNS for t in tokens)


_WHITHER = frozenset({"across", "down", "from", "into", "off", "onto", "through", "to", "toward", "towards", "up"})


def graft(sentence: Sentence, at: int, donor: Sentence, first: int, last: int, governor: int) -> Sentence:
    """Put tokens of another caption before token `at`, which is not the first: one parse out of two.

    What the tokens hang on outside of themselves becomes `governor`. An article before them is mended.
    """
    length = last - first

    def moved(index: int) -> int:
        return index + length if index >= at else index

    def given(index: int) -> int:
        return index - first + at if first <= index < last else moved(governor)

    own = [replace(token, index=moved(token.index), head=moved(token.head)) for token in sentence.tokens]
    new = [
        replace(token, index=given(token.index), head=given(token.head), text=_written(sentence, donor, token.index))
        for token in donor.tokens[first:last]
    ]
    before = own[at - 1]
    if before.lower in {"a", "an"}:
        text = recased(article(new[0].text), before.text, sentence.caption, before.start)
        own[at - 1] = replace(before, text=text)
    gaps = [_gap(sentence, index) for index in range(len(own))]
    inner = [" ", *(_gap(donor, index) for index in range(first + 1, last))]
    tokens = [*own[:at], *new, *own[at:]]
    caption = ""
    for gap, token in zip([*gaps[:at], *inner, *gaps[at:]], tokens, strict=True):
        caption += gap
        token.start = len(caption)
        caption += token.text
    return Sentence(caption + sentence.caption[sentence.tokens[-1].end :], tokens)


def _written(sentence: Sentence, donor: Sentence, index: int) -> str:
    """Write a token of one caption with the capitals of another, within which it is to stand."""
    token = donor.tokens[index]
    spoken = as_spoken(token.text, donor.style, starts_sentence(donor.caption, token.start))
    return recased(spoken, "", sentence.caption, 0)


def _gap(sentence: Sentence, index: int) -> str:
    before = sentence.tokens[index - 1].end if index else 0
    return sentence.caption[before : sentence.tokens[index].start]
