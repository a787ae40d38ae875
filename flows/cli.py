"""The command line: errors are one line that says what is wrong, where and what to do."""

import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from flows.errors import told
from schemas.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

app = typer.Typer(
    name="counterfoil",
    help="Hard negatives for vision-language models: made, judged, filtered and explained.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
HERE = Path(__file__).resolve().parent.parent
Folder = Annotated[str, typer.Argument(help="Dataset folder or URL.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Override one key: text.tries=8.", metavar="KEY=VALUE")
]
OfBuild = Annotated[
    str | None,
    typer.Option(
        "--build", help="Id of an older build, or its beginning or end.", metavar="ID", show_default="current"
    ),
]
PerOperation = Annotated[int, typer.Option(min=1, help="How many of each operation people are to judge.")]
How = Annotated[
    Literal["even", "near", "disputed"],
    typer.Option("--draw", help="What is judged: any; nearest to the thresholds; where judge and rules disagree."),
]
Seed = Annotated[int, typer.Option(help="Another number draws others.")]
Form = Annotated[Literal["table", "json"], typer.Option("--format")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("counterfoil"))
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; before the command.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Tell the version.", callback=_version)] = False,
) -> None:
    """Options of every command; `main` reads --debug itself."""


@app.command()
def build(
    config: Annotated[str, typer.Argument(help="YAML file, for example configs/photos.yaml.")],
    source: Annotated[str | None, typer.Option(help="File, folder or glob with the pairs.")] = None,
    out: Annotated[str, typer.Option(help="Dataset folder or URL.")] = "dataset",
    setting: Settings = None,
) -> None:
    """Build a dataset, or bring one up to date."""
    from flows.report import queries

    _build(config, out, source, setting or [])
    _print(queries(out))


@app.command()
def demo(out: Annotated[str, typer.Option(help="Dataset folder.")] = "demo-dataset") -> None:
    """Run the whole journey on scenes that Counterfoil draws, with the models that come with it."""
    from flows.demo import cure, story
    from flows.gallery import gallery
    from flows.report import queries
    from flows.run import run_build
    from storage.catalog import connect
    from storage.damage import damage_named
    from storage.dataset import Dataset

    config = HERE / "configs" / "shapes.yaml"
    if not config.is_file():
        raise InputError(f"demo: no {config.name} beside the code; run it from a checkout of the repository")
    _check_out(out)
    made = run_build(str(config), out, None, [])
    with connect(Dataset(out), made) as connection, damage_named(Dataset(out)):
        _print(story(connection, made))
    _print(cure(config.with_name("finetune-shapes.yaml"), out, f"{out}-tuned"))
    if "://" not in out:
        page = gallery(out, f"{out.rstrip('/')}.html", heat=24).path
        print(f"Look at it: open {os.path.abspath(page)} in a browser.\n")
    _print(queries(out))


@app.command(name="try")
def try_caption(
    captions: Annotated[
        list[str],
        typer.Argument(
            help="A caption, in quotes; more of the same picture say what else is true of it.", metavar="CAPTION..."
        ),
    ],
    image: Annotated[
        str | None, typer.Option(help="Its picture: the judge of the config scores.", metavar="FILE")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Draw new words from its corpus, keep by its rules.", metavar="DIR")
    ] = None,
    config: Annotated[str | None, typer.Option(help="Keep by the rules of this YAML file.", metavar="FILE")] = None,
    per_operation: Annotated[int, typer.Option(min=1, help="Wrong captions wanted of each operation.")] = 3,
    form: Form = "table",
) -> None:
    """Show what wrong captions would be made of a caption, at once, and which of them would be dropped and why."""
    from flows import frugal

    if image is None:
        frugal.begin()  # no model of torch's will run
    from flows.tries import shown, wrong_captions

    made = wrong_captions(*captions, image=image, dataset=dataset, config=config, per_operation=per_operation)
    _tell(made, form, shown)


@app.command()
def finetune(
    config: Annotated[str, typer.Argument(help="YAML file, for example configs/finetune-clip-b32.yaml.")],
    folder: Folder,
    out: Annotated[str, typer.Option(help="Folder for the tuned model.", metavar="DIR")] = "tuned",
    setting: Settings = None,
    build: OfBuild = None,
) -> None:
    """Tune a model with what a build accepted; tell what it gained and lost. Interrupted, it goes on."""
    from flows.run import run_flow
    from flows.tuned import shown

    done = run_flow("finetune", config, folder, out, setting or [], build)
    if done is not None:
        _print(shown(done))


