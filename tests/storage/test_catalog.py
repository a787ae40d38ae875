"""The catalog on a small build made by hand: its views and macros, here and wherever its folder goes."""

import os
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from schemas.errors import InputError
from schemas.tables import CANDIDATES, TABLES
from storage.catalog import candidates_of, connect, write_catalog
from storage.damage import damage_named
from storage.dataset import Build, Dataset
from storage.packs import HIDDEN

ROWS = {
    "images": [{"image_id": n, "image": {"bytes": b"x", "path": n}, "phash": 1} for n in "ab"],
    "pairs": [{"pair_id": n, "image_id": n, "caption": f"original {n}", "source": "s", "license": "CC0"} for n in "ab"],
    "rejects": [{"source": "s", "reason": "empty_caption", "detail": "blank"}],
    "near_duplicates": [{"image_id": "b", "near_duplicate_of": "a", "distance": 0}],
    "text_negatives": [
        {"original": f"original {row['pair_id']}", **row} for row in (
        {"text_negative_id": "1", "pair_id": "a", "image_id": "a", "caption": "n1", "operation": "swap_attribute",
         "method": "swap"},
        {"text_negative_id": "2", "pair_id": "a", "image_id": "a", "caption": "n2", "operation": "swap_attribute",
         "method": "rewrite"},
        {"text_negative_id": "3", "pair_id": "b", "image_id": "b", "caption": "n3", "operation": "negate",
         "method": "insert"},
        {"text_negative_id": "4", "pair_id": "b", "image_id": "b", "caption": "n4", "operation": "negate",
         "method": "insert", "failed_check": "synonym"},
    )],
    "image_negatives": [
        {"image_negative_id": "i2", "text_negative_id": "2", "rank": 0, "image": {"bytes": b"y", "path": "i2"},
         "original_still_true": False},
        {"image_negative_id": "i3", "text_negative_id": "3", "rank": 0, "original_still_true": True},
        {"image_negative_id": "i4", "text_negative_id": "1", "rank": 0, "failed_check": "no_change"},
        {"image_negative_id": "i5", "text_negative_id": "2", "rank": 1, "original_still_true": False},
    ],
    "labels": [
        {"text_negative_id": "1", "valid": True, "labeller": "truth"},
        {"text_negative_id": "2", "valid": False, "labeller": "truth"},
        {"text_negative_id": "3", "valid": None, "labeller": "truth", "detail": "unreadable"},
        {"text_negative_id": "4", "valid": True, "labeller": "truth"},
    ],
    "scores": [
        {"text_negative_id": "1", "role": "judge", "s00": 0.5, "s01": 0.25},
        {"text_negative_id": "2", "image_negative_id": "i2", "role": "judge",
         "s00": 0.5, "s01": 0.25, "s10": 0.375, "s11": 0.4375},
        {"text_negative_id": "3", "image_negative_id": "i3", "role": "judge",
         "s00": 0.5, "s01": 0.25, "s10": 0.75, "s11": 0.625},
        {"text_negative_id": "3", "image_negative_id": "i3", "role": "target",
         "s00": 0.5, "s01": 0.75, "s10": 0.5, "s11": 0.5},
        {"text_negative_id": "1", "role": "language", "model": "a", "plausibility0": -10.0, "plausibility1": -12.0,
         "tokens0": 4, "tokens1": 5},
        {"text_negative_id": "1", "role": "words", "frequency0": -22.0, "frequency1": -24.5},
        {"text_negative_id": "2", "role": "words", "frequency0": -22.0},
        {"text_negative_id": "2", "role": "language", "model": "a", "plausibility0": -10.0, "plausibility1": -30.0},
        {"text_negative_id": "3", "role": "language", "model": "a", "plausibility0": -10.0, "plausibility1": -9.0},
        {"text_negative_id": "1", "role": "language 2", "model": "b", "plausibility0": -8.0, "plausibility1": -5.0,
         "tokens0": 2, "tokens1": 3},
        {"text_negative_id": "3", "role": "language 2", "model": "b", "plausibility0": -8.0, "plausibility1": -8.0},
    ],
    "verdicts": [
        {"text_negative_id": "1", "operation": "swap_attribute", "method": "swap", "accepted": True, "reasons": [],
         "validity": 0.25},
        {"text_negative_id": "2", "operation": "swap_attribute", "method": "rewrite", "image_negative_id": "i2",
         "accepted": False, "reasons": ["implausible"], "picture_accepted": True},
        {"text_negative_id": "3", "operation": "negate", "method": "insert", "image_negative_id": "i3",
         "accepted": True, "reasons": [], "difficulty": 0.5, "picture_accepted": True},
        {"text_negative_id": "4", "operation": "negate", "method": "insert", "accepted": False,
         "reasons": ["synonym"], "failed_check": "synonym"},
    ],
    "probes": [
        {"probe": "words", "selected": False, "pairs": 3, "accuracy": 0.75, "low": 0.6, "high": 0.9},
        {"probe": "words", "selected": True, "pairs": 2, "accuracy": 0.5, "low": 0.25, "high": 0.75},
        {"probe": "words", "operation": "negate", "selected": False, "pairs": 1, "accuracy": 1.0, "low": 0.9},
        {"probe": "embeddings", "selected": True, "pairs": 2, "accuracy": 0.5, "low": 0.375, "high": 0.625},
        {"probe": "visual", "selected": True, "method": "inpaint", "pairs": 1, "accuracy": 0.75, "low": 0, "high": 1},
    ],
    "ledger": [
        {"stage": "text negatives", "operation": "swap_attribute", "tries": 6, "seconds": 1.0, "rows_out": 2},
        {"stage": "text negatives", "operation": "negate", "tries": 2, "seconds": 1.0, "rows_out": 1},
        {"stage": "parse", "seconds": 3.0, "rows_out": 2},
    ],
}  # fmt: skip


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = Dataset(str(tmp_path / "it's a dataset"))
    for table, rows in ROWS.items():
        made.write(table, "shard", pa.Table.from_pylist(rows, TABLES[table]))
    rules = {"implausible": {"drop_when": "plausibility_gap > 8", "hint": "it's odd"}}
    build = Build(
        "b1",
        {t: ["shard"] for t in ROWS},
        {"select": {"rules": rules}, "plausibility": [{"model": "a"}, {"model": "b"}]},
        {},
        {},
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:01:00+00:00",
    )
    made.commit(build)
    return made


