"""`counterfoil export`: the accepted pairs of a build in the shape that somebody else reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from exports.folder import Folder
from exports.formats import FORMATS
from exports.pairs import Pair
from exports.selection import Selection
from flows.builds import chosen_build
from flows.card import measured
from flows.progress import progress
from schemas.errors import InputError
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Build, Dataset


@dataclass(frozen=True)
class Exported:
    """What became of an export."""

    location: str
    pairs: int
    pictures: int  # files of their own; formats that hold pictures inside have none
    splits: dict[str, int]  # pairs of each
    left_out: dict[str, int]  # pairs by reason


def export(
    folder: str, form: str, out: str, where: str | None = None, build: str | None = None, split: str | None = None
) -> Exported:
    """Write the accepted pairs of a build, the current one by default, in one of `exports.formats` to a new folder or
    URL; `where` is a SQL condition over the view `minimal_pairs`, `split` one split alone.

    Raises InputError for an unknown format, a place that is taken, a condition that is none, or nothing to write.
    """
    chosen = FORMATS.get(form)
    if chosen is None:
        raise InputError(f"--to {form}: no such format; there are {', '.join(sorted(FORMATS))}")
    dataset = Dataset(folder)
    _check_apart(out, dataset)
    asked_of = chosen_build(dataset, build)
    place = Folder(out)
    with Selection(dataset, asked_of, chosen.needs, where, split) as selection, place as into:
        about = replace(selection.about, measured=lambda: _measured(dataset, asked_of))
        with progress("export", "pairs") as advance:

            def seen() -> Iterator[Pair]:
                for pair in selection.pairs():
                    advance(1, selection.count)
                    yield pair

            chosen.write(seen(), into, about)
        into.finish(
            {
                "format": form,
                "counterfoil": version("counterfoil"),
                "dataset": dataset.root,
                "build_id": asked_of.build_id,
                "where": where,
                "split": split,
                "pairs": selection.count,
                "left_out": selection.left_out,
                "splits": about.splits,
                "operations": about.operations,
                "sources": about.sources,
                "licenses": about.licenses,
            }
        )
        return Exported(into.location, selection.count, into.pictures, about.splits, selection.left_out)


def shown(done: Exported) -> str:
    """Tell a person what was written, and what was not."""
    parts = ", ".join(f"{name} {number:,}" for name, number in done.splits.items())
    lines = [f"{done.pairs:,} pairs ({parts}) in {done.location}"]
    lines += [f"left out {number:,}: {why}" for why, number in done.left_out.items()]
    return "\n".join(lines)


def _measured(dataset: Dataset, build: Build) -> list[str]:
    with connect(dataset, build) as connection, damage_named(dataset, build):
        told = measured(connection, build)
    return ["The figures are of all that the build has accepted.", "", *told] if told else []


def _check_apart(out: str, dataset: Dataset) -> None:
    if dataset.local and "://" not in out and Path(out).resolve().is_relative_to(Path(dataset.base).resolve()):
        raise InputError(f"{out}: inside the dataset, which an export never changes; give a folder elsewhere")
