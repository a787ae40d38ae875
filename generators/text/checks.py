"""Is it really wrong? Each check sees a candidate and what all captions of the image say.

The order is the order of schemas.reasons.CHECKS: the first that fails names why a candidate is left out.
"""

import re
from collections import Counter

from generators.text.corpus.facts import CROWDS, Facts, normalised
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.contrasts import things_exclude
from generators.text.knowledge.exclusions import COLOURS, attribute_family, gender_of
from generators.text.knowledge.grounds import is_told
from generators.text.knowledge.relations import region_of
from generators.text.knowledge.roles import CHILDREN
from generators.text.knowledge.things import is_same_thing, kind_of
from generators.text.knowledge.wordnet import is_same_or_general
from generators.text.language.edits import Applied, Candidate, Claim
from generators.text.language.sentence import Sentence


def failed_check(
    candidate: Candidate, applied: Applied, sentence: Sentence, facts: Facts, lexicon: Lexicon
) -> str | None:
    """Name the first check that a candidate fails, none when it may pass as wrong."""
    words, original = normalised(applied.caption), normalised(candidate.original or sentence.caption)
    if words == original:
        return "unchanged"
    if candidate.failed is not None:
        return candidate.failed
    if _is_reordered(candidate, applied, sentence):
        return "same_words"
    if any(_is_synonym(claim, facts, lexicon) for claim in candidate.claims):
        return "synonym"
    if words in facts.captions:
        return "reference"
    swapped = candidate.operation.startswith("swap")
    if tuple(sorted(words)) in facts.bags and not (swapped and sorted(words) == sorted(original)):
        return "same_words"
    if any(_is_entailed(claim, sentence, facts, lexicon) for claim in candidate.claims):
        return "entailed"
    return None


def _is_reordered(candidate: Candidate, applied: Applied, sentence: Sentence) -> bool:
    """Tell whether items of one list have changed places and nothing else: "a white dog, a black dog and a cat"."""
    if candidate.original is not None or len(candidate.edits) < 2:
        return False
    first, last = min(edit.start for edit in candidate.edits), max(edit.end for edit in candidate.edits)
    tokens = sentence.tokens
    touched = [p for p in sentence.noun_phrases if tokens[p.first].start < last and first < tokens[p.head].end]
    first = min([first, *(tokens[p.first].start for p in touched)])
    last = max([last, *(tokens[p.head].end for p in touched)])
    ours = sentence.caption[first:last]
    theirs = applied.caption[first : last + len(applied.caption) - len(sentence.caption)]
    return len(_items(ours)) > 1 and _items(ours) == _items(theirs)


def _items(text: str) -> Counter[tuple[str, ...]]:
    return Counter(normalised(item) for item in _LIST.split(text))


_LIST = re.compile(r"\s*[,;&]\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)


def _is_synonym(claim: Claim, facts: Facts, lexicon: Lexicon) -> bool:
    """Tell whether the new word can mean the old one, by WordNet or by this corpus's own habits.

    That captions tend to differ on who sits and who stands says nothing of a picture of which several say that he sits.
    """
    if claim[0] not in {"noun", "action"} or not claim[2]:
        return False
    kind, new, old = claim
    if kind == "action":
        if is_same_or_general(new, old, "v"):
            return True
        return lexicon.are_alternatives(new, old) and not facts.is_vouched(old)
    if things_exclude(new, old) is False:
        return True
    return kind_of(new) != "person" and lexicon.are_alternatives(new, old)


def _is_entailed(claim: Claim, sentence: Sentence, facts: Facts, lexicon: Lexicon) -> bool:
    """Tell whether a caption of the image says what the wrong caption newly says, or may mean it."""
    match claim:
        case ("noun", new, _):
            return _is_mentioned(new, sentence, facts, lexicon)
        case ("gender", new):
            return facts.genders[gender_of(new)] > 0
        case ("grown", _):
            return any(kind_of(noun) == "person" and noun not in _CALLED_CHILDREN for noun in facts.nouns)
        case ("ground", new):
            return is_told(new, facts.words)
        case ("worn", new):
            return any(is_same_thing(new, noun) for noun in facts.nouns)
        case ("attribute", new, noun):
            return _has_attribute(new, noun, facts, lexicon)
        case ("attribute of", new, noun):
            return any(
                new in adjectives and is_same_or_general(noun, other, "n")
                for other, adjectives in facts.attributes.items()
            )
        case ("action", new, _):
            return any(is_same_or_general(new, old, "v") or {new, old} == {"hold", "carry"} for old in facts.actions)
        case ("count", number, noun):
            return number in facts.numbers or not facts.nouns.isdisjoint(CROWDS) or noun == "people"
        case ("side", side):
            return side in facts.words
        case ("plural", noun):
            return _may_be_many(noun, facts)
        case ("relation", words, noun):
            return any(
                region == (region_of(words) or words) and is_same_or_general(noun, other, "n")
                for region, other in facts.regions
            )
    return False


_CALLED_CHILDREN = CHILDREN | {"boy", "girl", "youngster", "preschooler"}


def _is_mentioned(new: str, sentence: Sentence, facts: Facts, lexicon: Lexicon) -> bool:
    kind, gender = kind_of(new), gender_of(new)
    if gender and facts.genders[gender]:
        return not _would_be_second(new, sentence, facts)
    for noun in facts.nouns:
        if {kind, kind_of(noun)} == {"person", "animal"}:
            continue  # in captions a dog is no person, whatever WordNet has people called
        if is_same_or_general(new, noun, "n"):
            # "person" includes "woman", and yet a man is a person too: only their gender can tell.
            if not (kind == "person" and gender and noun in {"person", "people", "child", "kid", "adult"}):
                return True
        elif (
            kind != "person"
            and kind_of(noun) == kind
            and (things_exclude(new, noun) is False or lexicon.are_alternatives(new, noun))
        ):
            return True
    return False


def _would_be_second(new: str, sentence: Sentence, facts: Facts) -> bool:
    """Tell whether somebody would be the second one of a gender in a caption, where no caption has more than one.

    "A woman helps a girl", where a man does; not "a lady and a woman", which nobody says.
    """
    gender, young = gender_of(new), new in _CALLED_CHILDREN
    others = [p.lemma for p in sentence.noun_phrases if gender_of(p.lemma) == gender]
    return (
        facts.most[gender] == 1
        and bool(others)
        and new not in facts.nouns
        and all((other in _CALLED_CHILDREN) != young for other in others)
    )


def _has_attribute(new: str, noun: str, facts: Facts, lexicon: Lexicon) -> bool:
    """Tell whether a caption says an attribute of a thing, by this name or one that it may mean the same by.

    What is said of another thing is not said of this one: "a white shirt and black jeans" lets the shirt be black.
    """
    said = set(facts.adjectives)
    for other, adjectives in facts.attributes.items():
        if _may_be_one(noun, other, facts, lexicon):
            said |= adjectives
    if not said.isdisjoint(new.split()):
        return True
    return attribute_family(new) == "colour" and any(COLOURS.get(old) == COLOURS[new] for old in said)


def _may_be_one(noun: str, other: str, facts: Facts, lexicon: Lexicon) -> bool:
    """Tell whether two captions of an image may mean one thing by two nouns; no caption may have both of two things."""
    if noun == other:
        return True
    if frozenset({noun, other}) in facts.apart:
        return False
    return things_exclude(noun, other) is not True or lexicon.are_alternatives(noun, other)


def _may_be_many(noun: str, facts: Facts) -> bool:
    kind = kind_of(noun)
    return any(kind_of(other) == kind for other in facts.plurals) or bool(facts.numbers - {"one"})
