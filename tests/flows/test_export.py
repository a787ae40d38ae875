"""`counterfoil export` as people meet it: what it writes, what it refuses, what it leaves behind."""

import hashlib
import json
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import fsspec
import pytest

from exports.folder import Folder
from exports.formats import FORMATS
from flows.cli import app
from flows.export import export
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset
from tests.command import counterfoil
from tests.exports.made import Made, make
from tests.flows.conftest import Run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made") / "dataset")


def manifest(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text("utf-8"))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_tells_what_it_wrote_and_what_it_left_out(made: Made, tmp_path: Path) -> None:
    done = counterfoil("export", made.folder, tmp_path / "out", "--to", "winoground", "--build", "abcdef12")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first.startswith("36 pairs (")
    assert first.endswith(f" in {tmp_path / 'out'}")
    assert rest == ["left out 20: no edited picture", "left out 4: the right caption is true of the edited picture too"]
    told = manifest(tmp_path / "out")
    assert (told["format"], told["build_id"], told["pairs"]) == ("winoground", "20260101T000000000Z-abcdef12", 36)
    assert told["left_out"] == {"no edited picture": 20, "the right caption is true of the edited picture too": 4}
    assert told["licenses"] == {"CC BY 4.0": 36}


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_manifest_names_every_file_with_its_hash_and_none_is_a_pickle(made: Made, tmp_path: Path, form: str) -> None:
    for name in ("one", "two"):
        export(str(made.folder), form, str(tmp_path / name / "out"))
    folder = tmp_path / "one" / "out"
    listed = {file["name"]: (file["size"], file["sha256"]) for file in manifest(folder)["files"]}
    assert set(listed) == files(folder) - {"manifest.json"}
    assert len(listed) == len(manifest(folder)["files"])
    for name, facts in listed.items():
        data = (folder / name).read_bytes()
        assert facts == (len(data), hashlib.sha256(data).hexdigest())
        assert not data.startswith(b"\x80")
        assert Path(name).suffix not in {".pkl", ".npy", ".pt"}
    if form not in {"ce-clip", "vismin"}:  # whose paths are whole
        assert manifest(folder)["files"] == manifest(tmp_path / "two" / "out")["files"], "equal, byte for byte"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "coco"], "--to coco: no such format; there are aro, ce-clip, csv, dpo, "),
        (["--to", "csv", "--where", "nonsense = 1"], "--where nonsense = 1: "),
        (["--to", "csv", "--split", "x'y"], "--split x'y: no such split here; there are test, train, validation"),
        (
            ["--to", "sugarcrepe++", "--where", "operation = 'negate'"],
            "--to: no pair can be written in this format (10: ",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    made: Made, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = counterfoil("export", made.folder, tmp_path / "out", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_is_left_alone(made: Made, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="full: it is there already and not empty; give a new folder"):
        export(str(made.folder), "csv", str(tmp_path / "full"))
    with pytest.raises(InputError, match="inside the dataset, which an export never changes"):
        export(str(made.folder), "csv", str(made.folder / "out"))
    done = counterfoil("export", made.folder, tmp_path / "file", "--to", "csv")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "a file stands where a folder should be" in done.stderr
    export(str(made.folder), "csv", str(tmp_path / "empty"))
    assert "manifest.json" in files(tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full"]


def test_what_fails_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    made = make(tmp_path / "dataset")
    path = made.folder / "image_negatives" / "s25.parquet"
    data = bytearray(path.read_bytes())
    data[10_000:12_000] = bytes(2000)  # amid the pictures
    path.write_bytes(data)
    done = counterfoil("export", made.folder, tmp_path / "out", "--to", "winoground", "--build", "abcdef12")
    assert done.returncode == 2
    assert "image_negatives/s25.parquet: " in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


@pytest.mark.parametrize("form", ["huggingface", "vismin"])
def test_a_bucket_is_as_good_as_a_folder(made: Made, place: str, form: str) -> None:
    done = export(str(made.folder), form, f"{place}/{form}")
    fs = fsspec.filesystem("s3", use_listings_cache=False)
    told = json.loads(fs.cat_file(f"{place}/{form}/manifest.json"))
    assert told["pairs"] == done.pairs
    found = {name.partition(f"/{form}/")[2] for name in fs.find(f"{place}/{form}")}
    assert found == {file["name"] for file in told["files"]} | {"manifest.json"}
    for file in told["files"]:
        assert hashlib.sha256(fs.cat_file(f"{place}/{form}/{file['name']}")).hexdigest() == file["sha256"]
    with pytest.raises(InputError, match="it is there already and not empty"):
        Folder(f"{place}/{form}")
    with pytest.raises(InputError, match="there is no bucket nobucket"):
        export(str(made.folder), form, "s3://nobucket/out")


def test_what_fails_on_the_way_to_a_bucket_leaves_nothing(place: str) -> None:
    def fail() -> None:
        with Folder(f"{place}/out") as out, out.open_text("one.json") as file:
            file.write("{}")
        with Folder(f"{place}/other") as out:
            with out.open_text("one.json") as file:
                file.write("{}")
            raise OSError("enough")

    with pytest.raises(OSError, match="enough"):
        fail()
    found = fsspec.filesystem("s3", use_listings_cache=False).find(place)
    assert [name.partition(f"{place}/".removeprefix("s3://"))[2] for name in found if name.endswith(".json")] == [
        "out/one.json"
    ]
    assert Folder(f"{place}/other").location == f"{place}/other", "it can be used again"


def test_a_place_that_can_only_be_read_is_told(made: Made) -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(InputError, match="this kind of address can only be read; give a folder"):
            export(str(made.folder), "csv", f"http://127.0.0.1:{server.server_port}/out")
        server.shutdown()


def test_what_is_said_of_formats_names_all_of_them() -> None:
    command = next(each for each in app.registered_commands if each.callback and each.callback.__name__ == "export")
    assert command.callback is not None
    said = str(command.callback.__annotations__["form"].__metadata__[0].help)
    assert set(said.rstrip(".").replace(" or ", ", ").split(", ")) == set(FORMATS)
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")
    assert [form for form in FORMATS if f"`{form}`" not in page] == []


@pytest.mark.slow
def test_drawn_scenes_go_out_as_whole_pairs(run: Run, tmp_path: Path) -> None:
    run("shapes:4?seed=3&captions=1", images=[{"method": "render"}], with_models=False)
    export(str(tmp_path / "dataset"), "eqben", str(tmp_path / "out"))
    rows = json.loads((tmp_path / "out" / "annotations.json").read_text("utf-8"))
    with connect(Dataset(str(tmp_path / "dataset"))) as connection:
        expected = connection.sql(
            "SELECT text_negative_id, original, negative, image.bytes, negative_image.bytes FROM minimal_pairs "
            "WHERE negative_image IS NOT NULL AND original_still_true IS NOT TRUE"
        ).fetchall()
    found = {
        (row["text_negative_id"], row["caption0"], row["caption1"], (tmp_path / "out" / row["image0"]).read_bytes(),
         (tmp_path / "out" / row["image1"]).read_bytes())
        for row in rows
    }  # fmt: skip
    assert found == set(expected)
    assert len(rows) == len(expected) > 3
