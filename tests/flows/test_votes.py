"""What people say: samples that hide what was decided, sheets that come back, and how far they agree with a build."""

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import sqrt
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import pyarrow as pa
import pytest

import flows.votes
from flows.votes import add_votes
from schemas.errors import InputError
from schemas.tables import TABLES, VOTES
from storage.catalog import connect, write_catalog
from storage.dataset import Build, Dataset
from storage.prune import prune
from tests.command import counterfoil

QUESTIONS = ("reads_well", "really_false", "one_change")
EACH = 12  # negatives of an operation: of each four the last is dropped


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = Dataset(str(tmp_path / "dataset"))
    negatives = [
        {"text_negative_id": f"{operation}{n}", "pair_id": "a", "image_id": "i", "original": "right",
         "caption": f"wrong {operation} {n}", "operation": operation, "method": "insert"}
        for operation in ("negate", "add_object") for n in range(EACH)
    ]  # fmt: skip
    verdicts = [
        {"text_negative_id": row["text_negative_id"], "operation": row["operation"], "method": row["method"],
         "accepted": n % 4 < 3, "reasons": [] if n % 4 < 3 else ["implausible"], "validity": 0.5}
        for n, row in enumerate(negatives)
    ]  # fmt: skip
    pairs = [{"pair_id": "a", "image_id": "i", "caption": "right", "source_key": "a.jpg"}]
    rows = {"pairs": pairs, "text_negatives": negatives, "verdicts": verdicts}
    for table, several in rows.items():
        made.write(table, "shard", pa.Table.from_pylist(several, TABLES[table]))
    counts = {"images": 1, "pairs": 1, "rejects": 0, "text_negatives": 2 * EACH, "accepted": 18, "verdicts": 2 * EACH}
    build = Build("b1", {table: ["shard"] for table in rows}, {}, counts, {}, "2026-01-01T00:00:00+00:00", "2026-01-01")
    made.commit(build)
    write_catalog(made, build)
    return made


def sheet(path: Path, answers: dict[str, tuple[str, str, str]]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text_negative_id", *QUESTIONS, "comment"))
        writer.writerows((name, *given, "") for name, given in answers.items())
    return str(path)


def asked(dataset: Dataset, sql: str) -> list[Any]:
    with connect(dataset) as connection:
        return connection.sql(sql).fetchall()


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_sample_shows_as_many_of_each_operation_and_hides_what_was_decided(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    done = counterfoil("sample", dataset.root, "--labels", path, "--per-operation", "5")
    assert (done.returncode, done.stderr) == (0, "")
    rows = read(path)
    assert list(rows[0]) == ["text_negative_id", "picture", "right", "wrong", *QUESTIONS, "comment"]
    assert Counter(row["wrong"].split()[1] for row in rows) == {"negate": 5, "add_object": 5}
    assert {row[name] for row in rows for name in (*QUESTIONS, "comment")} == {""}
    dropped = {name for (name,) in asked(dataset, "SELECT text_negative_id FROM verdicts WHERE NOT accepted")}
    assert not dropped & {row["text_negative_id"] for row in rows}
    operations = [row["wrong"].split()[1] for row in rows]
    assert operations != sorted(operations), "the order tells nothing"


def test_what_is_drawn_hangs_on_the_seed_alone(dataset: Dataset, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        counterfoil("sample", dataset.root, "--labels", tmp_path / name, "--per-operation", "3", "--seed", seed)
    a, b, c = ((tmp_path / name).read_text() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("where", "count"),
    [("NOT accepted", 6), ("true", 24), ("operation = 'negate'", 12), ("list_contains(reasons, 'implausible')", 6),
     ("method = 'insert' AND validity IS NULL", 24)],
)  # fmt: skip
def test_a_condition_sees_candidates_and_what_was_decided(
    dataset: Dataset, tmp_path: Path, where: str, count: int
) -> None:
    done = counterfoil("sample", dataset.root, "--labels", tmp_path / "sheet.csv", "--where", where)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read(tmp_path / "sheet.csv")) == count


@pytest.mark.parametrize(
    ("where", "said"), [("acepted", "--where acepted: Binder Error"), ("false", "nothing of this dataset is so")]
)
def test_a_condition_that_finds_nothing_is_one_line(dataset: Dataset, tmp_path: Path, where: str, said: str) -> None:
    done = counterfoil("sample", dataset.root, "--labels", tmp_path / "sheet.csv", "--where", where)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert not (tmp_path / "sheet.csv").exists()


def test_a_sheet_with_answers_is_not_overwritten(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("mine")
    done = counterfoil("sample", dataset.root, "--labels", path)
    assert (done.returncode, done.stderr.count("\n"), path.read_text()) == (2, 1, "mine")
    assert f"--labels {path}: File exists; give the name of a new file" in done.stderr


def test_the_same_sheet_again_adds_nothing_twice(dataset: Dataset, tmp_path: Path) -> None:
    path = sheet(tmp_path / "s.csv", {"negate0": ("yes", "x", "1"), "negate1": ("no", "", "Y"), "negate2": ("",) * 3})
    for _ in range(2):
        done = counterfoil("labels", dataset.root, path, "--by", "ann")
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            0,
            f"{path}: 2 votes of ann, 1 rows without an answer",
        )
    answers = "SELECT text_negative_id, voter, reads_well, really_false, one_change FROM votes ORDER BY ALL"
    assert asked(dataset, answers) == [("negate0", "ann", True, True, True), ("negate1", "ann", False, None, True)]
    counterfoil("labels", dataset.root, path, "--by", "bob")
    assert len(asked(dataset, "FROM votes")) == 4, "of two people"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "text_negative_id,reads_well,really_false,one_change\nn,yes,maybe,no\n",
            "line 2: maybe is neither yes nor no",
        ),
        ("text_negative_id,reads_well,really_false\nn,yes,no\n", "no column one_change"),
        ("text_negative_id,reads_well,really_false,one_change\nn,,,\n", "no answers; write yes or no"),
    ],
)
def test_a_sheet_that_cannot_be_read_is_one_line(dataset: Dataset, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)
    done = counterfoil("labels", dataset.root, path, "--by", "ann")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert str(path) in done.stderr
    assert said in done.stderr
    assert asked(dataset, "FROM votes") == []


