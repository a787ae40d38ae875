"""The command line: errors are one line that says what is wrong, where and what to do."""

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import InputError

if TYPE_CHECKING:
    import duckdb

app = typer.Typer(
    name="counterfoil",
    help="Hard negatives for vision-language models: made, judged, filtered and explained.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_MOST_ROWS = 200
HERE = Path(__file__).resolve().parent.parent
Folder = Annotated[str, typer.Argument(help="Dataset folder or URL.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Override one key: text.tries=8.", metavar="KEY=VALUE")
]


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
    from rich.console import Console

    from flows.report import queries

    _build(config, out, source, setting or [])
    Console().print(queries(out))


@app.command()
def demo(out: Annotated[str, typer.Option(help="Dataset folder.")] = "demo-dataset") -> None:
    """Run the whole journey on scenes that Counterfoil draws, with the models that come with it."""
    from rich.console import Console

    from flows.demo import story
    from flows.report import queries
    from flows.run import run_build
    from storage.catalog import connect
    from storage.dataset import Dataset

    config = HERE / "configs" / "shapes.yaml"
    if not config.is_file():
        raise InputError(f"demo: no {config.name} beside the code; run it from a checkout of the repository")
    made = run_build(str(config), out, None, [])
    console = Console()
    with connect(Dataset(out), made) as connection:
        console.print(story(connection, made))
    console.print(queries(out))


@app.command()
def status(folder: Folder) -> None:
    """Tell what is there, what was rejected and dropped and why, and what it cost."""
    from rich.console import Console

    from flows.report import report
    from storage.catalog import connect
    from storage.dataset import Dataset

    dataset = Dataset(folder)
    current = dataset.build()
    with connect(dataset, current) as connection:
        Console().print(report(connection, current))
    Console().print(f"{len(dataset.builds())} builds are kept; the newest is current.")


@app.command()
def sql(
    folder: Folder,
    query: Annotated[str | None, typer.Argument(help="One query; without it, a shell.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
) -> None:
    """Question a dataset in SQL; `from help()` lists views and macros. Nothing is ever changed."""
    from storage.catalog import connect
    from storage.dataset import Dataset

    if form not in {"table", "json", "csv"}:
        raise InputError(f"--format {form}: expected table, json or csv")
    with connect(Dataset(folder)) as connection:
        if query is not None:
            _show(connection, query, form)
            return
        _shell(connection, form)


@app.command()
def calibrate(
    folder: Folder,
    labels: Annotated[
        str | None, typer.Option(help="CSV with text_negative_id,valid; else the dataset's own labels.")
    ] = None,
    precision: Annotated[float, typer.Option(help="Share of the kept that should be valid.")] = 0.95,
    confidence: Annotated[float, typer.Option(help="How sure to be of that.")] = 0.9,
    least: Annotated[int, typer.Option(help="Labels that an operation needs for a threshold of its own.")] = 50,
    out: Annotated[str | None, typer.Option(help="File to write; else calibration.yaml in the dataset.")] = None,
) -> None:
    """Choose thresholds on the judge's score from labelled candidates, and write them as rules."""
    from rich.console import Console

    from filters.calibration import Wish
    from flows.calibrate import calibrate_dataset, config_lines, shown

    done = calibrate_dataset(folder, Wish(precision, confidence, least), labels, out)
    Console().print(shown(done))
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


def main() -> None:
    """Run the command line; exit with 2 for bad input, 130 when interrupted, 1 for a defect of ours."""
    interrupted = _watch_for_interrupts()
    try:
        app()
    except (Exception, SystemExit) as error:
        if interrupted:
            print("counterfoil: interrupted; run the same command again to go on from here", file=sys.stderr)
            sys.exit(130)
        if isinstance(error, SystemExit) or "--debug" in sys.argv:
            raise
        told = str(error) if isinstance(error, InputError) else _defect(error)
        for line in told.splitlines():
            print(f"counterfoil: {line}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)


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
    from rich.console import Console

    from flows.report import report
    from flows.run import run_build
    from storage.catalog import connect
    from storage.dataset import Dataset

    dataset = Dataset(out)
    before = dataset.builds()
    made = run_build(config, out, source, settings)
    console = Console()
    if made.build_id in before:
        console.print(f"Nothing has changed: build {made.build_id} is current.")
        return
    with connect(dataset, made) as connection:
        console.print(report(connection, made))


def _show(connection: "duckdb.DuckDBPyConnection", text: str, form: str) -> None:
    import csv

    from storage.catalog import query

    names, rows = query(connection, text)
    if form == "json":
        for row in rows:
            print(json.dumps(dict(zip(names, row, strict=True)), default=_plain, ensure_ascii=False))
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows(rows)
    else:
        _table(names, rows)


def _table(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(names):
        numeric = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows[:_MOST_ROWS]:
        table.add_row(*(Text("-" if value is None else _short(value)) for value in row))
    console = Console()
    console.print(table)
    if len(rows) > _MOST_ROWS:
        console.print(f"{len(rows):,} rows, the first {_MOST_ROWS} shown; --format csv gives all of them")


def _shell(connection: "duckdb.DuckDBPyConnection", form: str) -> None:
    print("SQL over the current build, read-only. `from help();` lists what there is; end with Ctrl-D.")
    waiting = ""
    while True:
        try:
            line = input("   ...> " if waiting else "counterfoil> ")
        except EOFError:
            print()
            return
        waiting = f"{waiting}\n{line}".strip()
        if waiting.endswith(";"):
            try:
                _show(connection, waiting, form)
            except InputError as error:
                print(error, file=sys.stderr)
            waiting = ""


def _short(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main()
