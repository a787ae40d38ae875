"""What `counterfoil demo` says: the whole journey on drawn scenes, in plain words."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Group, RenderableType
from rich.text import Text

from flows.report import operations_table
from flows.run import run_flow
from flows.tuned import measures
from storage.dataset import Build

_ONE_EACH = (
    "SELECT operation, original, negative, negative_spans FROM minimal_pairs "
    "QUALIFY row_number() OVER (PARTITION BY operation ORDER BY hash(text_negative_id)) = 1 ORDER BY operation"
)

_REWRITTEN = "SELECT count(*), count(*) FILTER (failed_check IS NULL) FROM text_negatives WHERE method = 'rewrite'"


def story(connection: duckdb.DuckDBPyConnection, build: Build) -> RenderableType:
    """Tell what was made, what of it is right by computed truth, and how the two models fare."""
    return Group(*_lines(connection, build))


def cure(config: Path, dataset: str, out: str) -> RenderableType:
    """Tune the target with what was accepted, for a minute, and tell what it gained and lost."""
    place = Path(out)
    if (place / "finetune.json").is_file():  # of a demo before
        shutil.rmtree(place)
    tuned = run_flow("finetune", str(config), dataset, out, ["steps=60", "patch=null"], None)
    return Group(
        Text("What it is good for", style="bold"),
        Text(
            f"  The target has learned from {tuned.examples:,} of these captions and pictures for {tuned.steps} steps: "
            "a minute. On scenes that were kept back:"
        ),
        measures(tuned),
        Text(f"  The tuned model is in {out}, with its card; docs/benefit.md compares ways to train.\n"),
    )


def _lines(connection: duckdb.DuckDBPyConnection, build: Build) -> Iterator[RenderableType]:
    counts = build.counts
    truth = _last_row(connection, "FROM precision_and_recall()")
    [(pictured,)] = connection.sql("SELECT count(image_negative_id) FROM minimal_pairs").fetchall()
    yield Text("What happened", style="bold")
    [(rewritten, kept)] = connection.sql(_REWRITTEN).fetchall()
    yield Text(
        f"  {counts['images']:,} scenes were drawn and described in {counts['pairs']:,} captions. Rules and spaCy made "
        f"{counts['text_negatives'] - rewritten:,} wrong captions of them, a small language model {rewritten:,} more, "
        f"of which {kept:,} are what they were to be; {truth['usable']:,} passed the text checks "
        f"and {counts['accepted']:,} were accepted, {pictured:,} of them with a picture that they are true of."
    )
    yield Text(
        f"  Whether a caption is true of a scene is computed: of those that passed the checks "
        f"{truth['precision before']:.1%} really are wrong, of those accepted {truth['precision after']:.1%}; "
        f"{truth['recall']:.1%} of the really wrong ones were accepted."
    )
    yield from _edited(connection)
    judge, target = (_last_row(connection, f"FROM matching_scores('{role}')") for role in ("judge", "target"))
    yield Text(
        f"  On the accepted pairs the judge gets {judge['group']:.0%} wholly right (group score), the target, which "
        f"takes a caption for a bag of words, {target['group']:.0%}; guessing gets 17%. That is what hard "
        "negatives are for."
    )
    yield Text("")
    yield operations_table(connection)
    yield Text("Some that were accepted", style="bold")
    for operation, original, negative, spans in connection.sql(_ONE_EACH).fetchall():
        marked = Text(f"    {negative}")
        for span in spans:
            marked.stylize("bold red", span["start"] + 4, span["end"] + 4)
        yield Group(Text(f"  {operation}", style="dim"), Text(f"    {original}"), marked)
    yield Text("")


def _edited(connection: duckdb.DuckDBPyConnection) -> Iterator[RenderableType]:
    """Say how the pictures made by diffusion fare."""
    found = connection.sql(
        'SELECT pictures, accepted, "right before", "right after" FROM pictures_by_operation() '
        "WHERE method = 'inpaint' AND operation = 'all'"
    ).fetchall()
    for pictures, accepted, before, after in found:
        yield Text(
            f"  {pictures:,} of these pictures were made by diffusion, the others by drawing the scene again: a small "
            f"inpainting model filled in what the wrong caption changes. {before:.0%} of its edits are right by the "
            f"scene nearest to them; the judge kept {accepted:,}, of which {after or 0:.0%} are right."
        )
    probes = connection.sql(
        "SELECT original, accuracy, low, high FROM probes WHERE probe = 'visual' AND method = 'inpaint' "
        "ORDER BY original"
    ).fetchall()
    if probes:
        told = "; ".join(f"from the {name} {a:.2f} ({low:.2f}-{high:.2f})" for name, a, low, high in probes)
        yield Text(f"  Told apart by one picture alone, without a caption (0.5 is perfect): {told}.")


def _last_row(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    found = connection.sql(sql)  # the macros end with the row of all operations
    return dict(zip(found.columns, found.fetchall()[-1], strict=True))