def rows(dataset: Dataset, sql: str) -> list[tuple[object, ...]]:
    with connect(dataset) as connection:
        return list(connection.sql(sql).fetchall())


def test_every_table_has_a_view_even_with_no_rows(dataset: Dataset) -> None:
    for table in set(TABLES) - HIDDEN:
        assert rows(dataset, f"SELECT count(*) FROM {table}") == [(len(ROWS.get(table, [])),)]
    assert rows(dataset, "SELECT near_duplicate_of FROM images ORDER BY image_id") == [(None,), ("a",)]
    assert rows(dataset, "SELECT build_id, ended - started FROM runs")[0][0] == "b1"


def test_minimal_pairs_are_the_accepted_ones_with_their_originals(dataset: Dataset) -> None:
    found = rows(dataset, "SELECT original, negative, license, image.path FROM minimal_pairs ORDER BY 2")
    assert found == [("original a", "n1", "CC0", "a"), ("original b", "n3", "CC0", "b")]


def test_validity_is_the_smallest_margin_that_truth_decides(dataset: Dataset) -> None:
    found = rows(dataset, "SELECT validity, difficulty FROM candidates ORDER BY text_negative_id")
    assert found == [
        (0.25, None),  # half a pair: s00 - s01
        (0.0625, None),  # a whole one: s11 - s10, the smallest of four
        (0.25, 0.25),  # the original is true of both pictures: s00 - s01 and s11 - s01 alone
        (None, None),
    ]


def test_precision_and_recall_against_labels(dataset: Dataset) -> None:
    found = rows(dataset, "FROM precision_and_recall()")
    # Of two usable candidates with a label one is really wrong, and that one was accepted.
    assert found == [("swap_attribute", 2, 0.5, 1, 1.0, 1.0), ("all", 2, 0.5, 1, 1.0, 1.0)]


def test_checks_against_labels(dataset: Dataset) -> None:
    assert rows(dataset, "FROM checks_against_truth()") == [("synonym", 1, 1, 1.0)]


