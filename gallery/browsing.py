"""What a page to browse by knows: every negative as a short list, words that many share by number."""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gallery.captions import segments, visible
from gallery.figures import Figures
from gallery.rows import Drawn, Row
from schemas.reasons import HINTS
from storage.dataset import Build

# Scores that pairs can be sorted and filtered by, and what they mean.
SCORES = {
    "validity": "the judge's smallest margin for the right match",
    "difficulty": "minus the target's smallest margin: the higher, the harder",
    "plausibility_gap": "how much likelier a language model finds the original, in nats",
    "acceptability_gap": "how much better English the original is",
    "judge_text_similarity": "how alike the two captions are to the judge",
    "judge_image_similarity": "how alike the two pictures are to the judge",
    "attribution_inside": "share of what the judge sees of the changed words that lies in the mask",
    "inside_mask_change": "how much the picture changed where it was to",
}
COLUMNS = (
    "id", "operation", "method", "accepted", "reasons", "pictureAccepted", "pictureReasons", "right", "wrong",
    "picture", "edited", "mask", "editor", "instruction", "stillTrue", "judge", "target", "scores", "truth",
    "pictureTruth", "key", "source", "url", "license", "heat",
)  # fmt: skip
_DIGITS = 4


class _Words:
    """Words by number, in the order in which they were first met."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __getitem__(self, word: str | None) -> int | None:
        return None if word is None else self.numbers.setdefault(word, len(self.numbers))

    def all(self, words: Sequence[str] | None) -> list[int]:
        return [self.numbers.setdefault(word, len(self.numbers)) for word in words or ()]


def browsing_data(drawn: Drawn, told: Figures, build: Build, title: str, notes: Sequence[str]) -> dict[str, Any]:
    """Put together what the page shows: pairs in the order given, figures of the whole build, notes to read first."""
    operations, methods, editors, sources, reasons = (_Words() for _ in range(5))
    rows = [
        [
            row["text_negative_id"], operations[row["operation"]], methods[row["method"]], bool(row["accepted"]),
            reasons.all(row["reasons"]), row["picture_accepted"],
            reasons.all([*([row["image_failed_check"]] if row["image_failed_check"] else []),
                         *(each for each in row["picture_reasons"] or () if each != row["image_failed_check"])]),
            segments(row["original"], row["original_spans"]), segments(row["caption"], row["negative_spans"]),
            row["picture"], row["edited"], row["mask"], editors[row["image_method"]],
            _shown(row["instruction"]), row["original_still_true"], matrix(row, "judge"), matrix(row, "target"),
            [number(row[name]) for name in SCORES], row["valid"], row["picture_valid"],
            _shown(row["source_key"]), sources[_shown(row["source"])], _shown(row["url"]), _shown(row["license"]),
            row.get("heat"),
        ]
        for row in drawn.rows
    ]  # fmt: skip
    rules = {name: rule.get("hint", "") for kind in ("rules", "picture_rules")
             for name, rule in ((build.config.get("select") or {}).get(kind) or {}).items()}  # fmt: skip
    hints = {**HINTS, **rules}
    first = next(iter(build.config.get("target") or ()), None)
    models = {"judge": build.config.get("judge"), "target": first}
    return {
        "title": visible(title),
        "build": build.build_id,
        "counts": build.counts,
        "found": drawn.found,
        "notes": [visible(note) for note in notes],
        "models": {role: visible(re.split("[/:]", clip["model"])[-1]) for role, clip in models.items() if clip},
        "columns": COLUMNS,
        "scores": list(SCORES.items()),
        "operations": list(operations.numbers),
        "methods": list(methods.numbers),
        "editors": list(editors.numbers),
        "sources": list(sources.numbers),
        "reasons": [[visible(name), visible(hints.get(name, ""))] for name in reasons.numbers],
        "rows": rows,
        "figures": _finite(asdict(told)),
    }  # fmt: skip


def matrix(row: Row, role: str) -> list[float | None] | None:
    """Return s00, s01, s10, s11 of a model; None where it was not asked."""
    cells = [number(row[f"{role}_s{picture}{caption}"]) for picture in (0, 1) for caption in (0, 1)]
    return None if cells[0] is None else cells


def heat_of(found: Row) -> list[Any] | None:
    """Take a row of HEAT_MAPS as height, width and percents of its hottest patch; None where the words hit no token."""
    if found["heat"] is None:
        return None
    most = max(found["heat"])
    cells = [round(100 * max(0.0, each) / most) if most > 0 else 0 for each in found["heat"]]
    return [found["rows"], found["columns"], cells]


def number(value: float | None) -> float | None:
    """Round for the eye; JSON has no numbers that are none."""
    return None if value is None or not math.isfinite(value) else round(value, _DIGITS)


def _shown(text: str | None) -> str | None:
    return None if text is None else visible(text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return number(value) if isinstance(value, float) else value
