"""What an evaluation found, for a person: tables for the terminal, the same in Markdown."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from rich.console import Group, RenderableType
from rich.text import Text

from flows.tables import Column, Columns

if TYPE_CHECKING:
    from flows.evaluate import Done

_MOST_ROWS = 30  # categories in the terminal; Markdown has all
_HALVES = ("picture_0_picks", "picture_1_picks", "caption_0_picks", "caption_1_picks")
_BY_CATEGORY = ("picks_caption", "picks_picture", "group", "paraphrase_closer")
_BLIND = "blind:"
_PREFIX = re.compile(r"^(blind:)?(package:|local-dir:|hf-hub:)?")
_CELL = "the share that is right, and its 95% interval; of what is told blindly ties count half"
_BOUND = "seen: all attributes, relations and actions that only the right, or the wrong, caption has"
Row = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """A table with what is said above and below it."""

    title: str
    columns: list[Column]
    below: list[str] = field(default_factory=list)


def shown(done: "Done") -> RenderableType:
    """Lay out for a terminal."""
    parts: list[RenderableType] = []
    done = _briefly(done)
    for section in _sections(done):
        parts += [Text(section.title, style="bold"), Columns(_first(section.columns))]
        more = len(section.columns[0].cells) - _MOST_ROWS
        parts += [Text(f"and {more:,} more in results.parquet")] if more > 0 else []
        parts += [Text(line, style="dim") for line in section.below] + [Text("")]
    parts += [Text(line) for line in _ending(done)]
    return Group(*parts)


def markdown(done: "Done") -> str:
    """Write the same as Markdown."""
    lines = ["# Evaluation", "", "Models: " + ", ".join(f"`{name}`" for name in done.models), ""]
    done = _briefly(done)
    for section in _sections(done):
        lines += [f"## {section.title}", "", *markdown_table(section.columns), ""]
        lines += [line for below in section.below for line in (below, "")]
    return "\n".join([*lines, *_ending(done), ""])


def told_left_out(done: "Done") -> list[str]:
    """Say which items could not be asked about, and why."""
    return [
        f"{benchmark}: {number:,} {'item' if number == 1 else 'items'} left out: {reason}"
        + (f", such as {example}; left_out.parquet has all" if example else "")
        for (benchmark, reason, example), number in sorted(done.left_out.items())
    ]


def _sections(done: "Done") -> Iterator[Section]:
    for benchmark in dict.fromkeys(done.results["benchmark"].to_pylist()):
        rows = _of(done.results, benchmark)
        yield _averages(benchmark, done, rows)
        categories = [row for row in rows if row["average"] is None]
        for model in done.models:
            if categories:
                yield Section(f"{benchmark}, by category: {model}", _by_category(categories, model), [_CELL])
        pairs = _of(done.comparisons, benchmark)
        if pairs:
            order = list(dict.fromkeys(row["metric"] for row in rows))
            yield _compared(benchmark, sorted(pairs, key=lambda row: order.index(row["metric"])))
        bound = _of(done.bindings, benchmark)
        for model in done.models:
            if bound:
                title = f"{benchmark}, by what the lexicon's captions bind: {model}"
                yield Section(title, _by_category(bound, model), [_CELL, _BOUND])


def _averages(benchmark: str, done: "Done", rows: Sequence[Row]) -> Section:
    reported = {row["metric"] for row in rows if row["own_name"]}
    wanted = [
        row
        for row in rows
        if row["average"] is not None and (row["metric"] not in _HALVES or row["metric"] in reported or _is_blind(row))
    ]
    order = list(dict.fromkeys(row["metric"] for row in sorted(wanted, key=_is_blind)))
    models = [*done.models, *(row["model"] for row in rows if _is_blind(row))]
    wanted.sort(key=lambda row: (order.index(row["metric"]), row["average"] == "macro", models.index(row["model"])))
    several = len({row["model"] for row in wanted}) > 1
    named = [row["metric"] + (f" ({row['own_name']})" if row["own_name"] else "") for row in wanted]
    columns = [_text("metric", named)]
    columns.append(_text("average", [row["average"] + (" *" if row["usual"] else "") for row in wanted]))
    if several:
        columns.append(_text("model", [row["model"] for row in wanted]))
    columns += [
        _number("value", [_value(row["value"]) for row in wanted]),
        _number("95%", [f"{row['low']:.2f} to {row['high']:.2f}" for row in wanted]),
        _count("n", [row["n"] for row in wanted]),
        _count("ties", [row["ties"] for row in wanted]),
    ]
    starred = "; * the average that it reports" if any(row["usual"] for row in wanted) else ""
    below = [f"in brackets the benchmark's own name{starred}"] if reported else []
    return Section(f"{benchmark}: {done.counts[benchmark]:,} items", columns, below)


def _by_category(rows: Sequence[Row], model: str) -> list[Column]:
    """Lay out a row for each category, a column for each metric, and one for what is told blindly."""
    cells = {(row["category"], row["model"], row["metric"]): row for row in rows}
    seeing = [row for row in rows if row["model"] == model]
    there = dict.fromkeys(row["metric"] for row in seeing)
    metrics = [metric for metric in _BY_CATEGORY if metric in there] or list(there)
    categories = sorted({row["category"] for row in seeing})
    numbers = [next(row["n"] for row in seeing if row["category"] == category) for category in categories]
    columns = [_text("category", [category or "-" for category in categories]), _count("n", numbers)]
    columns += [_number(metric, [_cell(cells.get((each, model, metric))) for each in categories]) for metric in metrics]
    for blind in dict.fromkeys(row["model"] for row in rows if _is_blind(row)):
        told = [cells.get((each, blind, "picks_caption")) or cells.get((each, blind, "picture_0_picks"))
                for each in categories]  # fmt: skip
        name = blind.replace(":", " ", 1)
        columns.append(_number(name, [_halved(row) for row in told]))
    return columns


def _compared(benchmark: str, rows: Sequence[Row]) -> Section:
    there = {row["metric"]: None for row in rows}
    headline = next(metric for metric in ("group", "picks_caption", *there) if metric in there)
    wanted = [row for row in rows if row["metric"] not in _HALVES and (row["average"] or row["metric"] == headline)]
    wanted.sort(key=lambda row: (row["second"], row["average"] is None, row["metric"] != headline))
    several = len({row["second"] for row in wanted}) > 1
    columns = [_text("second", [row["second"] for row in wanted])] if several else []
    columns += [
        _text("metric", [row["metric"] for row in wanted]),
        _text("of", [row["average"] or row["category"] for row in wanted]),
        _number("change", [f"{row['difference']:+.3f}" for row in wanted]),
        _number("95%", [f"{row['low']:+.2f} to {row['high']:+.2f}" for row in wanted]),
        _count("gained", [row["gained"] for row in wanted]),
        _count("lost", [row["lost"] for row in wanted]),
        _number("p", ["-" if row["p"] is None else f"{row['p']:.2g}" for row in wanted]),
    ]
    title = f"{benchmark}: {'others' if several else rows[0]['second']} against {rows[0]['first']}"
    return Section(title, columns, ["gained, lost: pictures, with all of their items, on which it is ahead or behind"])


def _ending(done: "Done") -> list[str]:
    lines = told_left_out(done)
    if done.comparisons.num_rows and "paraphrase_closer" not in set(done.results["metric"].to_pylist()):
        lines.append(
            "No paraphrases here: a gain may be that any other wording is refused. A dataset with `paraphrase`, or "
            "SugarCrepe++, tells."
        )
    return [*lines, f"Scores, items, results.parquet and report.md are in {done.location}"]


def _is_blind(row: Row) -> bool:
    return str(row["model"]).startswith(_BLIND)


def _of(table: pa.Table, benchmark: str) -> list[Row]:
    return [row for row in table.to_pylist() if row["benchmark"] == benchmark]


def _first(columns: Sequence[Column]) -> list[Column]:
    return [Column(column.name, column.cells[:_MOST_ROWS], column.numeric) for column in columns]


def markdown_table(columns: Sequence[Column]) -> Iterator[str]:
    """Write a table in Markdown, line by line."""
    yield f"| {' | '.join(column.name for column in columns)} |"
    yield f"| {' | '.join('---:' if column.numeric else '---' for column in columns)} |"
    for cells in zip(*(column.cells for column in columns), strict=True):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cell(row: Row | None) -> str:
    return "-" if row is None else f"{row['value']:.2f} {_end(row['low'])}-{_end(row['high'])}"


def _halved(row: Row | None) -> str:
    return "-" if row is None else f"{row['value'] + row['ties'] / row['n'] / 2:.2f}"


def _end(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _value(value: float) -> str:
    return f"{value:.3f}"


def _briefly(done: "Done") -> "Done":
    """Call models by as much of the end of their names as tells them apart."""
    full = list(dict.fromkeys([*done.models, *done.results["model"].to_pylist()]))
    brief = _endings(full)

    def renamed(table: pa.Table, *columns: str) -> pa.Table:
        rows = [{**row, **{name: brief[row[name]] for name in columns}} for row in table.to_pylist()]
        return pa.Table.from_pylist(rows, table.schema)

    return replace(
        done,
        models=[brief[name] for name in done.models],
        results=renamed(done.results, "model"),
        bindings=renamed(done.bindings, "model"),
        comparisons=renamed(done.comparisons, "first", "second"),
    )


def _endings(names: Sequence[str]) -> dict[str, str]:
    parts = {name: _PREFIX.sub("", name).rstrip("/").split("/") for name in names}
    for length in range(1, max(map(len, parts.values())) + 1):
        found = {
            name: (_BLIND if name.startswith(_BLIND) else "") + "/".join(several[-length:])
            for name, several in parts.items()
        }
        if len(set(found.values())) == len(names):
            return found
    return {name: name for name in names}


def _text(name: str, cells: list[str]) -> Column:
    return Column(name, cells, False)


def _number(name: str, cells: list[str]) -> Column:
    return Column(name, cells, True)


def _count(name: str, values: Sequence[int | None]) -> Column:
    return _number(name, ["-" if value is None else f"{value:,}" for value in values])
