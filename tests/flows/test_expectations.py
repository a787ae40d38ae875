"""A build that is not what was expected is kept, not made current, and fails; what was current stays."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from flows.cli import main
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset
from storage.prune import prune
from tests.flows.conftest import Run, write_config
from tests.flows.test_current import told_by

TOO_MUCH = {"enough": "accepted > 1000000", "clean": "rejects_share <= 0.5"}


def test_what_was_current_stays_until_the_expectation_is_loosened(
    run: Run, source: Path, tmp_path: Path, work: Counter[str]
) -> None:
    dataset = Dataset(str(tmp_path / "dataset"))
    good = run(source, with_models=False)
    with pytest.raises(InputError) as caught:
        run(source, with_models=False, seed=1, expect=TOO_MUCH)
    [first, broken_id] = dataset.builds()
    assert first == good.build_id
    assert str(caught.value).splitlines() == [
        f"expect.enough: broken: accepted > 1000000: accepted {dataset.build(broken_id).counts['accepted']}",
        f"build {broken_id} is kept, but not made current; {good.build_id} stays current",
    ]
    assert dataset.build() == good
    assert told_by(tmp_path / "dataset") == {good.build_id}

    broken = dataset.build(broken_id)
    assert not broken.fit
    assert set(broken.notes["broken_expectations"]) == {"enough"}
    with connect(dataset, broken) as connection:
        assert connection.sql("SELECT count(*) FROM minimal_pairs").fetchall() == [(broken.counts["accepted"],)]

    work.clear()
    with pytest.raises(InputError, match=f"build {broken_id} is kept"):
        run(source, with_models=False, seed=1, expect=TOO_MUCH)
    assert dataset.builds() == [good.build_id, broken_id]  # the same is not kept twice

    loosened = run(source, with_models=False, seed=1, expect={"enough": "accepted > 1"})
    assert work == {}
    assert loosened.shards == broken.shards
    assert dataset.build() == loosened
    assert told_by(tmp_path / "dataset") == {loosened.build_id}


def test_a_build_is_compared_with_the_one_that_is_current_not_with_a_broken_one(
    run: Run, source: Path, tmp_path: Path
) -> None:
    dataset = Dataset(str(tmp_path / "dataset"))
    steady = {"steady": "pairs >= 0.8 * last_pairs"}
    whole = run(source, with_models=False, expect=steady)  # a first build has nothing to be compared with
    lines = source.read_text().splitlines(keepends=True)
    source.write_text("".join(lines[: len(lines) // 2]))
    for _ in range(2):
        with pytest.raises(InputError, match=r"steady: broken: .*: pairs 11, last_pairs 24"):
            run(source, with_models=False, expect=steady)
    assert len(dataset.builds()) == 2
    assert dataset.build() == whole
    source.write_text("".join(lines))
    assert run(source, with_models=False, expect=steady) == whole


def test_where_every_build_broke_one_the_dataset_says_so(run: Run, source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is none before it"):
        run(source, with_models=False, expect=TOO_MUCH)
    dataset = Dataset(str(tmp_path / "dataset"))
    assert dataset.current() is None
    with pytest.raises(InputError, match=f"every build here broke an expectation, the last is {dataset.builds()[0]}"):
        dataset.build()
    assert not (tmp_path / "dataset" / "README.md").exists()


def test_prune_keeps_the_current_build_however_many_came_after_it(run: Run, source: Path, tmp_path: Path) -> None:
    good = run(source, with_models=False)
    for seed in (1, 2):
        with pytest.raises(InputError, match="broken"):
            run(source, with_models=False, seed=seed, expect=TOO_MUCH)
    dataset = Dataset(str(tmp_path / "dataset"))
    _, older, newest = dataset.builds()
    assert prune(dataset, keep=1, older_than=timedelta(0)).builds == [f"builds/{older}.json"]
    assert dataset.builds() == [good.build_id, newest]
    dataset.check(dataset.build())


def test_on_the_command_line_it_is_status_2_and_no_word_of_success(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path)
    command = ["counterfoil", "build", str(config), "--source", str(source), "--out", str(tmp_path / "dataset")]
    monkeypatch.setattr("sys.argv", [*command, "--set", "expect.enough=accepted > 1000000"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert "counterfoil: expect.enough: broken: accepted > 1000000: accepted " in printed.err
    assert "is kept, but not made current; there is none before it" in printed.err
    assert printed.out == ""


def test_a_misspelt_expectation_is_told_before_any_work(run: Run, source: Path, work: Counter[str]) -> None:
    with pytest.raises(InputError, match=r"expect\.enough: 'acepted > 1' is not SQL over a row: .*; the facts are "):
        run(source, expect={"enough": "acepted > 1"})
    assert work == {}
