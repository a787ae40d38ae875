"""What differs between two builds: what came, what went, which verdicts changed and why.

Only shards that one of the builds lacks are read, and of these the columns that count: a shard is never changed, and a
row stands in one shard of a build, so what is in a shard of both builds is the same in both.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from flows.tables import Column, Columns, seen
from storage.catalog import connect_shards
from storage.damage import damage_named
from storage.dataset import Build, Dataset

_EXAMPLES = 3  # of each reason
_MOST_EXAMPLES_SHOWN = 8
_LONGEST_VALUE = 60


@dataclass(frozen=True)
class Moved:
    """How many rows of a kind only the older or only the newer build has."""

    what: str
    came: int
    went: int


@dataclass(frozen=True)
class MovedNegatives:
    """The same of one operation's negatives, and how many of them were accepted."""

    operation: str
    came: int
    came_accepted: int
    went: int
    went_accepted: int


@dataclass(frozen=True)
class Reason:
    """How many negatives of one change have got or lost a reason, with a few of them."""

    reason: str
    gained: int
    lost: int
    examples: list[dict[str, str]] = field(default_factory=list)  # original, negative


@dataclass(frozen=True)
class Change:
    """Negatives, or their edited pictures, of both builds whose verdict changed in the same way."""

    of: str  # negatives or pictures
    change: str  # a key of _CHANGES
    count: int
    reasons: list[Reason]


@dataclass(frozen=True)
class Difference:
    """All that differs between two builds."""

    before: str
    after: str
    rows: list[Moved]
    negatives: list[MovedNegatives]
    verdicts: list[Change]
    config: list[dict[str, Any]]  # key, before, after; null where there is no such key


def difference(dataset: Dataset, before: Build, after: Build) -> Difference:
    """Compare two builds.

    Raises DamagedShardError, or InputError that names it, where a shard that is needed is cut or gone.
    """
    views = {}
    for table in _READ:
        old, new = before.shards.get(table, []), after.shards.get(table, [])
        views[f"old_{table}"] = table, _lacking(old, new)
        views[f"new_{table}"] = table, _lacking(new, old)
    views["judged"] = "text_negatives", _judged(after, views["new_verdicts"][1])
    read = {table: [*views[f"old_{table}"][1], *views[f"new_{table}"][1]] for table in _READ}
    read["text_negatives"] += views["judged"][1]
    with connect_shards(dataset, views) as connection, damage_named(dataset, read):
        moved = [
            Moved(name, *connection.sql(_moved(table, key, where)).fetchall()[0]) for name, table, key, where in _ROWS
        ]
        negatives = [MovedNegatives(*row) for row in connection.sql(_NEGATIVES).fetchall()]
        verdicts = _changes(connection)
    config = [{"key": key, "before": old, "after": new} for key, old, new in config_differences(before, after)]
    return Difference(before.build_id, after.build_id, moved, negatives, verdicts, config)


