"""`counterfoil report`: the figures of a build as plots, each as PNG and SVG."""

from importlib.util import find_spec
from pathlib import Path

from flows.builds import chosen_build
from gallery.figures import figures
from schemas.errors import InputError
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Dataset

_FORMATS = ("png", "svg")


def write_plots(folder: str, out: str, build: str | None = None) -> list[Path]:
    """Draw the figures of a build, the current one by default, into a local folder; returns the files.

    Raises InputError where matplotlib is not installed, or the folder cannot be written.
    """
    if find_spec("matplotlib") is None:
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
