"""Keep a caption grammatical: articles, plurals, verb forms and what must agree with them."""

import sys
from functools import cache
from types import ModuleType
from typing import Any, Protocol, TypeVar

from generators.text.language.casing import has_own_case
from generators.text.language.edits import Edit
from generators.text.language.sentence import Sentence, Token

F = TypeVar("F")


class Forms(Protocol):
    """What knows the forms of words that are in use, before the rules of English are asked."""

    def plural(self, lemma: str) -> str | None:
        """Return the plural of a noun."""

    def form(self, lemma: str, tag: str) -> str | None:
        """Return the form of a verb with a tag."""


PRONOUNS = frozenset(
    {
        "he", "she", "him", "her", "his", "hers", "himself", "herself", "its", "itself", "it", "they", "them", "their",
        "themselves", "theirs", "who", "whose",
    }
)  # fmt: skip
_SINGULAR_AUX = {"is": "are", "was": "were", "has": "have", "does": "do", "'s": "are"}
_PLURAL_AUX = {plural: singular for singular, plural in list(_SINGULAR_AUX.items())[:4]}
_MALE_TO_FEMALE = {"he": "she", "him": "her", "his": "her", "himself": "herself"}
_FEMALE_TO_MALE = {"she": "he", "herself": "himself", "hers": "his"}
_GENDERED = frozenset({"her", *_MALE_TO_FEMALE, *_FEMALE_TO_MALE})


@cache
def _inflect() -> Any:
    # inflect has every function of its own rewritten by typeguard, to check arguments that mypy has checked here: two
    # seconds of each process, where all else of it takes a thirtieth of one.
    there = sys.modules.get("typeguard")
    sys.modules["typeguard"] = _Unguarded("typeguard")
    try:
        import inflect
    finally:
        del sys.modules["typeguard"]
        if there is not None:
            sys.modules["typeguard"] = there
    return inflect.engine()


class _Unguarded(ModuleType):
    """Stands for typeguard."""

    @staticmethod
    def typechecked(function: F) -> F:
        """Leave a function as it is."""
        return function


@cache
def article(word: str) -> str:
    """Return a or an, as the next word wants it: "an SUV", "a sedan"."""
    found: str = _inflect().a(word if has_own_case(word) else word.lower()).split(" ", 1)[0]
    return found


@cache
def _lemminflect(lemma: str, tag: str) -> str | None:
    import lemminflect

    forms = lemminflect.getInflection(lemma, tag)
    return forms[0] if forms else None


def verb_form(forms: Forms, lemma: str, tag: str) -> str | None:
    """Inflect a verb: the form that the corpus has, else the regular one."""
    return forms.form(lemma, tag) or _lemminflect(lemma, tag)


def gerund(verb: str) -> str | None:
    """Return the -ing form of a verb in any form: "lies", "lying"; none of what is no verb."""
    import lemminflect

    lemmas = lemminflect.getLemma(verb.lower(), "VERB")
    return _lemminflect(lemmas[0], "VBG") if lemmas else None


def base_form(verb: Token) -> str | None:
    """Return the base form of a verb in the third person; none when it cannot be told for sure."""
    for lemma in (verb.lemma.lower(), verb.lower.removesuffix("s"), verb.lower.removesuffix("es")):
        if _lemminflect(lemma, "VBZ") == verb.lower:
            return lemma
    return None


def plural_of(forms: Forms, noun: str) -> str | None:
    """Return the plural of a noun or compound: the form that the corpus has, else the regular one."""
    if noun == "person":
        return "people"  # "persons" is for the police
    found = forms.plural(noun)
    if found is None:
        *words, head = noun.split(" ")
        form = _inflect().plural_noun(head) if "-" in head else _lemminflect(head, "NNS")  # "mothers-in-law"
        found = " ".join([*words, form]) if form else None
    return found


def article_edits(sentence: Sentence, index: int, word: str) -> list[Edit]:
    """Mend the a or an right before a token that now reads `word`."""
    if index == 0:
        return []
    before = sentence.tokens[index - 1]
    if before.lower not in {"a", "an"} or before.lower == article(word):
        return []
    return [Edit(before.start, before.end, article(word))]


