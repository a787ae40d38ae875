"""Put another thing in a noun's place: "a dog on a couch", "a cat on a couch"."""

import random
import re
from collections import deque
from collections.abc import Iterable, Iterator

from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.contrasts import is_scenery, things_exclude
from generators.text.knowledge.exclusions import (
    ANY_CREATURE,
    COLOURS,
    NOT_VISIBLE,
    attribute_family,
    clothes_exclude,
    fits_gender,
    gender_of,
)
from generators.text.knowledge.grounds import is_told
from generators.text.knowledge.roles import (
    ADULTS,
    CHILDREN,
    GROWN,
    does_as_well,
    goes_with,
    is_bare,
    is_stunt,
    is_worn_there,
    stand_ins,
)
from generators.text.knowledge.things import has_own_name, kind_of, thing_of
from generators.text.knowledge.wordnet import is_known
from generators.text.language.edits import Candidate, Edit
from generators.text.language.frames import determiner_class
from generators.text.language.grammar import (
    article_edits,
    gender_edits,
    gendered_pronouns,
    plural_of,
)
from generators.text.language.sentence import PLURAL_ONLY, NounPhrase, Sentence, Token
from generators.text.operations.base import Compared, Operation, Question, Span
from generators.text.operations.beings import UNTOLD, other_beings
from generators.text.operations.grounds import other_grounds
from generators.text.operations.standing import may_stand
from generators.text.operations.telling import definite

# Things so large or lively that five people who describe a picture would hardly all pass over them.
SALIENT_KINDS = ("animal", "person", "vehicle")


def replace_object(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, facts: Facts
) -> Iterator[Candidate]:
    """Put another thing of the same kind in a noun's place: "a dog on a couch", "a cat on a couch"."""
    phrases = objects(sentence)
    rng.shuffle(phrases)
    # In turn, so that the first noun does not take all tries.
    several = deque(other_objects(sentence, lexicon, rng, most, phrase, facts) for phrase in phrases)
    while several:
        one = next(several[0], None)
        if one is None:
            several.popleft()
        else:
            yield one
            several.rotate(-1)


def objects(sentence: Sentence) -> list[NounPhrase]:
    """List the noun phrases whose noun may change."""
    found = (p for p in sentence.noun_phrases if p.lemma in UNTOLD or (p.lemma not in NOT_VISIBLE and kind_of(p.lemma)))
    return [p for p in found if not any(has_own_name(sentence.tokens[a].lower, p.lemma) for a in p.adjectives)]


def other_objects(
    sentence: Sentence, lexicon: Lexicon, rng: random.Random, most: int, phrase: NounPhrase, facts: Facts
) -> Iterator[Candidate]:
    """Put other things in one noun's place."""
    head = sentence.tokens[phrase.head]
    determiner = determiner_class(sentence, phrase)
    if (determiner == "num" and head.tag == "NN") or (determiner == "a" and head.tag == "NNS"):
        return  # "two woman", "a girls": the slip is not ours to multiply
    if _is_bound(sentence, phrase):
        return
    told: set[str] = set()
    words = {form for token in sentence.tokens for form in _base_forms(token)}
    listed = tuple(_things(sentence, phrase))
    things = (
        listed
        if _is_all_told(sentence, phrase) and not (kind_of(phrase.lemma) == "vehicle" and is_stunt(words))
        else ()
    )
    for sure in _sure_objects(sentence, lexicon, rng, phrase, determiner, facts, words, things):
        told.add(sure.negative_phrase)
        sure.doubt = _doubt(phrase, facts)
        yield sure
    if listed:
        return  # what else is ridden, or worn, the corpus knows less well than the lists
    choice = lexicon.nouns(phrase.slot, head.tag, determiner, frozenset({kind_of(phrase.lemma) or ""}))
    unsure: Candidate | None = None
    for word in choice.draw(rng, 3 * most):
        if (
            word.lemma == phrase.lemma
            or word.lemma in NOT_VISIBLE
            or word.form in told
            or (kind_of(word.lemma) == "animal" and not does_as_well(word.lemma, words))
            or not _may_be_had(word.lemma, words, facts)
            or not may_stand(sentence, lexicon, phrase, word.lemma)
        ):
            continue
        mass = determiner == "" and head.tag == "NN" and phrase.first > 0
        if phrase.determiner is not None and sentence.tokens[phrase.determiner].lower in {"some", "much"}:
            mass = True
        thing = thing_of(word.lemma)
        counted = thing is not None and thing.place and word.lemma not in _UNCOUNTED
        if mass and (counted or not lexicon.is_bare(word.lemma)):
            continue  # "near water", "in some water", but not "near house" and "in wood"
        candidate = with_noun(sentence, lexicon, phrase, word.lemma, word.form)
        if candidate is None:
            continue
        if candidate.failed == "synonym":
            unsure = unsure or candidate
        else:
            candidate.doubt = candidate.doubt or _doubt(phrase, facts)
            yield candidate
    if unsure is not None:
        yield unsure  # what may hold as well takes no other's try; one is told of


