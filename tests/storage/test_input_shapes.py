"""Image-caption pairs in the shapes that people have them: each simply works. docs/sources.md is the list."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from schemas.config import Ingest, Source
from schemas.errors import InputError
from storage.dataset import Dataset
from storage.ingest import ingest
from storage.sources import Row, read_image
from tests.pictures import picture
from tests.reading import read

DOG, CAT, HORSE = "A dog runs .", "A black cat, asleep .", "Two horses ."


def good(rows: list[Row]) -> list[tuple[int, str | None]]:
    """Return which picture, by its bytes, each good row really has, and its caption."""
    known = {picture(n): n for n in range(4)}
    return [(known[read_image(row.location)], row.caption) for row in rows if row.reason is None]


def bad(rows: list[Row]) -> list[str | None]:
    return [row.reason for row in rows if row.reason is not None]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(3):
        write(tmp_path / "images" / f"{n}.png", picture(n))
    return tmp_path


ALL = [(0, DOG), (1, CAT), (2, HORSE)]


def lines(delimiter: str, header: str, end: str = "\n", prefix: str = "") -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerows([prefix + f"{n}.png", caption] for n, caption in ALL)
    return (header + end if header else "") + file.getvalue()


TABLES: dict[str, tuple[str, str | bytes]] = {
    "commas": ("t.csv", lines(",", "image,caption")),
    "semicolons": ("t.csv", lines(";", "image;caption")),
    "bars": ("t.csv", lines("|", "image|caption")),
    "bars with blanks, as Flickr30k has them": (
        "results.csv",
        "image_name| comment_number| comment\n"
        + "".join(f"{n}.png| {k}| {caption}\n" for k, (n, caption) in enumerate(ALL)),
    ),
    "tabs in a .csv": ("t.csv", lines("\t", "image\tcaption")),
    "tabs": ("t.tsv", lines("\t", "image\tcaption")),
    "other case and blanks in the names": ("t.csv", lines(",", "Image, Caption ")),
    "quoted names": ("t.csv", lines(",", '"Image Path","Caption"')),
    "open_clip's names": ("t.csv", lines("\t", "filepath\ttitle")),
    "image_path and text": ("t.csv", lines(",", "image_path,text")),
    "file_name and TEXT": ("t.csv", lines(",", "file_name,TEXT")),
    "captions.txt as Kaggle has it": ("captions.txt", lines(",", "image,caption")),
    "Flickr8k.token.txt": (
        "Flickr8k.token.txt", "".join(f"{n}.png#{k}\t{caption}\n" for k, (n, caption) in enumerate(ALL))
    ),
    "no names at all": ("t.csv", lines(",", "")),
    "paths below the table": ("t.csv", lines(",", "image,caption", prefix="images/")),
    "paths with a dot": ("t.csv", lines(",", "image,caption", prefix="./images/")),
    "paths of Windows": ("t.csv", lines(",", "image,caption", prefix="images\\")),
    "names without a suffix": ("t.csv", lines(",", "image_id,caption").replace(".png", "")),
    "lines of Windows": ("t.csv", lines(",", "image,caption", end="\r\n")),
    "UTF-8 with a mark": ("t.csv", lines(",", "image,caption").encode("utf-8-sig")),
    "UTF-16": ("t.csv", lines(",", "image,caption").encode("utf-16")),
    "UTF-16 without a mark": ("t.csv", lines("\t", "image\tcaption").encode("utf-16-le")),
    "gzip": ("t.csv.gz", gzip.compress(lines(",", "image,caption").encode())),
    "bz2": ("t.tsv.bz2", bz2.compress(lines("\t", "image\tcaption").encode())),
    "xz": ("t.jsonl.xz", lzma.compress("".join(json.dumps({"image": f"{n}.png", "caption": c}) + "\n"
                                               for n, c in ALL).encode())),
    "JSON lines": ("t.jsonl", "".join(json.dumps({"img": f"{n}.png", "text": c}) + "\n" for n, c in ALL)),
    "JSON lines whose first lacks a key": (
        "t.jsonl",
        json.dumps({"image": "0.png", "id": 7}) + "\n"
        + "".join(json.dumps({"image": f"{n}.png", "caption": c}) + "\n" for n, c in ALL),
    ),
    "JSON lines in a .json": ("t.json", "".join(json.dumps({"image": f"{n}.png", "text": c}) + "\n" for n, c in ALL)),
    "a JSON list": ("t.json", json.dumps([{"image": f"{n}.png", "caption": c} for n, c in ALL])),
    "a JSON list of lists": ("t.json", json.dumps([{"image": f"{n}.png", "caption": [c]} for n, c in ALL])),
    "LLaVA's conversations": (
        "blip.json",
        json.dumps([
            {"id": str(n), "image": f"{n}.png", "conversations": [
                {"from": "human", "value": "<image>\nDescribe it."}, {"from": "gpt", "value": c}]} for n, c in ALL
        ]),
    ),
    "a JSON list under a name": ("t.json", json.dumps({"data": [{"image": f"{n}.png", "caption": c} for n, c in ALL]})),
    "names to captions": ("t.json", json.dumps({f"{n}.png": c for n, c in ALL})),
    "names to lists": ("t.json", json.dumps({f"{n}.png": [c] for n, c in ALL})),
    "names to objects": ("t.json", json.dumps({f"{n}.png": {"captions": [c]} for n, c in ALL})),
    "Karpathy's splits": (
        "dataset.json",
        json.dumps({"dataset": "coco", "images": [
            {"filepath": "images", "filename": f"{n}.png", "split": "val", "imgid": n,
             "sentences": [{"raw": c, "tokens": c.split()}]} for n, c in ALL]}),
    ),
    "COCO": (
        "captions.json",
        json.dumps({"images": [{"id": n, "file_name": f"{n}.png"} for n, _ in ALL],
                    "annotations": [{"id": n, "image_id": n, "caption": c} for n, c in ALL]}),
    ),
    "COCO with ids as texts here and numbers there": (
        "captions.json",
        json.dumps({"images": [{"id": str(n), "file_name": f"{n}.png"} for n, _ in ALL],
                    "annotations": [{"id": n, "image_id": n, "caption": c} for n, c in ALL]}),
    ),
    "COCO with lists of captions": (
        "captions.json",
        json.dumps({"images": [{"id": n, "file_name": f"{n}.png"} for n, _ in ALL], "licenses": None,
                    "annotations": [{"id": n, "image_id": n, "caption": [c]} for n, c in ALL]}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", TABLES)
def test_tables(folder: Path, shape: str) -> None:
    name, content = TABLES[shape]
    rows = read(write(folder / name, content))
    assert good(rows) == ALL
    assert bad(rows) == (["empty_caption"] if "lacks a key" in shape else [])


def test_what_was_taken_is_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "counterfoil")
    read(write(folder / "t.csv", lines(";", "filepath;title")))
    assert caplog.messages == ["t.csv: separated by semicolons; pictures from column 'filepath', captions from 'title'"]


def test_annotations_that_are_null_are_no_rows(folder: Path) -> None:
    path = write(folder / "captions.json", json.dumps({"images": [{"id": 1}], "annotations": None}))
    with pytest.raises(InputError, match="no rows"):
        read(path)


def test_quotation_marks_that_are_text_stay(folder: Path) -> None:
    said = '"Stop" is written on a sign'
    for name, comma in (("t.tsv", "\t"), ("t.csv", ",")):
        path = write(folder / name, f'image{comma}caption\n0.png{comma}{said}\n1.png{comma}A "big" dog\n')
        assert good(read(path)) == [(0, said), (1, 'A "big" dog')]
    escaped = write(folder / "t.csv", 'image,caption\n0.png,"A sign, \\"Stop\\", stands"\n1.png,"""Go"", he says"\n')
    assert good(read(escaped)) == [(0, 'A sign, "Stop", stands'), (1, '"Go", he says')]


