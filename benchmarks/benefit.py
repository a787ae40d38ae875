"""What a model gains from each kind of negative at an equal budget, on drawn scenes, where truth is exact.

    python -m benchmarks.benefit build                   the lessons, by the pipeline: half an hour on one core
    python -m benchmarks.benefit train [ARM ...]         every arm with three seeds, two to four minutes each
    python -m benchmarks.benefit blind                   how often a blind probe tells the wrong captions of the lessons
    python -m benchmarks.benefit report                  the tables of docs/benefit.md

All arms begin with `shapes-clip-bag` and take as many steps of as many examples, in the same order where they learn
from the same captions; what an arm adds is negatives, edited pictures and losses. What is done is kept in --work: run
again, it goes on.
"""

import argparse
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import spacy
import yaml

from benchmarks.exam import exam
from benchmarks.rivals import CEClip, negclip
from evaluation import evaluate
from evaluation.items import tables, without_pictures
from evaluation.metrics import metrics
from evaluation.models import load
from exports.pairs import Pair, Picture, by_caption
from exports.selection import Selection
from filters.text_probe import TextProbe
from flows.run import run_build
from generators.shapes.drawing import draw, png
from generators.shapes.source import Order, draw_source
from generators.shapes.writing import write
from models.lessons import HELD_OUT, OPERATION_NAMES, SIZE, minimal_pair
from schemas.operations import OPERATIONS
from storage.dataset import Dataset
from training.config import FineTune
from training.examples import Examples, is_written, write_examples
from training.trainer import Trainer, accelerator_for

ROOT = Path(__file__).resolve().parent.parent
SCENES, SEED = 1200, 41  # of the lessons
PAIRS = 600  # of an exam
SEEDS = (0, 1, 2)
LONG = 800  # steps
START = "package:shapes-clip-bag"
# Which pictures are held together is drawn anew for each seed; the model starts from the same weights.
BASE: dict[str, Any] = {
    "model": START,
    "steps": 200,
    "batch_size": 32,
    "learning_rate": 3e-4,
    "warm_up": 30,
    "weight_decay": 0.05,
    "patch": None,
    "compute": {"device": "cpu"},
}
NEGATIVES = {"negatives": 4}
HARD = {"grouped": {}, "own_negatives": {}}
PLAIN = {"grouped": {}, "own_negatives": {"weight": 2.0, "gamma": 0.0, "smoothing": 0.0}}


@dataclass(frozen=True)
class Arm:
    """One way to train: which lessons, and what of the recipe is its own."""

    says: str  # what it is, in the report
    lessons: str
    recipe: dict[str, Any]


