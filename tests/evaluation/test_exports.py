"""What we export in a benchmark's form is that benchmark to our own readers."""

from pathlib import Path

import pyarrow as pa
import pytest

from evaluation.benchmarks.every import BENCHMARKS, found_in
from evaluation.items import tables
from evaluation.opening import opened
from flows.export import export
from tests.exports.made import Made, make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made") / "dataset")


@pytest.mark.parametrize(
    ("form", "benchmarks", "pictures"),
    [
        ("winoground", ["winoground"], 2),
        ("eqben", ["eqben"], 2),
        ("sugarcrepe", ["sugarcrepe"], 1),
        ("sugarcrepe++", ["sugarcrepe++"], 1),
        ("aro", ["aro-relation", "aro-attribution"], 1),
        ("vismin", ["vismin-edits"], 2),
    ],
)
def test_exports_are_read_back(made: Made, tmp_path: Path, form: str, benchmarks: list[str], pictures: int) -> None:
    done = export(str(made.folder), form, str(tmp_path / "out"))
    assert [benchmark.name for benchmark in found_in(tmp_path / "out")] == benchmarks
    read = [BENCHMARKS[name].items(tmp_path / "out") for name in benchmarks]
    items = pa.concat_tables([table for each in read for table in tables(each)]).to_pylist()
    assert len(items) == done.pairs
    right = {caption for caption, _ in made.right.values()} | {f"Other words {n} ." for n in range(30)}
    for one in items:
        assert len(one["pictures"]) == pictures
        assert set(one["captions"][:-1]) <= right
        assert one["captions"][-1] not in right
        assert not one["truth"][len(one["captions"]) - 1]
        assert all(opened(picture).mode == "RGB" for picture in one["pictures"])