@app.command()
def check(
    config: Annotated[str, typer.Argument(help="YAML file, for example configs/photos.yaml.")],
    source: Annotated[str | None, typer.Option(help="File, folder or glob with the pairs.")] = None,
    out: Annotated[str, typer.Option(help="Dataset folder or URL.")] = "dataset",
    setting: Settings = None,
) -> None:
    """Tell what a build would do and what it misses; do and write nothing."""
    from schemas.config import load_config

    recipe = load_config(config, setting or [], source)
    lacking = _lacking(recipe.source.path, out)

    from flows.checking import foresight, missing
    from storage.dataset import Dataset

    lacking = list(dict.fromkeys([*lacking, *missing(recipe)]))
    if lacking:
        raise InputError("\n".join(lacking))
    _print(foresight(Dataset(out), recipe))


@app.command()
def status(folder: Folder, build: OfBuild = None) -> None:
    """Tell what is there, what was rejected and dropped and why, and what it cost."""
    from flows.builds import chosen_build
    from flows.report import report
    from storage.catalog import connect
    from storage.damage import damage_named
    from storage.dataset import Dataset

    dataset = Dataset(folder)
    asked_of, current = chosen_build(dataset, build), dataset.build()
    with connect(dataset, asked_of) as connection, damage_named(dataset, asked_of):
        _print(report(connection, asked_of))
    several = len(dataset.builds())
    which = "this one" if asked_of.build_id == current.build_id else current.build_id
    print("One build is kept." if several == 1 else f"{several} builds are kept; {which} is current.")


@app.command()
def builds(folder: Folder, form: Form = "table") -> None:
    """List the builds that are kept, newest last: how much each holds, and what changed against the one before."""
    from flows.builds import entries, shown
    from storage.dataset import Dataset

    _tell(entries(Dataset(folder)), form, shown)


@app.command()
def diff(
    folder: Folder,
    build: Annotated[list[str] | None, typer.Argument(help="One build, against the current one; or two.")] = None,
    form: Form = "table",
) -> None:
    """Tell what came, what went and which verdicts changed, and why, between two builds: by default the last two.

    A build is named by its id, or a beginning or end of it that no other has; `counterfoil builds DIR` lists them.
    """
    from flows.builds import two_builds
    from flows.differences import difference, shown
    from storage.dataset import Dataset

    if build and len(build) > 2:
        raise InputError(f"diff: {len(build)} builds are named; name two at most")
    dataset = Dataset(folder)
    _tell(difference(dataset, *two_builds(dataset, build or [])), form, shown)


class _Sql(TyperCommand):
    """A command whose query may begin with an SQL comment: `-- why` and a line break is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Tell queries from options."""
        return super().parse_args(ctx, [f" {each}" if _COMMENTED.match(each) else each for each in args])


_COMMENTED = re.compile(r"--(\s|(?!(format|out|attach|build)=)[^\n]*\n)")


@app.command(cls=_Sql)
def sql(
    folder: Folder,
    query: Annotated[str | None, typer.Argument(help="SQL; without it a shell, or what is piped in.")] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="table, json, jsonl, csv, markdown or parquet.", show_default="table")
    ] = None,
    out: Annotated[str | None, typer.Option(help="File for the answer; its ending tells the format.")] = None,
    attach: Annotated[
        list[str] | None, typer.Option(help="Table or DuckDB file of yours to read beside it.", metavar="FILE")
    ] = None,
    build: OfBuild = None,
) -> None:
    """Question a dataset in SQL; `from help()` lists views and macros. Nothing is ever changed.

    In other tools: `cd DIR`, then `duckdb -readonly catalog.duckdb` or `harlequin -r catalog.duckdb`.
    docs/sql.md has more.
    """
    from flows.sql import ask

    ask(folder, query, form, out, attach or [], build)