ARMS = {
    "start": Arm("nothing: the target as it comes", "", {}),
    "captions": Arm("captions alone", "text", {"losses": {"contrastive": {}}}),
    "negclip": Arm("NegCLIP's swaps, its loss", "negclip", {"losses": {"negclip": {}}, "data": {"negatives": 1}}),
    "ce-clip": Arm("CE-CLIP's negatives, its losses", "ce-clip", {"losses": {"ce_clip": {}}, "data": NEGATIVES}),
    "text-ce-clip": Arm("our text negatives, CE-CLIP's losses", "text", {"losses": {"ce_clip": {}}, "data": NEGATIVES}),
    "ce-clip-ours": Arm("CE-CLIP's negatives, our losses", "ce-clip", {"losses": HARD}),
    "text": Arm("our text negatives, our losses", "text", {"losses": HARD}),
    "text-negclip": Arm("our text negatives, NegCLIP's loss", "text", {"losses": {"negclip": {}}}),
    "text-unchecked": Arm(
        "our text negatives, neither judged nor refined, our losses",
        "unchecked",
        {"losses": HARD},
    ),
    "rendered": Arm("ours, drawn", "rendered", {"losses": HARD}),
    "rendered-plainly": Arm(
        "ours, drawn; own negatives by plain cross entropy, four times the weight",
        "rendered",
        {"losses": PLAIN},
    ),
    "rendered-balanced": Arm(
        "the same, each operation as often as any other",
        "rendered",
        {"losses": PLAIN, "data": {"balance": 1.0}},
    ),
    "rendered-eqsim": Arm(
        "ours, drawn; EqSim beside NegCLIP's loss", "rendered", {"losses": {"negclip": {}, "eqsim": {}}}
    ),
    "diffusion": Arm("ours by diffusion, the original made anew", "diffusion", {"losses": HARD}),
    "diffusion-untouched": Arm("ours by diffusion, the original as it came", "diffusion-untouched", {"losses": HARD}),
    "diffusion-unfiltered": Arm("ours by diffusion, made anew, not filtered", "diffusion-unfiltered", {"losses": HARD}),
    "diffusion-text": Arm("the captions alone of ours by diffusion", "diffusion-text", {"losses": HARD}),
    "rendered-few": Arm("ours, drawn, as few as there are by diffusion", "rendered-few", {"losses": HARD}),
    "mix": Arm(
        "ours, drawn; with EqSim, difference captions, two negatives a picture",
        "rendered",
        {
            "losses": {"grouped": {}, "own_negatives": {"weight": 1.0}, "eqsim": {}, "differences": {"weight": 0.2}},
            "data": {"negatives": 2},
        },
    ),
    "perfect": Arm("perfect lessons: drawn pairs of every operation", "perfect", {"losses": HARD}),
    "perfect-plainly": Arm(
        "perfect lessons; own negatives by plain cross entropy, four times the weight", "perfect", {"losses": PLAIN}
    ),
}  # fmt: skip
# Four times the steps: whether what is bound last is learned at all.
ARMS |= {
    f"{name}-long": Arm(f"{ARMS[name].says}, {LONG:,} steps", ARMS[name].lessons, {**ARMS[name].recipe, "steps": LONG})
    for name in ("captions", "ce-clip", "text", "rendered-plainly", "rendered-balanced", "perfect-plainly")
}


