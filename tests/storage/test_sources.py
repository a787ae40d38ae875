"""Every reader on good and bad input: a bad row costs itself and says why."""

import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset

from schemas.errors import InputError
from storage.sources import Row, read_image
from tests.pictures import picture
from tests.reading import read


def good(rows: list[Row]) -> list[tuple[str, str | None]]:
    return [(row.name, row.caption) for row in rows if row.reason is None]


def bad(rows: list[Row]) -> list[str | None]:
    return [row.reason for row in rows if row.reason is not None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for n in range(3):
        (tmp_path / "images" / f"{n}.png").write_bytes(picture(n))
    return tmp_path


@pytest.mark.parametrize(("name", "comma"), [("t.csv", ","), ("t.tsv", "\t")])
def test_a_text_table(folder: Path, name: str, comma: str) -> None:
    lines = [
        b"image,caption,license",
        b"0.png,A dog .,CC0",
        b"0.png,A brown dog .,",
        b"gone.png,A cat .,",
        b"1.png, ,",
        b"1.png,A caf\xe9 .,",
        b"../t.csv,Outside .,",
        b"1.png,too,many,cells",
        b"",
        b"2.png,A horse .,",
    ]
    (folder / name).write_bytes(b"\n".join(lines).replace(b",", comma.encode()))
    rows = read(folder / name)
    assert good(rows) == [("0.png", "A dog ."), ("0.png", "A brown dog ."), ("2.png", "A horse .")]
    assert bad(rows) == ["missing_image", "empty_caption", "caption_not_utf8", "unsafe_path", "malformed_row"]
    assert rows[0].license == "CC0"
    assert read_image(rows[0].location) == picture(0)


def test_json_lines(folder: Path) -> None:
    lines = [
        json.dumps({"image": "0.png", "caption": ["One .", "Two ."], "url": "https://example.com/0"}),
        "{not json",
        "[1, 2]",
        json.dumps({"image": "1.png"}),
    ]
    (folder / "t.jsonl").write_text("\n".join(lines))
    rows = read(folder / "t.jsonl")
    assert good(rows) == [("0.png", "One ."), ("0.png", "Two .")]
    assert bad(rows) == ["malformed_row", "malformed_row", "empty_caption"]
    assert rows[1].url == "https://example.com/0"


def test_regions_come_as_json_from_any_table(folder: Path) -> None:
    regions = [{"phrase": "a dog", "box": [1, 2, 30, 40]}]
    line = {"image": "0.png", "caption": "A dog .", "boxes": regions}
    (folder / "t.jsonl").write_text(json.dumps(line))
    quoted = json.dumps(regions).replace('"', '""')
    (folder / "t.csv").write_text(f'image,caption,boxes\n0.png,A dog .,"{quoted}"\n')
    for name in ("t.jsonl", "t.csv"):
        [row] = read(folder / name, regions_column="boxes")
        assert json.loads(row.regions or "") == regions


def test_a_parquet_table_with_names_of_its_own(folder: Path) -> None:
    table = pa.table({"file": ["0.png", "nowhere.png"], "text": [["One .", "Two ."], ["Three ."]]})
    pq.write_table(table, folder / "t.parquet")
    rows = read(folder / "t.parquet", image_column="file", caption_column="text")
    assert good(rows) == [("0.png", "One ."), ("0.png", "Two .")]
    assert bad(rows) == ["missing_image"]


def test_coco(folder: Path) -> None:
    data = {
        "licenses": [{"id": 7, "url": "https://example.com/license"}],
        "images": [{"id": 1, "file_name": "0.png", "license": 7, "coco_url": "https://example.com/0.png"}],
        "annotations": [
            {"id": 11, "image_id": 1, "caption": "A dog ."},
            {"id": 12, "image_id": 1, "caption": ""},
            {"id": 13, "image_id": 2, "caption": "No image ."},
        ],
    }
    (folder / "captions.json").write_text(json.dumps(data))
    rows = read(folder / "captions.json")
    assert good(rows) == [("0.png", "A dog .")]
    assert bad(rows) == ["empty_caption", "missing_image"]
    assert (rows[0].key, rows[0].license) == ("11", "https://example.com/license")


def test_a_folder_with_sidecars(folder: Path) -> None:
    images = folder / "images"
    (images / "0.txt").write_text("A dog .\n\nA brown dog .\n")
    (images / "1.txt").write_bytes(b"A caf\xe9 .")
    (images / "lonely.txt").write_text("No image .")
    rows = read(images)
    assert good(rows) == [("0.png", "A dog ."), ("0.png", "A brown dog .")]
    assert sorted(map(str, bad(rows))) == ["caption_not_utf8", "empty_caption", "missing_image"]


def test_webdataset_shards(tmp_path: Path) -> None:
    shard = tmp_path / "00000.tar"
    with webdataset.TarWriter(str(shard)) as writer:
        for n in range(3):
            known = {"url": f"https://example.com/{n}", "caption": "json"}
            sample = {"__key__": f"{n:09d}", "jpg": picture(n, "JPEG"), "json": json.dumps(known).encode()}
            writer.write({**sample, "txt": f"Caption {n} .".encode()} if n else sample)
        writer.write({"__key__": "000000009", "txt": b"No image ."})
        writer.write({"__key__": "000000010", "jpg": picture(10, "JPEG")})
    with tarfile.open(shard, "a") as tar:
        info = tarfile.TarInfo("../outside.jpg")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    rows = read(tmp_path)
    assert [caption for _, caption in good(rows)] == ["json", "Caption 1 .", "Caption 2 ."]
    assert bad(rows) == ["missing_image", "empty_caption", "unsafe_path"]
    assert read_image(rows[1].location) == picture(1, "JPEG")
    assert rows[2].url == "https://example.com/2"


def test_a_tar_that_is_cut_short_costs_only_its_rest(tmp_path: Path) -> None:
    shard = tmp_path / "0.tar"
    with webdataset.TarWriter(str(shard)) as writer:
        for n in range(4):
            writer.write({"__key__": str(n), "png": picture(n), "txt": b"A dog ."})
    data = shard.read_bytes()
    shard.write_bytes(data[: len(data) // 2 - 200])
    rows = read(shard)
    assert good(rows)
    assert "unreadable_file" in bad(rows)


def test_hugging_face_parquet(tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array(
        [{"bytes": picture(n), "path": f"{n}.png"} for n in range(3)] + [{"bytes": None, "path": "x.png"}], kind
    )
    table = pa.table({"image": images, "caption": [["One .", "Two ."], ["Three ."], ["Four ."], ["Five ."]]})
    pq.write_table(table, tmp_path / "train.parquet", row_group_size=2)
    rows = read(tmp_path)
    assert [caption for _, caption in good(rows)] == ["One .", "Two .", "Three .", "Four ."]
    assert bad(rows) == ["missing_image"]
    assert [read_image(row.location) for row in rows[:4]] == [picture(n) for n in (0, 0, 1, 2)]


def test_a_linked_image_is_followed_since_the_folder_was_named(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    blob = tmp_path_factory.mktemp("blobs") / "5f3a"
    blob.write_bytes(picture(9))
    (folder / "images" / "link.png").symlink_to(blob)
    (folder / "images" / "more").symlink_to(blob.parent, target_is_directory=True)
    (folder / "images" / "more" / "loop").symlink_to(folder / "images", target_is_directory=True)
    (folder / "t.csv").write_text("image,caption\nlink.png,A dog .\n")
    assert good(read(folder / "t.csv")) == [("link.png", "A dog .")]
    (folder / "images" / "link.txt").write_text("A cat .")
    assert good(read(folder / "images")) == [("link.png", "A cat .")]


def test_where_nothing_can_be_read_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("picture,words\na,b\n")
    (tmp_path / "t.xyz").write_text("?")
    (tmp_path / "t.json").write_text("[]")
    (tmp_path / "t.parquet").write_text("?")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("t.csv", "no column of captions .* .there are: picture, words.; set source.caption_column"),
        ("t.xyz", "cannot tell what this is"),
        ("t.json", "it has no rows"),
        ("t.parquet", "not a Parquet file"),
        ("empty.jsonl", "it has no rows"),
        ("empty", "cannot tell what this is"),
        ("nowhere.csv", "no such file or folder"),
        ("*.nothing", "nothing matches"),
    ):
        with pytest.raises(InputError, match=said):
            read(tmp_path / name)