@app.command()
def evaluate(
    model: Annotated[
        str,
        typer.Argument(help="open_clip name:tag, hf-hub:, local-dir:, package:, or a folder of it or transformers."),
    ],
    what: Annotated[
        list[str], typer.Argument(help="Datasets, benchmarks' folders, or NAME=FOLDER.", metavar="WHAT...")
    ],
    out: Annotated[str, typer.Option(help="Folder or URL for scores and results.")] = "measured",
    compare: Annotated[
        list[str] | None, typer.Option(help="Another model, on the same items.", metavar="MODEL")
    ] = None,
    blind: Annotated[
        list[str] | None, typer.Option(help="A language model that sees captions alone.", metavar="MODEL")
    ] = None,
    lexicon: Annotated[
        str | None, typer.Option(help="Dataset with the captions that the model was trained on.", metavar="DATASET")
    ] = None,
    where: Annotated[str | None, typer.Option(help="Of a dataset, SQL over minimal_pairs.", metavar="SQL")] = None,
    split: Annotated[str | None, typer.Option(help="Of a dataset, one split alone.", show_default="all")] = None,
    form: Annotated[Literal["table", "markdown"], typer.Option("--format")] = "table",
    batch_size: Annotated[int, typer.Option(help="Pictures or captions at a time.", min=1)] = 64,
    device: Annotated[str, typer.Option(help="auto, or any torch device.")] = "auto",
) -> None:
    """Measure a model on what was accepted, or on benchmarks that lie on disk; docs/evaluate.md lists these.

    What was scored once is not scored again. Of a dataset the results are in `FROM evaluations()` too.
    """
    from flows.evaluate import Wish, evaluate_models
    from flows.evaluations import markdown, shown

    options = (out, compare or (), blind or (), lexicon, where, split, batch_size, device)
    done = evaluate_models(Wish(model, what, *options))
    if form == "markdown":
        print(markdown(done))
    else:
        _print(shown(done))


@app.command()
def export(
    folder: Folder,
    out: Annotated[str, typer.Argument(help="New folder or URL.", metavar="OUT")],
    form: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="winoground, eqben, sugarcrepe, sugarcrepe++, aro, ce-clip, negclip, triplet-webdataset, webdataset, "
            "huggingface, sentence-transformers, vismin, pc-clip, label-studio, csv, jsonl or dpo.",
        ),
    ],
    where: Annotated[str | None, typer.Option(help="SQL condition over minimal_pairs.", metavar="SQL")] = None,
    split: Annotated[str | None, typer.Option(help="One split alone.", show_default="all")] = None,
    build: OfBuild = None,
) -> None:
    """Write what was accepted as a benchmark, a trainer or a reviewer reads it; docs/export.md has the formats."""
    from flows.export import export as write
    from flows.export import shown

    print(shown(write(folder, form, out, where, build, split)))


@app.command()
def calibrate(
    folder: Folder,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            help="CSV with text_negative_id,valid, or of a review page; several are merged. "
            "Else the dataset's own labels and votes.",
            metavar="FILE",
        ),
    ] = None,
    precision: Annotated[float, typer.Option(help="Share of the kept that should be valid.")] = 0.95,
    picture_precision: Annotated[
        float | None, typer.Option(help="The same of edited pictures.", show_default="as --precision")
    ] = None,
    confidence: Annotated[float, typer.Option(help="How sure to be of that.")] = 0.9,
    least: Annotated[int, typer.Option(help="Labels that an operation needs for a threshold of its own.")] = 50,
    out: Annotated[str | None, typer.Option(help="File to write; else calibration.yaml in the dataset.")] = None,
) -> None:
    """Choose thresholds on the judge's score from labelled candidates, and write them as rules."""
    from filters.calibration import Wish
    from flows.calibrate import calibrate_dataset, config_lines, shown

    of_pictures = precision if picture_precision is None else picture_precision
    wish, of_edits = (Wish(share, confidence, least) for share in (precision, of_pictures))
    done = calibrate_dataset(folder, wish, labels or [], out, of_edits)
    _print(shown(done))
    print(f"To use them, add to a config (or give --set select.calibrated=...):\n\n{config_lines(done)}", end="")


@app.command()
def prune(
    folder: Folder,
    keep: Annotated[int, typer.Option(help="Newest builds to keep.", min=1)] = 1,
    older_than: Annotated[
        float, typer.Option(help="Hours; what is younger stays. 0 takes all: when no build runs.", min=0)
    ] = 24,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go; remove nothing.")] = False,
) -> None:
    """Remove old builds, the shards that no kept build names, and what killed builds left behind."""
    from datetime import timedelta

    from storage.dataset import Dataset
    from storage.prune import prune as remove

    gone = remove(Dataset(folder), keep, timedelta(hours=older_than), dry_run)
    for name in (*gone.builds, *gone.shards, *gone.leftovers) if dry_run else ():
        print(name)
    print(
        f"{'would remove' if dry_run else 'removed'} {len(gone.builds)} builds, {len(gone.shards)} shards and "
        f"{len(gone.leftovers)} leftovers: {gone.size / 1e6:,.1f} MB"
    )
    if gone.running:
        print(f"left all shards: {gone.running} builds are running, which may need any of them")
    if gone.young:
        print(f"left {gone.young} files younger than {older_than:g} hours; --older-than says how old they must be")


