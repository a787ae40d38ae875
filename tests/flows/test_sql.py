"""`counterfoil sql`, `status` and their errors as people meet them, on a small dataset made by hand."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.tables import TABLES
from storage.catalog import write_catalog
from storage.dataset import Build, Dataset
from tests.flows.test_cli import REPOSITORY, counterfoil

CAPTION = "A [red]café[/red] 🦆 — “big”"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "it's a folder"
    dataset = Dataset(str(place))
    pairs = [{"pair_id": "a", "image_id": "i", "caption": CAPTION, "source": "s", "license": "[b]CC0"}]
    negatives = [{"text_negative_id": "n", "pair_id": "a", "image_id": "i", "caption": "x", "operation": "negate"}]
    rows = {"pairs": pairs, "text_negatives": negatives, "verdicts": [{"text_negative_id": "n", "accepted": True}]}
    for table, several in rows.items():
        dataset.write(table, "shard", pa.Table.from_pylist(several, TABLES[table]))
    counts = {"images": 1, "pairs": 1, "rejects": 0, "text_negatives": 1, "accepted": 1, "verdicts": 1}
    config = {"describe": {"parser": "p"}, "judge": None}
    build = Build("b1", {t: ["shard"] for t in rows}, config, counts, {}, "2026-01-01T00:00:00+00:00", "2026-01-01")
    dataset.commit(build)
    write_catalog(dataset, build)
    return place


def piped(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "sql", str(folder), *options]
    return subprocess.run(command, cwd=REPOSITORY, input=text, capture_output=True, text=True, check=False)


def test_every_statement_gives_its_answer(folder: Path) -> None:
    done = counterfoil("sql", folder, "SELECT 1 AS a; SELECT ';' AS b -- ;\n; SELECT 3 AS c", "--format", "csv")
    assert (done.returncode, done.stdout) == (0, "a\n1\nb\n;\nc\n3\n")
    refused = counterfoil("sql", folder, "SELECT 1; DROP VIEW pairs")
    assert (refused.returncode, refused.stdout) == (2, ""), "nothing runs where one of them may not"


def test_what_is_piped_in_gives_answers_alone(folder: Path) -> None:
    done = piped(folder, "select 1 as a;\nselect ';' as b, -- ;\n';\n' as c;select 2 as d", "--format", "csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, 'a\n1\nb,c\n;,";\n"\nd\n2\n', "")
    failed = piped(folder, "select 1 as a; selec; select 2 as b", "--format", "json")
    assert json.loads(failed.stdout) == [{"a": 1}]
    assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)
    assert failed.stderr.startswith("counterfoil: sql: ")
    assert piped(folder, "  -- nothing\n").stdout == ""


@pytest.mark.parametrize(
    "query", ["-- why\nSELECT 1 AS one", "--why=not\nSELECT 1 AS one", "--\nSELECT 1 AS one", "/* a */ SELECT 1 AS one"]
)
def test_a_query_may_begin_with_a_comment(folder: Path, query: str) -> None:
    assert counterfoil("sql", folder, query, "--format=csv").stdout == "one\n1\n"
    assert counterfoil("sql", folder, "--format", "csv", query).stdout == "one\n1\n"


def test_a_misspelt_option_is_no_query(folder: Path) -> None:
    done = counterfoil("sql", folder, "--fromat", "csv")
    assert done.returncode == 2
    assert "--fromat" in done.stderr


@pytest.mark.parametrize(
    ("encoding", "form"),
    [("ascii", "table"), ("ascii", "json"), ("latin-1", "jsonl"), ("cp1252", "csv"), ("latin-1", "markdown"),
     ("cp1252", "table"), ("utf-8", "table")],
)  # fmt: skip
def test_an_encoding_that_lacks_a_letter_is_no_error(
    folder: Path, encoding: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    command = [sys.executable, "-m", "flows.cli", "sql", str(folder)]
    asked = [*command, "SELECT caption FROM pairs", "--format", form]
    done = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert "[red]" in text
    if "json" in form:
        assert json.loads(text) == ([{"caption": CAPTION}] if form == "json" else {"caption": CAPTION})
    if encoding == "utf-8":
        assert CAPTION in text
    if form == "table":
        wrong = subprocess.run([*command, "SELECT é🦆"], cwd=REPOSITORY, capture_output=True, check=False)
        assert wrong.returncode == 2
        assert wrong.stderr.startswith(b"counterfoil: sql: ")


def test_status_shows_markup_and_paths_as_they_are(folder: Path) -> None:
    done = counterfoil("status", folder)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "One build is kept." in done.stdout


def test_a_file_for_the_answer(folder: Path, tmp_path: Path) -> None:
    for name in ("x.parquet", "x.json"):
        done = counterfoil("sql", folder, "FROM pairs", "--out", tmp_path / name)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert pq.read_table(tmp_path / "x.parquet")["caption"].to_pylist() == [CAPTION]
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))[0]["caption"] == CAPTION
    link = tmp_path / "link"
    link.symlink_to(folder)
    for arguments, said in (
        (["--format", "parquet"], "--out FILE.parquet"),
        (["--out", folder / "pairs" / "shard.parquet"], "inside the dataset"),
        (["--out", link / "x.csv"], "inside the dataset"),
        (["--out", tmp_path / "nowhere" / "x.csv"], "a folder that is there"),
        (["--out", tmp_path / "x.txt"], "its ending tells no format"),
    ):
        done = counterfoil("sql", folder, "FROM pairs", *arguments)
        assert done.returncode == 2
        assert said in done.stderr
    assert "give one query" in counterfoil("sql", folder, "SELECT 1; SELECT 2", "--out", tmp_path / "y.csv").stderr


def test_ones_own_labels_beside_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "my labels.csv").write_text("id,ok\na,yes\n")
    sql = "SELECT caption, ok FROM pairs JOIN my_labels ON id = pair_id"
    done = counterfoil("sql", folder, sql, "--attach", tmp_path / "my labels.csv", "--format", "json")
    assert json.loads(done.stdout) == [{"caption": CAPTION, "ok": True}]


def test_a_damaged_shard_is_named_by_status_and_sql(folder: Path) -> None:
    shard = folder / "pairs" / "shard.parquet"
    shard.write_bytes(shard.read_bytes()[:-20])
    for arguments in (["status", folder], ["sql", folder, "FROM pairs"]):
        done = counterfoil(*arguments)
        assert done.returncode == 2
        assert "/pairs/shard.parquet: " in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path) -> None:
    command = f"{sys.executable} -m flows.cli sql \"{folder}\" 'FROM range(1000000)' --format csv | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("range\n", "")


@pytest.fixture
def terminal(folder: Path, tmp_path: Path) -> Iterator[int]:
    """A shell on a terminal; its file is read and written."""
    process, file = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm", COUNTERFOIL_CACHE=str(tmp_path / "cache"))
        os.chdir(REPOSITORY)
        os.execv(sys.executable, [sys.executable, "-m", "flows.cli", "sql", str(folder)])
    yield file
    os.close(file)
    os.waitpid(process, 0)


def typed(file: int, keys: str, until: str) -> str:
    """Type, and read until something is said and the shell waits again, or has ended."""
    os.write(file, keys.encode())
    said = ""
    patience = time.monotonic() + 60
    while "\x1b[?2004h" not in said.rpartition(until)[2] or until not in said:
        assert time.monotonic() < patience, said
        if not select.select([file], [], [], 0.1)[0]:
            continue
        try:
            said += os.read(file, 65536).decode(errors="replace")
        except OSError:  # it has ended
            return said
        if said.endswith("\x1b[6n"):  # where is the cursor?
            os.write(file, b"\x1b[1;1R")
    return said


def test_a_shell_that_edits_and_remembers(terminal: int, tmp_path: Path) -> None:
    typed(terminal, "", "Tab completes")
    typed(terminal, "select ';' as first,\r 40 + 2 as second;\r", "second\r\n")
    typed(terminal, "selec;\r", "Parser Error")
    typed(terminal, "select 1 + 1; select 20 + 2;\r", "22")
    typed(terminal, "\x1b[A\x7f\x7f 7;\r", "27")  # the last line again, and another end
    typed(terminal, "exit\r", "no more")
    assert "+select ';' as first," in (tmp_path / "cache" / "sql_history").read_text()
