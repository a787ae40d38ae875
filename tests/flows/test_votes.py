"""What people say: samples that hide what was decided, sheets that come back, and how far they agree with a build."""

import csv
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import sqrt
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
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


REVIEW = "text_negative_id,image_negative_id,valid,answer,false_caption,again,reviewer,seconds,answered,build,comment"


def review(path: Path, rows: list[tuple[str, str, str, str, str, str]]) -> str:
    """Write what a review page exports, of (negative, picture, valid, answer, again, reviewer)."""
    lines = [
        f"{negative},{picture},{valid},{answer},,{again},{by},2.5,,b1,"
        for negative, picture, valid, answer, again, by in rows
    ]
    path.write_text("\n".join([REVIEW, *lines]), encoding="utf-8-sig")
    return str(path)


def test_a_review_page_s_answers_are_votes_with_their_voters(dataset: Dataset, tmp_path: Path) -> None:
    path = review(
        tmp_path / "r.csv",
        [
            ("negate0", "", "true", "really_false", "no", "ann"),
            ("negate1", "", "false", "still_true", "no", "ann"),
            ("negate2", "", "", "cannot_tell", "no", "ann"),
            ("add_object0", "", "", "broken", "no", "ann"),
            ("negate0", "", "false", "still_true", "yes", "ann"),
            ("negate0", "e0", "true", "really_false", "no", "bob"),
            ("negate0", "", "true", "no_idea", "no", "bob"),
            ("negate1", "", "", "", "no", "bob"),
            ("negate1", "", "false", "still_true", "no", "ann"),
        ],
    )
    done = counterfoil("labels", dataset.root, path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        f"{path}: 6 votes of ann, bob, 1 rows without an answer, 1 rows twice",
        "  not read: line 8: no_idea is none of really_false, still_true, cannot_tell, broken",
    ]
    columns = (
        "text_negative_id, image_negative_id, voter, reads_well, really_false, picture_right, answer, again, seconds"
    )
    assert asked(dataset, f"SELECT {columns} FROM votes ORDER BY voter, again, answer") == [
        ("add_object0", None, "ann", False, None, None, "broken", False, 2.5),
        ("negate2", None, "ann", None, None, None, "cannot_tell", False, 2.5),
        ("negate0", None, "ann", True, True, None, "really_false", False, 2.5),
        ("negate1", None, "ann", True, False, None, "still_true", False, 2.5),
        ("negate0", None, "ann", True, False, None, "still_true", True, 2.5),
        ("negate0", "e0", "bob", None, None, True, "really_false", False, 2.5),
    ]
    assert asked(dataset, "SELECT DISTINCT build_id, added IS NOT NULL FROM votes") == [("b1", True)]
    agreed = {row[0]: row for row in asked(dataset, "SELECT operation, votes, good, same FROM human_agreement()")}
    assert agreed["add_object"] == ("add_object", 1, 0.0, None), "broken is not good"
    assert agreed["negate"] == ("negate", 3, 0.5, 0.0), "what cannot be told is neither; the second time it was another"
    assert asked(dataset, "SELECT other, judged, agreement FROM agreement_of_voters()") == [("again", 1, 0.0)]
    later = [("negate0", "", "true", "really_false", again, "ann") for again in ("no", "yes")]
    add_votes(dataset, review(tmp_path / "at the end.csv", later), None)
    assert asked(dataset, "SELECT other, judged, agreement FROM agreement_of_voters()") == [("again", 1, 1.0)]


def test_a_file_that_names_nobody_needs_a_name(dataset: Dataset, tmp_path: Path) -> None:
    done = counterfoil("labels", dataset.root, sheet(tmp_path / "s.csv", {"negate0": ("yes",) * 3}))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "who has answered? give --by NAME" in done.stderr