def main() -> None:
    """Read the command line, and do one of four things."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("what", choices=["build", "train", "blind", "report"])
    arguments.add_argument("arms", nargs="*", metavar="ARM", help=f"all by default: {', '.join(ARMS)}")
    arguments.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "out" / "benefit")
    given = arguments.parse_args()
    work: Path = given.work
    work.mkdir(parents=True, exist_ok=True)
    if given.what == "build":
        build(work)
    elif given.what == "blind":
        blind(work)
    elif given.what == "report":
        from benchmarks.benefit_report import report

        print(report(work, {name: arm.says for name, arm in ARMS.items()}))
    else:
        for seed in SEEDS:
            for name in given.arms or ARMS:
                train(name, seed, work)


def build(work: Path) -> None:
    """Build the dataset of the lessons by the pipeline, as `configs/shapes.yaml` says, but for more diffusion."""
    source = work / "source"
    if not (source / "captions.jsonl").is_file():
        source.mkdir(exist_ok=True)
        draw_source(Order(SCENES, SEED), source, HELD_OUT)
    recipe = yaml.safe_load((ROOT / "configs" / "shapes.yaml").read_text(encoding="utf-8"))
    del recipe["rewrite"]
    recipe["source"] = {
        "path": str(source / "captions.jsonl"), "name": "shapes", "image_column": "image",
        "caption_column": "captions", "scene_column": "scene", "split": "train",
    }  # fmt: skip
    recipe["images"][0]["share"] = 0.06
    recipe["images"][0]["tries"]["most"] = 2  # of four: editing is most of the work
    recipe["target"] = {"model": START}
    recipe["select"]["calibrated"] = str(ROOT / "configs" / "shapes-calibration.yaml")
    config = work / "build.yaml"
    config.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    run_build(str(config), str(work / "dataset"), None, [])
    # A second build of the same shards, with no rule and no balance: what filters are worth.
    recipe["select"] = {"rules": {}, "picture_rules": {}, "refine": None}
    config.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    run_build(str(config), str(work / "dataset"), None, [])


def train(name: str, seed: int, work: Path) -> None:
    """Train an arm with a seed and examine it; nothing is done twice."""
    done = work / "results" / f"{name}-{seed}.parquet"
    if done.exists():
        return
    done.parent.mkdir(exist_ok=True)
    arm = ARMS[name]
    if not arm.recipe:
        examined(START, name, seed, done)
        return
    recipe = FineTune.model_validate({**BASE, **arm.recipe, "seed": seed})
    folder = work / "runs" / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(recipe, lessons(arm.lessons, work), folder, accelerator_for(recipe, folder))
    trainer.train(partial(told, f"{name} {seed}"))
    trainer.towers.save(folder / "model", trainer.weights())
    examined(f"{folder}/model", name, seed, done)


def told(name: str, step: int, steps: int, losses: dict[str, float]) -> None:
    """Print where a training is, now and then."""
    if step % 50 == 0:
        print(name, f"step {step} of {steps},", json.dumps({key: round(value, 4) for key, value in losses.items()}))


def examined(model: str, name: str, seed: int, file: Path) -> None:
    """Give a model the exam, and keep what came out."""
    items = pa.concat_tables(
        table
        for title, pairs, first, held_out in (("seen", PAIRS, 301, False), ("new", PAIRS // 2, 302, True))
        for table in tables(exam(title, pairs, first, held_out))
    )
    found = metrics(without_pictures(items), evaluate(load(model), items).scores)
    rows = [{**row, "model": name, "seed": seed} for row in found.to_pylist()]
    pa.parquet.write_table(pa.Table.from_pylist(rows), file)
    shown = {(row["benchmark"], row["metric"]): round(row["value"], 3) for row in rows if row["average"] == "micro"}
    print(name, seed, "group", shown["seen", "group"], "new", shown["new", "group"],
          "R@5", shown["seen retrieval", "picks_caption@5"])  # fmt: skip


def blind(work: Path) -> None:
    """Print how often a classifier of words, trained on other pictures' captions, tells what is wrong."""
    print("| lessons | wrong captions | told blindly | 95% |\n| --- | ---: | ---: | --- |")
    for name in ("negclip", "ce-clip", "text", "unchecked", "perfect"):
        examples = lessons(name, work)
        rows = pa.Table.from_pylist([
            {"text_negative_id": f"{row} {place}", "image_id": str(one.picture), "operation": negative.operation,
             "caption0": one.caption, "caption1": negative.caption, "accepted": True}
            for row, one in enumerate(map(examples.__getitem__, range(len(examples))))
            for place, negative in enumerate(one.negatives)
        ])  # fmt: skip
        probe = TextProbe()
        probe.add(rows)
        probe.fit()
        probe.score(rows)
        for told in probe.table().to_pylist():
            if told["operation"] is None and not told["selected"]:
                print(f"| {name} | {told['pairs']:,} | {told['accuracy']:.3f} | {told['low']:.3f}-{told['high']:.3f} |")


def lessons(name: str, work: Path) -> Examples:
    """Write the examples of some lessons, or read them where they were written."""
    folder = work / "lessons" / name
    if is_written(folder):
        return Examples(folder)
    return write_examples(
        LESSONS[name](work), folder, SIZE, pictures=name not in {"text", "unchecked", "diffusion-text"}
    )


def _selected(work: Path, which: int = 0, where: str | None = None, untouched: bool = False) -> Iterator[Pair]:
    """Read what a build accepted (0: by its rules, 1: by none), less what shows or says what is held out."""
    dataset = Dataset(str(work / "dataset"))
    chosen = dataset.read_build(dataset.builds()[-2:][which])
    condition = not_held_out() + (f" AND {where}" if where else "")
    with Selection(dataset, chosen, (), condition, untouched=untouched) as selection:
        yield from selection.pairs()