def _doubt(phrase: NounPhrase, facts: Facts) -> str | None:
    """Name the doubt where one caption of several calls somebody a man or a woman: whoever it is need not look it."""
    gender = gender_of(phrase.lemma)
    return "gender" if gender and not facts.is_sure(gender) else None


# Places that want no article; hurried captions write "on highway" too.
_UNCOUNTED = frozenset({"dirt", "grass", "mud", "sand", "snow", "surf", "water", "waters"})
_MOST_BEASTS = 3  # of one noun
_MOST_SURE = 6  # of one noun; what a corpus hardly says a blind model tells, and it is not kept


def _sure_objects(
    sentence: Sentence,
    lexicon: Lexicon,
    rng: random.Random,
    phrase: NounPhrase,
    determiner: str,
    facts: Facts,
    words: set[str],
    things: tuple[str, ...],
) -> Iterator[Candidate]:
    """Put what can take a thing's part, whether the corpus has it or not: a horse that is ridden for a bike."""
    head = sentence.tokens[phrase.head]
    grounds = list(other_grounds(sentence, phrase, words, determiner))
    bare = determiner == "" and head.tag == "NN" and phrase.first > 0  # "on horseback", "near water"
    beings = [] if bare else _drawn(rng, lexicon, other_beings(sentence, phrase, words, facts))
    # Few beasts, so that as many things as beings are told of: the corpus says of none what it says of dogs.
    beasts = [lemma for lemma in beings if kind_of(lemma) == kind_of(phrase.lemma) == "animal"][_MOST_BEASTS:]
    lemmas = [lemma for lemma in dict.fromkeys((*beings, *(() if bare else things), *grounds)) if lemma not in beasts]
    for lemma in _drawn(rng, lexicon, lemmas)[:_MOST_SURE]:
        if (lemma in PLURAL_ONLY) != (phrase.lemma in PLURAL_ONLY) or not _is_alone(sentence, words, lemma):
            continue  # "a shorts"
        if not _may_be_had(lemma, words, facts):
            continue
        told = _adjectives(sentence, phrase)
        if _is_little(told, lemma) or not all(goes_with(word, lemma) or lexicon.says_of(word, lemma) for word in told):
            continue
        form = plural_of(lexicon, lemma) if head.tag == "NNS" and lemma not in PLURAL_ONLY else lemma
        sure = with_noun(sentence, lexicon, phrase, lemma, form) if form else None
        if sure is not None:
            sure.failed = sure.doubt = None
            if phrase.lemma in CHILDREN and lemma in ADULTS:
                sure.claims = [("grown", lemma)]
            elif phrase.lemma in UNTOLD and kind_of(lemma) == "person":
                sure.claims = [("gender", lemma)]
            elif lemma in grounds:
                sure.claims = [("ground", lemma)]
            elif kind_of(phrase.lemma) == "clothing":
                sure.claims = [("worn", lemma)]  # a red hat is no red shirt, although both are worn at once
            yield sure