@app.command()
def sample(
    folder: Folder,
    labels: Annotated[str, typer.Option(help="CSV file to write: to be filled in with yes or no.")],
    per_operation: PerOperation = 40,
    where: Annotated[
        str | None,
        typer.Option(help="SQL condition over candidates and verdicts.", metavar="SQL", show_default="accepted"),
    ] = None,
    draw: How = "even",
    seed: Seed = 0,
    build: OfBuild = None,
) -> None:
    """Draw negatives for people to read, without what was decided of them."""
    from flows.builds import chosen_build
    from flows.samples import Draw, write_sheet
    from flows.samples import sample as drawn
    from storage.catalog import connect
    from storage.damage import damage_named
    from storage.dataset import Dataset

    dataset = Dataset(folder)
    asked_of = chosen_build(dataset, build)
    with connect(dataset, asked_of) as connection, damage_named(dataset, asked_of):
        ids = drawn(connection, asked_of, Draw(draw, per_operation, where, seed))
        write_sheet(connection, ids, labels)
    print(f"{len(ids):,} wrong captions to read in {labels}. Is the wrong one English as people write it (reads_well),")
    print("untrue of the picture (really_false), and is one thing changed (one_change)? Write yes or no; then")
    print(f"  counterfoil labels {folder} {labels} --by NAME")


@app.command()
def labels(
    folder: Folder,
    files: Annotated[
        list[str],
        typer.Argument(
            help="Answers: sheets of `counterfoil sample`, what a review page or Label Studio (JSON) exports.",
            metavar="FILE...",
        ),
    ],
    by: Annotated[
        str | None, typer.Option("--by", help="Who has answered, where the file does not say.", metavar="NAME")
    ] = None,
) -> None:
    """Add what people have answered to a dataset: `FROM human_agreement()`."""
    from flows.votes import add_votes
    from storage.dataset import Dataset

    dataset = Dataset(folder)
    for file in files:
        added = add_votes(dataset, file, by)
        left = f", {added.blank:,} rows without an answer" if added.blank else ""
        left += f", {added.repeated:,} rows twice" if added.repeated else ""
        print(f"{file}: {added.votes:,} votes of {', '.join(added.voters)}{left}")
        for why in added.unread:
            print(f"  not read: {why}")
    print(f'  counterfoil sql {folder} "FROM human_agreement()"')


