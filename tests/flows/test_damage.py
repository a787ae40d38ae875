"""What others have cut, overwritten or removed: a build makes it anew, status and sql say which file it is."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flows.build
from schemas.errors import InputError
from storage.dataset import Build, Dataset
from tests.command import counterfoil
from tests.flows.conftest import Run, write_config
from tests.storage.test_dataset import CUT, damage

# Every table that a build without models names shards of.
TABLES = ("images", "pairs", "rejects", "units", "parses", "lexicon", "text_negatives", "scores", "verdicts", "probes",
          "near_duplicates")  # fmt: skip


def rows_of(made: Build) -> dict[str, list[str]]:
    """Name the shards of rows, in any order: what ingest makes again comes after what it keeps."""
    return {table: sorted(made.shards[table]) for table in TABLES if table not in {"probes", "near_duplicates"}}


def a_shard(folder: Path, table: str) -> Path:
    return max((folder / table).glob("*.parquet"))


def a_file(folder: Path, made: Build, table: str) -> Path:
    """Find a file that the catalog reads: of pictures a shard, else a pack."""
    if table == "images":
        return folder / table / f"{made.shards[table][-1]}.parquet"
    return folder / "published" / made.build_id / table / f"{made.packs[table][-1]}.parquet"


@pytest.fixture
def made(built: Callable[[bool], Build]) -> Build:
    return built(False)


@pytest.mark.parametrize("table", TABLES)
def test_a_cut_shard_is_made_anew(run: Run, source: Path, tmp_path: Path, made: Build, table: str) -> None:
    path = a_shard(tmp_path / "dataset", table)
    before = Dataset(str(tmp_path / "dataset")).read(table, path.stem)
    damage(path, "cut in half")
    again = run(source, with_models=False)
    assert rows_of(again) == rows_of(made)
    assert Dataset(str(tmp_path / "dataset")).read(table, path.stem).equals(before)
    Dataset(str(tmp_path / "dataset")).check(again, thoroughly=True)


@pytest.mark.parametrize("how", [*CUT, "gone"])
def test_however_it_was_damaged(run: Run, source: Path, tmp_path: Path, made: Build, how: str) -> None:
    for table in ("pairs", "parses"):
        path = a_shard(tmp_path / "dataset", table)
        path.unlink() if how == "gone" else damage(path, how)
    again = run(source, with_models=False)
    assert rows_of(again) == rows_of(made)
    Dataset(str(tmp_path / "dataset")).check(again, thoroughly=True)


def test_what_is_damaged_in_its_middle_is_met_when_it_is_read(
    run: Run, source: Path, tmp_path: Path, made: Build, capfd: pytest.CaptureFixture[str], work: Counter[str]
) -> None:
    paths = [a_shard(tmp_path / "dataset", table) for table in ("parses", "pairs")]
    for path in paths:
        damage(path, "overwritten")
    # Another seed reads the parses, to make other negatives of them.
    other = run(source, with_models=False, seed=1)
    said = capfd.readouterr().err
    for path in paths:
        assert f"counterfoil: {path}: cut or damaged (" in said
    assert work["Parsing"] < made.counts["pairs"], "no other shard is made again"
    Dataset(str(tmp_path / "dataset")).check(other, thoroughly=True)


def test_what_an_encoder_once_made_is_made_again(run: Run, source: Path, tmp_path: Path, work: Counter[str]) -> None:
    run(source)
    encoded = work["Encoder"]
    for path in (tmp_path / "dataset" / "embeddings").iterdir():
        damage(path, "cut")
    work.clear()
    for path in (tmp_path / "dataset" / "scores").iterdir():
        path.unlink()
    run(source)
    assert 0 < work["Encoder"] <= encoded


def test_a_lost_ledger_is_left_out_of_the_next_build(run: Run, source: Path, tmp_path: Path, made: Build) -> None:
    path = a_shard(tmp_path / "dataset", "ledger")
    damage(path, "cut")
    again = run(source, with_models=False)
    assert {shard for shard in made.shards["ledger"] if shard not in again.shards["ledger"]} == {path.stem}
    assert {**again.shards, "ledger": []} == {**made.shards, "ledger": []}
    assert counterfoil("status", tmp_path / "dataset").returncode == 0


def test_what_is_damaged_again_and_again_ends_the_build(
    run: Run, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = flows.build.publish

    def remove_meanwhile(*arguments: Any) -> Build:
        for shard in (tmp_path / "dataset" / "scores").glob("*.parquet"):
            shard.unlink()
        return real(*arguments)

    monkeypatch.setattr(flows.build, "publish", remove_meanwhile)
    with pytest.raises(InputError, match=r"scores/\w+.parquet: made anew, and damaged or gone again; see whe"):
        run(source, with_models=False)
    assert Dataset(str(tmp_path / "dataset")).builds() == []
    monkeypatch.undo()
    assert run(source, with_models=False).counts["pairs"] == 24


@pytest.mark.parametrize("how", ["cut", "gone"])
@pytest.mark.parametrize("table", ["pairs", "scores", "images"])
def test_status_and_sql_say_which_file_and_what_to_do(tmp_path: Path, made: Build, table: str, how: str) -> None:
    path = a_file(tmp_path / "dataset", made, table)
    path.unlink() if how == "gone" else damage(path, how)
    for command in (["status"], ["sql"]):
        done = counterfoil(*command, tmp_path / "dataset", *(["FROM why_dropped()"] if command == ["sql"] else []))
        assert done.returncode == 2
        assert re.fullmatch(
            f"counterfoil: {re.escape(str(path))}: "
            + (
                "gone; "
                if how == "gone"
                else r"cut, or exchanged \([\d,]+ bytes, of [\d,]+ that were written\); remove it and "
            )
            + "run `counterfoil build` again, which makes it anew\n",
            done.stderr,
        )


def test_so_they_do_where_its_middle_was_overwritten(tmp_path: Path, made: Build) -> None:
    path = a_file(tmp_path / "dataset", made, "verdicts")
    damage(path, "overwritten")
    for command in (["status", tmp_path / "dataset"], ["sql", tmp_path / "dataset", "FROM verdicts"]):
        done = counterfoil(*command)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert str(path) in done.stderr
        assert "counterfoil build` again, which makes it anew" in done.stderr


def test_a_damaged_build_file_stops_nothing(source: Path, tmp_path: Path, made: Build) -> None:
    data = tmp_path / "dataset"
    broken = data / "builds" / "99990101T000000000-ffffffff.json"
    whole = data / "builds" / f"{made.build_id}.json"
    broken.write_bytes(whole.read_bytes()[:200])
    told = f"counterfoil: {broken}: cut or damaged, and left aside; `counterfoil prune` removes it\n"
    shown = counterfoil("status", data)
    assert (shown.returncode, shown.stderr) == (0, told)
    assert f"Build {made.build_id}" in shown.stdout
    asked = counterfoil("sql", data, "SELECT build_id FROM runs", "--format", "csv")
    assert (asked.returncode, asked.stderr) == (0, told)
    assert made.build_id in asked.stdout
    # A build goes on, and what it makes is current.
    config = write_config(tmp_path, seed=1)
    built = counterfoil("build", config, "--source", source, "--out", data)
    assert (built.returncode, told in built.stderr) == (0, True), built.stderr
    newest = Dataset(str(data)).build()
    assert newest.config["seed"] == 1
    assert f"Build {newest.build_id}" in counterfoil("status", data).stdout
    pruned = counterfoil("prune", data)
    assert pruned.returncode == 0
    assert not broken.exists()
    assert counterfoil("status", data).stderr == ""


def test_where_every_build_file_is_damaged_each_command_says_so(source: Path, tmp_path: Path, made: Build) -> None:
    data = tmp_path / "dataset"
    broken = data / "builds" / f"{made.build_id}.json"
    broken.write_bytes(b"")
    for command in (["status", data], ["sql", data, "SELECT 1"]):
        done = counterfoil(*command)
        assert done.returncode == 2
        assert (
            f"counterfoil: {broken}: cut or damaged, and there is no other build; run `counterfoil build`"
            in done.stderr
        )
    built = counterfoil("build", write_config(tmp_path), "--source", source, "--out", data)
    assert built.returncode == 0, built.stderr
    assert Dataset(str(data)).build().shards == made.shards, "of the shards that are there"
