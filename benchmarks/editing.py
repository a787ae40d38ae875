"""Edited pictures: seconds an edit by stage, the editor against the bare pipeline, and how good masks are.

    python benchmarks/editing.py

The pipeline that ships edits drawn scenes; each way of editing is timed in turn, so that both meet the same machine.
Masks are compared with the true ones of the things that the wrong captions are about.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import torch

from devices.pictures import decoded
from filters.attribution import Attribution
from filters.embeddings import Encoder
from flows.rows import beside, usable
from flows.run import run_build
from flows.steps.pictures import with_originals
from generators.images.editing import Editing
from generators.images.geometry import white_of
from generators.images.masks import Masks, mask_of_heat
from generators.images.phrases import changed_phrases
from generators.shapes.claims import Description
from generators.shapes.drawing import mask
from generators.shapes.reading import UnreadableError, read
from generators.shapes.world import Scene
from generators.text.language.sentence import Sentence
from models.card_inpaint import SETTINGS, Exam
from schemas.config import Clip, Compute, Images, load_config
from schemas.config import Masks as MaskSettings
from storage.catalog import connect
from storage.dataset import Dataset

CPU = Compute(device="auto", dtype="float32")
CONFIG = Path(__file__).resolve().parent.parent / "configs" / "shapes.yaml"


def overhead(rows: int, repetitions: int) -> None:
    """Time the editor and the bare pipeline on the same batches, and the parts of both."""
    editing = Editing(Images(**SETTINGS), CPU, 0)  # type: ignore[arg-type]
    table = Exam("replace_attribute", rows).rows()
    pipeline = editing.editor.pipeline
    spent: dict[str, float] = defaultdict(float)
    batches: list[dict[str, Any]] = []
    call = type(pipeline).__call__

    def recorded(self: Any, **arguments: Any) -> Any:
        batches.append(arguments)
        return call(self, **arguments)

    type(pipeline).__call__ = recorded
    editing(table)  # warm
    type(pipeline).__call__ = call
    editing.seconds.clear()
    whole, bare = [], []
    for _ in range(repetitions):
        started = time.perf_counter()
        editing(table)
        whole.append(time.perf_counter() - started)
        started = time.perf_counter()
        for batch in batches:
            seeds = [torch.Generator().manual_seed(k) for k in range(len(batch["prompt"]))]
            pipeline(**{**batch, "generator": seeds})
        bare.append(time.perf_counter() - started)
    ratios = sorted(ours / theirs for ours, theirs in zip(whole, bare, strict=True))
    print(f"editor against the bare pipeline call on the same batches: {statistics.median(ratios):.3f} times its time "
          f"({ratios[0]:.3f}-{ratios[-1]:.3f}, {repetitions} repetitions of {rows} edits)")  # fmt: skip
    for part, seconds in editing.seconds.items():
        print(f"  {part:<12} {1000 * seconds / rows / repetitions:8.2f} ms an edit")
    for name, owner, method in (
        ("read", pipeline.text_encoder, "forward"),
        ("encode", pipeline.vae, "encode"),
        ("denoise", pipeline.unet, "forward"),
        ("decode", pipeline.vae, "decode"),
    ):
        _timed(owner, method, name, spent)
    for batch in batches:
        pipeline(**{**batch, "generator": [torch.Generator().manual_seed(0)] * len(batch["prompt"])})
    print("inside the pipeline: " + ", ".join(f"{n} {1000 * s / rows:.2f} ms" for n, s in spent.items()) + " an edit")


def _timed(owner: Any, method: str, name: str, spent: dict[str, float]) -> None:
    real = getattr(owner, method)

    def timed(*arguments: Any, **more: Any) -> Any:
        started = time.perf_counter()
        result = real(*arguments, **more)
        spent[name] += time.perf_counter() - started
        return result

    setattr(owner, method, timed)


def masks(scenes: int) -> None:
    """Compare each mask maker with the true mask of the things that the changed phrases name."""
    with tempfile.TemporaryDirectory() as folder:
        run_build(str(CONFIG), folder, f"shapes:{scenes}?seed=31", ["images=[]", "judge=null", "target=null",
                                                                    "select.calibrated=null"])  # fmt: skip
        rows = _named(Dataset(folder))
    encoder = Encoder(Clip(model="package:shapes-clip"), Compute(device="auto", dtype="float32"))
    attribution = Attribution(encoder)
    truths = [row.pop("truth") for row in rows]
    table = pa.Table.from_pylist(rows)
    print(f"{len(rows)} wrong captions whose phrases name things in the scene")
    for name, how in (
        ("attribution, threshold 0.2", MaskSettings(makers=("attribution",), threshold=0.2, grow=0.0, most=1.0)),
        ("attribution, threshold 0.4", MaskSettings(makers=("attribution",), threshold=0.4, grow=0.0, most=1.0)),
        ("attribution, threshold 0.6", MaskSettings(makers=("attribution",), threshold=0.6, grow=0.0, most=1.0)),
        ("scene (boxes)", MaskSettings(makers=("scene",), grow=0.0, most=1.0)),
    ):
        started = time.perf_counter()
        made = Masks(how, 0, {"attribution": attribution})(table).to_pylist()
        each = (time.perf_counter() - started) / len(rows)
        overlaps = [_overlap(found, true) for found, true in zip(made, truths, strict=True) if found["mask"]]
        print(f"  {name:<28} intersection over union {np.mean(overlaps):.3f}, masks {len(overlaps) / len(rows):.3f}, "
              f"{1000 * each:.1f} ms each")  # fmt: skip
    hits, chance = _pointing(attribution, rows, truths)
    print(f"  pointing (one phrase): the peak lies in the thing in {hits:.3f} of cases, by chance in {chance:.3f}")


def _named(dataset: Dataset) -> list[dict[str, Any]]:
    """Wrong captions with what `Masks` needs, and the true mask of the things that their phrases name."""
    build, found = dataset.build(), []
    shards = zip(*(build.shards[table] for table in ("text_negatives", "images", "parses")), strict=True)
    for negatives, images, parses in shards:
        table = usable(dataset, negatives, images, ("original_spans", "negative_spans"))
        table = beside(table, "pair_id", dataset.read("parses", parses, ["pair_id", "tokens"]))
        for row in with_originals(dataset, table, images).to_pylist():
            spans = (row["original_spans"], row["negative_spans"])
            phrases = changed_phrases(Sentence.from_row(row["original"], row["tokens"]), row["caption"], *spans)
            scene = Scene.from_json(row["scene"])
            things = {thing for phrase in phrases for thing in _meant(phrase.text).select(scene)}
            if phrases and things:
                named = [{"start": phrase.start, "end": phrase.end} for phrase in phrases]
                found.append(row | {"truth": mask(tuple(things)) > 0, "phrases": named})
    return found


def _meant(phrase: str) -> Description:
    try:
        return read(phrase).mentions[0].what
    except (UnreadableError, IndexError):
        return Description.of(shape="none")


def _overlap(found: dict[str, Any], truth: Any) -> float:
    covered = white_of(decoded(found["mask"]["bytes"]))
    return float((covered & truth).sum() / (covered | truth).sum())


def _pointing(attribution: Attribution, rows: list[dict[str, Any]], truths: list[Any]) -> tuple[float, float]:
    hits, chances = [], []
    single = [(row, truth) for row, truth in zip(rows, truths, strict=True) if len(row["phrases"]) == 1]
    spans = [row["phrases"] for row, _ in single]
    given = {"key": [row["text_negative_id"] for row, _ in single], "image": [row["image"] for row, _ in single],
             "caption": [row["original"] for row, _ in single], "spans": spans}  # fmt: skip
    for heat, (_, truth) in zip(attribution(pa.table(given)).to_pylist(), single, strict=True):
        grid = np.array(heat["heat"], np.float32).reshape(heat["rows"], heat["columns"])
        peak = mask_of_heat(grid, truth.shape, 0.999)
        hits.append(peak is not None and truth[peak].mean() > 0.5)
        chances.append(truth.mean())
    return float(np.mean(hits)), float(np.mean(chances))


def whole(scenes: int) -> None:
    """Build a dataset in which every picture is edited, and say what came of it by computed truth."""
    editor = load_config(CONFIG).images[0].model_copy(update={"share": 1.0})
    settings = [f"images={json.dumps([editor.model_dump(mode='json')])}"]
    with tempfile.TemporaryDirectory() as folder:
        build = run_build(str(CONFIG), folder, f"shapes:{scenes}?seed=41", settings)
        with connect(Dataset(folder), build) as connection:
            print(f"edits of {scenes} scenes; up to {editor.tries.most} tries each")
            _print(connection, "FROM pictures_by_operation()")
            _print(connection, "SELECT method, original, pairs, round(accuracy::DOUBLE, 3) AS accuracy, "
                               "round(low::DOUBLE, 3) AS low, round(high::DOUBLE, 3) AS high FROM probes "
                               "WHERE probe = 'visual'")  # fmt: skip


def _print(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    found = connection.sql(sql)
    print("| " + " | ".join(found.columns) + " |\n|" + " --- |" * len(found.columns))
    for row in found.fetchall():
        print("| " + " | ".join("-" if cell is None else str(cell) for cell in row) + " |")


def main() -> None:
    """Measure."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--edits", type=int, default=64)
    arguments.add_argument("--repetitions", type=int, default=5)
    arguments.add_argument("--scenes", type=int, default=100)
    given = arguments.parse_args()
    overhead(given.edits, given.repetitions)
    masks(given.scenes)
    whole(given.scenes)


if __name__ == "__main__":
    main()