def test_matching_scores_count_whole_pairs_that_truth_decides_both_ways(dataset: Dataset) -> None:
    assert rows(dataset, "FROM matching_scores('judge')") == [
        ("negate", 1, 1.0, 0, None, None, None),
        ("swap_attribute", 1, 1.0, 0, None, None, None),
        ("all", 2, 1.0, 0, None, None, None),
    ]
    with connect(dataset) as connection:
        connection.execute("CREATE OR REPLACE VIEW verdicts AS SELECT '2' AS text_negative_id, "
                           "'swap_attribute' AS operation, 'i2' AS image_negative_id, true AS accepted, "
                           "true AS picture_accepted")  # fmt: skip
        [(*_, text, image, group)] = connection.sql("FROM matching_scores('judge') LIMIT 1").fetchall()
    assert (text, image, group) == (1.0, 1.0, 1.0)


def test_verdicts_are_counted_by_operation_and_by_who_made_them(dataset: Dataset) -> None:
    assert rows(dataset, "FROM acceptance_by_operation()") == [
        ("negate", 2, 1, 1, 0.5),
        ("swap_attribute", 2, 2, 1, 0.5),
    ]
    assert rows(dataset, "FROM acceptance_by_method()") == [
        ("insert", "negate", 2, 1, 1, 0.5),
        ("rewrite", "swap_attribute", 1, 1, 0, 0.0),
        ("swap", "swap_attribute", 1, 1, 1, 1.0),
    ]
    assert rows(dataset, "FROM yield_of_checks()") == [
        ("negate", "synonym", 1, 1, 0.5),
        ("swap_attribute", "implausible", 1, 1, 0.5),
    ]


def test_edited_pictures_are_counted_by_operation(dataset: Dataset) -> None:
    found = rows(dataset, "SELECT operation, wanted, pictures, accepted FROM pictures_by_operation()")
    assert found == [("negate", 1, 1, 1), ("swap_attribute", 2, 1, 1), ("all", 3, 2, 2)]


def test_one_query_says_what_an_accepted_negative_costs(dataset: Dataset) -> None:
    found = rows(dataset, "SELECT operation, accepted, tries, seconds, costliest_check FROM cost_of_accepted()")
    # Three seconds of parsing are shared by three usable candidates.
    assert found == [("negate", 1, 2, 2.0, "synonym"), ("swap_attribute", 1, 6, 3.0, "implausible")]


def test_blind_accuracy_before_and_after(dataset: Dataset) -> None:
    found = rows(dataset, "FROM blind_accuracy()")
    assert found == [
        ("negate", 1, 0.0, 1, 0.0, "a"),
        ("swap_attribute", 2, 1.0, 1, 1.0, "a"),
        ("all", 3, 0.667, 2, 0.5, "a"),
        ("negate", 1, 0.5, 1, 0.5, "b"),
        ("swap_attribute", 1, 0.0, 1, 0.0, "b"),
        ("all", 2, 0.25, 2, 0.25, "b"),
    ]


def test_a_candidate_has_the_gaps_of_every_language_model_in_order(dataset: Dataset) -> None:
    gaps = "SELECT plausibility_gap, plausibility_gaps, acceptability_gap, acceptability_gaps FROM candidates"
    [(gap, gaps_of, fluent, fluent_of)] = rows(dataset, f"{gaps} WHERE text_negative_id = '1'")
    assert (gap, gaps_of) == (2.0, [2.0, -3.0])
    # (-10 + 22) / 4 - (-12 + 24.5) / 5, and (-8 + 22) / 2 - (-5 + 24.5) / 3
    assert [fluent, *fluent_of] == pytest.approx([0.5, 0.5, 0.5])
    unknown = f"{gaps} WHERE text_negative_id = '2'"
    assert rows(dataset, unknown)[0][:2] == (20.0, [20.0, None])
    joined = candidates_of(dataset, *(dataset.build().shards[name][0] for name in ("text_negatives", "pairs")), [],
                           dataset.build().shards["scores"])  # fmt: skip
    assert joined["plausibility_gaps"].to_pylist()[0] == [2.0, -3.0]


