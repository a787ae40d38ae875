"""Rows of every table for datasets of any size: copies, with ids and words of their own."""

from typing import Any

import numpy as np
import pyarrow as pa

from schemas.operations import OPERATIONS
from schemas.tables import LEDGER, TABLES

_EACH = 10  # negatives of a caption
_CAPTIONS = 5  # of a picture
_JUDGED = ("text_negatives", "verdicts", "labels")


class Copies:
    """Rows of every table for the n-th shard: the same for the same number."""

    def __init__(self, negatives: int) -> None:
        self.captions = max(1, negatives // _EACH)
        self.words = np.array([f"{a}{b}" for a in "bdfgklmnprst" for b in _endings()])

    def rows(self, table: str, number: int) -> pa.Table:
        """Make the rows of one table."""
        columns = {"images": self._images, "pairs": self._pairs, "parses": self._parses}.get(table)
        made = columns(number) if columns else self._of_negatives(table, number) if table in _JUDGED else {}
        return _filled(table, made)

    def scores(self, role: str, number: int) -> pa.Table:
        """Make the scores of one model."""
        return _filled("scores", self._scores(role, number))

    def _ids(self, kind: int, number: int, count: int, size: int = 16) -> list[str]:
        text = np.random.default_rng([number, kind]).bytes(count * size).hex()
        return [text[at : at + 2 * size] for at in range(0, len(text), 2 * size)]

    def _image_ids(self, number: int) -> list[str]:
        return self._ids(0, number, -(-self.captions // _CAPTIONS), 32)

    def _written(self, number: int) -> tuple[list[str], list[str], list[str]]:
        """Write captions, and for each wrong one the word that replaced one, and itself."""
        rng = np.random.default_rng([number, 3])
        captions, phrases, wrong = [], [], []
        for words in self.words[rng.integers(0, len(self.words), (self.captions, 9))]:
            captions.append(" ".join(words))
            for at, new in zip(rng.integers(0, 9, _EACH), rng.integers(0, len(self.words), _EACH), strict=True):
                phrases.append(str(self.words[new]))
                wrong.append(" ".join([*words[:at], phrases[-1], *words[at + 1 :]]))
        return captions, phrases, wrong

    def _images(self, number: int) -> dict[str, Any]:
        ids = self._image_ids(number)
        hashes = np.random.default_rng([number, 4]).integers(0, 2**63, len(ids), dtype=np.uint64)
        pictures = [{"bytes": bytes.fromhex(name), "path": name[:8]} for name in ids]
        return {"image_id": ids, "image": pictures, "width": [64] * len(ids), "phash": hashes}

    def _pairs(self, number: int) -> dict[str, Any]:
        captions, _, _ = self._written(number)
        images = np.repeat(self._image_ids(number), _CAPTIONS)[: self.captions]
        key = [f"{number}-{n}" for n in range(self.captions)]
        same = {"source": ["growth"] * self.captions, "split": ["train"] * self.captions}
        ids = {"pair_id": self._ids(1, number, self.captions), "image_id": images, "caption": captions}
        return {**ids, "source_key": key, **same}

    def _parses(self, number: int) -> dict[str, Any]:
        rows = self._pairs(number)
        tokens = [
            [{"text": word, "start": at, "lemma": word, "pos": "NOUN", "tag": "NN", "dep": "dep", "head": at}
             for at, word in enumerate(caption.split())] for caption in rows["caption"]
        ]  # fmt: skip
        return {**{name: rows[name] for name in ("pair_id", "image_id", "caption")}, "tokens": tokens}

    def _of_negatives(self, table: str, number: int) -> dict[str, Any]:
        count, rng = self.captions * _EACH, np.random.default_rng([number, 5])
        ids, chance = self._ids(2, number, count), rng.random(count)
        failed, accepted = chance < 0.3, chance > 0.7
        own = {
            "operation": [OPERATIONS[n % len(OPERATIONS)] for n in range(count)],
            "method": ["replace" if n % 4 else "swap" for n in range(count)],
            "failed_check": ["synonym" if one else None for one in failed],
        }
        if table == "verdicts":
            reasons = [["synonym"] if f else [] if a else ["implausible", "rare"][: 1 + (n % 3 == 0)]
                       for n, (f, a) in enumerate(zip(failed, accepted, strict=True))]  # fmt: skip
            values = {name: rng.random(count, np.float32) for name in ("validity", "difficulty")}
            return {"text_negative_id": ids, **own, "accepted": accepted, "reasons": reasons, **values}
        if table == "labels":
            return {"text_negative_id": ids, "valid": rng.random(count) > 0.1, "labeller": ["truth"] * count}
        captions, phrases, wrong = self._written(number)
        pairs = np.repeat(self._ids(1, number, self.captions), _EACH)
        images = np.repeat(np.repeat(self._image_ids(number), _CAPTIONS)[: self.captions], _EACH)
        spans = [[{"start": 0, "end": len(phrase)}] for phrase in phrases]
        return {
            "text_negative_id": ids, "pair_id": pairs, "image_id": images, "original": np.repeat(captions, _EACH),
            "caption": wrong, **own, "original_phrase": phrases, "negative_phrase": phrases, "original_spans": spans,
            "negative_spans": spans, "model": ["m"] * count, "seed": rng.integers(0, 2**62, count),
            "tries": rng.integers(1, 9, count),
        }  # fmt: skip

    def _scores(self, role: str, number: int) -> dict[str, Any]:
        count = self.captions * _EACH
        ids, rng = self._ids(2, number, count), np.random.default_rng([number, 6, len(role)])
        names = {"language": ("plausibility0", "plausibility1"), "words": ("frequency0", "frequency1")}
        values = {name: -100 * rng.random(count, np.float32) for name in names.get(role, ("s00", "s01"))}
        return {"text_negative_id": ids, "role": [role] * count, "model": [role] * count, **values}


def _endings() -> list[str]:
    return [f"{a}{b}{c}{d}" for a in "aeiou" for b in "lmnrst" for c in "aeiou" for d in ("", "n", "s")]


def _filled(table: str, made: dict[str, Any]) -> pa.Table:
    count = len(next(iter(made.values()), ()))
    arrays = [pa.array(made[f.name], f.type) if f.name in made else pa.nulls(count, f.type) for f in TABLES[table]]
    return pa.table(arrays, schema=TABLES[table].remove_metadata())


def ledger(stage: str, shard: str) -> pa.Table:
    """Make a ledger as the work of a stage leaves one."""
    operations = OPERATIONS if stage == "text negatives" else (None,)
    row = {"stage": stage, "shard": shard, "method": "replace", "tries": 100, "rows_out": 100, "seconds": 0.1}
    return pa.Table.from_pylist([{**row, "operation": operation} for operation in operations], LEDGER)
