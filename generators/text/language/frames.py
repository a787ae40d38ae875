"""How a noun is introduced, and what a verb takes."""

from generators.text.language.sentence import NounPhrase, Sentence, Token


def determiner_class(sentence: Sentence, phrase: NounPhrase) -> str:
    """Say how a noun is introduced: "a", "num", "the" (and all other determiners) or "" for nothing."""
    if any(sentence.tokens[c].dep == "nummod" for c in sentence.children[phrase.head]):
        return "num"
    if phrase.determiner is None:
        return ""
    return "a" if sentence.tokens[phrase.determiner].lower in {"a", "an", "another"} else "the"


def noun_at(sentence: Sentence, head: int) -> str:
    """Return the lemma of the noun or compound that a token is the head of."""
    phrase = sentence.phrase_of(head)
    return phrase.lemma if phrase is not None else sentence.tokens[head].lemma.lower()


def frame_of(sentence: Sentence, verb: Token) -> str:
    """Say what a verb takes: "dobj:ball", "through:water", "down:", or "" for nothing."""
    for child in sentence.children[verb.index]:
        token = sentence.tokens[child]
        if token.dep == "prt" or (token.dep == "advmod" and child == verb.index + 1):
            return f"{token.lower}:"
        if child > verb.index and token.dep == "dobj":
            return f"dobj:{noun_at(sentence, child)}"
        if child > verb.index and token.dep == "prep":
            # The longest of them: "in front of" a house, not "in" a front.
            found = max((r for r in sentence.relations if r.first == child), key=lambda r: r.last, default=None)
            return f"{found.words}:{noun_at(sentence, found.target)}" if found else f"{token.lower}:"
    return ""
