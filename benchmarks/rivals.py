"""The negatives that others train with, written from the descriptions of their generators, defects included.

NegCLIP (arXiv 2210.01936) exchanges two spans of a caption; CE-CLIP (arXiv 2306.08832) exchanges nouns and fills masks.
What is measured with them is in docs/benefit.md.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator

from spacy.tokens import Doc, Span, Token

Negatives = list[tuple[str, str]]  # family, wrong caption


def negclip(doc: Doc, rng: random.Random) -> Negatives:
    """Exchange a pair of spans of each of six families, where their texts differ; nothing checks the result."""
    families: dict[str, list[Span | Token]] = {
        "noun phrase": [chunk for chunk in doc.noun_chunks if len(chunk) > 2],
        "verb phrase": list(_verb_phrases(doc)),
        **{tag: [token for token in doc if token.tag_ in tags] for tag, tags in _TAGS.items()},
    }
    made: Negatives = []
    for family, spans in families.items():
        pairs = [(a, b) for at, a in enumerate(spans) for b in spans[at + 1 :] if a.text.lower() != b.text.lower()]
        pairs = [(a, b) for a, b in pairs if _ends(a)[1] <= _ends(b)[0]]
        if pairs:
            made.append((family, _exchanged(doc.text, *rng.choice(pairs))))
    return made


_TAGS = {"noun": {"NN"}, "nouns": {"NNS"}, "adverb": {"RB"}, "adjective": {"JJ"}}


def _verb_phrases(doc: Doc) -> Iterator[Span]:
    for token in doc:
        if token.pos_ == "VERB":
            last = max(child.i for child in (token, *token.children) if child.i >= token.i)
            yield doc[token.i : last + 1]


def _ends(span: Span | Token) -> tuple[int, int]:
    return (span.idx, span.idx + len(span)) if isinstance(span, Token) else (span.start_char, span.end_char)


def _exchanged(text: str, first: Span | Token, second: Span | Token) -> str:
    (a, b), (c, d) = _ends(first), _ends(second)
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


class CEClip:
    """CE-CLIP's four negatives a caption: nouns exchanged, and an adjective, a noun and a verb filled in.

    Its masked language model is counted here from the corpus: what stands between the same neighbours, else behind the
    same word, most often. Kept as they are: every occurrence is replaced, inside other words too; the fourth of five
    fills is taken, be it the word itself or true as well; a caption without such a word keeps the bare mask.
    """

    def __init__(self, captions: Iterable[str]) -> None:
        self._between: dict[tuple[str, str], Counter[str]] = {}
        self._behind: dict[str, Counter[str]] = {}
        self._words: Counter[str] = Counter()
        for caption in captions:
            words = ["", *caption.lower().strip(" .").split(), ""]
            for before, word, after in zip(words, words[1:], words[2:], strict=False):
                self._between.setdefault((before, after), Counter())[word] += 1
                self._behind.setdefault(before, Counter())[word] += 1
                self._words[word] += 1

    def __call__(self, doc: Doc, rng: random.Random) -> Negatives:
        """Make the negatives of a caption."""
        nouns = [token for token in doc if token.pos_ == "NOUN"]
        made: Negatives = []
        if len(nouns) > 2:
            made.append(("relation", _swapped(doc.text, nouns[0].text, nouns[1].text)))
        for family, pos in (("adjective", "ADJ"), ("noun", "NOUN"), ("verb", "VERB")):
            of_family = [token for token in doc if token.pos_ == pos]
            if of_family:
                chosen = rng.choice(of_family)
                made.append((family, doc.text.replace(chosen.text, self._fill(chosen))))
            else:
                made.append((family, "<mask>"))
        return made

    def _fill(self, token: Token) -> str:
        doc, at = token.doc, token.i
        before = doc[at - 1].text.lower() if at else ""
        after = doc[at + 1].text.lower() if at + 1 < len(doc) and not doc[at + 1].is_punct else ""
        counted = (self._between.get((before, after)), self._behind.get(before), self._words)
        fills = list(dict.fromkeys(word for counts in counted if counts for word, _ in counts.most_common(5)))
        return fills[min(3, len(fills) - 1)]


def _swapped(text: str, first: str, second: str) -> str:
    return text.replace(first, "\0").replace(second, first).replace("\0", second)