def not_held_out() -> str:
    """Write the condition that a pair says nothing of what training never shows."""
    said = " OR ".join(
        f"regexp_matches(lower(original || ' . ' || negative), '\\b{colour}( \\w+){{0,2}} {shape}')"
        for colour, shape in sorted(HELD_OUT)
    )
    return f"NOT ({said})"


_DIFFUSION = "image_method = 'inpaint'"
# As many drawn pairs of each operation as there are by diffusion: what the way of making pictures is worth.
_AS_FEW = """text_negative_id IN (
    SELECT text_negative_id FROM minimal_pairs p WHERE image_method = 'render' QUALIFY
        row_number() OVER (PARTITION BY operation ORDER BY text_negative_id)
        <= (SELECT count(*) FROM minimal_pairs e WHERE e.image_method = 'inpaint' AND e.operation = p.operation)
)"""


def _with_negatives(
    make: Callable[[spacy.tokens.Doc, random.Random], list[tuple[str, str]]], work: Path
) -> Iterator[Pair]:
    """Give the captions of our own text negatives those of somebody else."""
    parser = spacy.load(yaml.safe_load((ROOT / "configs" / "shapes.yaml").read_text())["describe"]["parser"])
    for several in by_caption(_selected(work)):
        first = several[0]
        made = make(parser(first.original), random.Random(f"{first.pair_id} {first.original}"))
        for number, (family, caption) in enumerate(made):
            # Families are told apart as operations are, by CE-CLIP's thresholds.
            operation = OPERATIONS[sum(map(ord, family)) % len(OPERATIONS)]
            yield replace(
                first, text_negative_id=f"{first.text_negative_id} {number}", operation=operation, negative=caption,
                image_negative_id=None, negative_picture=None, mask=None, original_phrase=None, negative_phrase=None,
                unit=None, foil=None,
            )  # fmt: skip


def _ce_clip(work: Path) -> Iterator[Pair]:
    captions = [several[0].original for several in by_caption(_selected(work))]
    return _with_negatives(CEClip(captions), work)


def _perfect(work: Path) -> Iterator[Pair]:  # noqa: ARG001 - as the others
    """Draw pairs of every operation: as many as the dataset has captions."""
    for number in range(2 * SCENES):
        rng = random.Random(f"perfect {SEED} {number}")
        operation = OPERATION_NAMES[number % len(OPERATION_NAMES)]
        scenes, claims = minimal_pair(rng, operation, held_out=False)
        wording = rng.getrandbits(48)
        right, wrong = (write(claim, random.Random(wording)) for claim in claims)
        shown = [Picture(f"{number} {at}", png(draw(scene, SIZE)), "png") for at, scene in enumerate(scenes)]
        empty = dict.fromkeys(Pair.__slots__)
        told = {
            "text_negative_id": str(number),
            "image_id": str(number),
            "operation": operation,
            "method": "drawn",
            "original": right,
            "negative": wrong,
            "original_still_true": operation.startswith("add_"),
            "split": "train",
            "paraphrases": [],
            "picture": shown[0],
            "negative_picture": shown[1],
        }
        yield Pair(**(empty | told))  # type: ignore[arg-type]


LESSONS: dict[str, Callable[[Path], Iterable[Pair]]] = {
    "text": _selected,
    "unchecked": lambda work: _selected(work, 1),
    "rendered": lambda work: _selected(work, 0, "image_negative_id IS NOT NULL"),
    "rendered-few": lambda work: _selected(work, 0, _AS_FEW),
    "diffusion": lambda work: _selected(work, 0, _DIFFUSION),
    "diffusion-text": lambda work: _selected(work, 0, _DIFFUSION),
    "diffusion-untouched": lambda work: _selected(work, 0, _DIFFUSION, untouched=True),
    "diffusion-unfiltered": lambda work: _selected(work, 1, _DIFFUSION),
    "negclip": partial(_with_negatives, negclip),
    "ce-clip": _ce_clip,
    "perfect": _perfect,
}


if __name__ == "__main__":
    main()
