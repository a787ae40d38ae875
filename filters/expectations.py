"""What a build is expected to be like: named SQL conditions over the one row of facts about it.

The same facts of the build that is current until then stand beside them, as `last_accepted` and so on.
"""

import re
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from schemas.errors import InputError
from schemas.measures import check_condition, locked

_COUNTS = ("images", "pairs", "rejects", "negatives", "accepted")
_SHARES = ("accepted_share", "rejects_share")
_FACTS = pa.schema(
    [(f"{last}{name}", kind)
     for last in ("", "last_")
     for names, kind in ((_COUNTS, pa.int64()), (_SHARES, pa.float64()))
     for name in names]
)  # fmt: skip


def check_expectations(expect: Mapping[str, str]) -> list[str]:
    """Say, a line each, which expectations are no SQL conditions over the facts."""
    wrong = []
    for name, condition in expect.items():
        try:
            check_condition(f"expect.{name}", condition, facts=_FACTS.empty_table())
        except InputError as error:
            wrong.append(f"{error}; the facts are {', '.join((*_COUNTS, *_SHARES))}, and each with last_ before it")
    return wrong


def broken_expectations(
    expect: Mapping[str, str], counts: Mapping[str, int], last: Mapping[str, int] | None
) -> dict[str, str]:
    """Find the expectations that a build breaks; returns for each why, in one line: its condition and the facts.

    `counts` are those of the build, `last` those of the build that is current until then: None where there is none,
    and all that begins with last_ is null. A condition that is null breaks nothing.
    """
    row = {**_facts(counts), **{f"last_{name}": fact for name, fact in (_facts(last) if last else {}).items()}}
    broken = {}
    with locked(facts=pa.Table.from_pylist([row], _FACTS)) as connection:
        for name, condition in expect.items():
            try:
                met = all(value is not False for (value,) in connection.sql(_query(condition)).fetchall())
                why = ""
            except duckdb.Error as error:  # of a division or a cast that only these facts make impossible
                met, why = False, f" ({' '.join(str(error).split())[:200]})"
            if not met:
                broken[name] = f"{' '.join(condition.split())}: {_told(condition, row)}{why}"
    return broken


def _facts(counts: Mapping[str, int]) -> dict[str, int | float | None]:
    """Name the facts; the share of nothing is 0, so that an empty build does not pass for a good one."""
    images, pairs, rejects, negatives, accepted = (
        counts.get(name) for name in ("images", "pairs", "rejects", "text_negatives", "accepted")
    )
    return {
        "images": images,
        "pairs": pairs,
        "rejects": rejects,
        "negatives": negatives,
        "accepted": accepted,
        "accepted_share": _share(accepted, negatives),
        "rejects_share": _share(rejects, None if pairs is None or rejects is None else pairs + rejects),
    }


def _share(part: int | None, whole: int | None) -> float | None:
    if part is None or whole is None:
        return None
    return part / whole if whole else 0.0


def _query(condition: str) -> str:
    return f"SELECT ({condition}\n) FROM facts"


def _told(condition: str, row: Mapping[str, int | float | None]) -> str:
    """Say what the facts are that a condition names; all of this build where it names none."""
    words = set(re.findall(r"\w+", condition.lower()))
    named = [name for name in _FACTS.names if name in words] or [*_COUNTS, *_SHARES]
    return ", ".join(f"{name} {_number(row.get(name))}" for name in named)


def _number(fact: float | None) -> str:
    if fact is None:
        return "null"
    return f"{fact:,}" if isinstance(fact, int) else f"{fact:.4g}"