@pytest.mark.parametrize(("name", "comma"), [("t.csv", ","), ("t.tsv", "\t")])
def test_a_quotation_mark_that_is_never_closed_costs_its_own_row(folder: Path, name: str, comma: str) -> None:
    text = ["image,caption", '0.png,"A dog runs .', "1.png,A cat .", '2.png,"Two horses ."', '0.png,"A brown dog .']
    rows = read(write(folder / name, "\n".join(text).replace(",", comma)))
    assert good(rows) == [(1, "A cat ."), (2, "Two horses .")]
    assert bad(rows) == ["malformed_row", "malformed_row"]
    # Even where a mark at the end of a later row would close it.
    text = ["image,caption", '0.png,"A dog runs .', "1.png,A cat .", '2.png,Two horses ."', "0.png,Dogs ."]
    rows = read(write(folder / name, "\n".join(text).replace(",", comma)))
    assert good(rows) == [(1, "A cat ."), (2, 'Two horses ."'), (0, "Dogs .")]
    assert bad(rows) == ["malformed_row"]


def test_no_row_of_three_thousand_is_lost_to_stray_marks(folder: Path) -> None:
    rows = [f"{n % 3}.png,A dog number {n} runs ." for n in range(3000)]
    for n in range(7, 3000, 150):
        rows[n] = f'{n % 3}.png,"A dog number {n} runs .'
    found = read(write(folder / "t.csv", "image,caption\n" + "\n".join(rows) + "\n"))
    assert len(found) == 3000
    assert bad(found) == ["malformed_row"] * 20
    assert {row.caption for row in found if row.reason is None} == {
        f"A dog number {n} runs ." for n in range(3000) if n % 150 != 7
    }


