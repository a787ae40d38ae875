"""Who wears what, exchanged: "a man in a red hat and a woman in a blue coat"."""

from collections.abc import Iterator
from itertools import combinations

from generators.text.knowledge.exclusions import attribute_family, fits_gender
from generators.text.knowledge.things import kind_of
from generators.text.language.edits import Candidate, Edit, joined, moved_text
from generators.text.language.frames import noun_at
from generators.text.language.sentence import NounPhrase, Sentence


def exchanged_clothes(sentence: Sentence) -> Iterator[Candidate]:
    """Let two people who are called by different nouns wear what the other does."""
    for (owner, ours), (other, theirs) in combinations(_worn(sentence), 2):
        nouns = noun_at(sentence, owner), noun_at(sentence, other)
        texts = [moved_text(sentence, p.first, p.head + 1) for p in (ours, theirs)]
        if nouns[0] == nouns[1] or texts[0] == texts[1] or sentence.parts[owner] != sentence.parts[other]:
            continue
        if not (fits_gender(nouns[0], theirs.lemma) and fits_gender(nouns[1], ours.lemma)):
            continue
        edits = [
            Edit(sentence.tokens[place.first].start, sentence.tokens[place.head].end, text)
            for place, text in zip((ours, theirs), reversed(texts), strict=True)
        ]
        yield Candidate("swap_object", edits, joined(texts), joined(texts[::-1]))


def _worn(sentence: Sentence) -> Iterator[tuple[int, NounPhrase]]:
    """Find what a caption has single persons wear in some colour, with who does."""
    for relation in sentence.relations:
        if relation.words == "in" and _is_one(sentence, relation.governor):
            yield from _coloured(sentence, relation.governor, relation.target)
    for verb in sentence.verbs:
        worn, owner = sentence.child(verb.index, "dobj"), sentence.subject_of(verb.index)
        if verb.lemma.lower() == "wear" and worn is not None and owner is not None and _is_one(sentence, owner):
            yield from _coloured(sentence, owner, worn)


def _is_one(sentence: Sentence, index: int) -> bool:
    return kind_of(noun_at(sentence, index)) == "person" and sentence.tokens[index].tag == "NN"


def _coloured(sentence: Sentence, owner: int, head: int) -> Iterator[tuple[int, NounPhrase]]:
    phrase = sentence.phrase_of(head)
    if phrase is None or kind_of(phrase.lemma) != "clothing":
        return
    # The parser often joins "and a woman" to the hat before it.
    more = [c for c in sentence.children[head] if sentence.tokens[c].dep == "conj"]
    alone = sentence.tokens[head].dep != "conj" and all(kind_of(noun_at(sentence, c)) == "person" for c in more)
    if alone and any(attribute_family(sentence.tokens[a].lower) == "colour" for a in phrase.adjectives):
        yield owner, phrase