@app.command()
def gallery(
    folder: Folder,
    out: Annotated[
        str | None,
        typer.Option(
            help="HTML file to write; one that is there is replaced.",
            metavar="FILE",
            show_default="gallery.html; review.html for --review",
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            help="SQL condition over candidates and verdicts.", metavar="SQL", show_default="all; accepted for --review"
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Of more, some of each kind are shown.")] = 2000,
    review: Annotated[bool, typer.Option("--review", help="A page to judge by, which hides what was decided.")] = False,
    heat: Annotated[int, typer.Option(min=0, help="Show for so many where the judge sees the changed words.")] = 0,
    per_operation: PerOperation = 40,
    draw: How = "even",
    seed: Seed = 0,
    build: OfBuild = None,
) -> None:
    """Write one page to look at pairs by, or to judge them: pictures, changed words, scores and reasons; docs/look.md.

    The page needs nothing else, no server and no network: open it in a browser, send it to somebody.
    """
    from flows.gallery import gallery as write
    from flows.gallery import review_page, shown
    from flows.samples import Draw

    if review:
        done = review_page(folder, out or "review.html", Draw(draw, per_operation, where, seed), build)
    else:
        done = write(folder, out or "gallery.html", where or "true", most, build, heat)
    print(shown(done))


@app.command()
def report(
    folder: Folder,
    out: Annotated[str, typer.Option(help="Folder for the plots.", metavar="DIR")] = "report",
    build: OfBuild = None,
) -> None:
    """Draw plots, as PNG and SVG: yield, scores by operation with thresholds, blind accuracy, precision and recall."""
    from flows.plots import write_plots

    for path in write_plots(folder, out, build):
        print(path)


@app.command()
def verify(
    folder: Folder,
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove what is wrong; the next build makes it anew.")
    ] = False,
) -> None:
    """Compare every file with what was written, by its hash; name what is cut, exchanged, overwritten or gone."""
    from flows.progress import progress
    from storage.dataset import Dataset
    from storage.verify import verify as check

    dataset = Dataset(folder)
    files = size = wrong = 0
    with progress("verify", "files") as advance:
        for one in check(dataset, repair):
            files, size, wrong = files + 1, size + one.size, wrong + (one.why is not None)
            advance(1, None)
            if one.why is not None:
                done = "" if not one.there else "removed; " if repair else "--repair removes it; "
                print(f"{dataset.root.rstrip('/')}/{one.name}: {one.why}; {done}{one.remedy}", flush=True)
    if not wrong:
        print(f"{files:,} files, {size / 1e6:,.1f} MB: all are what was written.")
        return
    print(f"{wrong:,} of {files:,} files {'is' if wrong == 1 else 'are'} not what was written.")
    if not repair:
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; exit with 2 for what a person can mend, 130 when interrupted, 1 for a defect of ours."""
    interrupted = _watch_for_interrupts()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what an encoding has no letter for becomes a question mark, no error
            stream.reconfigure(errors="replace")
    try:
        app()
        sys.stdout.flush()
    except BrokenPipeError:  # `counterfoil sql ... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (Exception, SystemExit) as error:
        if interrupted:
            print("counterfoil: interrupted; run the same command again to go on from here", file=sys.stderr)
            sys.exit(130)
        if isinstance(error, SystemExit) or "--debug" in sys.argv:
            raise
        words = str(error) if isinstance(error, InputError) else told(error)
        for line in (words or _defect(error)).splitlines():
            print(f"counterfoil: {line}", file=sys.stderr)
        sys.exit(1 if words is None else 2)


def _watch_for_interrupts() -> list[int]:
    """Remember Ctrl-C: some libraries catch it while they load and raise an error of their own instead."""
    seen: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    return seen


def _defect(error: Exception) -> str:
    what = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {what}; `counterfoil --debug ...` shows where"


def _build(config: str, out: str, source: str | None, settings: list[str]) -> None:
    from schemas.config import load_config

    # What is quick to tell is told before anything heavy is imported.
    lacking = _lacking(load_config(config, settings, source).source.path, out)
    if lacking:
        raise InputError("\n".join(lacking))

    from flows.report import report
    from flows.run import run_build
    from storage.catalog import connect
    from storage.damage import damage_named
    from storage.dataset import Dataset

    dataset = Dataset(out)
    before = dataset.builds()
    made = run_build(config, out, source, settings)
    if made.build_id in before:
        print(f"Nothing has changed: build {made.build_id} is current.")
        return
    with connect(dataset, made) as connection, damage_named(dataset):
        _print(report(connection, made))


def _lacking(source: str | None, out: str) -> list[str]:
    """List what is wrong with a source and a dataset as far as that is quick to tell."""
    lines = []
    if source is None:
        lines.append("source.path: not set; give --source PATH or name it in the config")
    elif ":" not in source and not re.search(r"[*?\[]", source) and not os.path.exists(source):
        lines.append(f"source {source}: no such file or folder")
    try:
        _check_out(out)
    except InputError as error:
        lines.append(str(error))
    return lines


def _check_out(out: str) -> None:
    """Raise InputError where a local dataset cannot be written."""
    if "://" in out:
        return
    there = Path(out).absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise InputError(f"--out {out}: {there} is a file; give a folder")
    if not os.access(there, os.W_OK):
        raise InputError(f"--out {out}: {there} cannot be written (read-only or not yours); give another folder")


def _tell(what: Any, form: str, shown: "Callable[[Any], RenderableType]") -> None:
    """Print dataclasses for a person or a program."""
    if form == "table":
        _print(shown(what))
        return
    import json
    from dataclasses import asdict

    print(json.dumps([asdict(each) for each in what] if isinstance(what, list) else asdict(what), indent=1))


def _print(shown: "RenderableType") -> None:
    """Print what rich lays out; lines that are longer than the terminal stay whole, to be copied."""
    from rich.console import Console

    Console(highlight=False).print(shown, crop=False)


if __name__ == "__main__":
    main()
