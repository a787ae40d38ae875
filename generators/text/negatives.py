"""The text generator: every operation on every caption, each result checked, kept with its reason."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa

from devices.revision import libraries
from generators.text.checks import failed_check
from generators.text.corpus.facts import Facts
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.edits import Candidate, apply, columns_of
from generators.text.language.scope import forbidden
from generators.text.language.sentence import Sentence
from generators.text.language.units import unit_within
from generators.text.operations import OPERATIONS
from generators.text.ranking import Ranking
from schemas.config import Text
from schemas.ids import row_seed, text_negative_id
from schemas.stage import with_ledger
from schemas.tables import TEXT_NEGATIVES


class TextNegatives:
    """Make wrong captions out of parses."""

    version = 12

    def __init__(
        self, config: Text, seed: int, lexicon: pa.Table, lexicon_id: str, parser: str, ranking: Ranking | None = None
    ) -> None:
        """Take a `ranking` to choose among candidates by; without, the first drawn are kept."""
        self.config, self.seed, self.lexicon_id, self.parser = config, seed, lexicon_id, parser
        self.lexicon, self.ranking = Lexicon(lexicon), ranking
        self._most = max(config.per_operation, ranking.config.candidates if ranking is not None else 0)
        self._seconds: dict[str, float] = {}

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, settings, seed, the lexicon that words are drawn from, and what inflects them."""
        ranking = [self.ranking.identity] if self.ranking is not None else []
        settings = self.config.model_dump(mode="json", exclude={"rank"})
        words = libraries("inflect", "lemminflect", "wn")
        return ["text", self.version, settings, self.seed, self.lexicon_id, *words, *ranking]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of PARSES into rows of TEXT_NEGATIVES; captions of an image must be neighbours."""
        self._seconds = dict.fromkeys(self.config.operations, 0.0)
        names = ("image_id", "pair_id", "caption", "tokens")
        rows = zip(*(table[name].to_pylist() for name in names), strict=True)
        made: list[dict[str, Any]] = []
        for image, captions in groupby(rows, key=lambda row: row[0]):
            pairs = [(pair, Sentence.from_row(caption, tokens)) for _, pair, caption, tokens in captions]
            facts = Facts([sentence for _, sentence in pairs], [pair for pair, _ in pairs])
            for pair, sentence in pairs:
                made += ({"image_id": image, **row} for row in self._negatives(pair, sentence, facts))
        ranked = self.ranking.mark(made, self.config.per_operation) if self.ranking is not None else []
        result = pa.Table.from_pylist(made, TEXT_NEGATIVES)
        return with_ledger(result, self._ledger(table.num_rows, made) + ranked)

    def _negatives(self, pair: str, sentence: Sentence, facts: Facts) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        for operation in self.config.operations:
            started = time.perf_counter()
            yield from self._apply(operation, pair, sentence, facts, seen)
            self._seconds[operation] += time.perf_counter() - started

    def _apply(
        self, operation: str, pair: str, sentence: Sentence, facts: Facts, seen: set[str]
    ) -> Iterator[dict[str, Any]]:
        seed = row_seed(pair, self.seed, operation)
        usable, tries = 0, 0
        candidates = self._candidates(operation, sentence, facts, random.Random(seed))
        for candidate in _compatible_first(candidates):
            tries += 1
            applied = apply(candidate.original or sentence.caption, candidate.edits)
            if applied.caption in seen:
                continue  # another operation, or an earlier draw, has told of it already
            check = failed_check(candidate, applied, sentence, facts, self.lexicon)
            seen.add(applied.caption)
            method = OPERATIONS[operation].method
            yield {
                "text_negative_id": text_negative_id(pair, operation, method, applied.caption),
                "pair_id": pair,
                "vouched_by": candidate.vouched_by and facts.pair_of(candidate.vouched_by),
                "operation": operation,
                "method": method,
                **columns_of(candidate, applied, sentence.caption, unit_within(candidate, sentence)),
                "model": self.parser,
                "seed": seed,
                "tries": tries,
                "failed_check": check,
            }
            usable += check is None
            if usable == self._most or tries == self.config.tries:
                return

    def _candidates(self, operation: str, sentence: Sentence, facts: Facts, rng: random.Random) -> Iterator[Candidate]:
        one = OPERATIONS[operation]
        found = _placed(sentence, one.candidates(sentence, self.lexicon, rng, self.config.tries, facts))
        matched = one.method != "insert" or self.config.unmatched
        return (candidate for candidate in found if matched or candidate.original is not None)

    def _ledger(self, captions: int, made: list[dict[str, Any]]) -> list[dict[str, Any]]:
        usable = Counter(row["operation"] for row in made if row["failed_check"] is None)
        tries = Counter(row["operation"] for row in made)
        taken = Counter((row["operation"], row["failed_check"]) for row in made if row["failed_check"])
        work = [
            {
                "operation": operation,
                "method": OPERATIONS[operation].method,
                "rows_in": captions,
                "rows_out": usable[operation],
                "tries": tries[operation],
                "seconds": self._seconds[operation],
            }
            for operation in self.config.operations
        ]
        checks = [
            {"operation": operation, "method": OPERATIONS[operation].method, "check_name": check, "rows_out": n}
            for (operation, check), n in sorted(taken.items())
        ]
        return work + checks


def _placed(sentence: Sentence, candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    """Fail what is changed where a caption must not be; of an addition, the operation has seen to it."""
    for candidate in candidates:
        if candidate.original is None:
            moving = candidate.operation.startswith("swap")
            candidate.failed = forbidden(sentence, candidate.edits, moving) or candidate.failed
        yield candidate


# Whatever else is drawn for such a place fails as well.
_UNFIT = frozenset({"incompatible", "unasserted", "verbatim"})


def _compatible_first(candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    """Pass over candidates that do not fit their place; tell of the first if there is no other."""
    unfit: Candidate | None = None
    fit = False
    for candidate in candidates:
        if candidate.failed in _UNFIT:
            unfit = unfit or candidate
        else:
            fit = True
            yield candidate
    if unfit is not None and not fit:
        yield unfit