def test_a_cell_of_two_lines_is_one_caption(folder: Path) -> None:
    path = write(folder / "t.csv", 'image,caption\n0.png,"A dog\nruns, fast ."\n1.png,A cat .\n')
    [first, second] = read(path)
    assert (first.caption, first.raw_caption) == ("A dog runs, fast .", "A dog\nruns, fast .")
    assert (second.caption, second.raw_caption) == ("A cat .", None)


def test_html_is_decoded_and_the_raw_text_kept(folder: Path) -> None:
    path = write(folder / "t.csv", "image,caption\n0.png,A dog&#39;s bed &amp; bowl\n1.png,Fish &amp;amp; chips\n"
                                   "2.png,AT&T shop & more\n")  # fmt: skip
    rows = read(path)
    assert [row.caption for row in rows] == ["A dog's bed & bowl", "Fish & chips", "AT&T shop & more"]
    assert [row.raw_caption for row in rows] == ["A dog&#39;s bed &amp; bowl", "Fish &amp;amp; chips", None]


def test_several_caption_columns(folder: Path) -> None:
    table = {"image": ["0.png", "1.png"], "caption_0": [DOG, CAT], "caption_1": ["A dog .", None], "x": [1, 2]}
    pq.write_table(pa.table(table), folder / "t.parquet")
    assert good(read(folder / "t.parquet")) == [(0, DOG), (0, "A dog ."), (1, CAT)]
    rows = read(folder / "t.parquet", caption_column=("caption_1", "caption_0"))
    assert good(rows) == [(0, "A dog ."), (0, DOG), (1, CAT)]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_pictures_as_plain_bytes_in_parquet(tmp_path: Path, kind: pa.DataType) -> None:
    images = pa.array([picture(0), None, picture(2)], kind)
    pq.write_table(pa.table({"jpg": images, "caption": [DOG, CAT, HORSE]}), tmp_path / "t.parquet")
    rows = read(tmp_path / "t.parquet")
    assert good(rows) == [(0, DOG), (2, HORSE)]
    assert bad(rows) == ["missing_image"]


