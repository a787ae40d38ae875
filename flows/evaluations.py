"""What an evaluation found, for a person: tables for the terminal, the same in Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from rich.console import Group, RenderableType
from rich.text import Text

from flows.evaluate import Done, told_left_out
from flows.tables import Column, Columns

_MOST_ROWS = 30  # categories in the terminal; Markdown has all
_HALVES = ("picture_0_picks", "picture_1_picks", "caption_0_picks", "caption_1_picks")
_BY_CATEGORY = ("picks_caption", "picks_picture", "group", "paraphrase_closer")
_BLIND = "blind:"
Row = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """A table with what is said above and below it."""

    title: str
    columns: list[Column]
    below: list[str] = field(default_factory=list)


def shown(done: Done) -> RenderableType:
    """Lay out for a terminal."""
    parts: list[RenderableType] = []
    for section in _sections(done):
        parts += [Text(section.title, style="bold"), Columns(_first(section.columns))]
        more = len(section.columns[0].cells) - _MOST_ROWS
        parts += [Text(f"and {more:,} more in results.parquet")] if more > 0 else []
        parts += [Text(line, style="dim") for line in section.below] + [Text("")]
    parts += [Text(line) for line in _ending(done)]
    return Group(*parts)


def markdown(done: Done) -> str:
    """Write the same as Markdown."""
    lines = ["# Evaluation", "", "Models: " + ", ".join(f"`{name}`" for name in done.models), ""]
    for section in _sections(done):
        lines += [f"## {section.title}", "", *markdown_table(section.columns), ""]
        lines += [line for below in section.below for line in (below, "")]
    return "\n".join([*lines, *_ending(done), ""])


def _sections(done: Done) -> Iterator[Section]:
    for benchmark in dict.fromkeys(done.results["benchmark"].to_pylist()):
        rows = _of(done.results, benchmark)
        yield _averages(benchmark, done, rows)
        categories = [row for row in rows if row["average"] is None]
        if categories:
            yield Section(f"{benchmark}, by category", _by_category(categories))
        pairs = _of(done.comparisons, benchmark)
        if pairs:
            yield _compared(benchmark, pairs)
        bound = _of(done.bindings, benchmark)
        if bound:
            below = ["What right and wrong captions differ in, and the lexicon's captions say or do not."]
            yield Section(f"{benchmark}, by what the lexicon binds", _by_category(bound), below)


def _averages(benchmark: str, done: Done, rows: Sequence[Row]) -> Section:
    reported = {row["metric"] for row in rows if row["own_name"]}
    wanted = [
        row
        for row in rows
        if row["average"] is not None
        and (row["metric"] not in _HALVES or row["metric"] in reported or row["model"].startswith(_BLIND))
    ]
    order = list(dict.fromkeys(row["metric"] for row in wanted))
    wanted.sort(
        key=lambda row: (order.index(row["metric"]), row["average"] == "macro", row["model"].startswith(_BLIND))
    )
    several = len({row["model"] for row in wanted}) > 1
    columns = [_text("metric", [row["metric"] for row in wanted])]
    if reported:
        columns.append(_text("its own name", [row["own_name"] or "" for row in wanted]))
    columns.append(_text("average", [row["average"] + (" *" if row["usual"] else "") for row in wanted]))
    if several:
        columns.append(_text("model", [row["model"] for row in wanted]))
    columns += [
        _number("value", [_value(row["value"]) for row in wanted]),
        _text("95%", [f"{_short(row['low'])} to {_short(row['high'])}" for row in wanted]),
        _number("n", [f"{row['n']:,}" for row in wanted]),
        _number("ties", [f"{row['ties']:,}" for row in wanted]),
    ]
    below = ["* the average that the benchmark itself reports"] if any(row["usual"] for row in wanted) else []
    return Section(f"{benchmark}: {done.counts[benchmark]:,} items", columns, below)


def _by_category(rows: Sequence[Row]) -> list[Column]:
    """Lay out a row for each category and model, a column for each metric, and one for what is told blindly."""
    seeing = [row for row in rows if not row["model"].startswith(_BLIND)]
    there = {row["metric"] for row in seeing}
    metrics = [metric for metric in _BY_CATEGORY if metric in there] or sorted(there)
    lines = list(dict.fromkeys((row["category"], row["model"]) for row in seeing))
    lines.sort(key=lambda line: line[0])
    cells = {(row["category"], row["model"], row["metric"]): row for row in rows}
    columns = [_text("category", [category or "-" for category, _ in lines])]
    if len({model for _, model in lines}) > 1:
        columns.append(_text("model", [model for _, model in lines]))
    first = [next(cells[*line, metric] for metric in metrics if (*line, metric) in cells) for line in lines]
    columns.append(_number("n", [f"{row['n']:,}" for row in first]))
    columns += [_text(metric, [_cell(cells.get((*line, metric))) for line in lines]) for metric in metrics]
    for blind in dict.fromkeys(row["model"] for row in rows if row["model"].startswith(_BLIND)):
        told = [cells.get((category, blind, "picks_caption")) or cells.get((category, blind, "picture_0_picks"))
                for category, _ in lines]  # fmt: skip
        columns.append(_number(blind, ["-" if row is None else _value(row["value"]) for row in told]))
    return columns


def _compared(benchmark: str, rows: Sequence[Row]) -> Section:
    headline = next(
        m for m in ("group", "picks_caption", *(row["metric"] for row in rows)) if m in {r["metric"] for r in rows}
    )
    wanted = [row for row in rows if row["metric"] not in _HALVES and (row["average"] or row["metric"] == headline)]
    wanted.sort(key=lambda row: (row["second"], row["average"] is None, row["metric"] != headline))
    several = len({row["second"] for row in wanted}) > 1
    columns = [_text("second", [row["second"] for row in wanted])] if several else []
    columns += [
        _text("metric", [row["metric"] for row in wanted]),
        _text("of", [row["average"] or row["category"] for row in wanted]),
        _number("difference", [f"{row['difference']:+.3f}" for row in wanted]),
        _text("95%", [f"{row['low']:+.3f} to {row['high']:+.3f}" for row in wanted]),
        _number("gained", [f"{row['gained']:,}" for row in wanted]),
        _number("lost", [f"{row['lost']:,}" for row in wanted]),
        _number("p", ["-" if row["p"] is None else f"{row['p']:.2g}" for row in wanted]),
    ]
    title = f"{benchmark}: {rows[0]['second'] if not several else 'others'} against {rows[0]['first']}"
    return Section(title, columns, ["gained, lost: pictures, or items, on which the second is ahead or behind"])


def _ending(done: Done) -> list[str]:
    lines = told_left_out(done)
    if done.comparisons.num_rows and "paraphrase_closer" not in set(done.results["metric"].to_pylist()):
        lines.append(
            "No paraphrases here: a gain may be that any other wording is refused. A dataset with `paraphrase`, or "
            "SugarCrepe++, tells."
        )
    return [*lines, f"Scores, items, results.parquet and report.md are in {done.location}"]


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
    return "-" if row is None else f"{row['value']:.3f} ({_short(row['low'])}-{_short(row['high'])})"


def _value(value: float) -> str:
    return f"{value:.3f}"


def _short(value: float) -> str:
    return f"{value:.2f}"


def _text(name: str, cells: list[str]) -> Column:
    return Column(name, cells, False)


def _number(name: str, cells: list[str]) -> Column:
    return Column(name, cells, True)
