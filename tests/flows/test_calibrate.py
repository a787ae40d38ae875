"""Labels in, thresholds out: from a CSV and a built dataset to a config that selects by them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from filters.calibration import CAPTIONS, PICTURES, Wish
from flows.build import build
from flows.calibrate import calibrate_dataset, config_lines, own_labels, read_labels
from schemas.config import load_config
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Build, Dataset
from tests.command import counterfoil
from tests.flows.conftest import Run, write_config

USABLE = "failed_check IS NULL AND validity IS NOT NULL"
Labels = list[tuple[str, Any]]


@pytest.fixture
def dataset(built: Callable[[bool], Build], tmp_path: Path) -> str:
    built(True)
    return str(tmp_path / "dataset")


def ask(dataset: str, sql: str) -> list[tuple[Any, ...]]:
    with connect(Dataset(dataset)) as connection:
        return list(connection.sql(sql).fetchall())


def write_labels(path: Path, labels: Labels, header: str = "text_negative_id,valid") -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"{header}\n")
        csv.writer(file).writerows(labels)
    return str(path)


@pytest.fixture
def labels(dataset: str, tmp_path: Path) -> str:
    """Call the upper two thirds of all usable candidates valid, the others not."""
    rule = "ntile(3) OVER (ORDER BY validity, text_negative_id) > 1"
    return write_labels(
        tmp_path / "labels.csv", ask(dataset, f"SELECT text_negative_id, {rule} FROM candidates WHERE {USABLE}")
    )


def test_thresholds_from_a_file_of_labels(dataset: str, labels: str, tmp_path: Path) -> None:
    done = calibrate_dataset(dataset, Wish(0.9, least=1000), [labels])
    pooled = done.captions.pooled
    assert (pooled.labels, pooled.unscored) == (*ask(dataset, f"SELECT count(*) FROM candidates WHERE {USABLE}")[0], 0)
    assert pooled.valid == pytest.approx(pooled.labels * 2 / 3, abs=1)
    assert pooled.reached
    assert pooled.recall is not None
    assert pooled.recall > 0.9
    assert done.unused == ()
    assert done.place == str(tmp_path / "dataset" / "calibration.yaml")
    text = Path(done.place).read_text()
    assert f"# build: {Dataset(dataset).build().build_id}" in text
    assert f"# labels: {labels} (sha256 " in text
    assert "wish: precision 0.9 with confidence 0.9" in text
    drop = yaml.safe_load(text)["rules"][CAPTIONS.rule]["drop_when"]
    assert ask(dataset, f"SELECT count(*) FROM candidates WHERE {drop}") == [(pooled.labels - pooled.kept,)]


def test_a_build_selects_by_what_was_chosen(dataset: str, labels: str, run: Run, source: Path, tmp_path: Path) -> None:
    done = calibrate_dataset(dataset, Wish(0.9, least=1000), [labels], str(tmp_path / "chosen.yaml"))
    run(source, select={"calibrated": "chosen.yaml"})
    dropped = f"SELECT count(*) FROM verdicts WHERE list_contains(reasons, '{CAPTIONS.rule}')"
    pooled = done.captions.pooled
    assert ask(dataset, dropped) == [(pooled.labels - pooled.kept,)]
    assert "calibrated on labels" in ask(dataset, f"SELECT hint FROM reasons WHERE reason = '{CAPTIONS.rule}'")[0][0]
    # The rules count, not where the file is.
    first = Dataset(dataset).build()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "chosen.yaml").rename(tmp_path / "elsewhere" / "chosen.yaml")
    moved = run(source, select={"calibrated": "elsewhere/chosen.yaml"})
    assert moved.shards["verdicts"] == first.shards["verdicts"]


def test_labels_that_cannot_be_used_are_counted_and_told(dataset: str, tmp_path: Path) -> None:
    usable = [key for (key,) in ask(dataset, f"SELECT text_negative_id FROM candidates WHERE {USABLE}")]
    failed = ask(dataset, "SELECT text_negative_id FROM candidates WHERE failed_check IS NOT NULL LIMIT 2")
    labels: Labels = [(key, ("Yes", "1", "TRUE", "no", "0", "false")[n % 6]) for n, key in enumerate(usable[2:])]
    labels += [(usable[0], "maybe"), (usable[1], ""), ("", "true"), ("0" * 32, "true"), labels[0]]
    labels += [(key, "false") for (key,) in failed]
    path = write_labels(tmp_path / "l.csv", labels)
    done = calibrate_dataset(dataset, Wish(), [path])
    assert done.captions.pooled.labels == len(usable) - 2
    assert done.captions.pooled.valid == sum(n % 6 < 3 for n in range(len(usable) - 2))
    assert done.unused == (
        "1 repeated rows",
        "1 rows without an answer",
        f"2 unreadable rows (write true or false): line {len(usable)} of {path}, line {len(usable) + 2} of {path}",
        "1 labels of ids that this build has not",
        f"{len(failed)} labels of candidates that failed a check",
    )
    assert all(what in Path(done.place).read_text() for what in done.unused)


def test_a_file_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b'\xef\xbb\xbfoperation,valid,text_negative_id\r\nnegate,TRUE,a\r\n"x, y",no,b\r\n\r\nnegate\r\n')
    read = read_labels([str(path)])
    assert read.valid == {("a", None): True, ("b", None): False}
    assert read.unused == (f"1 unreadable rows (write true or false): line 5 of {path}",)


def test_a_file_as_other_spreadsheets_write_it(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes("Valid ;text_negative_id;note\r\n1.0;a;\r\n;b;later\r\nWAHR;c;\r\nN;d;\r\n".encode("utf-16"))
    read = read_labels([str(path)])
    assert read.valid == {("a", None): True, ("c", None): True, ("d", None): False}
    assert read.unused == ("1 rows without an answer",)


def test_most_answers_of_several_people_decide(tmp_path: Path) -> None:
    header = "text_negative_id,image_negative_id,valid,again,reviewer"
    files = {
        "a.csv": ["x,,true,no,ann", "y,,true,no,ann", "z,,false,no,ann", "x,e,false,no,ann", "y,,false,yes,ann"],
        "b.csv": ["x,,true,no,bob", "y,,false,no,bob", "z,,true,no,bob"],
        "c.csv": ["x,,false,no,cid", "z,,false,no,cid", "z,,false,no,cid"],
    }
    for name, rows in files.items():
        (tmp_path / name).write_text("\n".join([header, *rows]))
    read = read_labels([str(tmp_path / name) for name in files])
    assert read.valid == {("x", None): True, ("z", None): False, ("x", "e"): False}
    assert read.unused == ("1 repeated rows", "1 candidates that labellers disagree on")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"id,valid\na,true\n", "no column text_negative_id; the first line must be text_negative_id,valid"),
        (b"text_negative_id\na\n", "no column valid"),
        (b"", "no column text_negative_id"),
        (b"text_negative_id,valid\na\xff,true\n", "not CSV in UTF-8"),
        (None, "No such file or directory; give a CSV file"),
    ],
)
def test_bad_files_are_one_line(tmp_path: Path, data: bytes | None, said: str) -> None:
    path = tmp_path / "labels.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=said) as caught:
        read_labels([str(path)])
    assert str(caught.value).startswith(f"--labels {path}: ")
    assert "\n" not in str(caught.value)


def test_labels_and_votes_of_the_dataset_itself() -> None:
    rows = (
        "('a', true, 'x', NULL), ('b', false, 'x', NULL), ('a', true, 'y', NULL), ('c', true, 'x', NULL), "
        "('c', false, 'y', NULL), ('d', NULL, 'x', NULL), ('a', false, 'x', 'its edited picture')"
    )
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE labels (text_negative_id VARCHAR, valid BOOLEAN, labeller VARCHAR, "
            "image_negative_id VARCHAR);"
            "CREATE TABLE said (text_negative_id VARCHAR, really_false BOOLEAN, picture_right BOOLEAN, "
            "image_negative_id VARCHAR);"
            "CREATE MACRO last_votes() AS TABLE FROM said"
        )
        with pytest.raises(InputError, match=r"d: no labels in this dataset; give --labels FILE.csv with the header"):
            own_labels(connection, "d")
        connection.execute(f"INSERT INTO labels VALUES {rows}")
        connection.execute("INSERT INTO said VALUES ('b', true, NULL, NULL), ('e', true, NULL, NULL)")
        connection.execute("INSERT INTO said VALUES ('e', NULL, true, 'another'), ('f', NULL, NULL, NULL)")
        own = own_labels(connection, "d")
    assert own.valid == {
        ("a", None): True, ("a", "its edited picture"): False, ("e", None): True, ("e", "another"): True
    }  # fmt: skip
    assert own.unused == ("2 candidates that labellers disagree on",)


def test_drawn_scenes_bring_their_own_labels(tmp_path: Path, models: dict[str, Any]) -> None:
    out = tmp_path / "shapes"
    config = write_config(tmp_path, **models, images=[{"method": "render"}])
    build.fn(str(config), str(out), "shapes:20?seed=1")
    done = calibrate_dataset(str(out), Wish())
    labelled = f"FROM candidates JOIN labels USING (text_negative_id) WHERE valid IS NOT NULL AND {USABLE}"
    ((labels, valid),) = ask(str(out), f"SELECT count(*), count(*) FILTER (valid) {labelled}")
    assert (done.captions.pooled.labels, done.captions.pooled.valid) == (labels, valid)
    assert labels > 20
    assert "# labels: the dataset's own, " in Path(done.place).read_text()


def test_labels_of_pictures_make_a_rule_of_pictures(tmp_path: Path, models: dict[str, Any]) -> None:
    out = str(tmp_path / "shapes")
    sections = {**models, "images": [{"method": "render"}]}
    build.fn(str(write_config(tmp_path, **sections)), out, "shapes:20?seed=1")
    scored = f"FROM candidates WHERE image_negative_id IS NOT NULL AND {PICTURES.score} IS NOT NULL"
    upper = f"ntile(3) OVER (ORDER BY {PICTURES.score}) > 1"
    given = ask(out, f"SELECT text_negative_id, image_negative_id, {upper} {scored}")
    path = write_labels(tmp_path / "pictures.csv", given, "text_negative_id,image_negative_id,valid")
    done = calibrate_dataset(out, Wish(0.99), [path], str(tmp_path / "chosen.yaml"), Wish(0.8, least=5))
    assert done.captions is None, "a label of a picture says nothing of the caption"
    assert done.pictures is not None
    pooled = done.pictures.pooled
    assert (pooled.labels, pooled.valid) == (len(given), sum(valid for *_, valid in given))
    assert pooled.threshold is not None
    build.fn(str(write_config(tmp_path, **sections, select={"calibrated": "chosen.yaml"})), out, "shapes:20?seed=1")
    dropped = ask(out, f"SELECT count(*) FROM verdicts WHERE list_contains(picture_reasons, '{PICTURES.rule}')")
    assert dropped == [(pooled.labels - pooled.kept,)]


def test_no_label_of_this_build_and_no_judge(dataset: str, run: Run, source: Path, tmp_path: Path) -> None:
    strange = write_labels(tmp_path / "strange.csv", [("0" * 32, "true")])
    with pytest.raises(InputError, match=r"none of the labels .* is of a usable candidate of the current build"):
        calibrate_dataset(dataset, Wish(), [strange])
    run(source, "unjudged", with_models=False)
    unjudged = str(tmp_path / "unjudged")
    ids = ask(unjudged, "SELECT text_negative_id, true FROM candidates WHERE failed_check IS NULL")
    with pytest.raises(InputError, match="no labelled candidate has a score of the judge; name a judge"):
        calibrate_dataset(unjudged, Wish(), [write_labels(tmp_path / "all.csv", ids)])
    assert not (tmp_path / "dataset" / "calibration.yaml").exists()


def test_a_dataset_in_an_object_store(source: Path, tmp_path: Path, models: dict[str, Any]) -> None:
    place = f"memory://{tmp_path.name}-calibrated"
    made: Build = build.fn(str(write_config(tmp_path, **models)), place, str(source))
    ids = ask(place, f"SELECT text_negative_id, true FROM candidates WHERE {USABLE}")
    done = calibrate_dataset(place, Wish(), [write_labels(tmp_path / "labels.csv", ids)])
    assert done.place == f"{place}/calibration.yaml"
    stored = Dataset(place)
    text = stored.fs.cat_file(f"{stored.base}/calibration.yaml").decode()
    assert f"build: {made.build_id}" in text
    assert yaml.safe_load(config_lines(done)) == {"select": {"calibrated": "calibration.yaml"}}


def test_the_command(dataset: str, labels: str, tmp_path: Path) -> None:
    out = tmp_path / "chosen, by labels.yaml"
    done = counterfoil("calibrate", dataset, "--labels", labels, "--precision", "0.9", "--least", "20", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "Thresholds on validity for precision 0.9, confidence 0.9" in done.stdout
    lines = done.stdout.split("\n\n")[-1]
    assert max(map(len, done.stdout.removesuffix(lines).splitlines())) <= 80
    assert yaml.safe_load(lines) == {"select": {"calibrated": str(out)}}
    (tmp_path / "config.yaml").write_text(lines)
    assert list(load_config(tmp_path / "config.yaml").select.rules) == [CAPTIONS.rule]
    assert not (tmp_path / "dataset" / "calibration.yaml").exists()

    for arguments, said in (
        ((tmp_path / "nothing",), "no finished build here"),
        ((dataset,), "no labels in this dataset; give --labels FILE.csv with the header text_negative_id,valid"),
        ((dataset, "--labels", tmp_path / "no.csv"), "No such file or directory; give a CSV file"),
        ((dataset, "--labels", labels, "--precision", "95"), "precision 95: wish a share between 0 and 1"),
        ((dataset, "--labels", labels, "--out", tmp_path / "no" / "file.yaml"), "give a file in a folder that is"),
    ):
        done = counterfoil("calibrate", *arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.count("\n") == 1
        assert said in done.stderr