def test_kappa_is_cohen_s_of_two_and_fleiss_of_more(dataset: Dataset, tmp_path: Path) -> None:
    from sklearn.metrics import cohen_kappa_score

    names = [f"{operation}{n}" for operation in ("negate", "add_object") for n in range(EACH) if n % 4 < 3]
    said = {
        voter: [(n * step) % 5 < 3 for n in range(len(names))] for voter, step in (("ann", 1), ("bob", 2), ("cid", 3))
    }
    for voter, answers in said.items():
        rows = [
            (name, "", str(answer).lower(), "really_false" if answer else "still_true", "no", voter)
            for name, answer in zip(names, answers, strict=True)
        ]
        add_votes(dataset, review(tmp_path / f"{voter}.csv", rows), None)
    found = {
        (one, other): kappa
        for one, other, kappa in asked(dataset, "SELECT voter, other, kappa FROM agreement_of_voters()")
    }
    for one, other in (("ann", "bob"), ("ann", "cid"), ("bob", "cid")):
        assert found[one, other] == pytest.approx(cohen_kappa_score(said[one], said[other]), abs=6e-4)
    # Fleiss (1971): mean over items of the share of pairs of raters that agree, against what chance agrees in.
    yes = [sum(each) for each in zip(*said.values(), strict=True)]
    agreement = sum((k * (k - 1) + (3 - k) * (2 - k)) / 6 for k in yes) / len(yes)
    share = sum(yes) / (3 * len(yes))
    chance = share**2 + (1 - share) ** 2
    [(kappa,)] = asked(dataset, "SELECT kappa FROM human_agreement() WHERE operation = 'all'")
    assert kappa == pytest.approx((agreement - chance) / (1 - chance), abs=6e-4)


def test_a_project_of_label_studio_comes_back_as_votes(dataset: Dataset, tmp_path: Path) -> None:
    data = {"text_negative_id": "negate0", "right_caption": "B", "unedited_picture": 2, "image_negative_id": "e0"}

    def annotated(by: object, **chosen: str) -> dict[str, Any]:
        result = [
            {"type": "choices", "from_name": name, "value": {"choices": [choice]}} for name, choice in chosen.items()
        ]
        return {"completed_by": by, "lead_time": 3.5, "result": result, "was_cancelled": False}

    tasks = [
        {"id": 1, "data": data, "annotations": [
            annotated({"email": "ann@x"}, picture_2="B", picture_1="A"),
            annotated(7, picture_2="both", picture_1="B")]},
        {"id": 2, "data": {**data, "text_negative_id": "negate1"}, "annotations": [
            annotated(7, picture_2="A"), {**annotated(8, picture_2="B"), "was_cancelled": True}]},
        {"id": 3, "data": {**data, "text_negative_id": "negate2"}, "annotations": []},
        {"id": 4, "data": {"text": "another project's"}, "annotations": []},
    ]  # fmt: skip
    path = tmp_path / "project.json"
    path.write_text(json.dumps(tasks))
    added = add_votes(dataset, str(path), None)
    assert (added.votes, added.voters, added.blank) == (5, ("ann@x", "annotator 7"), 1)
    assert added.unread == ("task 4: no task of `counterfoil export --to label-studio`",)
    columns = "text_negative_id, image_negative_id, voter, answer, really_false, picture_right, seconds"
    assert asked(dataset, f"SELECT {columns} FROM votes ORDER BY voter, 1, 2 NULLS FIRST") == [
        ("negate0", None, "ann@x", "really_false", True, None, 3.5),
        ("negate0", "e0", "ann@x", "really_false", None, True, 3.5),
        ("negate0", None, "annotator 7", "still_true", False, None, 3.5),
        ("negate0", "e0", "annotator 7", "really_false", None, False, 3.5),
        ("negate1", None, "annotator 7", "really_false", False, None, 3.5),
    ]


def test_votes_of_before_there_were_pictures_stay_readable(dataset: Dataset) -> None:
    old = pa.table({"text_negative_id": ["negate0"], "voter": ["ann"], "reads_well": [True], "really_false": [True],
                    "one_change": [True], "comment": pa.array([None], pa.string()), "sheet": ["s"],
                    "added": pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("ms", tz="UTC"))})  # fmt: skip
    pq.write_table(old, dataset.path("votes", "old"))
    assert asked(dataset, "SELECT voter, answer, picture_right FROM votes") == [("ann", None, None)]
    assert asked(dataset, "SELECT good FROM human_agreement() WHERE operation = 'all'") == [(1.0,)]


def test_no_caption_is_a_formula_in_a_spreadsheet(dataset: Dataset, tmp_path: Path) -> None:
    [shard] = dataset.build().shards["text_negatives"]
    rows = dataset.read("text_negatives", shard).to_pylist()
    for row in rows:
        row["caption"] = '=HYPERLINK("https://example.org", "wrong")'
    dataset.write("text_negatives", shard, pa.Table.from_pylist(rows, TABLES["text_negatives"]))
    done = counterfoil("sample", dataset.root, "--labels", tmp_path / "s.csv", "--per-operation", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert {row["wrong"] for row in read(tmp_path / "s.csv")} == {'\'=HYPERLINK("https://example.org", "wrong")'}
    assert {row["right"] for row in read(tmp_path / "s.csv")} == {"right"}
