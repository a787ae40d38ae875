"""Where a caption must not be changed: a change there need not make it false, or is of words not to be rewritten."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generators.text.language.edits import Edit
    from generators.text.language.sentence import Sentence, Token

# Deny or doubt the verb, or whatever word they stand beside, with all that hangs on it but its subject.
_DENIALS = frozenset(
    {
        "not", "n't", "n’t", "never", "hardly", "barely", "scarcely", "seldom", "rarely", "nearly", "almost", "nor",
        "cannot", "perhaps", "maybe", "possibly", "probably", "presumably", "apparently", "supposedly", "allegedly",
    }
)  # fmt: skip
_DOUBTING = frozenset({"might", "may", "could"})
# Say of nothing, or of less than it seems: "few dogs run" leaves open what dogs do.
_QUANTIFIERS = frozenset({"no", "neither", "few", "fewer", "zero", "any", "either", "less"})
_NOBODY = frozenset({"nobody", "none", "nothing", "nowhere", "noone", "no-one", "nought", "anybody", "anyone"})
_LACK = frozenset({"without", "except", "besides", "excluding", "minus", "unlike", "lacking", "missing", "than"})
_LACK |= {"instead", "sans", "nor"}
_CONDITIONS = frozenset({"if", "whether", "unless", "lest"})
_OR = frozenset({"or", "nor", "and/or", "or/and"})
_VERBS_THAT_DENY = frozenset(
    {"lack", "fail", "refuse", "avoid", "deny", "decline", "forget", "prevent", "forbid", "prohibit", "pretend"}
)
_BUT = frozenset({"but", "yet"})
_SUBJECTS = ("nsubj", "nsubjpass", "csubj", "expl")
_VERBAL = frozenset({"VERB", "AUX"})

_QUOTED = re.compile(r"\"[^\"]*(?:\"|$)|“[^”]*(?:”|$)|«[^»]*»|(?<!\w)‘[^’]*’(?!\w)|(?<!\w)'[^']*'(?!\w)|`[^`]*`")
_SAYS = frozenset({"says", "saying", "reads", "reading", "read", "titled", "labeled", "labelled", "named", "called"})
_NAMES = frozenset({"NOUN", "PROPN"})
_MARK_BEHIND = frozenset({".", ")", ":"})


def unasserted(sentence: "Sentence") -> frozenset[int]:
    """Find the tokens whose change need not make a caption false.

    "No dogs are on the beach" is as true with a street for the beach; "a man without a hat" with a scarf for the hat,
    but not with a woman for the man.
    """
    found: set[int] = set()
    for token in sentence.tokens:
        found.update(_denied_by(sentence, token))
    asked = {sentence.parts[token.index] for token in sentence.tokens if "?" in token.text}
    found.update(index for index, part in enumerate(sentence.parts) if part in asked)
    return frozenset(found)


def _denied_by(sentence: "Sentence", token: "Token") -> Iterable[int]:
    word, tokens = token.lower, sentence.tokens
    head = tokens[token.head]
    before = tokens[token.index - 1].lower if token.index else ""
    if word in _DENIALS or (token.tag == "MD" and word in _DOUBTING):
        if token.index + 1 < len(tokens) and tokens[token.index + 1].lower == "only":
            return ()  # "not only a dog"
        noun = _noun_above(sentence, head.index)
        if noun is not None:  # "not a single dog runs"
            return _governed(sentence, noun)
        return [*_clause(sentence, head.index), *_doubtful_subject(sentence, head.index), token.index]
    if word in _NOBODY:
        return _governed(sentence, token.index)
    if word in _QUANTIFIERS and before not in {"a", "the"}:
        if head.pos in {"ADV", "ADJ"} and head.head != head.index:  # "no longer sits"
            return _clause(sentence, head.head)
        return _governed(sentence, head.index)
    if word in _LACK:
        lacked = list(_subtree(sentence, token.head if token.dep == "mark" else token.index))
        return lacked if len(lacked) > 1 else _up_to_noun(sentence, token.index)
    if word in _CONDITIONS and before != "as":
        return (index for index, part in enumerate(sentence.parts) if part == sentence.parts[token.index])
    if word in _OR:
        return _clause(sentence, head.index)
    if token.pos == "VERB" and token.lemma.lower() in _VERBS_THAT_DENY:
        return [index for index in _subtree(sentence, token.index) if index > token.index]
    return ()


def _up_to_noun(sentence: "Sentence", first: int) -> Iterator[int]:
    """A preposition that the parser left alone, with the words up to a noun: "than a dog"."""
    for token in sentence.tokens[first:]:
        yield token.index
        if token.pos in _NAMES:
            return


def _noun_above(sentence: "Sentence", index: int) -> int | None:
    """Find the subject that a word is a part of, if it is of one."""
    for _ in range(3):
        token = sentence.tokens[index]
        if token.pos in _VERBAL:
            return None
        if token.dep in _SUBJECTS:
            return index
        index = token.head
    return None


def _governed(sentence: "Sentence", noun: int) -> Iterable[int]:
    """All that is said of a noun of which there is none."""
    token = sentence.tokens[noun]
    yield from _subtree(sentence, noun)
    top = sentence.tokens[sentence.conjunct_heads[noun]]
    governor = sentence.tokens[top.head]
    if governor.index == noun:
        return
    if top.dep == "pobj":
        yield governor.index
    elif governor.pos in _VERBAL or token.dep in _SUBJECTS:
        yield from _clause(sentence, governor.index)


def _clause(sentence: "Sentence", head: int) -> Iterable[int]:
    """A verb, or another word, with what hangs on it; without its subject and what has one of its own."""
    yield head
    but = any(sentence.tokens[child].lower in _BUT for child in sentence.children[head])
    verbal = sentence.tokens[head].pos in _VERBAL
    for child in sentence.children[head]:
        token = sentence.tokens[child]
        own = token.dep in {"conj", "advcl", "parataxis", "ccomp"} and sentence.child(child, *_SUBJECTS) is not None
        if not (verbal and token.dep in _SUBJECTS) and not own and not _is_asserted(sentence, token, but):
            yield from _subtree(sentence, child)


def _is_asserted(sentence: "Sentence", token: "Token", but: bool) -> bool:
    """Tell whether a second verb holds for itself: "is not running but sleeping", "is not tall and rides a horse"."""
    finite = token.tag in {"VBZ", "VBP", "VBD"} or sentence.child(token.index, "aux", "auxpass") is not None
    return token.dep == "conj" and (but or finite)


def _doubtful_subject(sentence: "Sentence", verb: int) -> Iterable[int]:
    """The subject of what is denied, unless more is said of it: "a cat is not running" is true where a dog runs."""
    but = any(sentence.tokens[child].lower in _BUT for child in sentence.children[verb])
    if not any(_is_asserted(sentence, sentence.tokens[child], but) for child in sentence.children[verb]):
        for child in sentence.children[verb]:
            if sentence.tokens[child].dep in _SUBJECTS and sentence.tokens[verb].dep in {"ROOT", "conj", "parataxis"}:
                yield from _subtree(sentence, child)


def _subtree(sentence: "Sentence", index: int) -> Iterator[int]:
    yield index
    for child in sentence.children[index]:
        yield from _subtree(sentence, child)


def verbatim(sentence: "Sentence") -> frozenset[int]:
    """Find the tokens that are no English to be rewritten."""
    return frozenset((*_quoted(sentence), *_odd(sentence)))


def _quoted(sentence: "Sentence") -> Iterator[int]:
    caption, tokens = sentence.caption, sentence.tokens
    for found in _QUOTED.finditer(caption):
        inside = [t.index for t in tokens if found.start() <= t.start < found.end()]
        if sum(t.is_plain for t in tokens) > sum(tokens[i].is_plain for i in inside) and not _is_inch(caption, found):
            yield from inside
    for token in tokens[:-1]:
        after = tokens[token.index + 1]
        if token.lower not in _SAYS or not after.text[:1].isupper() or after.text == "I":
            continue
        if sentence.spoken(after.index, after.index + 1) == after.text:
            part = sentence.parts[token.index]
            yield from (t.index for t in tokens[after.index :] if sentence.parts[t.index] == part)


def _is_inch(caption: str, found: "re.Match[str]") -> bool:
    return caption[found.start() - 1 : found.start()].isdigit() if found.start() else False


def _odd(sentence: "Sentence") -> Iterator[int]:
    """Names of files, addresses, tags, prices, measures, model numbers with what they belong to, marks of a list."""
    tokens = sentence.tokens
    for token in tokens:
        index = token.index
        before = tokens[index - 1] if index else None
        if token.text.isdigit():
            starts = before is None or sentence.parts[index - 1] != sentence.parts[index]
            if starts and index + 1 < len(tokens) and tokens[index + 1].text in _MARK_BEHIND:
                yield index
        elif token.is_plain or not any(letter.isalnum() for letter in token.text):
            continue
        else:
            yield index
        if before is not None and index in {before.head, *sentence.children[before.index]} and before.pos in _NAMES:
            yield before.index  # "iPhone 12", "number 7"


def forbidden(sentence: "Sentence", edits: "Iterable[Edit]", moving: bool) -> str | None:
    """Name the check that edits fail by where they are; `moving` words take what is verbatim along, if whole."""
    if not sentence.unasserted and not sentence.verbatim:
        return None
    edits = list(edits)
    if _touches(sentence, sentence.unasserted, edits):
        return "unasserted"
    if not _touches(sentence, sentence.verbatim, edits):
        return None
    return None if moving and not _cuts(sentence, edits) else "verbatim"


def _touches(sentence: "Sentence", tokens: frozenset[int], edits: "list[Edit]") -> bool:
    for index in tokens:
        token = sentence.tokens[index]
        for edit in edits:
            if edit.start < token.end and token.start < edit.end:
                return True
            if edit.start == edit.end and token.start <= edit.start <= token.end:
                return True
    return False


def _cuts(sentence: "Sentence", edits: "list[Edit]") -> bool:
    """Tell whether an edit ends within something verbatim: between two such tokens, side by side."""
    return any(
        index in sentence.verbatim and index + 1 in sentence.verbatim
        and sentence.tokens[index].end <= edge <= sentence.tokens[index + 1].start
        for edit in edits for edge in (edit.start, edit.end)
        for index in range(len(sentence.tokens) - 1)
    )  # fmt: skip
