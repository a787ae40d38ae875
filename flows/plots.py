"""The figures of a build as plots: files, by `counterfoil report`, and one text for whoever watches a flow run."""

import base64
import io
from importlib.util import find_spec
from pathlib import Path

import duckdb

from flows.builds import chosen_build
from gallery.figures import figures
from schemas.errors import InputError
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Build, Dataset

_FORMATS = ("png", "svg")
_ON_A_PAGE = 96  # dots an inch


def write_plots(folder: str, out: str, build: str | None = None) -> list[Path]:
    """Draw the figures of a build, the current one by default, into a local folder; returns the files.

    Raises InputError where matplotlib is not installed, or the folder cannot be written.
    """
    if not can_plot():
        raise InputError("report: matplotlib is not installed; pip install 'counterfoil[plots]'")
    from gallery.plots import plots

    dataset = Dataset(folder)
    asked_of = chosen_build(dataset, build)
    with connect(dataset, asked_of) as connection, damage_named(dataset, asked_of):
        told = figures(connection, asked_of)
    written = []
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
        for name, figure in plots(told):
            for form in _FORMATS:
                path = Path(out, f"{name}.{form}")
                # Without the moment that it was drawn at: the same figures give the same file.
                figure.savefig(path, metadata={"Date": None} if form == "svg" else {"Software": None})
                written.append(path)
    except OSError as error:
        raise InputError(f"--out {out}: {error.strerror or error}; give a folder that can be written") from error
    return written


def can_plot() -> bool:
    """Tell whether what draws them is installed."""
    return find_spec("matplotlib") is not None


def plots_in_markdown(connection: duckdb.DuckDBPyConnection, build: Build) -> str:
    """Draw the figures of a build, from its catalog, into one Markdown text; needs matplotlib."""
    from gallery.plots import plots

    parts = []
    for name, figure in plots(figures(connection, build)):
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=_ON_A_PAGE)
        parts.append(f"![{name}](data:image/png;base64,{base64.b64encode(file.getvalue()).decode()})")
    return "\n\n".join(parts)