def _may_be_had(lemma: str, words: set[str], facts: Facts) -> bool:
    """Tell whether a garment is worn where captions have somebody, or a woman is one whom a caption may have so."""
    if kind_of(lemma) == "clothing":
        return is_worn_there(lemma, facts.words)
    if lemma == "skateboard" and is_told("water", facts.words):
        return False
    if lemma in _OF_ROOMS:
        return facts.words.isdisjoint(_OUTDOORS)
    return gender_of(lemma) != "female" or not is_bare(words)


_OF_ROOMS = frozenset({"bed", "bathtub", "couch", "sofa", "tub"})
_OUTDOORS = frozenset(
    {"backyard", "beach", "field", "forest", "garden", "grass", "lawn", "outdoor", "outdoors", "outside", "park",
     "public", "road", "sand", "snow", "street", "sun", "tree", "yard"}
)  # fmt: skip


def _base_forms(token: Token) -> Iterator[str]:
    """Name what a word may be a form of: "fighting" behind two dogs is read as a noun."""
    yield token.lemma.lower()
    if token.lower.endswith("ing"):
        yield from (token.lower[:-3], token.lower[:-3] + "e", token.lower[:-4])


def _drawn(rng: random.Random, lexicon: Lexicon, lemmas: Iterable[str]) -> list[str]:
    """Order words by chance, the likelier before the others the oftener the corpus says them (Efraimidis, Spirakis)."""
    return sorted(lemmas, key=lambda lemma: rng.random() ** (1 / (1 + lexicon.mentions(lemma))), reverse=True)


def _adjectives(sentence: Sentence, phrase: NounPhrase) -> list[str]:
    return [sentence.tokens[index].lower for index in phrase.adjectives]


def _is_little(adjectives: list[str], lemma: str) -> bool:
    """Tell whether a grown-up would be called little, which a girl who is called a lady is."""
    return "little" in adjectives and lemma in GROWN


def _is_alone(sentence: Sentence, words: set[str], lemma: str) -> bool:
    """Tell whether a caption says nothing of such a thing, and nothing that it cannot have: a man no bikini."""
    return lemma not in words and all(fits_gender(lemma, token.lemma.lower()) for token in sentence.tokens)


def _things(sentence: Sentence, phrase: NounPhrase) -> Iterator[str]:
    """Name what can take a thing's part in what is done with it."""
    at = sentence.tokens[sentence.conjunct_heads[phrase.head]]
    verb, words_before = sentence.tokens[at.head], ""
    if at.dep == "pobj":
        words_before, first = sentence.preposition(at.head)
        verb = sentence.tokens[sentence.tokens[first].head]
    elif at.dep != "dobj":
        return
    worn = kind_of(phrase.lemma) == "clothing"
    if worn and not any(attribute_family(word) == "colour" for word in _adjectives(sentence, phrase)):
        return  # who wears a shirt may wear a hat too; a red one as well, somebody would say
    deed = f"{verb.lemma.lower()} {words_before}".strip() if verb.pos == "VERB" else words_before
    subject = sentence.subject_of(verb.index) if verb.pos in {"VERB", "AUX"} else verb.index
    who = sentence.tokens[subject].lemma.lower() if subject is not None else ""
    any_deed = words_before == "with" or (worn and words_before == "in")
    for name in dict.fromkeys((deed, words_before)) if any_deed else (deed,):
        for thing in stand_ins(kind_of(who), name, phrase.lemma):
            common = thing in _OFTEN_WORN and not _OF_ANY_HAT.isdisjoint(_adjectives(sentence, phrase))
            if fits_gender(who, thing) and not common:
                yield thing