def test_blind_models_that_were_trained_before_and_after(dataset: Dataset) -> None:
    assert rows(dataset, "FROM text_probes()") == [
        ("negate", "words", 1, 1.0, None, None, None, None),
        ("all", "words", 3, 0.75, 2, 0.5, 0.25, 0.75),
        ("all", "embeddings", None, None, 2, 0.5, 0.375, 0.625),
    ]


def test_acceptability_is_what_the_words_do_not_explain_by_token(dataset: Dataset) -> None:
    found = rows(dataset, "SELECT frequency_gap, acceptability0, acceptability1, acceptability_gap FROM candidates "
                          "ORDER BY text_negative_id")  # fmt: skip
    # (-10 + 22) / 4 and (-12 + 24.5) / 5; unknown without words, without tokens, without a score.
    assert found == [(2.5, 3.0, 2.5, 0.5), (None, None, None, None), (None,) * 4, (None,) * 4]


def test_why_dropped_with_hints(dataset: Dataset) -> None:
    found = rows(dataset, "SELECT reason, rows, alone, hint FROM why_dropped()")
    assert found[0] == ("implausible", 1, 1, "it's odd")
    assert found[1][:3] == ("synonym", 1, 1)


@pytest.mark.parametrize(
    "sql",
    [
        "FROM acceptance_by_operation()", "FROM yield_of_checks()", "FROM hardest(3)", "FROM time_by_stage()",
        "FROM matching_scores('target')", "FROM precision_and_recall()",
        "FROM examples_of('synonym', 2)", "FROM help()", "FROM reasons",
    ],
)  # fmt: skip
def test_every_macro_answers(dataset: Dataset, sql: str) -> None:
    assert rows(dataset, sql)


def test_the_rules_see_what_the_analyst_sees(dataset: Dataset) -> None:
    table = candidates_of(dataset, "shard", "shard", ["shard"], ["shard"])
    assert table.schema.equals(CANDIDATES)
    assert table["text_negative_id"].to_pylist() == ["1", "2", "3", "4"]
    names = ", ".join(CANDIDATES.names)
    seen = rows(dataset, f"SELECT {names} FROM candidates ORDER BY text_negative_id")
    assert [tuple(row.values()) for row in table.to_pylist()] == seen


def test_an_empty_table_has_the_columns_of_a_full_one(tmp_path: Path) -> None:
    empty = Dataset(str(tmp_path / "empty"))
    empty.commit(Build("b1", {}, {}, {}, {}, "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:01+00:00"))
    spans = "SELECT count(*), typeof(any_value(negative_spans)) FROM text_negatives"
    assert rows(empty, spans) == [(0, 'STRUCT("start" INTEGER, "end" INTEGER)[]')]
    for table in set(TABLES) - HIDDEN:
        described = rows(empty, f"SELECT column_name FROM (DESCRIBE {table})")
        names = TABLES[table].names + (["near_duplicate_of"] if table == "images" else [])
        assert [name for (name,) in described] == names
    write_catalog(empty, empty.build())
    with duckdb.connect(f"{empty.base}/catalog.duckdb", read_only=True) as connection:
        assert connection.sql("FROM minimal_pairs").fetchall() == []


