"""Put another action that nobody does at the same time: "a man sits", "a man runs"."""

import random
from collections.abc import Iterator

from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import (
    actions_exclude,
)
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Edit
from generators.text.language.frames import frame_of
from generators.text.language.sentence import Sentence, Token


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
