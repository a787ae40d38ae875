"""Pictures one by one: each row group is read once, and few are held."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from exports import pictures as module
from exports.pairs import picture_of
from exports.pictures import Pictures
from schemas.tables import IMAGES
from storage.dataset import DamagedShardError, Dataset
from tests.pictures import picture


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two shards of 250 pictures of a thousand bytes, a hundred a row group."""
    dataset = Dataset(str(tmp_path))
    for shard in range(2):
        rows = [{"image_id": f"{n}", "image": {"bytes": content(shard, n), "path": "p"}} for n in range(250)]
        dataset.write("images", f"s{shard}", pa.Table.from_pylist([*rows, {"image_id": "none"}], IMAGES))
    return dataset


def content(shard: int, n: int) -> bytes:
    return f"{shard} {n} ".encode().ljust(1000)


def test_each_row_group_is_read_once_and_few_are_held(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[tuple[int, int]] = Counter()
    real = pq.ParquetFile.read_row_group

    def counted(file: pq.ParquetFile, group: int, **options: Any) -> pa.Table:
        reads[id(file), group] += 1
        return real(file, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    monkeypatch.setattr(module, "_HELD", 220_000)  # two row groups
    with Pictures(dataset) as several:
        for n in range(250):
            for shard in range(2):
                assert several.get("images", f"s{shard}", n, "image") == content(shard, n)
            assert sum(group.nbytes for group in several._groups.values()) <= 220_000
        assert several.get("images", "s1", 250, "image") is None
    assert set(reads.values()) == {1}
    assert len(reads) == 6


def test_a_shard_that_is_gone_is_named(dataset: Dataset) -> None:
    with Pictures(dataset) as several, pytest.raises(DamagedShardError, match=r"images/s2\.parquet: gone"):
        several.get("images", "s2", 0, "image")


_MODES = {
    "GIF": ("RGB", "L", "RGBA", "P"),
    "TIFF": ("RGB", "L", "CMYK", "RGBA", "P"),
    "BMP": ("RGB", "L", "RGBA", "P"),
    "JPEG2000": ("RGB", "L", "RGBA"),
}


@pytest.mark.parametrize(("form", "mode"), [(form, mode) for form, modes in _MODES.items() for mode in modes])
def test_what_some_loaders_cannot_open_becomes_png(form: str, mode: str) -> None:
    given = picture(3, form, mode)
    found = picture_of("id", given)
    assert (found.name, found.size) == ("id.png", (40, 32))
    with Image.open(io.BytesIO(found.data)) as image, Image.open(io.BytesIO(given)) as before:
        assert image.convert("RGB").tobytes() == before.convert("RGB").tobytes()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_what_all_loaders_open_stays_as_it_is(form: str) -> None:
    given = picture(3, form)
    assert picture_of("id", given).data == given
