"""What a model is evaluated on: a dataset of ours, or a benchmark's folder, known by its content or named."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from evaluation.benchmarks.benchmark import Refused
from evaluation.benchmarks.every import BENCHMARKS, found_in
from evaluation.benchmarks.own import own_items
from evaluation.items import Item
from evaluation.metrics import Own
from flows.builds import chosen_build
from schemas.errors import InputError
from storage.dataset import Build, Dataset


@dataclass(frozen=True)
class Source:
    """Where items come from."""

    name: str
    benchmarks: Sequence[str]  # what its items are of; of a dataset, what these begin with
    read: Callable[[Callable[[Refused], None]], Iterator[Item]]  # given whom to tell of rows that are none
    own: Sequence[Own] = ()
    dataset: Dataset | None = None
    build: Build | None = None


def source_of(what: str, where: str | None, split: str | None) -> Source:
    """Find out what was named: a dataset, a folder, or `NAME=FOLDER`; raises InputError where it is none of these."""
    name, equals, folder = what.partition("=")
    if equals and not Path(what).exists():
        if name not in BENCHMARKS:
            raise InputError(f"{what}: no benchmark {name}; there are {', '.join(BENCHMARKS)}")
        return _benchmarks(Path(folder), [name])
    if "://" in what or Dataset(what).builds():
        dataset = Dataset(what)
        build = chosen_build(dataset, None)
        called = Path(dataset.base).name

        def accepted(_: Callable[[Refused], None]) -> Iterator[Item]:
            return own_items(called, dataset, build, where, split)

        return Source(called, [called], accepted, (), dataset, build)
    place = Path(what)
    if not place.is_dir():
        raise InputError(f"{what}: no such folder; give a dataset of Counterfoil's or a benchmark's folder")
    return _benchmarks(place, [benchmark.name for benchmark in found_in(place)])


def _benchmarks(folder: Path, names: Sequence[str]) -> Source:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    if not names:
        raise InputError(
            f"{folder}: neither a dataset of Counterfoil's nor a benchmark whose files are known; name it "
            f"(sugarcrepe={folder}), docs/evaluate.md has what each folder holds: {', '.join(BENCHMARKS)}"
        )
    chosen = [BENCHMARKS[name] for name in names]
    for benchmark in chosen:
        if not benchmark.there(folder):
            raise InputError(f"{folder}: not as {benchmark.name} has it: {benchmark.layout}")
    own = [each for benchmark in chosen for each in benchmark.reported()]

    def read(refused: Callable[[Refused], None]) -> Iterator[Item]:
        return chain.from_iterable(benchmark.items(folder, refused) for benchmark in chosen)

    return Source(folder.name, names, read, own)