def wilson(good: int, of: int) -> tuple[float, float]:
    p, z = good / of, 1.959964
    middle, half = p + z * z / (2 * of), z * sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return round((middle - half) / (1 + z * z / of), 3), round((middle + half) / (1 + z * z / of), 3)


def test_agreement_is_of_what_is_accepted_and_of_last_answers(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Mock()
    clock.now.side_effect = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    monkeypatch.setattr(flows.votes, "datetime", clock)
    assert asked(dataset, "FROM human_agreement()") == []
    ann = {
        "negate0": ("no", "no", "no"),
        "negate1": ("yes", "yes", "yes"),
        "negate2": ("yes", "no", "yes"),
        "negate3": ("no", "no", "no"),  # dropped by this build
        "add_object0": ("yes", "", "yes"),  # not known to be good
        "gone": ("no", "no", "no"),  # of a build before
    }
    add_votes(dataset, sheet(tmp_path / "1.csv", ann), "ann")
    add_votes(dataset, sheet(tmp_path / "2.csv", {"negate0": ("yes", "yes", "yes")}), "ann")  # on second thoughts
    add_votes(dataset, sheet(tmp_path / "3.csv", {"negate1": ("yes", "yes", "no"), "add_object1": ("yes",) * 3}), "bob")
    assert asked(dataset, "FROM human_agreement()") == [
        ("add_object", 2, 2, 1.0, 1.0, 1.0, 1.0, *wilson(1, 1), None, None),
        ("negate", 3, 4, 1.0, 0.75, 0.75, 0.5, *wilson(2, 4), -1.0, None),
        ("all", 5, 6, 1.0, 0.8, 0.833, 0.6, *wilson(3, 5), -1.0, None),
    ]
    assert wilson(2, 4) == (0.15, 0.85)


def test_votes_in_other_tools_as_they_come(dataset: Dataset, tmp_path: Path) -> None:
    for catalog in ("catalog.duckdb", "catalog.sql"):
        with duckdb.connect(f"{dataset.base}/{catalog}" if catalog.endswith("duckdb") else ":memory:") as connection:
            connection.execute(f"SET VARIABLE dataset = '{dataset.base}'")
            if catalog.endswith("sql"):
                connection.execute(Path(dataset.base, catalog).read_text())
            path = sheet(tmp_path / f"{catalog}.csv", {"negate0": ("yes",) * 3})
            before = len(connection.sql("FROM votes").fetchall())
            add_votes(dataset, path, catalog)
            assert connection.sql("SELECT count(*) FROM votes").fetchall() == [(before + 1,)], "without another build"


def test_votes_have_the_types_of_their_table_with_and_without_any(dataset: Dataset, tmp_path: Path) -> None:
    types = "SELECT column_name, column_type FROM (DESCRIBE votes)"
    with_the_pattern = asked(dataset, types)
    Path(dataset.path("votes", "none")).unlink()
    assert asked(dataset, types) == with_the_pattern
    assert [name for name, _ in with_the_pattern] == VOTES.names
    add_votes(dataset, sheet(tmp_path / "s.csv", {"negate0": ("yes",) * 3}), "ann")
    assert asked(dataset, types) == with_the_pattern


@pytest.mark.parametrize("how", ["cut", "overwritten"])
def test_a_damaged_sheet_is_named_and_stays(dataset: Dataset, tmp_path: Path, how: str) -> None:
    add_votes(dataset, sheet(tmp_path / "s.csv", {"negate0": ("yes",) * 3}), "ann")
    [path] = [path for path in Path(dataset.base, "votes").iterdir() if path.stem != "none"]
    data = path.read_bytes()
    path.write_bytes(data[:-1] if how == "cut" else data[:4] + b"\x07" * (len(data) - 12) + data[-8:])
    with pytest.raises(InputError, match=rf"{path.name}: .*; remove it, and give the sheet") as told:
        asked(dataset, "FROM votes")
    assert type(told.value) is InputError, "no build takes it for a shard to be made anew"


def test_votes_are_never_pruned(dataset: Dataset, tmp_path: Path) -> None:
    add_votes(dataset, sheet(tmp_path / "s.csv", {"negate0": ("yes",) * 3}), "ann")
    left = Path(dataset.base, "votes", ".tmp-1-x.parquet")
    left.write_bytes(b"")
    gone = prune(dataset, 1, timedelta(0))
    assert (gone.builds, gone.shards, gone.leftovers) == ([], [], ["votes/.tmp-1-x.parquet"])
    assert len(asked(dataset, "FROM votes")) == 1
