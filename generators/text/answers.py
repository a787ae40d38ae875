"""What a language model's answer really changes, and whether that makes the caption wrong: nothing is trusted.

The answer is parsed and compared with the caption, word by word. What differs must be one place, and there the one
kind of change that was asked for. The wrong caption is then written by the same edits as the rules', so what the model
did to spaces, stops and capitals is left out.
"""

from difflib import SequenceMatcher
from itertools import pairwise

from generators.text.asking import Place
from generators.text.edits import Candidate, Edit
from generators.text.families import (
    NOT_VISIBLE,
    actions_exclude,
    clothes_exclude,
    excludes,
    relations_exclude,
)
from generators.text.grammar import article_edits
from generators.text.insert import SALIENT_KINDS
from generators.text.lexicon import ADJECTIVE_TAGS, Lexicon, frame_of
from generators.text.replace import attributes, is_loose, objects, rivals, with_noun
from generators.text.sentence import Relation, Sentence, Token
from generators.text.wordnet import kind_of

# Where two captions differ: token indices in the true and in the changed one, ends exclusive.
Change = tuple[int, int, int, int]
_ARTICLES = frozenset({"a", "an"})


def candidate_of(operation: str, place: Place, answer: Sentence, lexicon: Lexicon) -> Candidate | str:
    """Read an answer as a candidate for an operation; else name the check that it fails."""
    sentence = place.sentence
    changes = _changes(sentence, answer)
    if not changes:
        return "unchanged"
    if len(changes) > 1 or _stutters(answer):
        return "not_asked"
    found = _READERS[place.asked](sentence, answer, changes[0], lexicon)
    if found is None:
        return "not_asked"
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


def _words(sentence: Sentence) -> list[str]:
    words = [token.lower for token in sentence.tokens]
    while words and sentence.tokens[len(words) - 1].pos == "PUNCT":
        words.pop()
    return words


def _stutters(answer: Sentence) -> bool:
    return any(a.lower == b.lower for a, b in pairwise(answer.tokens))


def _object(sentence: Sentence, answer: Sentence, change: Change, lexicon: Lexicon) -> Candidate | None:
    ours = [p for p in objects(sentence) if p.noun <= change[0] and p.head + 1 == change[1]]
    theirs = [p for p in answer.noun_phrases if p.noun <= change[2] and p.head + 1 == change[3]]
    if not ours or not theirs or sentence.tokens[ours[0].head].tag != answer.tokens[theirs[0].head].tag:
        return None
    [old], [new] = ours, theirs
    found = with_noun(sentence, lexicon, old, new.lemma, answer.text(new.noun, new.head + 1).lower())
    if found is not None:
        kind = kind_of(new.lemma)
        strange = kind not in {*rivals(old.lemma), *SALIENT_KINDS} or new.lemma in NOT_VISIBLE
        found.failed = "incompatible" if strange else None
        if kind == "clothing" and not clothes_exclude(new.lemma, old.lemma):
            found.failed = "compatible"
    return found


def _attribute(sentence: Sentence, answer: Sentence, change: Change, _: Lexicon) -> Candidate | None:
    places = [(phrase, index) for phrase, index in attributes(sentence) if (index, index + 1) == change[:2]]
    new = answer.tokens[change[2]] if change[3] == change[2] + 1 else None
    if not places or new is None or new.tag not in ADJECTIVE_TAGS:
        return None
    [(phrase, index)] = places
    old = sentence.tokens[index]
    edits = [Edit(old.start, old.end, new.lower), *article_edits(sentence, index, new.lower)]
    failed = None if excludes(old.lower, new.lower) else "compatible"
    claims = [("attribute", new.lower, phrase.lemma)]
    return Candidate("replace_attribute", edits, old.text, new.lower, claims, failed)


def _relation(sentence: Sentence, answer: Sentence, change: Change, _: Lexicon) -> Candidate | None:
    old, new = _relation_at(sentence, *change[:2]), _relation_at(answer, *change[2:])
    if old is None or new is None or _target(sentence, old) != _target(answer, new):
        return None
    start, end = sentence.tokens[old.first].start, sentence.tokens[old.last - 1].end
    exclusive = relations_exclude(old.words, new.words) and not is_loose(sentence, old, new.words)
    return Candidate(
        "replace_relation",
        [Edit(start, end, new.words)],
        sentence.caption[start:end],
        new.words,
        [("relation", new.words, _target(sentence, old))],
        None if exclusive else "compatible",
    )


def _relation_at(sentence: Sentence, first: int, last: int) -> Relation | None:
    """Find the relation whose words take in all that changed."""
    return next((r for r in sentence.relations if r.first <= first and last <= r.last), None)


def _target(sentence: Sentence, relation: Relation) -> str:
    return sentence.tokens[relation.target].lemma.lower()


def _action(sentence: Sentence, answer: Sentence, change: Change, _: Lexicon) -> Candidate | None:
    """Read another verb, with another preposition or particle where it takes one: "sits on", "jumps over"."""
    old, new = _verb_at(sentence, *change[:2]), _verb_at(answer, *change[2:])
    if old is None or new is None or old.tag != new.tag:
        return None
    first, second = old.lemma.lower(), new.lemma.lower()
    exclusive = actions_exclude(first, second, frame_of(sentence, old))
    start, end = old.start, sentence.tokens[change[1] - 1].end
    text = answer.text(change[2], change[3])
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