def agreement_edits(sentence: Sentence, forms: Forms, subject: int, plural: bool) -> list[Edit] | None:
    """Make the verbs of a subject singular or plural; none when a form cannot be found."""
    edits: list[Edit] = []
    if any(_is_stray(sentence, token) for token in sentence.tokens[subject + 1 :]):
        return None
    for verb in _verbs_of(sentence, subject):
        auxiliary = sentence.child(verb.index, "aux", "auxpass")
        finite = sentence.tokens[auxiliary] if auxiliary is not None else verb
        text = _agreeing(forms, finite, plural)
        if text is None:
            return None
        if text != finite.lower:
            edits.append(Edit(finite.start, finite.end, text))
    return edits


def _is_stray(sentence: Sentence, token: Token) -> bool:
    """Tell whether a word that must agree with something has been misread: "a man wearing glasses drinks"."""
    if token.tag == "VBZ" and token.dep not in {"aux", "auxpass"}:
        return sentence.subject_of(token.index) is None and sentence.child(token.index, "expl") is None
    if token.tag != "NNS" or not (token.dep in {"ROOT", "dep", "nmod"} or _is_odd(sentence, token)):
        return False
    return _lemminflect(token.lemma.lower(), "VBZ") == token.lower  # it may as well be a verb


def _is_odd(sentence: Sentence, plural: Token) -> bool:
    """Tell whether a plural has before it what no plural has: "a", or a noun with words of its own."""
    for index in sentence.children[plural.index]:
        child = sentence.tokens[index]
        if child.dep == "det" and child.lower in {"a", "an", "no", "another", "this", "that", "every"}:
            return True
        if child.dep in {"compound", "nmod"} and (child.tag == "NNS" or sentence.children[index]):
            return True
    return False


def _verbs_of(sentence: Sentence, subject: int) -> list[Token]:
    token = sentence.tokens[subject]
    if token.dep not in {"nsubj", "nsubjpass"}:
        return []
    first = token.head
    verbs = [sentence.tokens[first]]
    for verb in sentence.verbs:
        if verb.dep == "conj" and sentence.conjunct_heads[verb.index] == sentence.conjunct_heads[first]:
            # "is running and jumping": the second verb shares the auxiliary.
            own = sentence.child(verb.index, "nsubj", "nsubjpass") is None
            if own and verb.tag in {"VBZ", "VBP"} and verb.index != first:
                verbs.append(verb)
    return verbs


def _agreeing(forms: Forms, finite: Token, plural: bool) -> str | None:
    table = _SINGULAR_AUX if plural else _PLURAL_AUX
    if finite.lower in table:
        return table[finite.lower]
    if finite.lower in _SINGULAR_AUX or finite.lower in _PLURAL_AUX or finite.tag in {"VBD", "MD", "VBG"}:
        return finite.lower
    if finite.tag == "VBZ":
        return base_form(finite) if plural else finite.lower
    if finite.tag in {"VBP", "VB"} and not plural:
        return verb_form(forms, finite.lemma.lower(), "VBZ")
    return finite.lower if finite.tag in {"VBP", "VB"} else None


def gendered_pronouns(sentence: Sentence) -> list[Token]:
    """List the pronouns that say he or she."""
    return [t for t in sentence.tokens if t.lower in _GENDERED]


def has_pronoun(sentence: Sentence) -> bool:
    """Tell whether any pronoun stands for something in the caption."""
    return any(t.lower in PRONOUNS for t in sentence.tokens)


def gender_edits(sentence: Sentence, to_female: bool) -> list[Edit] | None:
    """Turn the pronouns of one gender into the other; none when they are of that gender already."""
    if any(is_female(token) == to_female for token in gendered_pronouns(sentence)):
        return None
    return exchanged_gender_edits(sentence)


def exchanged_gender_edits(sentence: Sentence) -> list[Edit]:
    """Turn each pronoun that says he or she into the other."""
    return [Edit(token.start, token.end, _of_other_gender(token)) for token in gendered_pronouns(sentence)]


def is_female(token: Token) -> bool:
    """Tell whether a pronoun that says he or she says she."""
    return token.lower == "her" or token.lower in _FEMALE_TO_MALE


def _of_other_gender(token: Token) -> str:
    if token.lower == "her":
        return "his" if token.tag == "PRP$" else "him"
    return _MALE_TO_FEMALE.get(token.lower) or _FEMALE_TO_MALE[token.lower]
