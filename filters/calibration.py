"""Choose thresholds on the judge's score from labelled candidates, for a wished precision.

A threshold that somebody guessed keeps either too much or too little. Here a person labels some candidates
(valid: the wrong caption is really false of the image), says which precision is wished, and gets for each
operation the lowest threshold, so the highest recall, whose kept labels show that precision.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from schemas.config import Rule
from schemas.errors import InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """What a threshold is on: a score, in SQL over CANDIDATES, by the values of a column; and what drops by it."""

    rule: str  # the name under which `select` drops what is below its threshold
    score: str
    by: str
    what: str  # that is dropped, and why
    section: str  # of `select`


CAPTIONS = Scored("doubtful", "validity", "operation", "the judge is too unsure that it is false", "rules")
# The margins say whether one thing changed, the similarities whether all that the captions say is still to be seen: a
# large right change hides in the margins that something small got lost.
PICTURES = Scored(
    "unconvincing",
    "validity + least(judge_s00, judge_s11)",
    "image_method",
    "the judge is too unsure that the edited picture shows the wrong caption",
    "picture_rules",
)


@dataclass(frozen=True)
class Wish:
    """What the kept negatives should be; raises InputError for what cannot be wished."""

    precision: float = 0.95  # share of the kept that is valid
    confidence: float = 0.9  # how sure to be that the precision is no lower; one-sided
    least: int = 50  # scored labels that an operation needs for a threshold of its own

    def __post_init__(self) -> None:
        if not 0 < self.precision < 1:
            raise InputError(f"precision {self.precision:g}: wish a share between 0 and 1, for example 0.95")
        if not 0.5 <= self.confidence < 1:
            raise InputError(f"confidence {self.confidence:g}: give 0.5 or more and less than 1, for example 0.9")
        if self.least < 1:
            raise InputError(f"least {self.least}: an operation needs at least 1 label for a threshold of its own")


@dataclass(frozen=True)
class Threshold:
    """What was chosen for one operation, and what its own labels say of that choice."""

    operation: str | None  # None: all operations pooled
    labels: int  # with a score
    unscored: int  # labels without a score: counted, never used
    valid: int  # of the labels
    threshold: float | None  # keep score >= threshold; None keeps everything: no rule
    own: bool  # chosen on these labels; else it is the pooled one, for too few labels
    kept: int
    valid_kept: int
    lower_bound: float  # of the precision of what is kept, at the wished confidence; 0 when nothing is
    reached: bool  # these labels show the wish: lower_bound >= Wish.precision

    @property
    def precision_before(self) -> float | None:
        """Share of valid labels among all; None with no labels."""
        return self.valid / self.labels if self.labels else None

    @property
    def precision_after(self) -> float | None:
        """Share of valid labels among the kept; None when none is kept."""
        return self.valid_kept / self.kept if self.kept else None

    @property
    def recall(self) -> float | None:
        """Share of valid labels that is kept; None with no valid label."""
        return self.valid_kept / self.valid if self.valid else None


@dataclass(frozen=True)
class Calibration:
    """The thresholds chosen for a wish: by operation, in the order of their names, and pooled."""

    wish: Wish
    operations: tuple[Threshold, ...]
    pooled: Threshold


def calibrate(labelled: pa.Table, wish: Wish) -> Calibration:
    """Choose a threshold for each operation and for all pooled, in O(n log n).

    `labelled` has the columns operation (string), score (float, null where it was not taken) and valid (bool);
    the higher the score, the likelier valid. Considered are cuts between neighbouring distinct scores, so that
    equal scores are never split, and no cut at all. Chosen is the lowest whose kept labels have a lower bound
    of precision at or above the wish; where none has, the one with the highest lower bound, marked as not
    reached. A cut is the middle of its two scores, rounded to as few digits as stay in the middle half between
    them: a threshold is for people too.

    The bound holds for one threshold named beforehand. Here it is the best of many, all looked at on the same
    labels, so it promises too much, the more so the fewer the labels and the weaker the score. Simulated at wish
    0.95 and confidence 0.9 (normal score, logistic validity of intercept 1.5 and slope 1.5): of the choices that
    claim to reach the wish, 41% miss it with 200 labels, 10% with 1000, 8% with 5000; at slope 0.8, 55% with
    1000 and 18% with 5000. So measure the precision of the build on labels that took no part in this choice.

    Raises ValueError when operation or valid has nulls.
    """
    if labelled["operation"].null_count or labelled["valid"].null_count:
        raise ValueError("operation and valid must not be null: leave unlabelled rows out")
    operations = np.asarray(labelled["operation"].to_pylist(), dtype=np.str_)
    scores = np.asarray(labelled["score"].cast(pa.float64()).to_numpy(), dtype=np.float64)  # null becomes NaN
    valid = np.asarray(labelled["valid"].to_numpy(), dtype=np.bool_)
    pooled = _measure(None, scores, valid, wish, _cut(scores, valid, wish), own=True)
    found = []
    names, codes, counts = np.unique(operations, return_inverse=True, return_counts=True)
    groups = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    for name, rows in zip(names.tolist(), groups if len(names) else [], strict=True):
        own = int(np.count_nonzero(~np.isnan(scores[rows]))) >= wish.least
        cut = _cut(scores[rows], valid[rows], wish) if own else pooled.threshold
        found.append(_measure(name, scores[rows], valid[rows], wish, cut, own))
    return Calibration(wish, tuple(found), pooled)


def lower_bound(valid: npt.ArrayLike, kept: npt.ArrayLike, confidence: float) -> Floats:
    """Bound the precision of `kept` labels, of which `valid` are valid, from below; one-sided; 0 for no labels.

    Wilson's score interval with continuity correction: Newcombe, Two-sided confidence intervals for the single
    proportion, Statistics in Medicine 17 (1998), method 4, its lower end with a one-sided z. Without the
    correction the bound is too high just where it is needed: asked for 0.9 it covers as little as 0.79 (10
    labels, precision 0.86), and 32 valid of 32 would show a precision of 0.95. With it the coverage, summed
    exactly for 10 to 2000 labels and precisions from 0.5 to 0.999, is never below 0.9, 0.95 and 0.99 for those
    confidences. Clopper and Pearson's bound is as safe but has no closed form.
    """
    z = NormalDist().inv_cdf(confidence)
    n = np.asarray(kept, dtype=np.float64)
    k = np.maximum(np.asarray(valid, dtype=np.float64) - 0.5, 0)
    spread = z * np.sqrt(k * (n - k) / np.maximum(n, 1) + z * z / 4)
    return np.where(n > 0, np.maximum(k + z * z / 2 - spread, 0) / np.maximum(n + z * z, 1), 0.0)


def rule(calibration: Calibration, of: Scored = CAPTIONS) -> Rule | None:
    """Write the thresholds as a rule of `select`; None when no operation needs one.

    An operation that needs no threshold is never dropped; one that had no labels, or too few, is held to the
    pooled threshold. Editors of pictures differ more than operations do: one that had no labels is left alone. A null
    score drops nothing.
    """
    own = [(each.operation or "", each.threshold) for each in calibration.operations if each.own or of is PICTURES]
    pooled = None if of is PICTURES else calibration.pooled.threshold
    if pooled is None and all(threshold is None for _, threshold in own):
        return None
    cases = [f"    WHEN {_quoted(operation)} THEN {_sql(threshold)}" for operation, threshold in own]
    # A score is FLOAT: compared with a decimal, both would be rounded to FLOAT, and a threshold between two
    # neighbouring floats would become one of them.
    chosen = "\n".join([f"CASE {of.by}", *cases, f"    ELSE {_sql(pooled)}", "END"]) if cases else _sql(pooled)
    return Rule(
        drop_when=f"{of.score} < CAST({chosen} AS DOUBLE)",
        hint=f"{of.what}: below the threshold calibrated on labels for precision {calibration.wish.precision:g}",
    )


def as_yaml(captions: Calibration | None, pictures: Calibration | None, origin: Mapping[str, str]) -> str:
    """Write the rules as YAML that `select.calibrated` takes, under comments that say what was chosen and why.

    `origin` says where it comes from: when, dataset, build, labels, ...
    """
    comment = [
        "Thresholds on the judge's scores, chosen from labels; `counterfoil calibrate` wrote this file.",
        "In a config, `select: {calibrated: THIS FILE}` uses it.",
        "",
        *(f"{name}: {value}" for name, value in origin.items()),
    ]
    body: dict[str, dict[str, object]] = {CAPTIONS.section: {}}
    for of, one in ((CAPTIONS, captions), (PICTURES, pictures)):
        if one is None:
            continue
        rows = [header(of), *(row(each) for each in (*one.operations, one.pooled))]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        comment += [
            f"wish: precision {one.wish.precision:g} with confidence {one.wish.confidence:g}; what has fewer than "
            f"{one.wish.least} labels takes the threshold of all",
            "",
            *("  ".join(map(str.ljust, cells, widths)) for cells in rows),
            "",
        ]
        drop = rule(one, of)
        body[of.section] = {of.rule: drop.model_dump()} if drop is not None else {}
    comment += textwrap.wrap(LEGEND, 110)
    # Whatever a name contains: a line break would end the comment, a control character is no YAML.
    lines = ["# " + "".join(sign if sign.isprintable() else " " for sign in line) for line in comment]
    written = yaml.dump(body, Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=120)
    return "\n".join(line.rstrip() for line in lines) + f"\n\n{written}"


def verdict(chosen: Threshold) -> str:
    """Say whether the labels show the wish, and whether the threshold is the one of all operations."""
    if not chosen.own:
        return "as all, reached" if chosen.reached else "as all"
    return "reached" if chosen.reached else "NOT REACHED"


def _cut(scores: Floats, valid: npt.NDArray[np.bool_], wish: Wish) -> float | None:
    scored = ~np.isnan(scores)
    order = np.argsort(scores[scored], kind="stable")
    ordered, good = scores[scored][order], valid[scored][order]
    if not len(ordered):
        return None
    # The i-th cut keeps everything from the first row of the i-th distinct score on; the first keeps all.
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] > ordered[:-1]]))
    valid_below = np.concatenate([[0], np.cumsum(good)])[first]
    bounds = lower_bound(good.sum() - valid_below, len(ordered) - first, wish.confidence)
    reached = np.flatnonzero(bounds >= wish.precision)
    best = first[reached[0] if len(reached) else np.argmax(bounds)]
    return _between(float(ordered[best - 1]), float(ordered[best])) if best else None


def _measure(
    operation: str | None,
    scores: Floats,
    valid: npt.NDArray[np.bool_],
    wish: Wish,
    threshold: float | None,
    own: bool,
) -> Threshold:
    scored = ~np.isnan(scores)
    keeps = scored if threshold is None else scored & (scores >= threshold)
    kept, valid_kept = int(keeps.sum()), int((keeps & valid).sum())
    bound = float(lower_bound(valid_kept, kept, wish.confidence))
    return Threshold(
        operation=operation,
        labels=int(scored.sum()),
        unscored=int((~scored).sum()),
        valid=int((scored & valid).sum()),
        threshold=threshold,
        own=own,
        kept=kept,
        valid_kept=valid_kept,
        lower_bound=bound,
        reached=bound >= wish.precision,
    )


def _between(low: float, high: float) -> float:
    middle = low / 2 + high / 2
    for digits in range(1, 18):
        short = float(f"{middle:.{digits}g}")
        if low < short < high and abs(short - middle) <= (high - low) / 4:
            return short
    return high  # nothing lies between two neighbouring floats; score >= high cuts there as well


LEGEND = (
    "before, after: precision of all labels and of the kept. at least: lower bound of the precision after, at that "
    "confidence; as the best of many thresholds looked at on the same labels it promises too much: measure the "
    "outcome on other labels. recall: share of the valid that is kept. none: nothing is dropped. as all: too few "
    "labels. NOT REACHED: no threshold reaches the wish, this one comes nearest."
)
_HEADER = ("threshold", "labels", "valid", "before", "after", "at least", "kept", "recall", "outcome")


def header(of: Scored) -> tuple[str, ...]:
    """Name the columns of a table of choices."""
    return ("editor" if of is PICTURES else "operation", *_HEADER)


def row(chosen: Threshold) -> tuple[str, ...]:
    """Write one choice as the cells of a table under `header`."""
    return (
        chosen.operation or "all",
        "none" if chosen.threshold is None else _sql(chosen.threshold),
        str(chosen.labels),
        str(chosen.valid),
        _share(chosen.precision_before),
        _share(chosen.precision_after),
        _share(chosen.lower_bound),
        str(chosen.kept),
        _share(chosen.recall),
        verdict(chosen),
    )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def _sql(threshold: float | None) -> str:
    return "NULL" if threshold is None else np.format_float_positional(threshold, trim="0")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class _Blocks(yaml.SafeDumper):
    """Writes SQL of several lines as it looks."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Blocks.add_representer(str, _block)
