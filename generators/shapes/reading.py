"""Read a caption of the shapes world back into what it claims: a recursive-descent parser of its English."""

import re

from generators.shapes.claims import Claim, Description, Mention, Relation
from generators.shapes.wording import ADJECTIVES, NOUNS, NUMBERS, RELATION_OF, VERBS
from generators.shapes.world import BACKGROUNDS

_TOKEN = re.compile(r"[a-z]+|,")
_BE = {"is", "are"}
_VERBS = {*VERBS, *VERBS.values()}
_PICTURES = {"picture", "image"}
_RELATIONS = sorted((tuple(words.split()) for words in RELATION_OF), key=len, reverse=True)


class UnreadableError(ValueError):
    """A caption that is not of this world; says where reading stopped."""


def read(caption: str) -> Claim:
    """Read what a caption claims.

    Raises UnreadableError when it is no caption of the shapes world.
    """
    return _Reader(caption).read()


class _Reader:
    def __init__(self, caption: str) -> None:
        self.caption = caption
        self.words = _TOKEN.findall(caption.lower())
        self.at = 0

    def read(self) -> Claim:
        claim = self._claim()
        if self.at < len(self.words):
            raise self._stuck("the end")
        return claim

    def _claim(self) -> Claim:
        if self._relation_ahead():
            return self._fronted()
        denied = self._opening()
        mentions = self._list()
        denied |= self._predicate()
        relations = self._places(mentions) if self._relation_ahead() else []
        return Claim(tuple(mentions), tuple(relations), self._background(), denied)

    def _opening(self) -> bool:
        """Pass over "a picture of", "the picture (does not) show", "there is (not)"; tell whether it denies."""
        if self.words[1:2] and self.words[1] in _PICTURES:
            self.at = 2
            if self._take("of") or self._take("shows"):
                return False
            self._expect("does")
            self._expect("not")
            self._expect("show")
            return True
        if self._take("there"):
            self._expect(*_BE)
            return self._take("not")
        return False

    def _fronted(self) -> Claim:
        """Read "above a square (there) is a circle"."""
        name = self._relation()
        place = self._mention()
        self._take("there")
        self._expect(*_BE)
        denied = self._take("not")
        subjects = self._list()
        relations = tuple(Relation(index, name, len(subjects)) for index in range(len(subjects)))
        return Claim((*subjects, place), relations, self._background(), denied)

    def _list(self) -> list[Mention]:
        mentions = [self._mention()]
        while self._next() == "," or (self._next() == "and" and not self._relation_ahead(1)):
            self.at += 1
            self._take("and")
            mentions.append(self._mention())
        return mentions

    def _mention(self) -> Mention:
        count = None
        if self._next() in NUMBERS:
            count = NUMBERS.index(self._next()) + 1
            self.at += 1
        else:
            self._expect("a", "an", "the")
        said: list[tuple[str, str]] = []
        while self._next() in ADJECTIVES:
            said.append(ADJECTIVES[self._next()])
            self.at += 1
        if self._next() not in NOUNS:
            raise self._stuck("a shape")
        said.append(("shape", NOUNS[self._next()]))
        self.at += 1
        return Mention(Description.from_pairs(said), count)

    def _predicate(self) -> bool:
        """Pass over a verb, if there is one; tell whether it denies."""
        if self._next() in _BE:
            self.at += 1
            return self._take("not")
        if self._next() in {"does", "do"}:
            self.at += 1
            self._expect("not")
            self._expect(*_VERBS)
            return True
        if self._next() in _VERBS:
            self.at += 1
        return False

    def _places(self, mentions: list[Mention]) -> list[Relation]:
        subjects = range(len(mentions))
        relations: list[Relation] = []
        while True:
            name = self._relation()
            mentions.append(self._mention())
            relations += [Relation(index, name, len(mentions) - 1) for index in subjects]
            if not (self._next() == "and" and self._relation_ahead(1)):
                return relations
            self.at += 1

    def _relation_ahead(self, skip: int = 0) -> tuple[str, ...] | None:
        at = self.at + skip
        return next((words for words in _RELATIONS if tuple(self.words[at : at + len(words)]) == words), None)

    def _relation(self) -> str:
        words = self._relation_ahead()
        if words is None:
            raise self._stuck("a relation")
        self.at += len(words)
        return RELATION_OF[" ".join(words)]

    def _background(self) -> str | None:
        if not self._take("on"):
            return None
        self._expect("a", "an", "the")
        name = self._next()
        self._expect(*BACKGROUNDS)
        self._expect("background")
        return name

    def _next(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def _take(self, word: str) -> bool:
        taken = self._next() == word
        self.at += taken
        return taken

    def _expect(self, *words: str) -> None:
        if self._next() not in words:
            raise self._stuck(" or ".join(sorted(words)))
        self.at += 1

    def _stuck(self, expected: str) -> UnreadableError:
        found = self._next() or "the end"
        return UnreadableError(f"{self.caption!r}: expected {expected} at word {self.at + 1}, found {found!r}")
