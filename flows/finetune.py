"""`counterfoil finetune`: from accepted pairs to a tuned model, and what it gained and lost."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import flow

from exports.pairs import Pair
from exports.selection import Selection
from exports.splits import split_for
from flows.builds import chosen_build
from flows.evaluate import Done, Wish, evaluate_models
from flows.progress import progress
from flows.tuned import Measured, Tuned, card
from schemas.errors import InputError
from schemas.recipe import load_recipe
from storage.dataset import Build, Dataset
from training.config import FineTune
from training.examples import Examples, is_written, write_examples
from training.patching import between
from training.run import Run
from training.towers import Towers, load_towers

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor


@flow(name="finetune", flow_run_name="finetune {out}", persist_result=False, log_prints=True)
def finetune(
    config: FineTune | str, dataset: str, out: str, settings: Sequence[str] = (), build_id: str | None = None
) -> Tuned | None:
    """Tune a model with what a build accepted; interrupted, it goes on where it stopped.

    Args:
        config: The recipe, or the path of a YAML file that has it.
        dataset: Folder or URL of the dataset.
        out: Folder for the model; it is loaded by its name, as `local-dir:OUT` in a config.
        settings: Keys of the recipe to override, such as batch_size=64.
        build_id: An older build; by default the current one.

    Returns None in all processes of a training but the first.

    Raises:
        InputError: Where something that the recipe names is missing, or the folder holds something else.
    """
    recipe = config if isinstance(config, FineTune) else load_recipe(FineTune, config, settings)
    source = Dataset(dataset)
    build = chosen_build(source, build_id)
    run = Run(Path(out), recipe, source.base if source.local else source.root, build.build_id)
    return _tuned(run, source, build)


def _tuned(run: Run, dataset: Dataset, build: Build) -> Tuned | None:
    from training.trainer import Trainer, accelerator_for

    accelerator = accelerator_for(run.recipe, run.folder)
    with accelerator.main_process_first():
        if accelerator.is_main_process:
            run.claim()
            if run.done:
                raise InputError(f"{run.folder}: this model is tuned already; its README.md has the figures")
        examples = _examples(run, dataset, build)
    with _batches_told(), _features_told(run.recipe) as encoded:
        trainer = Trainer(run.recipe, examples, run.work, accelerator, encoded)
    with progress("finetune", "steps") as advance, _tracked(accelerator, run.recipe) as log:

        def told(step: int, steps: int, losses: dict[str, float]) -> None:
            advance(1, steps)
            log(losses, step)

        advance(trainer.done, trainer.steps)
        trainer.train(told)
    steps, weights = trainer.steps, trainer.weights()
    if not accelerator.is_main_process:
        return None
    del trainer
    towers = load_towers(run.recipe.model, accelerator.device, run.recipe.seed)
    with Selection(dataset, build, ()) as selection:
        pairs = selection.about.splits
    first = {name: one.detach().cpu() for name, one in towers.module.state_dict().items()}
    name = _named(run, towers, first)
    share, shares = _best_share(run, name, towers, first, weights, split_for("validation", pairs))
    towers.save(run.folder, between(first, weights, share))
    tuned = Tuned(run, len(examples), steps, share, shares, _examined(run, name, split_for("test", pairs)))
    (run.work / "losses.jsonl").replace(run.folder / "losses.jsonl")
    (run.folder / "README.md").write_text(card(tuned), encoding="utf-8")
    shutil.rmtree(run.work)
    return tuned


def _named(run: Run, towers: Towers, first: "dict[str, Tensor]") -> str:
    """Name the first model; projectors that have learned nothing get a folder, against which they are compared."""
    if isinstance(run.recipe.model, str):
        return run.recipe.model
    towers.save(run.work / "untrained", first)
    return str(run.work / "untrained")


def _examples(run: Run, dataset: Dataset, build: Build) -> Examples:
    if is_written(run.work):
        return Examples(run.work)
    data = run.recipe.data
    # The towers tell how large pictures are looked at; loaded once more than need be, and let go at once.
    import torch

    size = load_towers(run.recipe.model, torch.device("cpu")).size
    with (
        Selection(dataset, build, (), data.where, data.split, data.untouched) as selection,
        progress("examples", "pairs") as advance,
    ):

        def read() -> Iterator[Pair]:
            for pair in selection.pairs():
                advance(1, selection.count)
                yield pair

        return write_examples(read(), run.work, size, data.pictures)


@contextmanager
def _batches_told() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise InputError(
            f"batch_size: {error}, of which no two may share an image or a caption; set it lower"
        ) from error


@contextmanager
def _features_told(recipe: FineTune) -> Iterator[Callable[[int, int], None]]:
    """Show how far the frozen encoders are, where there are some."""
    if isinstance(recipe.model, str):
        yield lambda *_: None
        return
    with progress("features", "pictures and captions") as advance:
        yield advance


@contextmanager
def _tracked(accelerator: "Accelerator", recipe: FineTune) -> Iterator[Callable[[dict[str, float], int], None]]:
    """Send losses to the trackers of the recipe."""
    if recipe.trackers:
        accelerator.init_trackers(
            "counterfoil-finetune", config={"model": recipe.title, "batch_size": recipe.batch_size}
        )
    try:
        yield accelerator.log
    finally:
        if recipe.trackers:
            accelerator.end_training()


def _best_share(
    run: Run, name: str, towers: Towers, first: "dict[str, Tensor]", weights: "dict[str, Tensor]", split: str | None
) -> tuple[float, list[Measured]]:
    patch = run.recipe.patch
    if patch is None or split is None:
        return 1.0, []
    shares = [_measured(run, name, 0.0, split)]
    for share in sorted(patch.shares):
        folder = run.work / f"share-{share:g}"
        towers.save(folder, between(first, weights, share))
        shares.append(_measured(run, str(folder), share, split))
    return best(shares, patch.lose), shares


def best(shares: Sequence[Measured], lose: float) -> float:
    """Choose the share with the best score among those that lose no more retrieval than that; else the smallest."""
    first, *others = shares
    kept = [one for one in others if one.retrieval >= first.retrieval - lose]
    return max(kept, key=lambda one: (one.score, one.share)).share if kept else min(one.share for one in others)


def _measured(run: Run, model: str, share: float, split: str) -> Measured:
    found = evaluate_models(Wish(model, (run.dataset,), str(run.work / "validation"), split=split))
    averages = {
        (row["benchmark"].rpartition(" ")[2], row["metric"]): row["value"]
        for row in found.results.to_pylist()
        if row["average"] == "micro" and row["model"] == model
    }
    score = averages.get(("2x2", "group"), averages.get(("1x2", "picks_caption"), 0.0))
    ranks = [
        averages[key] for key in (("retrieval", "picks_caption@5"), ("retrieval", "picks_picture@5")) if key in averages
    ]
    return Measured(share, score, sum(ranks) / len(ranks) if ranks else 0.0)


def _examined(run: Run, name: str, split: str | None) -> Done | None:
    """Compare the first model and the tuned one on pictures that were kept back, if any were."""
    if split is None:
        return None
    compare = (str(run.folder),)
    return evaluate_models(Wish(name, (run.dataset,), str(run.folder / "evaluation"), compare, split=split))
