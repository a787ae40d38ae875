"""What a language model's answer really changes, and whether that makes the caption wrong: nothing is trusted.

The answer is parsed and compared with the caption, word by word. What differs must be one place, and there the one
kind of change that was asked for; of an answer that drifts off behind that place, what it puts there is taken. The
wrong caption is then written by the same edits as the rules', so what else the model did is left out.
"""

import re
from difflib import SequenceMatcher

from generators.text.corpus.describing import ADJECTIVE_TAGS
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.contrasts import is_scenery, things_exclude
from generators.text.knowledge.exclusions import (
    ANY_CREATURE,
    COLOURS,
    NOT_VISIBLE,
    actions_exclude,
    attribute_family,
    clothes_exclude,
    excludes,
    region_of,
    relations_exclude,
)
from generators.text.knowledge.things import kind_of, thing_of
from generators.text.language.edits import Candidate, Edit, apply
from generators.text.language.frames import frame_of
from generators.text.language.grammar import plural_of, verb_form
from generators.text.language.sentence import NounPhrase, Relation, Sentence, Token
from generators.text.llm.prompts import Place
from generators.text.operations.add_object import SALIENT_KINDS
from generators.text.operations.replace_attribute import attributes, with_attribute
from generators.text.operations.replace_object import objects, rivals, with_noun
from generators.text.operations.replace_relation import is_loose

# Where two captions differ: token indices in the true and in the changed one, ends exclusive.
Change = tuple[int, int, int, int]
_STUTTER = re.compile(r"\b(\w+) \1\b", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z]+(?:[ -][A-Za-z]+)*")
_ARTICLES = frozenset({"a", "an"})


def candidate_of(operation: str, place: Place, answer: Sentence, lexicon: Lexicon) -> Candidate | str:
    """Read an answer as a candidate for an operation; else name the check that it fails."""
    sentence = place.sentence
    changes = _changes(sentence, answer)
    if not changes:
        return "unchanged"
    found = None
    if len(changes) == 1:
        found = _READERS[place.asked](sentence, answer, changes[0], lexicon)
    if found is None and (change := _in_place(place, answer)) is not None:
        found = _READERS[place.asked](sentence, answer, change, lexicon)
    if found is None:
        return "not_asked"
    if _STUTTER.search(apply(sentence.caption, found.edits).caption):
        return "ungrammatical"
    found.operation = operation
    if place.vouched_by is not None:
        found.original, found.vouched_by = sentence.caption, place.vouched_by
    return found


def _changes(sentence: Sentence, answer: Sentence) -> list[Change]:
    """Compare word by word, without the stops at the end, and without articles that only follow the next word."""
    ours, theirs = _words(sentence), _words(answer)
    changes = []
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "replace" and ours[a] in _ARTICLES and theirs[c] in _ARTICLES:
            a, c = a + 1, c + 1
        if tag != "equal" and (a < b or c < d):
            changes.append((a, b, c, d))
    return changes


def _in_place(place: Place, answer: Sentence) -> Change | None:
    """Find what an answer that begins as the caption does puts in the place, whatever follows there."""
    first = place.first
    if _words(place.sentence)[:first] != _words(answer)[:first] or first >= len(answer.tokens):
        return None
    last = first + 1
    if place.asked == "replace_object":
        last = next((p.head + 1 for p in answer.noun_phrases if p.noun <= first <= p.head), last)
    elif place.asked == "replace_relation":
        last = next((r.last for r in answer.relations if r.first == first), last)
    if place.sentence.text(first, place.last).lower() == answer.text(first, last).lower():
        return None
    return first, place.last, first, last


def _words(sentence: Sentence) -> list[str]:
    words = [token.lower for token in sentence.tokens]
    while words and sentence.tokens[len(words) - 1].pos == "PUNCT":
        words.pop()
    return words


def _object(sentence: Sentence, answer: Sentence, change: Change, lexicon: Lexicon) -> Candidate | None:
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
    excludes_it = things_exclude(new, old.lemma)
    if excludes_it is False or (excludes_it is None and ("place" in {kind, kind_of(old.lemma)} or is_scenery(new))):
        return "compatible"  # a garden may be called a field, a shore a beach
    return None


def _attribute(sentence: Sentence, answer: Sentence, change: Change, _: Lexicon) -> Candidate | None:
    places = [(phrase, index) for phrase, index in attributes(sentence) if (index, index + 1) == change[:2]]
    new = answer.tokens[change[2]] if change[3] == change[2] + 1 else None
    if not places or new is None or new.tag not in ADJECTIVE_TAGS:
        return None
    [(phrase, index)] = places
    failed = None if excludes(sentence.tokens[index].lower, new.lower) else "compatible"
    return with_attribute(sentence, phrase, index, new.lower, failed)


def _relation(sentence: Sentence, answer: Sentence, change: Change, _: Lexicon) -> Candidate | None:
    old, new = _relation_at(sentence, *change[:2]), _relation_at(answer, *change[2:])
    if old is None or new is None or old.words == new.words:
        return None
    start, end = sentence.tokens[old.first].start, sentence.tokens[old.last - 1].end
    target = sentence.tokens[old.target].lemma.lower()
    exclusive = relations_exclude(old.words, new.words) and not is_loose(sentence, old, new.words)
    failed = None if exclusive else "compatible"
    if (old.words in _WHITHER) != (new.words in _WHITHER):
        failed = "incompatible"  # "smiles into a wall"
    thing = thing_of(target)
    if region_of(new.words) in {"front", "behind"} and thing is not None and thing.place not in {"", "venue"}:
        failed = "incompatible"  # nothing is in front of a lawn
    return Candidate(
        "replace_relation",
        [Edit(start, end, new.words)],
        sentence.caption[start:end],
        new.words,
        [("relation", new.words, target)],
        failed,
    )


_WHITHER = frozenset({"into", "onto", "out of", "up", "down", "toward", "towards", "away from", "off"})


def _relation_at(sentence: Sentence, first: int, last: int) -> Relation | None:
    """Find the relation whose words take in all that changed."""
    return next((r for r in sentence.relations if r.first <= first and last <= r.last), None)


def _action(sentence: Sentence, answer: Sentence, change: Change, lexicon: Lexicon) -> Candidate | None:
    """Read another verb, with another preposition or particle where it takes one: "sits on", "jumps over"."""
    old, new = _verb_at(sentence, *change[:2]), _verb_at(answer, *change[2:])
    if old is None or new is None:
        return None
    first, second = old.lemma.lower(), new.lemma.lower()
    form = new.lower if new.tag == old.tag else verb_form(lexicon, second, old.tag)
    if form is None or form == old.lower:
        return None
    exclusive = actions_exclude(first, second, frame_of(sentence, old))
    start, end = old.start, sentence.tokens[change[1] - 1].end
    text = form + answer.caption[new.end : answer.tokens[change[3] - 1].end]
    claims = [("action", second, first)]
    return Candidate(
        "replace_action", [Edit(start, end, text)], sentence.caption[start:end], text, claims,
        None if exclusive else "compatible",
    )  # fmt: skip


def _verb_at(sentence: Sentence, first: int, last: int) -> Token | None:
    """Find the verb that changed: it comes first, and nothing but a preposition or particle comes with it."""
    verb = next((v for v in sentence.verbs if v.index == first), None)
    rest = sentence.tokens[first + 1 : last]
    return verb if len(rest) < 2 and all(t.pos in {"ADP", "ADV"} for t in rest) else None


_READERS = {
    "replace_object": _object,
    "replace_attribute": _attribute,
    "replace_relation": _relation,
    "replace_action": _action,
}
