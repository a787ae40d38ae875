"""Whether a model may have met what captions bind together: benchmarks by the captions that it was trained on."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from evaluation.items import ITEMS
from flows.builds import chosen_build
from generators.text.corpus.describing import mentions
from generators.text.language.parsing import Parsing
from generators.text.language.sentence import Sentence
from schemas.config import Describe
from schemas.errors import InputError
from schemas.tables import PAIRS
from storage.catalog import connect
from storage.dataset import Dataset

Binding = tuple[str, str, str, str]  # kind, word, what it goes with, and a relation's other end
_KINDS = ("attribute", "relation", "action")
_TOLD = {
    (True, True): "both seen", (True, False): "right seen, wrong not", (False, True): "wrong seen, right not",
    (False, False): "neither seen", None: "no binding differs",
}  # fmt: skip


class Bindings:
    """The attributes, relations and actions that a dataset's captions give to things (BindSplit, ICML'26 workshop).

    A benchmark whose right captions bind what training captions bind, and whose wrong ones do not, is solved by memory.
    """

    def __init__(self, folder: str) -> None:
        dataset = Dataset(folder)
        build = chosen_build(dataset, None)
        with connect(dataset, build) as connection:
            kinds = ", ".join(f"'{kind}'" for kind in _KINDS)
            rows = connection.sql(f"SELECT kind, word, context, object FROM lexicon WHERE kind IN ({kinds})").fetchall()
        if not rows:
            raise InputError(f"--lexicon {folder}: the captions of this dataset bind nothing; name one with more")
        self._known = {_binding(*row) for row in rows}
        self._parsing = Parsing(Describe(**build.config["describe"]))

    def by_binding(self, items: pa.Table) -> pa.Table:
        """Turn the categories of ITEMS into whether right and wrong captions bind what is known, in what they differ.

        Of an item of two pictures the right caption is that of the first.
        """
        items = items.filter(pc.equal(items["task"], "choice"))
        rows = items.to_pylist()
        sides = [_sides(row) for row in rows]
        of = self._of(sorted({caption for side in sides for part in side for caption in part}))
        told = []
        for right, wrong in sides:
            rights, wrongs = (frozenset().union(*(of[caption] for caption in part)) for part in (right, wrong))
            alone = rights - wrongs, wrongs - rights
            known = tuple(part <= self._known for part in alone) if any(alone) else None
            told.append(_TOLD[known])  # type: ignore[index]
        return items.set_column(ITEMS.get_field_index("category"), ITEMS.field("category"), pa.array(told, pa.string()))

    def _of(self, captions: list[str]) -> dict[str, frozenset[Binding]]:
        nulls = pa.nulls(len(captions), pa.string())
        texts = pa.array(captions, pa.string())
        known = {"pair_id": texts, "caption": texts}
        parses = self._parsing(pa.table([known.get(name, nulls) for name in PAIRS.names], schema=PAIRS))
        tokens = parses["tokens"].to_pylist()
        return {caption: _bound(caption, each) for caption, each in zip(captions, tokens, strict=True)}


def _bound(caption: str, tokens: list[Any]) -> frozenset[Binding]:
    if not tokens:
        return frozenset()
    keys = mentions(Sentence.from_row(caption, tokens))
    return frozenset(_binding(kind, word, at, other) for kind, word, _, _, at, other in keys if kind in _KINDS)


def _binding(kind: str, word: str, context: str, other: str) -> Binding:
    return kind, word, context, other if kind == "relation" else ""


def _sides(row: dict[str, Any]) -> tuple[list[str], list[str]]:
    truth = row["truth"][: len(row["captions"])]
    right = [caption for caption, true in zip(row["captions"], truth, strict=True) if true]
    return right, [caption for caption in row["captions"] if caption not in right]
