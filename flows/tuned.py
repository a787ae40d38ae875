"""What came of a fine-tuning, for a person: in the terminal, and as the model's card."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Group, RenderableType
from rich.text import Text

from filters.projected.model import is_projected
from flows.evaluate import Done
from flows.evaluations import markdown, markdown_table
from flows.tables import Column, Columns
from training.run import Run

# What the table of gains shows, in this order, with what it is called there.
_SHOWN = {
    ("2x2", "picks_caption"): "text",
    ("2x2", "picks_picture"): "image",
    ("2x2", "group"): "group",
    ("1x2", "picks_caption"): "text alone",
    ("paraphrases", "paraphrase_closer"): "paraphrase closer",
    ("retrieval", "picks_caption@1"): "caption R@1",
    ("retrieval", "picks_picture@1"): "picture R@1",
    ("retrieval", "picks_caption@5"): "caption R@5",
    ("retrieval", "picks_picture@5"): "picture R@5",
}


@dataclass(frozen=True)
class Measured:
    """A share of the way from the first weights to the tuned ones, and what it gives on the validation split."""

    share: float
    score: float  # group score, or where there are no edited pictures the share of captions picked
    retrieval: float  # R@5 of both directions, on average


@dataclass(frozen=True)
class Tuned:
    """What came of a fine-tuning."""

    run: Run
    examples: int
    steps: int
    share: float  # of the way to the tuned weights, see `training.config.Patch`
    shares: Sequence[Measured]  # the first weights first; empty where none were compared
    done: Done | None  # the first model and the tuned one on the test split; None where that has no pairs


@dataclass(frozen=True)
class Gain:
    """One measure of the first model and the tuned one on the same items."""

    measure: str
    before: float
    after: float
    low: float  # ends of the 95% interval of the difference
    high: float
    n: int


def gains(done: Done) -> list[Gain]:
    """Return what was gained and lost, over all operations, in the order that a person reads it in."""
    values = {
        (_kind(row), row["metric"], row["model"]): row["value"]
        for row in done.results.to_pylist()
        if row["average"] == "micro"
    }
    compared = {(_kind(row), row["metric"]): row for row in done.comparisons.to_pylist() if row["average"] == "micro"}
    first, second = done.models
    return [
        Gain(name, values[*key, first], values[*key, second], row["low"], row["high"], row["n"])
        for key, name in _SHOWN.items()
        if (row := compared.get(key)) is not None
    ]


def shown(tuned: Tuned) -> RenderableType:
    """Lay out for a terminal what was gained and what was lost."""
    lines: list[RenderableType] = [
        Text(f"{tuned.examples:,} examples, {tuned.steps:,} steps; the model is in {tuned.run.folder}"),
    ]
    if tuned.done is None:
        lines.append(Text("No accepted pair is of a split for tests: nothing says what was gained."))
    else:
        lines += [Text(""), Text(f"On pictures that it has not seen, {_way(tuned)}:"), measures(tuned)]
    return Group(*lines)


def measures(tuned: Tuned) -> RenderableType:
    """Lay out what was gained and lost, measure by measure."""
    rows = gains(tuned.done) if tuned.done is not None else []
    return Group(Columns(_columns(rows)), Text("difference, with its 95% interval, on the same items", style="dim"))


def card(tuned: Tuned) -> str:
    """Write the model's card: what it is, how it was tuned, what was gained and lost."""
    recipe = tuned.run.recipe.model_dump(mode="json", exclude_unset=True)
    front = {
        "library_name": _library(tuned.run.folder),
        "tags": ["counterfoil", "hard-negatives", "zero-shot-image-classification"],
    }
    lines = [
        "---", yaml.safe_dump(front, sort_keys=False).strip(), "---", "",
        f"# {tuned.run.folder.name}: {tuned.run.recipe.title}, tuned with hard negatives", "",
        f"{tuned.steps:,} steps of {tuned.run.recipe.batch_size:,} of {tuned.examples:,} examples that "
        f"build `{tuned.run.build_id}` of `{tuned.run.dataset}` accepted, {_way(tuned)}.",
        "", "```yaml", yaml.safe_dump(recipe, sort_keys=False).strip(), "```", "",
    ]  # fmt: skip
    if tuned.done is None:
        lines += ["No accepted pair is of a split for tests: what was gained has not been measured.", ""]
    else:
        lines += ["## Gained and lost", "", *markdown_table(_columns(gains(tuned.done))), ""]
        lines += [
            "On pictures that were kept back; intervals are those of the difference on the same items, at 95%.",
            "",
        ]
    if tuned.shares:
        lines += ["## Between the first weights and the tuned ones", "", "On the split that is for validation.", ""]
        lines += ["| share | score | R@5 |", "| ---: | ---: | ---: |"]
        lines += [f"| {one.share:g} | {one.score:.3f} | {one.retrieval:.3f} |" for one in tuned.shares] + [""]
    if tuned.done is not None:
        lines += [markdown(tuned.done).replace("# Evaluation", "## All measures", 1)]
    return "\n".join(lines)


def _library(folder: Path) -> str:
    if is_projected(folder):
        return "counterfoil"
    return "open_clip" if (folder / "open_clip_config.json").is_file() else "transformers"


def _way(tuned: Tuned) -> str:
    return "all the way" if tuned.share == 1 else f"{tuned.share:.0%} of the way from the first weights"


def _columns(rows: Sequence[Gain]) -> list[Column]:
    return [
        Column("measure", [row.measure for row in rows], False),
        Column("before", [f"{row.before:.3f}" for row in rows], True),
        Column("after", [f"{row.after:.3f}" for row in rows], True),
        Column("difference", [f"{row.after - row.before:+.3f}" for row in rows], True),
        Column("95%", [f"{row.low:+.3f} to {row.high:+.3f}" for row in rows], False),
        Column("n", [f"{row.n:,}" for row in rows], True),
    ]


def _kind(row: dict[str, Any]) -> str:
    return str(row["benchmark"]).rpartition(" ")[2]
