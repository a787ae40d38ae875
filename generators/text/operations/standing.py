"""Whether a noun can stand where another does: be at that place and do what a caption says, by what the corpus says."""

from generators.text.corpus.lexicon import Lexicon
from generators.text.knowledge.exclusions import ANY_CREATURE, fits_gender
from generators.text.knowledge.roles import are_alike, stand_ins
from generators.text.knowledge.things import class_of, goes_on, is_kin, kind_of, thing_of
from generators.text.language.frames import frame_of, noun_at
from generators.text.language.sentence import NounPhrase, Relation, Sentence


def may_stand(sentence: Sentence, lexicon: Lexicon, phrase: NounPhrase, lemma: str) -> bool:
    """Tell whether a noun can be where a phrase is and do what the caption says of it, by what the corpus says.

    That the corpus has it in the slot is known: something is in a fountain. Not that anything hangs there.
    """
    if lemma.rpartition(" ")[2] in ANY_CREATURE or not _is_of_its_like(lemma, phrase.lemma):
        return False
    if are_alike(lemma, phrase.lemma):
        return False
    others = [p.lemma for p in sentence.noun_phrases if p is not phrase]
    if kind_of(lemma) == "place" and not _is_the_place(sentence, lexicon, phrase, lemma, others):
        return False
    if not _may_be_together(lexicon, lemma, others):
        return False
    at = sentence.conjunct_heads[phrase.head]
    stands = all(
        lexicon.places(governor, relation.words, lemma)
        for relation in sentence.relations
        if relation.target == at and relation.words != "of"
        for governor in _governors(sentence, relation)
    )
    if not stands:
        return False
    if not all(fits_gender(lemma, token.lemma.lower()) for token in sentence.tokens):
        return False
    return kind_of(lemma) == "person" or all(
        lexicon.has_with(lemma, relation.words, noun_at(sentence, relation.target))
        for relation in sentence.relations
        if relation.governor == phrase.head and sentence.phrase_of(relation.target) is not None
    )


def _may_be_together(lexicon: Lexicon, lemma: str, others: list[str]) -> bool:
    """Tell whether a thing may be at the places of a caption, or its things at a place: no traffic in a lake."""
    new = thing_of(lemma)
    if new is None or new.kind == "person":
        return True
    if new.place:
        return all(lexicon.suits(other, new.place) for other in others)
    places = (thing_of(other) for other in others)
    return all(lexicon.suits(lemma, place.place) for place in places if place is not None and place.place)


def _is_of_its_like(lemma: str, other: str) -> bool:
    """Tell whether a thing is near enough to another to stand in for it: one of no kind that has a name, a vehicle."""
    if kind_of(lemma) == kind_of(other) == "vehicle":
        return goes_on(lemma) == goes_on(other) and _is_ridden(lemma) == _is_ridden(other)  # no stroller on the waves
    if kind_of(lemma) == kind_of(other) == "animal":
        return class_of(lemma) == class_of(other)  # no centipede where a dog is
    return kind_of(lemma) not in _MIXED or is_kin(lemma, other, far=True)


_MIXED = frozenset({"artifact", "device", "equipment"})


def _is_ridden(vehicle: str) -> bool:
    """Tell whether one sits on a vehicle as on a horse, and not in it."""
    return any(stand_ins("person", "ride", name) for name in (vehicle, vehicle.rpartition(" ")[2]))


def _is_the_place(sentence: Sentence, lexicon: Lexicon, phrase: NounPhrase, lemma: str, others: list[str]) -> bool:
    """Tell whether a caption has somebody at one place, which another may stand for.

    Who is near a shop may be near a lake too; and what is at home indoors is no more there by a lake.
    """
    at = sentence.conjunct_heads[phrase.head]
    where = next((r for r in sentence.relations if r.target == at and r.words in _AT), None)
    if where is None:
        return False
    if any(kind_of(other) == "place" for other in others) or {lemma, phrase.lemma} & _WITH_PLACES:
        return False
    new, old = thing_of(lemma), thing_of(phrase.lemma)
    if new is not None and new.place in _NEVER_BEHIND.get(where.words, ()):
        return False
    if new is not None and new.place == "pool" and noun_at(sentence, where.governor) in _ON_FOOT:
        return False
    if old is not None and old.place == "ground for games":
        return False  # what is played there is played nowhere else
    if {lemma, phrase.lemma} & _ANY_WATER and new is not None and old is not None and "pool" in {new.place, old.place}:
        return False  # what somebody swims in may be a pool
    if new is None or old is None or (new.place in _INDOORS) == (old.place in _INDOORS):
        return True
    things = (other for other in others if kind_of(other) not in {"person", "animal", "clothing"})
    return all(lexicon.is_said_at(thing, new.place) for thing in things)


_AT = frozenset({"in", "on", "at", "through", "across", "into", "inside", "along", "down", "up", "over"})
# Nobody stands on a river, or plays in a path.
_NEVER_BEHIND = {"on": frozenset({"forest", "pool", "water"}), "in": frozenset({"path"})}
_ON_FOOT = frozenset({"race", "run", "trot", "walk"})
_ANY_WATER = frozenset({"water", "waters"})
_INDOORS = frozenset({"room", "venue"})
# Places that have others in them: a park has grass, a path and a fountain, and a fountain is anywhere.
_WITH_PLACES = frozenset(
    {"backyard", "campground", "camp", "farm", "fountain", "garden", "lawn", "lot", "park", "playground", "puddle",
     "resort", "sandbox", "wood", "yard", "zoo", "hay", "parking lot", "corner", "patio", "deck", "porch", "courtyard"}
)  # fmt: skip


def _governors(sentence: Sentence, relation: Relation) -> set[str]:
    """List what a place is said of: the verb or noun before it, and the verbs that it is coordinated with."""
    first = sentence.conjunct_heads[relation.governor]
    return {noun_at(sentence, relation.governor), noun_at(sentence, first)}


def deeds_of(sentence: Sentence, subject: int) -> list[tuple[str, str]]:
    """List what somebody does, as verbs and what they take."""
    verbs = (verb for verb in sentence.verbs if sentence.subject_of(verb.index) == subject)
    return [(verb.lemma.lower(), frame_of(sentence, verb)) for verb in verbs]