def test_sentences_of_structs_as_hugging_face_has_coco(tmp_path: Path) -> None:
    image = pa.array([{"bytes": picture(0), "path": None}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    sentences = [[{"raw": DOG, "tokens": ["a"]}, {"raw": "A dog .", "tokens": ["a"]}]]
    pq.write_table(pa.table({"image": image, "sentences": sentences}), tmp_path / "t.parquet")
    assert good(read(tmp_path)) == [(0, DOG), (0, "A dog .")]


def test_a_dataset_of_hugging_face_with_one_broken_file(tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for n in range(3):
        table = pa.table({"image": pa.array([{"bytes": picture(n), "path": f"{n}.png"}], kind), "text": [ALL[n][1]]})
        path = tmp_path / "data" / f"train-0000{n}-of-00003.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path)
    broken = tmp_path / "data" / "train-00001-of-00003.parquet"
    broken.write_bytes(broken.read_bytes()[:-100])
    rows = read(tmp_path)
    assert good(rows) == [ALL[0], ALL[2]]
    assert bad(rows) == ["unreadable_file"]
    assert rows[0].split == "train"
    assert rows[-1].key == "data/train-00001-of-00003.parquet"


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_hugging_face_image_folder(tmp_path: Path, form: str) -> None:
    for split, n in (("train", 0), ("train", 1), ("test", 2)):
        write(tmp_path / split / f"{n}.png", picture(n))
    write(tmp_path / "train" / "unnamed.png", picture(3))
    for split, entries in (("train", ALL[:2]), ("test", ALL[2:])):
        names, texts = [f"{n}.png" for n, _ in entries], [text for _, text in entries]
        path = tmp_path / split / f"metadata.{form}"
        if form == "parquet":
            pq.write_table(pa.table({"file_name": names, "text": texts}), path)
        elif form == "jsonl":
            path.write_text(
                "".join(json.dumps({"file_name": n, "text": t}) + "\n" for n, t in zip(names, texts, strict=True))
            )
        else:
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([("file_name", "text"), *zip(names, texts, strict=True)])
    rows = read(tmp_path)
    assert sorted(good(rows)) == ALL
    assert {(row.split, row.caption) for row in rows if row.reason is None} == {
        ("train", DOG), ("train", CAT), ("test", HORSE)
    }  # fmt: skip
    assert [(row.key, row.reason) for row in rows if row.reason] == [("train/unnamed.png", "empty_caption")]


@pytest.mark.parametrize(
    "sidecar",
    [
        lambda n, text: (f"{n}.txt", text),
        lambda n, text: (f"{n}.caption", text),
        lambda n, text: (f"{n}.png.txt", text),
        lambda n, text: (f"{n}.TXT", text),
        lambda n, text: (f"{n}.txt", text.encode("utf-16")),
        lambda n, text: (f"{n}.json", json.dumps({"caption": text})),
        lambda n, text: (f"{n}.png.json", json.dumps({"captions": [text]})),
        lambda n, text: (f"{n}.json", json.dumps([text])),
        lambda n, text: (f"{n}.json", json.dumps(text)),
    ],
)
def test_sidecars(folder: Path, sidecar: Callable[[int, str], tuple[str, str | bytes]]) -> None:
    for n, text in ALL:
        name, content = sidecar(n, text)
        write(folder / "images" / name, content)
    rows = read(folder / "images")
    assert good(rows) == ALL
    assert bad(rows) == []


def test_a_blank_sidecar_does_not_hide_a_good_one(folder: Path) -> None:
    for n, text in ALL:
        write(folder / "images" / f"{n}.txt", "\n" if n == 0 else text)
    write(folder / "images" / "0.json", json.dumps({"caption": DOG, "url": "https://example.com/0", "license": "CC0"}))
    rows = read(folder / "images")
    assert good(rows) == ALL
    assert (rows[0].url, rows[0].license) == ("https://example.com/0", "CC0")


def test_what_img2dataset_leaves_as_files(tmp_path: Path) -> None:
    for n, text in ALL:
        write(tmp_path / "00000" / f"00000000{n}.png", picture(n))
        write(tmp_path / "00000" / f"00000000{n}.txt", text)
        write(tmp_path / "00000" / f"00000000{n}.json", json.dumps({"caption": "other", "url": f"https://x.org/{n}"}))
    table = {"url": ["https://x.org/0"], "caption": [DOG], "key": ["000000000"], "status": ["success"]}
    pq.write_table(pa.table(table), tmp_path / "00000.parquet")
    write(tmp_path / "00000_stats.json", json.dumps({"count": 3}))
    rows = read(tmp_path)
    assert good(rows) == ALL
    assert bad(rows) == []
    assert rows[1].url == "https://x.org/1"


def tar_of(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


PAIRS = {f"{n}{suffix}": content for n, text in ALL
         for suffix, content in ((".png", picture(n)), (".txt", text.encode()))}  # fmt: skip


@pytest.mark.parametrize(("name", "mode"), [
    ("0.tar", "w"), ("0.tar.gz", "w:gz"), ("0.tgz", "w:gz"), ("0.tar.bz2", "w:bz2"), ("0.tar.xz", "w:xz"),
    ("0.tar", "w:gz"),
])  # fmt: skip
def test_tars(tmp_path: Path, name: str, mode: str) -> None:
    tar_of(tmp_path / name, PAIRS, mode)
    assert good(read(tmp_path)) == ALL
    assert good(read(tmp_path / name)) == ALL


def test_captions_in_tars_are_read_as_beside_pictures(tmp_path: Path) -> None:
    tar_of(tmp_path / "0.tar", {
        "./0.png": picture(0), "./0.txt": f"{DOG}\nA dog .\n".encode(),
        "1.json": json.dumps({"caption": [CAT, "A cat ."]}).encode(), "1.png": picture(1), "1.txt": b"",
        "photo.v2.json": json.dumps([HORSE]).encode(), "._photo.v2.png": b"junk", "photo.v2.png": picture(2),
    })  # fmt: skip
    rows = read(tmp_path / "0.tar")
    assert good(rows) == [(0, DOG), (0, "A dog ."), (1, CAT), (1, "A cat ."), (2, HORSE)]
    assert bad(rows) == []


def test_members_of_a_tar_in_any_order(tmp_path: Path) -> None:
    tar_of(tmp_path / "0.tar", dict(sorted(PAIRS.items(), key=lambda item: item[0][::-1])))
    assert sorted(good(read(tmp_path))) == ALL


@pytest.mark.parametrize("name", ["0.tar", "0.tar.gz"])
def test_a_tar_cut_anywhere_costs_its_rest_alone(tmp_path: Path, name: str) -> None:
    whole = tar_of(tmp_path / name, PAIRS, "w:gz" if name.endswith("gz") else "w").read_bytes()
    (tmp_path / "other").mkdir()
    tar_of(tmp_path / "other" / "1.tar", {"2.png": picture(2), "2.txt": HORSE.encode()})
    for size in range(0, len(whole), len(whole) // 37 + 1):
        (tmp_path / name).write_bytes(whole[:size])
        rows = read(tmp_path)
        assert (2, HORSE) in [(2, row.caption) for row in rows if row.reason is None]
        assert bad(rows) or len(rows) == len(ALL) + 1


def test_absolute_paths_inside_of_what_was_named(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = write(tmp_path_factory.mktemp("elsewhere") / "1.png", picture(1))
    path = write(
        folder / "t.csv", f"image,caption\n{folder}/images/0.png,{DOG}\n{elsewhere},A cat .\n/etc/passwd,Oh .\n"
    )
    assert good(read(path)) == [(0, DOG)]
    assert bad(read(path)) == ["unsafe_path", "unsafe_path"]
    rows = read(path, images="/")
    assert [row.reason for row in rows] == [None, None, None]  # the third is refused when it is decoded
    assert good(rows[:2]) == [(0, DOG), (1, "A cat .")]
    assert bad(read(path, images=str(elsewhere.parent))) == ["unsafe_path", "unsafe_path"]


def test_rows_cannot_climb_out(folder: Path) -> None:
    write(folder.parent / "secret.png", picture(3))
    path = write(folder / "t.csv", "image,caption\n../secret.png,A .\nimages/../../secret.png,B .\n"
                                   "file:///etc/passwd,C .\ns3://bucket/x.png,D .\n..\\secret.png,E .\n")  # fmt: skip
    assert bad(read(path)) == ["unsafe_path"] * 5


def test_a_folder_whose_name_is_like_a_pattern(tmp_path: Path) -> None:
    for name in ("photos [2024]", "a*b", "what?"):
        for n, text in ALL:
            write(tmp_path / name / f"{n}.png", picture(n))
            write(tmp_path / name / f"{n}.txt", text)
        assert good(read(tmp_path / name)) == ALL


def test_patterns_match_several_files(folder: Path) -> None:
    for n, text in ALL:
        write(folder / f"part{n}.csv", f'image,caption\n{n}.png,"{text}"\n')
    write(folder / "part9.csv", b"\0\1\2 no table\n")
    rows = read(folder / "part*.csv")
    assert good(rows) == ALL
    assert bad(rows) == ["unreadable_file"]


@pytest.mark.parametrize("value", ["x" * 5000, "a/" * 4000, "\ud83d.png", "nul\0.png", "-", ".", "..", "images", " "])
def test_odd_values_where_a_path_should_be(folder: Path, value: str) -> None:
    rows = read(write(folder / "t.jsonl", json.dumps({"image": value, "caption": "A dog ."}) + "\n"
                      + json.dumps({"image": "0.png", "caption": DOG})))  # fmt: skip
    assert len(rows) == 2
    assert good(rows) == [(0, DOG)]
    assert all(len(row.detail or "") < 300 for row in rows)


@pytest.mark.parametrize("value", [None, 5, True, {}, {"a": 1}, [], [["x.png", "y.png"]], ["x.png", "y.png"], 1e400])
def test_values_of_odd_kinds(folder: Path, value: Any) -> None:
    both = [{"image": value, "caption": "A dog ."}, {"image": "0.png", "caption": value}]
    rows = read(write(folder / "t.json", json.dumps([*both, {"image": "0.png", "caption": DOG}])))
    assert (0, DOG) in good(rows)
    assert bad(rows)


def test_halves_of_a_character_in_json(folder: Path) -> None:
    rows = read(
        write(
            folder / "t.jsonl",
            '{"image": "0.png", "caption": "A dog \\ud83d ."}\n'
            '{"image": "1.png", "caption": "A dog \\ud83d\\ude00 .", "url": "\\ud83d"}\n',
        )
    )
    assert bad(rows) == ["caption_not_utf8"]
    assert good(rows) == [(1, "A dog \U0001f600 .")]


def test_a_json_list_that_is_cut_short_costs_its_end(folder: Path) -> None:
    text = json.dumps([{"image": f"{n}.png", "caption": c} for n, c in ALL])
    rows = read(write(folder / "t.json", text[:-10]))
    assert good(rows) == ALL[:2]
    assert bad(rows) == ["malformed_row"]


def test_json_that_is_too_deep_costs_its_row(folder: Path) -> None:
    rows = read(
        write(folder / "t.jsonl", '{"image": ' + "[" * 200_000 + "\n" + json.dumps({"image": "0.png", "caption": DOG}))
    )
    assert good(rows) == [(0, DOG)]
    assert bad(rows) == ["malformed_row"]


def test_sources_on_an_object_store(folder: Path) -> None:
    root = UPath("memory://pairs")
    (root / "images").mkdir(parents=True, exist_ok=True)
    for n, text in ALL:
        (root / "images" / f"{n}.png").write_bytes(picture(n))
        (root / "beside").mkdir(exist_ok=True)
        (root / "beside" / f"{n}.png").write_bytes(picture(n))
        (root / "beside" / f"{n}.txt").write_text(text)
    (root / "t.csv").write_text(lines(",", "image,caption"))
    (root / "sub" / "t.csv").write_text(lines(",", "image,caption", prefix="memory://pairs/images/"))
    pq.write_table(
        pa.table({"image": [picture(n) for n, _ in ALL], "caption": [c for _, c in ALL]}), folder / "t.parquet"
    )
    (root / "t.parquet").write_bytes((folder / "t.parquet").read_bytes())
    (root / "tars").mkdir(exist_ok=True)
    (root / "tars" / "0.tar").write_bytes(tar_of(folder / "0.tar", PAIRS).read_bytes())
    (root / "tars" / "1.tar.gz").write_bytes(tar_of(folder / "1.tar.gz", PAIRS, "w:gz").read_bytes())
    for what in ("t.csv", "t.parquet", "t*.csv", "beside"):
        assert good(read(f"memory://pairs/{what}")) == ALL, what
    assert good(read("memory://pairs/tars")) == ALL * 2
    assert good(read("memory://pairs/sub/t.csv", images="memory://pairs/images")) == ALL
    assert bad(read("memory://pairs/sub/t.csv")) == ["unsafe_path"] * 3
    # A table here, its pictures there.
    assert good(read(write(folder / "t.csv", lines(",", "image,caption")), images="memory://pairs/images")) == ALL


def test_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    write(folder / "t.csv", lines(",", "image,caption"))
    assert good(read("~/t.csv")) == ALL


def test_an_encoding_that_is_named(folder: Path) -> None:
    path = write(folder / "t.csv", "image,caption\n0.png,A café .\n".encode("cp1252"))
    assert bad(read(path)) == ["caption_not_utf8"]
    assert good(read(path, encoding="cp1252")) == [(0, "A café .")]
    with pytest.raises(InputError, match="unknown encoding"):
        read(path, encoding="klingon")


def test_files_that_may_not_be_read_cost_themselves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n, text in ALL:
        write(folder / f"part{n}.csv", f'image,caption\n{n}.png,"{text}"\n')
    real = open

    def refused(path: Any, *how: Any, **more: Any) -> Any:
        if os.fspath(path).endswith("part1.csv"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *how, **more)

    monkeypatch.setattr("builtins.open", refused)
    rows = read(folder / "part*.csv")
    assert good(rows) == [ALL[0], ALL[2]]
    assert bad(rows) == ["unreadable_file"]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_tables_and_pictures_on_the_web(folder: Path, web: str) -> None:
    write(folder / "t.csv", lines(",", "image,caption", prefix="images/"))
    assert good(read(f"{web}/t.csv")) == ALL
    pq.write_table(pa.table({"URL": [f"{web}/images/{n}.png" for n, _ in ALL], "TEXT": [c for _, c in ALL]}),
                   folder / "laion.parquet")  # fmt: skip
    for source in (f"{web}/laion.parquet", folder / "laion.parquet"):
        rows = read(source)
        assert good(rows) == ALL
        assert rows[0].url == f"{web}/images/0.png"
    tar_of(folder / "0.tar", PAIRS)
    assert good(read(f"{web}/0.tar")) == ALL
    with pytest.raises(InputError, match="no such file or folder"):
        read(f"{web}/nowhere.csv")


def test_an_address_that_does_not_answer_costs_its_row(folder: Path, web: str, tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9/2.png"
    path = write(folder / "t.csv", f"url,caption\n{web}/images/0.png,{DOG}\n{web}/images/9.png,Gone .\n{dead},Dead .\n")
    found = ingest(Source(path=str(path)), Ingest(), Dataset(str(tmp_path / "out")))
    rejects = Dataset(str(tmp_path / "out")).read("rejects", found.shards[0]).to_pylist()
    assert (found.pairs, found.rejects) == (1, 2)
    assert sorted(row["reason"] for row in rejects) == ["missing_image", "unreachable_image"]