def config_differences(before: Build, after: Build) -> list[tuple[str, Any, Any]]:
    """List the dotted keys of the config that differ, with both values; None stands for a key that is not there."""
    old, new = dict(_keys(before.config)), dict(_keys(after.config))
    keys = dict.fromkeys([*old, *new])
    return [(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def shown(found: Difference) -> RenderableType:
    """Lay out what differs."""
    return Group(*_parts(found))


# Edited pictures: what each wrong caption came to, failures left out. Columns: name, table, key, which rows.
_ROWS = (
    ("images", "images", "image_id", "true"),
    ("pairs", "pairs", "pair_id", "true"),
    ("negatives", "text_negatives", "text_negative_id", "true"),
    ("edited pictures", "image_negatives", "image_negative_id", "rank = 0 AND failed_check IS NULL"),
)
_READ = ("images", "pairs", "text_negatives", "image_negatives", "verdicts")


def _moved(table: str, key: str, where: str) -> str:
    sides = [f"(SELECT {key}, true AS here FROM {side}_{table} WHERE {where}) {side}" for side in ("old", "new")]
    return (
        "SELECT count(*) FILTER (old.here IS NULL), count(*) FILTER (new.here IS NULL) "
        f"FROM {sides[0]} FULL JOIN {sides[1]} USING ({key})"
    )


_JUDGED = (
    "(SELECT text_negative_id, {0}_text_negatives.operation, coalesce(accepted, false) AS accepted "
    "FROM {0}_text_negatives LEFT JOIN {0}_verdicts USING (text_negative_id)) {0}"
)
_NEGATIVES = f"""
SELECT
    coalesce(old.operation, new.operation) AS operation,
    count(*) FILTER (old.accepted IS NULL), count(*) FILTER (old.accepted IS NULL AND new.accepted),
    count(*) FILTER (new.accepted IS NULL), count(*) FILTER (new.accepted IS NULL AND old.accepted)
FROM {_JUDGED.format("old")} FULL JOIN {_JUDGED.format("new")} USING (text_negative_id)
WHERE old.accepted IS NULL OR new.accepted IS NULL
GROUP BY ALL ORDER BY operation
"""

# A row for each reason that a verdict gained or lost, and one without a reason for each verdict.
_VERDICTS = f"""
WITH verdict AS (
    SELECT
        text_negative_id,
        unnest([
            {{'of': 'negatives', 'was': old.accepted, 'now': new.accepted,
              'old': coalesce(old.reasons, []), 'new': coalesce(new.reasons, [])}},
            {{'of': 'pictures', 'was': old.picture_accepted, 'now': new.picture_accepted,
              'old': coalesce(old.picture_reasons, []), 'new': coalesce(new.picture_reasons, [])}}
        ], max_depth := 2)
    FROM old_verdicts old JOIN new_verdicts new USING (text_negative_id)
),
changed AS (
    SELECT
        text_negative_id, of,
        CASE WHEN was AND NOT now THEN 'dropped' WHEN now AND NOT was THEN 'accepted' ELSE 'otherwise' END AS change,
        list_filter(new, lambda reason: NOT list_contains(old, reason)) AS gained,
        list_filter(old, lambda reason: NOT list_contains(new, reason)) AS lost
    FROM verdict
    WHERE was IS NOT NULL AND now IS NOT NULL AND (was <> now OR list_sort(old) <> list_sort(new))
),
reasons AS (
    SELECT
        text_negative_id, of, change,
        unnest(list_concat([NULL], gained, lost)) AS reason,
        unnest(list_concat(
            [NULL], list_transform(gained, lambda reason: true), list_transform(lost, lambda reason: false)
        )) AS gain
    FROM changed
)
SELECT
    of, change, reason, count(*), count(*) FILTER (gain), count(*) FILTER (NOT gain),
    min(text_negative_id, {_EXAMPLES})
FROM reasons GROUP BY of, change, reason
ORDER BY of, change <> 'dropped', change, reason IS NOT NULL, count(*) DESC, reason
"""
_CAPTIONS = "SELECT text_negative_id, original, caption FROM judged WHERE text_negative_id IN (SELECT unnest($1))"


def _changes(connection: duckdb.DuckDBPyConnection) -> list[Change]:
    rows = connection.sql(_VERDICTS).fetchall()
    wanted = sorted({each for *_, reason, _, _, _, few in rows if reason is not None for each in few})
    found = connection.execute(_CAPTIONS, [wanted]).fetchall() if wanted else []
    captions = {each: {"original": original, "negative": negative} for each, original, negative in found}
    changes: list[Change] = []
    for of, change, reason, count, gained, lost, few in rows:
        if reason is None:
            changes.append(Change(of, change, count, []))
            continue
        examples = [captions[each] for each in few if each in captions]
        changes[-1].reasons.append(Reason(reason, gained, lost, examples))
    return changes


def _lacking(shards: Sequence[str], others: Sequence[str]) -> list[str]:
    there = set(others)
    return [shard for shard in shards if shard not in there]


def _judged(build: Build, verdicts: Sequence[str]) -> list[str]:
    """Find the shards of negatives that shards of verdicts are about: both stand at the same place of their lists."""
    negatives, judged = build.shards.get("text_negatives", []), build.shards.get("verdicts", [])
    if len(negatives) != len(judged):
        return negatives
    wanted = set(verdicts)
    return [negative for negative, verdict in zip(negatives, judged, strict=True) if verdict in wanted]


def _keys(config: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping):  # an empty one has no key
            yield from _keys(value, f"{section}{name}.")
        else:
            yield f"{section}{name}", value


_CHANGES = {
    "dropped": "accepted before, dropped now",
    "accepted": "dropped before, accepted now",
    "otherwise": "dropped both times, for other reasons",
}


def _parts(found: Difference) -> Iterator[RenderableType]:
    yield Text.assemble(("From build ", "bold"), found.before, ("\n  to build ", "bold"), found.after)
    yield Text("")
    moved = [[each.what, each.came, each.went] for each in found.rows if each.came or each.went]
    if moved:
        yield _table("What came and went", ("", "came", "went"), moved)
    negatives = [
        [each.operation, each.came, each.came_accepted, each.went, each.went_accepted] for each in found.negatives
    ]
    if negatives:
        yield _table("Negatives", ("operation", "came", "accepted", "went", "accepted"), negatives)
    for change in found.verdicts:
        title = f"{change.of.capitalize()} of both builds, {_CHANGES[change.change]}: {change.count:,}"
        reasons = [[each.reason, each.gained, each.lost] for each in change.reasons]
        yield _table(title, ("reason", "gained", "lost"), reasons)
        examples = [
            [each.reason, example["original"], example["negative"]]
            for each in change.reasons
            for example in each.examples
        ]
        if examples:
            yield _table("  for example", ("reason", "original", "negative"), examples[:_MOST_EXAMPLES_SHOWN])
    if found.config:
        config = [[each["key"], _value(each["before"]), _value(each["after"])] for each in found.config]
        yield _table("Config", ("key", "before", "after"), config)
    if not (moved or found.verdicts or found.config):
        yield Text("No row, verdict or setting differs.")


def _value(value: Any) -> str:
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _table(title: str, heads: tuple[str, ...], rows: list[list[Any]]) -> RenderableType:
    columns = []
    for head, cells in zip(heads, zip(*rows, strict=True), strict=True):
        numeric = isinstance(cells[0], int)
        columns.append(Column(head, [f"{cell:,}" if numeric else seen(str(cell)) for cell in cells], numeric))
    return Group(Text(title, style="bold"), Padding(Columns(columns, ruled=False), (0, 0, 1, 2)))