def _is_all_told(sentence: Sentence, phrase: NounPhrase) -> bool:
    """Tell whether nothing more is said of a thing than where somebody has it: "a ball in its mouth"."""
    more = [r for r in sentence.relations if phrase.head < r.first < phrase.last]
    if not more:
        return phrase.last == phrase.head + 1
    return len(more) == 1 and sentence.tokens[more[0].target].lemma.lower() in _GRASPING


_GRASPING = frozenset({"arm", "hand", "mouth", "tooth"})
# So many hats and ties are black or white that nobody may have mentioned one.
_OFTEN_WORN, _OF_ANY_HAT = frozenset({"hat", "tie"}), frozenset({"black", "white"})


def _is_bound(sentence: Sentence, phrase: NounPhrase) -> bool:
    """Tell whether a noun hangs on another mention, "another dog" of a dog, or a place on its owner, "his yard".

    So does one that is part of a name that the parser has not read as one, "dog" of "a dog sled".
    """
    after = sentence.tokens[phrase.head + 1 : phrase.head + 2]
    if any(token.tag in {"NN", "NNP"} and not token.lower.endswith("ing") for token in after):
        return True
    if phrase.determiner is not None:
        word = sentence.tokens[phrase.determiner]
        if word.lower == "another" or (word.dep == "poss" and kind_of(phrase.lemma) == "place"):
            return True
    if any(t.lower in _STANDS_FOR and sentence.parts[t.index] > sentence.parts[phrase.head] for t in sentence.tokens):
        return kind_of(phrase.lemma) != "person"  # "A waiter carries a tray. On it are glasses."
    if phrase.lemma in _WED and any(token.lower in _WED - {phrase.lemma} for token in sentence.tokens):
        return True
    again = [p for p in sentence.noun_phrases if p.lemma == phrase.lemma and p is not phrase]
    if again and kind_of(phrase.lemma) == "place":
        return True  # a slip, "in a hallway down a hallway", or one place said twice
    if any(sentence.tokens[p.head].tag != sentence.tokens[phrase.head].tag for p in again):
        return True  # "two men fight, one man punches the other"
    if again and any(_is_plain_the(sentence, p) for p in (phrase, *again)):
        return True  # "a dog runs with a man behind the dog"
    return any(sentence.tokens[index].lower in {"another", "other"} for p in again for index in range(p.first, p.head))


_STANDS_FOR = frozenset({"it", "its", "them", "they", "this"})
_WED = frozenset({"bride", "groom"})


def _is_plain_the(sentence: Sentence, phrase: NounPhrase) -> bool:
    return not phrase.adjectives and sentence.tokens[phrase.first].lower == "the"


def with_noun(sentence: Sentence, lexicon: Lexicon, phrase: NounPhrase, lemma: str, form: str) -> Candidate | None:
    """Put a noun in a phrase's place; none where pronouns would have to change and it cannot be told how."""
    start, end = sentence.tokens[phrase.noun].start, sentence.tokens[phrase.head].end
    edits = [Edit(start, end, form), *article_edits(sentence, phrase.noun, form)]
    agreeing = _pronoun_edits(sentence, phrase, lemma)
    if agreeing is None:
        return None
    told = _adjectives(sentence, phrase)
    fits = all(lexicon.says_of(word, lemma) for word in told) and not _is_little(told, lemma)
    failed = None if fits else "incompatible"
    known = things_exclude(lemma, phrase.lemma)
    if known is False or (known is None and is_scenery(lemma)):
        failed = failed or "synonym"  # it may hold as well, or is there, whatever else is
    sure = known and not lexicon.is_beside(lemma, phrase.lemma)
    return Candidate(
        "replace_object",
        edits + agreeing,
        sentence.caption[start:end],
        form,
        [("noun", lemma, phrase.lemma)],
        failed,
        doubt=None if sure else "things",
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
    fitting = {kind_of(old.lemma), *(("animal",) if kind_of(old.lemma) == "person" else SALIENT_KINDS)}
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
