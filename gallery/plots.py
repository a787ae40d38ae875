"""The figures of a build as pictures for a paper or a slide: PNG and SVG, by matplotlib."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gallery.figures import Blind, Curve, Figures, Rule, Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GOOD, BAD, FAINT, INK = "#0b6e6e", "#b23a12", "#c9c4ba", "#1f1e1b"
_FEWEST_ROWS = 5
_LOOK = {
    "axes.edgecolor": FAINT,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "font.size": 9,
    "legend.frameon": False,
    "savefig.dpi": 160,
    "text.parse_math": False,  # names are names, with a $ too
    "svg.fonttype": "none",  # text that can be searched, and edited
    "svg.hashsalt": "counterfoil",  # the same figures give the same file
    "xtick.color": INK,
    "ytick.color": INK,
}


def plots(told: Figures) -> Iterator[tuple[str, "Figure"]]:
    """Draw what there is to draw, each with the name of its file."""
    with _look():
        yield "funnel", _funnel(told)
        for scores in told.scores:
            yield f"scores-{scores.score.replace('_', '-')}", _scores(scores)
        if told.blind:
            yield "blind-accuracy", _blind(told.blind)
        if told.curve is not None:
            yield "precision-recall", _truth(told.curve, told.rules)


@contextmanager
def _look() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(_LOOK):
        yield


def _figure(width: float, height: float, rows: int = 1, columns: int = 1, **more: Any) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(rows, columns, **more)


def _funnel(told: Figures) -> "Figure":
    operations = told.operations[::-1]
    figure, (left, right) = _figure(10, max(2.6, 0.9 + 0.26 * len(operations)), 1, 2)
    bars = told.funnel[::-1]
    _bars(left, [bar.name for bar in bars], [bar.count for bar in bars])
    left.set_title("From captions to pairs")
    names = [name for name, *_ in operations]
    right.barh(names, [made for _, made, _, _ in operations], color="#eae6de", label="candidates")
    right.barh(names, [usable for _, _, usable, _ in operations], color=FAINT, label="usable")
    right.barh(names, [accepted for *_, accepted in operations], color=GOOD, label="accepted")
    right.set_title("By operation")
    _slim(right, len(names))
    figure.legend(loc="outside lower right", ncols=3)
    return figure


def _bars(axes: "Axes", names: list[str], counts: list[int]) -> None:
    drawn = axes.barh(names, counts, color=[GOOD if name == "accepted" else FAINT for name in names])
    axes.bar_label(drawn, [f"{count:,}" for count in counts], padding=3, color=INK)
    axes.margins(x=0.16)
    _slim(axes, len(names))


def _slim(axes: "Axes", rows: int) -> None:
    """Leave room for as many rows at least, so that the bars of few are no walls."""
    axes.set_ylim(rows - 0.5 - max(rows, _FEWEST_ROWS), rows - 0.5)


def _scores(scores: Scores) -> "Figure":
    shown = [one for one in scores.by_operation if sum(one.accepted) + sum(one.dropped)]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure, grid = _figure(3.3 * columns, 0.4 + 1.5 * rows, rows, columns, squeeze=False)
    width = (scores.high - scores.low) / len(shown[0].accepted)
    starts = [scores.low + width * bin for bin in range(len(shown[0].accepted))]
    for axes, one in zip(grid.flat, shown, strict=False):
        axes.bar(starts, one.accepted, width * 0.92, align="edge", color=GOOD, label="accepted")
        axes.bar(starts, one.dropped, width * 0.92, one.accepted, align="edge", color=BAD, label="dropped")
        if one.threshold is not None:
            axes.axvline(one.threshold, color=INK, linestyle=(0, (3, 2)), linewidth=1, label="threshold")
        axes.set_title(f"{one.operation} ({sum(one.accepted) + sum(one.dropped):,})")
        axes.set_xlim(scores.low, scores.high)
        axes.locator_params(axis="y", integer=True, nbins=4)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    _legend(figure, grid)
    figure.suptitle(f"{scores.score}: {scores.meaning}", x=0.01, ha="left", fontsize=11)
    return figure


def _legend(figure: "Figure", grid: Any) -> None:
    """Say once, beside the plots, what their signs mean."""
    names: dict[str, Any] = {}
    for axes in grid.flat:
        handles, labels = axes.get_legend_handles_labels()
        names |= dict(zip(labels, handles, strict=True))
    figure.legend(names.values(), names.keys(), loc="outside upper right", ncols=len(names))


def _blind(blind: dict[str, list[Blind]]) -> "Figure":
    most = max(map(len, blind.values()))
    figure, grid = _figure(3.6 * len(blind) + 0.8, 1.1 + 0.25 * most, 1, len(blind), squeeze=False)
    for axes, (who, rows) in zip(grid.flat, blind.items(), strict=True):
        for place, row in enumerate(rows[::-1]):
            known = [share for share in (row.before, row.after) if share is not None]
            axes.plot(known, [place] * len(known), color=FAINT, zorder=1)
            if row.before is not None:
                axes.scatter(
                    row.before, place, 26, "white", edgecolor="#78746c", zorder=2, label="before" if not place else ""
                )
            if row.after is not None:
                axes.scatter(row.after, place, 30, GOOD, zorder=3, label="after" if not place else "")
        axes.axvline(0.5, color="#78746c", linestyle=(0, (2, 3)), linewidth=1)
        axes.set_yticks(range(len(rows)), [row.operation for row in rows[::-1]])
        axes.set_xlim(-0.02, 1.02)
        axes.set_title(who if len(who) < 42 else f"…{who[-40:]}")
    _legend(figure, grid)
    figure.suptitle(
        "How often who sees no picture tells the wrong caption; 0.5 is perfect", x=0.01, ha="left", fontsize=11
    )
    return figure


def _truth(curve: Curve, rules: list[Rule]) -> "Figure":
    figure, (left, right) = _figure(10, 3.6, 1, 2)
    left.plot(curve.recall, curve.precision, color=GOOD)
    if curve.chosen is not None:
        left.scatter(curve.chosen[1], curve.chosen[0], 40, GOOD, zorder=3)
        left.annotate("  this build", (curve.chosen[1], curve.chosen[0]), va="top", ha="right", xytext=(0, -7),
                      textcoords="offset points")  # fmt: skip
    left.set_xlabel("recall: share of the really wrong that is kept")
    left.set_ylabel("precision")
    left.set_xlim(-0.02, 1.02)
    left.set_ylim(min(0.98, left.get_ylim()[0]), 1.002)
    left.set_title(f"Every threshold on validity, by {curve.labels:,} labels")
    shown = rules[:12][::-1]
    right.barh([rule.name for rule in shown], [1.0] * len(shown), color="#eae6de")
    drawn = right.barh([rule.name for rule in shown], [rule.precision for rule in shown], color=GOOD)
    right.bar_label(drawn, [f"{rule.precision:.2f} of {rule.taken:,}" for rule in shown], padding=3)
    right.set_xlim(0, 1)
    _slim(right, len(shown))
    right.set_title("What checks and rules take: share rightly taken")
    return figure
