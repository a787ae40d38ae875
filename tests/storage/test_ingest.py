"""Ingest: no row is lost, shards are the same everywhere, and only what is new is read again."""

import csv
import random
import shutil
from pathlib import Path

import pytest
from PIL import Image

from schemas.config import Ingest, Source
from schemas.errors import InputError
from storage.dataset import Build, Dataset
from storage.ingest import TABLES, Ingested, ingest
from tests.pictures import make_csv_source, picture


def run(path: Path, out: Path | str, previous: Build | None = None, **settings: int) -> Ingested:
    source = Source(path=str(path))
    return ingest(source, Ingest(**{"shard_pairs": 10, **settings}), Dataset(str(out)), previous)


def as_build(found: Ingested) -> Build:
    return Build("b", dict.fromkeys(TABLES, found.shards), {}, {}, {}, "", "")


def column(out: Path | str, found: Ingested, table: str, name: str) -> list[object]:
    return [value for shard in found.shards for value in Dataset(str(out)).read(table, shard)[name].to_pylist()]


def test_every_row_comes_out_as_a_pair_or_a_reject(tmp_path: Path) -> None:
    path = make_csv_source(tmp_path / "source", images=5)
    images = path.parent / "images"
    (images / "cut.jpg").write_bytes(picture(50, "JPEG", size=(200, 200))[:900])
    (images / "text.png").write_text("no picture")
    (images / "empty.png").write_bytes(b"")
    (images / "same.png").write_bytes(picture(0))
    Image.new("1", (3000, 3000)).save(images / "bomb.png")
    with path.open("a") as file:
        for name in ("cut.jpg", "text.png", "empty.png", "bomb.png", "gone.png", "same.png"):
            file.write(f"{name},A dog runs .\n{name},A dog runs through the grass .\n")
    found = run(path, tmp_path / "out", max_pixels=1_000_000)
    assert (found.rows_in, found.pairs, found.images, found.rejects) == (22, 11, 5, 11)
    reasons = column(tmp_path / "out", found, "rejects", "reason")
    assert sorted(map(str, reasons)) == sorted(
        ["unreadable_image"] * 6 + ["image_too_large"] * 2 + ["missing_image"] * 2 + ["duplicate_pair"]
    )
    assert all(column(tmp_path / "out", found, "rejects", "detail"))


@pytest.mark.parametrize(
    ("form", "mode"), [("JPEG", "CMYK"), ("PNG", "P"), ("GIF", "P"), ("PNG", "RGBA"), ("WEBP", "RGB"), ("TIFF", "L")]
)
def test_odd_pictures_are_kept_byte_for_byte(tmp_path: Path, form: str, mode: str) -> None:
    data = picture(1, form, mode)
    (tmp_path / "odd").write_bytes(data)
    (tmp_path / "t.csv").write_text("image,caption\nodd,A picture .\n")
    found = run(tmp_path / "t.csv", tmp_path / "out")
    [image] = column(tmp_path / "out", found, "images", "image")
    assert image == {"bytes": data, "path": "odd"}
    assert column(tmp_path / "out", found, "images", "format") == [form]


def test_captions_of_an_image_come_together_wherever_they_stand(tmp_path: Path) -> None:
    path = make_csv_source(tmp_path / "source", images=20, captions=3)
    with path.open() as file:
        header, *rows = list(csv.reader(file))
    random.Random(0).shuffle(rows)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    found = run(path, tmp_path / "out")
    for shard in found.shards:
        images = Dataset(str(tmp_path / "out")).read("pairs", shard)["image_id"].to_pylist()
        assert sorted(images, key=images.index) == images
        assert all(images.count(image) == 3 for image in images)


def test_shards_are_the_same_on_any_machine(tmp_path: Path) -> None:
    path = make_csv_source(tmp_path / "here", images=12)
    shutil.copytree(tmp_path / "here", tmp_path / "there" / "deep")
    first, second = run(path, tmp_path / "a"), run(tmp_path / "there" / "deep" / "captions.csv", "memory://b")
    assert first.shards == second.shards
    for table in TABLES:
        for shard in first.shards:
            assert Dataset(str(tmp_path / "a")).read(table, shard).equals(Dataset("memory://b").read(table, shard))


def test_nothing_new_reads_nothing_again(tmp_path: Path) -> None:
    path = make_csv_source(tmp_path / "source", images=12)
    first = run(path, tmp_path / "out")
    again = run(path, tmp_path / "out", as_build(first))
    assert again.shards == first.shards
    assert again.written == []


@pytest.mark.parametrize("where", ["end", "start"])
def test_ten_photos_more_are_ten_photos_of_work(tmp_path: Path, where: str) -> None:
    path = make_csv_source(tmp_path / "source", images=30)
    first = run(path, tmp_path / "out", shard_pairs=100)
    make_csv_source(tmp_path / "source", images=10, first=100)
    if where == "start":
        header, *lines = path.read_text().splitlines()
        path.write_text("\n".join([header, *lines[-20:], *lines[:-20]]))
    more = run(path, tmp_path / "out", as_build(first), shard_pairs=100)
    assert more.shards[: len(first.shards)] == first.shards
    [new] = more.written
    assert Dataset(str(tmp_path / "out")).count("images", new) == 10
    assert more.images == 40


def test_a_photo_less_repacks_only_its_own_shard(tmp_path: Path) -> None:
    path = make_csv_source(tmp_path / "source", images=30)
    first = run(path, tmp_path / "out")
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *lines[2:]]))
    less = run(path, tmp_path / "out", as_build(first))
    assert set(first.shards) - set(less.shards) == {first.shards[0]}
    assert (less.images, len(less.written)) == (29, 1)


def test_other_settings_of_what_is_accepted_read_everything_again(tmp_path: Path) -> None:
    path = make_csv_source(tmp_path / "source", images=5)
    first = run(path, tmp_path / "out")
    again = run(path, tmp_path / "out", as_build(first), max_pixels=100)
    assert (again.pairs, again.rejects) == (0, first.pairs)


def test_a_source_without_rows_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,caption\n")
    with pytest.raises(InputError, match="it has no rows"):
        run(tmp_path / "t.csv", tmp_path / "out")
