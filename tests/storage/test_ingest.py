"""Ingest: no row is lost, shards are the same everywhere, and only what is new is read again."""

import csv
import io
import random
import shutil
from pathlib import Path

import numpy as np
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
    (path.parent / "images" / "small.png").write_bytes(picture(9, size=(8, 8)))
    with path.open("a") as file:
        file.write("small.png,A dog runs .\n")
    first = run(path, tmp_path / "out")
    again = run(path, tmp_path / "out", as_build(first), max_pixels=100)
    assert (again.pairs, again.rejects) == (1, first.pairs - 1)
    fewer = run(path, tmp_path / "out", as_build(first), max_caption_characters=15)
    assert column(tmp_path / "out", fewer, "pairs", "caption") == ["A dog runs ."]
    assert set(column(tmp_path / "out", fewer, "rejects", "reason")) == {"caption_too_long"}


def test_nothing_usable_is_an_error_that_says_why(tmp_path: Path) -> None:
    path = make_csv_source(tmp_path / "source", images=3)
    (path.parent / "images" / "0000.png").unlink()
    with pytest.raises(InputError, match=r"none of its 6 rows can be used: 4 image_too_large \(.*\); 2 missing_image"):
        run(path, tmp_path / "out", max_pixels=100)
    run(path, tmp_path / "out")


def test_the_words_of_a_reject_are_the_same_in_every_run(tmp_path: Path) -> None:
    path = make_csv_source(tmp_path / "source", images=1)
    odd = {"text.png": b"no picture", "empty.png": b"", "cut.png": picture(3)[:200], "tail.gif": b"GIF89a"}
    for name, data in odd.items():
        (path.parent / "images" / name).write_bytes(data)
    with path.open("a") as file:
        file.writelines(f"{name},A dog .\n" for name in odd)
    details = [column(tmp_path / out, run(path, tmp_path / out), "rejects", "detail") for out in ("one", "two")]
    assert details[0] == details[1]
    assert not any("0x" in str(detail) for detail in details[0])
    assert details[0][:2] == ["text.png: not a picture in any format that Pillow knows", "empty.png: empty"]


def test_pictures_are_measured_as_people_see_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    grey16 = rng.integers(0, 65535, (8, 8), dtype=np.uint16).repeat(5, 0).repeat(5, 1)
    alpha = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    alpha.paste((0, 0, 0, 255), (4, 4, 20, 30))
    pictures = {
        "16 bits.png": Image.fromarray(grey16),
        "other 16 bits.png": Image.fromarray(grey16.T.copy()),
        "logo.png": alpha,
        "other logo.png": alpha.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "float.tif": Image.fromarray((grey16 / 65535).astype(np.float32)),
        "red.png": Image.new("RGB", (40, 40), "red"),
        "blue.png": Image.new("RGB", (40, 40), "blue"),
    }
    for name, image in pictures.items():
        image.save(tmp_path / name)
    turned = Image.open(io.BytesIO(picture(5, "JPEG", size=(40, 20))))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    rows = "".join(f"{name},A picture .\n" for name in [*pictures, "turned.jpg"])
    (tmp_path / "t.csv").write_text("image,caption\n" + rows)
    found = run(tmp_path / "t.csv", tmp_path / "out")
    names = [image["path"] for image in column(tmp_path / "out", found, "images", "image")]  # type: ignore[index]
    hashes = dict(zip(names, column(tmp_path / "out", found, "images", "phash"), strict=True))
    sizes = dict(zip(names, column(tmp_path / "out", found, "images", "width"), strict=True))
    assert sizes["turned.jpg"] == 20  # it lies on its side in the file
    assert hashes["red.png"] is None
    assert hashes["blue.png"] is None
    assert hashes["float.tif"] == hashes["16 bits.png"]  # the same picture
    assert len({hashes[name] for name in ("16 bits.png", "other 16 bits.png", "logo.png", "other logo.png")}) == 4


def test_a_source_without_rows_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,caption\n")
    with pytest.raises(InputError, match="it has no rows"):
        run(tmp_path / "t.csv", tmp_path / "out")
