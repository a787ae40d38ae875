"""What becomes of pairs whose captions fit other pictures better: shards of pairs, in place of the source's own.

A shard that no caption leaves or comes to keeps its name, and with it all that was made of it.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.engine import Engine
from flows.groups import Group, Inputs
from flows.lanes import Call
from flows.progress import Board
from flows.steps.curation import AlignPairs
from flows.steps.step import Step
from schemas.config import Compute
from schemas.ids import fingerprint
from schemas.tables import LEDGER, PAIRS, REJECTS
from storage.dataset import Build, Dataset
from storage.presence import Presence

VERSION = 1  # of what is in a shard that captions have left or come to
# What a pair says of its picture, and not of its caption.
_OF_PICTURE = ("image_id", "source", "source_key", "split", "url", "license", "scene", "regions")


@dataclass(frozen=True)
class Curated:
    """Groups of the pairs that a build is made of, and what was measured of the source's."""

    groups: list[Group]
    rejects: list[str]  # shards, in the order of the groups
    alignment: str | None = None  # shard; None where nothing was measured

    def keep(self, engine: Engine) -> None:
        """Have an engine take what was measured as it is: measured of curated pairs, it would be another."""
        if self.alignment is not None:
            engine.keep(AlignPairs.name, self.alignment)


@dataclass
class _Moves:
    """What leaves a shard and what comes to it."""

    leaving: dict[str, str | None] = field(default_factory=dict)  # pair -> what it became
    coming: list[tuple[str, str, str]] = field(default_factory=list)  # the pair that it was, what it became, picture


def curated(
    dataset: Dataset,
    steps: Sequence[Step],
    groups: list[Group],
    call: Call,
    board: Board,
    there: Presence,
    compute: Compute,
) -> Curated:
    """Measure the pairs of a source, where the config says so, and take away those that are misassigned, or put them
    where they belong."""
    step = next((step for step in steps if isinstance(step, AlignPairs)), None)
    rejects = [group.pairs for group in groups]
    if step is None:
        return Curated(groups, rejects)
    shard = Engine([step], dataset, groups, call, board, there).run(compute).corpus[step.name]
    moves = _moves(dataset, groups, shard)
    if not moves:
        return Curated(groups, rejects, shard)
    came = _leaving(dataset, groups, moves)
    made = list(groups)
    for number, moved in sorted(moves.items()):
        group = groups[number]
        name = fingerprint("curated", VERSION, group.pairs, sorted(moved.leaving.items()), sorted(moved.coming))
        if not (there.has("pairs", name) and there.has("rejects", name)):
            _write(dataset, name, group, moved, came)
            there.add("pairs", name)
            there.add("rejects", name)
        made[number] = replace(group, pairs=name, captions=there.rows("pairs", name), images=group.pairs)
        rejects[number] = name
    return Curated(made, rejects, shard)


def kept_alignment(steps: Sequence[Step], groups: Sequence[Group], build: Build) -> str | None:
    """Return what a build has measured of these pairs of its source, where these steps would measure the same."""
    step = next((step for step in steps if isinstance(step, AlignPairs)), None)
    if step is None:
        return None
    several = tuple(Inputs({"pairs": (group.pairs,)}, group.captions) for group in groups)
    name = step.name_of(Inputs({}, 0, groups=several))
    return name if name in build.shards.get(AlignPairs.table, []) else None


def _moves(dataset: Dataset, groups: list[Group], alignment: str) -> dict[int, _Moves]:
    """Find, by the numbers of groups, what leaves them and what comes to them."""
    columns = ["source_pair_id", "pair_id", "better_image_id"]
    rows = dataset.read("alignment", alignment, columns)
    kept = pc.fill_null(pc.equal(rows["source_pair_id"], rows["pair_id"]), False)
    moved = rows.filter(pc.invert(kept))
    moves: dict[int, _Moves] = defaultdict(_Moves)
    if not moved.num_rows:
        return moves
    became = dict(zip(moved["source_pair_id"].to_pylist(), moved["pair_id"].to_pylist(), strict=True))
    wanted = set(moved["better_image_id"].to_pylist())
    home: dict[str, int] = {}
    for number, group in enumerate(groups):
        pairs = dataset.read("pairs", group.pairs, ["pair_id", "image_id"])
        for pair, image in zip(pairs["pair_id"].to_pylist(), pairs["image_id"].to_pylist(), strict=True):
            if pair in became:
                moves[number].leaving[pair] = became[pair]
            if image in wanted:
                home[image] = number
    for row in moved.to_pylist():
        if row["pair_id"] is not None:
            there = moves[home[row["better_image_id"]]]
            there.coming.append((row["source_pair_id"], row["pair_id"], row["better_image_id"]))
    return moves


def _leaving(dataset: Dataset, groups: list[Group], moves: Mapping[int, _Moves]) -> dict[str, dict[str, Any]]:
    """Read the pairs that leave their shards, by their ids."""
    found = {}
    for number, moved in moves.items():
        rows = dataset.read("pairs", groups[number].pairs)
        gone = rows.filter(pc.is_in(rows["pair_id"], value_set=pa.array(list(moved.leaving), pa.string())))
        found.update({row["pair_id"]: row for row in gone.to_pylist()})
    return found


def _write(dataset: Dataset, name: str, group: Group, moved: _Moves, came: Mapping[str, dict[str, Any]]) -> None:
    """Write a shard's pairs and rejects as they are after all moves; captions of a picture stay together."""
    started = time.perf_counter()
    by_image: dict[str, list[dict[str, Any]]] = {}
    pictures: dict[str, dict[str, Any]] = {}
    for row in dataset.read("pairs", group.pairs).to_pylist():
        several = by_image.setdefault(row["image_id"], [])
        pictures.setdefault(row["image_id"], {column: row[column] for column in _OF_PICTURE})
        if row["pair_id"] not in moved.leaving:
            several.append(row)
    for was, now, image in sorted(moved.coming):
        by_image[image].append({**came[was], **pictures[image], "pair_id": now})
    pairs = pa.Table.from_pylist([row for several in by_image.values() for row in several], PAIRS)
    dropped = [came[pair] for pair, became in moved.leaving.items() if became is None]
    rejects = dataset.read("rejects", group.pairs)
    made = {"pairs": pairs, "rejects": pa.concat_tables([rejects, pa.Table.from_pylist(_rejected(dropped), REJECTS)])}
    work = {"stage": "curation", "shard": name, "rows_in": group.captions, "rows_out": pairs.num_rows}
    seconds = time.perf_counter() - started
    dataset.write_work(name, pa.Table.from_pylist([{**work, "seconds": seconds}], LEDGER), made)


def _rejected(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "source": pair["source"],
            "source_key": pair["source_key"],
            "stage": "curation",
            "reason": "misassigned",
            "detail": f"{pair['caption']!r} of image {pair['image_id']}",
        }
        for pair in pairs
    ]