def opened(folder: Path, setup: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Ask catalog.duckdb and then catalog.sql, as another tool does, from some working directory."""
    code = (
        "import duckdb, sys\n"
        "folder, setup = sys.argv[1:]\n"
        "with duckdb.connect(folder + '/catalog.duckdb', read_only=True) as c:\n"
        "    c.execute(setup).fetchall()\n"
        "    print(c.sql('SELECT count(*) FROM minimal_pairs').fetchall())\n"
        "with duckdb.connect() as c:\n"
        "    c.execute(setup).fetchall(); c.execute(open(folder + '/catalog.sql').read())\n"
        "    print(c.sql('SELECT count(*) FROM minimal_pairs').fetchall())\n"
    )
    command = [sys.executable, "-c", code, str(folder), setup]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("old", ["there", "changed", "gone"])
def test_the_catalog_on_disk_is_right_wherever_its_folder_lies(dataset: Dataset, tmp_path: Path, old: str) -> None:
    write_catalog(dataset, dataset.build())
    moved = tmp_path / "moved, it's"
    shutil.copytree(dataset.base, moved)
    if old == "gone":
        shutil.rmtree(dataset.base)
    if old == "changed":
        for shard in Path(dataset.base).glob("*/*.parquet"):
            shard.write_bytes(b"not what was copied")
    assert dataset.base not in (moved / "catalog.sql").read_text()
    assert dataset.base.encode() not in (moved / "catalog.duckdb").read_bytes()
    quoted = str(moved).replace("'", "''")
    by_folder = opened(moved, "SELECT 1", cwd=moved)
    by_variable = opened(moved, f"SET VARIABLE dataset = '{quoted}'", cwd=tmp_path)
    for done in (by_folder, by_variable):
        assert done.stdout.split() == ["[(2,)]", "[(2,)]"], done.stderr
    plain = tmp_path / "plain"  # file_search_path is a list with commas, it cannot name every folder
    moved.rename(plain)
    assert opened(plain, f"SET file_search_path = '{plain}'", cwd=tmp_path).stdout.split() == ["[(2,)]", "[(2,)]"]
    lost = opened(plain, "SELECT 1", cwd=tmp_path)
    assert lost.returncode == 1
    assert "No files found" in lost.stderr


def test_a_moved_dataset_is_still_read(dataset: Dataset, tmp_path: Path) -> None:
    subprocess.run(["mv", dataset.base, tmp_path / "moved"], check=True)
    assert len(rows(Dataset(str(tmp_path / "moved")), "FROM minimal_pairs")) == 2


def test_what_a_killed_write_left_is_in_nobodys_way(dataset: Dataset) -> None:
    left = [Path(dataset.base, f".tmp-{os.getpid()}-catalog.duckdb{ending}") for ending in ("", ".wal")]
    write_catalog(dataset, dataset.build())
    shutil.copy(f"{dataset.base}/catalog.duckdb", left[0])
    left[1].write_bytes(b"")
    write_catalog(dataset, dataset.build())
    assert sorted(Path(dataset.base).glob(".tmp-*")) == sorted(left), "they are for prune"


def test_a_full_disk_leaves_the_catalog_that_was_there(dataset: Dataset) -> None:
    write_catalog(dataset, dataset.build())
    place = Path(dataset.base, "catalog.duckdb")
    before = place.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # SQL fits, a database does not
    try:
        with pytest.raises(duckdb.Error, match="File too large"):
            write_catalog(dataset, dataset.build())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert place.read_bytes() == before
    assert not list(Path(dataset.base).glob(".tmp-*"))


@pytest.mark.parametrize("table", ["verdicts", "pairs"])
@pytest.mark.parametrize("harm", ["cut", "gone", "empty"])
def test_a_damaged_shard_is_named(dataset: Dataset, table: str, harm: str) -> None:
    build = replace(dataset.build(), build_id="b2", shards={**dataset.build().shards, table: ["shard", "second"]})
    dataset.write(table, "second", dataset.read(table, "shard"))
    dataset.commit(build)
    for shard in ("second", "shard"):  # the first of a table is read when the catalog is opened, others later
        place = Path(dataset.path(table, shard))
        whole = place.read_bytes()
        if harm == "gone":
            place.unlink()
        else:
            place.write_bytes(whole[: len(whole) // 2] if harm == "cut" else b"")
        with (
            pytest.raises(InputError, match=rf"{table}/{shard}\.parquet: ") as told,
            damage_named(dataset),
            connect(dataset) as connection,
        ):
            connection.sql(f"FROM {table}").fetchall()
        assert "Traceback" not in str(told.value)
        assert "\n" not in str(told.value)
        place.write_bytes(whole)


def test_a_dataset_in_an_object_store(dataset: Dataset) -> None:
    remote = Dataset("memory://catalog-test")
    for table, several in dataset.build().shards.items():
        for shard in several:
            remote.write(table, shard, dataset.read(table, shard))
    remote.commit(replace(dataset.build(), build_id="b2"))
    assert len(rows(remote, "FROM minimal_pairs")) == 2
    write_catalog(remote, remote.build())
    assert b"SET VARIABLE dataset" in remote.fs.cat("catalog-test/catalog.sql")
