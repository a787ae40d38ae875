"""`counterfoil builds`, and questions about builds that are not current, on a small dataset made by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.builds import changes, chosen_build, entries, short, two_builds
from schemas.errors import InputError
from schemas.ids import fingerprint
from schemas.tables import TABLES
from storage.dataset import Build, Dataset
from tests.command import counterfoil

IDS = ("20260101T101112131-aaaa0000", "20260102T101112131-bbbb0000", "20260103T101112145-aaaa0000")


def commit(
    dataset: Dataset, build_id: str, rows: dict[str, list[list[dict[str, Any]]]], config: dict[str, Any]
) -> Build:
    """Write a build of rows, table by table and shard by shard; equal shards are one."""
    shards: dict[str, list[str]] = {}
    for table, several in rows.items():
        for number, shard in enumerate(several):
            name = f"{number}-{fingerprint(shard)}"
            dataset.write(table, name, pa.Table.from_pylist(shard, TABLES[table]))
            shards.setdefault(table, []).append(name)
    counts = {table: sum(map(len, rows.get(table, []))) for table in ("images", "pairs", "text_negatives", "rejects")}
    counts["accepted"] = sum(row["accepted"] for shard in rows.get("verdicts", []) for row in shard)
    day = build_id[6:8]
    return dataset.commit(Build(build_id, shards, config, counts, {}, f"2026-01-{day}T00:00:00+00:00", "2026-02-01"))


def negatives(*accepted: bool, pair: str = "a") -> dict[str, list[list[dict[str, Any]]]]:
    made = [{"text_negative_id": f"{pair}{n}", "pair_id": pair, "image_id": "i", "original": f"right {pair}",
             "caption": f"wrong {pair}{n}", "operation": "negate"} for n in range(len(accepted))]  # fmt: skip
    verdicts = [
        {"text_negative_id": f"{pair}{n}", "operation": "negate", "accepted": right} for n, right in enumerate(accepted)
    ]
    pairs = [{"pair_id": pair, "image_id": "i", "caption": f"right {pair}"}]
    return {"pairs": [pairs], "text_negatives": [made], "verdicts": [verdicts]}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = Dataset(str(tmp_path / "dataset"))
    commit(made, IDS[0], negatives(True, True), {"seed": 0, "select": {"rules": {}}})
    commit(made, IDS[1], negatives(True, False), {"seed": 0, "select": {"rules": {"long": {"drop_when": "true"}}}})
    commit(made, IDS[2], negatives(True, True), {"seed": 0, "select": {"rules": {}}})
    return made


def test_every_build_is_a_line_with_what_changed(dataset: Dataset) -> None:
    done = counterfoil("builds", dataset.root)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()[1:4]] == [
        ["1-aaaa0000", "2026-01-01", "00:00", "1", "0", "2", "2", "-"],
        ["bbbb0000", "2026-01-02", "00:00", "1", "0", "2", "1", "select"],
        ["*", "5-aaaa0000", "2026-01-03", "00:00", "1", "0", "2", "2", "select"],
    ]
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = json.loads(counterfoil("builds", dataset.root, "--format", "json").stdout)
    assert [(one["build_id"], one["current"]) for one in told] == list(zip(IDS, (False, False, True), strict=True))


def test_damaged_builds_are_named_and_passed_over(dataset: Dataset) -> None:
    path = Path(dataset.root, "builds", f"{IDS[2]}.json")
    path.write_text(path.read_text()[:50])
    done = counterfoil("builds", dataset.root)
    assert f"{path}: cut or damaged" in done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:4]] == ["1-aaaa0000", "*", "5-aaaa0000"]
    assert done.stdout.splitlines()[3].split()[1:] == ["-", "-", "-", "-", "-", "damaged"]
    assert [each.build_id for each in two_builds(dataset, [])] == list(IDS[:2])
    assert counterfoil("sql", dataset.root, "SELECT 1", "--build", "5-aaaa0000").stderr.endswith(
        f"{path}: cut or damaged; `counterfoil prune` removes it\n"
    )


def test_what_changed_is_a_section_the_data_or_the_code(dataset: Dataset) -> None:
    first, other = dataset.build(IDS[0]), dataset.build(IDS[1])
    assert changes(first, other) == ["select"]
    assert changes(first, replace(first, config={"seed": 1, "judge": None})) == ["seed", "select"]
    assert changes(first, replace(first, shards={**first.shards, "pairs": ["other"]})) == ["data"]
    assert changes(first, replace(first, shards={**first.shards, "parses": ["other"]})) == ["code"]


def test_a_build_is_meant_by_what_no_other_id_begins_or_ends_with(dataset: Dataset) -> None:
    for name in (IDS[1], "20260102", "bbbb0000", "bbbb", "1-bbbb0000"):
        assert chosen_build(dataset, name).build_id == IDS[1], name
    assert chosen_build(dataset, None).build_id == IDS[2]
    for name, said in (
        ("aaaa", "may be any of"),
        ("2026", "may be any of"),
        ("nothing", "no build nothing; there are"),
    ):
        with pytest.raises(InputError, match=said):
            chosen_build(dataset, name)
    with pytest.raises(InputError, match="no build ; there are"):
        chosen_build(dataset, "")
    assert [chosen_build(dataset, short(each, IDS)).build_id for each in IDS] == list(IDS)


def test_the_two_builds_of_a_comparison(dataset: Dataset) -> None:
    def compared(*names: str) -> list[str]:
        return [each.build_id for each in two_builds(dataset, names)]

    assert compared() == [IDS[1], IDS[2]]
    assert compared("1-aaaa0000") == [IDS[0], IDS[2]]
    assert compared("5-aaaa0000", "bbbb") == [IDS[2], IDS[1]]
    with pytest.raises(InputError, match="is both builds"):
        compared("5-aaaa0000")


def test_where_there_are_no_two_builds(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    for ask in (entries, lambda of: two_builds(of, [])):
        with pytest.raises(InputError, match="no finished build here"):
            ask(dataset)
    commit(dataset, IDS[0], negatives(True), {})
    with pytest.raises(InputError, match="there is one build, and nothing to compare it with"):
        two_builds(dataset, [])


def test_sql_and_status_of_an_older_build(dataset: Dataset) -> None:
    accepted = "SELECT count(*) AS n FROM verdicts WHERE accepted"
    for name, number in ((IDS[0], 2), ("bbbb", 1), (IDS[2], 2)):
        done = counterfoil("sql", dataset.root, accepted, "--build", name, "--format", "csv")
        assert (done.returncode, done.stdout.split()) == (0, ["n", str(number)]), done.stderr
    told = counterfoil("status", dataset.root, "--build", "bbbb").stdout
    assert f"Build {IDS[1]}" in told
    assert "2 candidates, 1 negatives accepted" in told
    assert told.splitlines()[-1] == f"3 builds are kept; {IDS[2]} is current."
    assert counterfoil("status", dataset.root).stdout.splitlines()[-1] == "3 builds are kept; this one is current."
    assert "no build x" in counterfoil("status", dataset.root, "--build", "x").stderr


def test_a_shard_of_an_older_build_that_is_gone_is_named(dataset: Dataset) -> None:
    old = dataset.build(IDS[1])
    Path(dataset.path("verdicts", old.shards["verdicts"][0])).unlink()
    done = counterfoil("sql", dataset.root, "SELECT 1", "--build", "bbbb")
    assert done.returncode == 2
    assert f"{old.shards['verdicts'][0]}.parquet: gone; run `counterfoil build`" in done.stderr
    assert counterfoil("sql", dataset.root, "SELECT 1").returncode == 0
