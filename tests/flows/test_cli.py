"""The command line as its user meets it."""

import json
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.command import REPOSITORY, counterfoil
from tests.flows.conftest import Run, write_config


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['counterfoil', '--help']\n"
        "from flows.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'prefect', 'spacy', 'duckdb', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for command in ("build", "demo", "calibrate", "status", "sql", "prune"):
        assert command in done.stdout


def test_a_build_from_the_command_line_and_its_questions(source: Path, tmp_path: Path) -> None:
    config, out = write_config(tmp_path), tmp_path / "out"
    with source.open("a") as file:
        file.write("gone.png,A cat .\n")
    built = counterfoil("build", config, "--source", source, "--out", out, "--set", "text.tries=2")
    assert built.returncode == 0, built.stderr
    assert "12 images, 24 captions, 1 rows rejected" in built.stdout
    assert "missing_image" in built.stdout
    assert "Traceback" not in built.stderr
    again = counterfoil("build", config, "--source", source, "--out", out, "--set", "text.tries=2")
    assert "Nothing has changed" in again.stdout

    status = counterfoil("status", out)
    assert "Why candidates were dropped" in status.stdout
    found = counterfoil("sql", out, "SELECT count(*) AS pairs FROM pairs", "--format", "json")
    assert json.loads(found.stdout) == [{"pairs": 24}]
    assert counterfoil("sql", out, "SELECT 1 AS one", "--format", "csv").stdout.split() == ["one", "1"]
    assert "acceptance_by_operation()" in counterfoil("sql", out, "FROM help()").stdout
    shell = subprocess.run(
        [sys.executable, "-m", "flows.cli", "sql", str(out)],
        cwd=REPOSITORY, input="select count(*)\nfrom images;\nselec;\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shell.stdout.splitlines()[-1].strip() == "12"
    assert shell.stderr == 'counterfoil: sql: Parser Error: syntax error at or near "selec"\n'
    assert shell.returncode == 2
    assert "removed 0 builds, 0 shards" in counterfoil("prune", out).stdout


def test_bad_input_is_one_line_and_status_2(source: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path)
    empty = tmp_path / "empty"
    for arguments, said in (
        (("build", "nowhere.yaml"), "config nowhere.yaml: No such file"),
        (("build", config), "source.path: not set; give --source PATH"),
        (("build", config, "--source", tmp_path / "no.csv"), "no such file or folder"),
        (("build", config, "--source", source, "--set", "text.trys=1"), "text.trys: Extra inputs"),
        (("status", empty), "no finished build here; run `counterfoil build` first"),
        (("sql", empty, "SELECT 1"), "no finished build here"),
    ):
        done = counterfoil(*arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("counterfoil: ")
        assert said in done.stderr
    assert "Traceback" in counterfoil("--debug", "status", empty).stderr


@pytest.mark.parametrize("seen", ["pairs", "parses"])  # spaCy loads after the first, WordNet after the second
def test_ctrl_c_is_one_line_and_status_130(source: Path, tmp_path: Path, seen: str) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "flows.cli", "build", str(write_config(tmp_path))]
    command += ["--source", str(source), "--out", str(out)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(out.glob(f"{seen}/[!.]*.parquet")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert said.splitlines() == ["counterfoil: interrupted; run the same command again to go on from here"]
    assert process.returncode == 130


def test_what_is_quick_to_tell_imports_nothing_heavy(source: Path, tmp_path: Path) -> None:
    config, out = str(write_config(tmp_path)), str(tmp_path / "out")
    (tmp_path / "file").write_text("no folder")
    commands = (
        (["build", "nowhere.yaml"], "config nowhere.yaml"),
        (["build", config], "source.path: not set"),
        (["build", config, "--source", "nowhere.csv"], "source nowhere.csv: no such file or folder"),
        (["build", config, "--source", str(source), "--set", "text.tries"], "write key=value"),
        (["build", config, "--source", str(source), "--set", "text.tries=x"], "text.tries: "),
        (["build", config, "--source", str(source), "--out", str(tmp_path / "file")], "is a file; give a folder"),
        (["build", config, "--source", str(source), "--out", str(tmp_path / "file" / "x")], "is a file; give a folder"),
        (["status", out], "no finished build here"),
        (["sql", out, "SELECT 1"], "no finished build here"),
        (["sql", out, "SELECT 1", "--format", "xml"], "--format xml: expected table, json"),
        (["prune", out], "no finished build here"),
    )
    asked = json.dumps([arguments for arguments, _ in commands])
    done = subprocess.run(
        [sys.executable, "-c", _ONE_AFTER_ANOTHER], input=asked,
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for (arguments, said), line in zip(commands, done.stdout.splitlines(), strict=True):
        status, told, heavy = json.loads(line)
        assert status == 2, arguments
        assert said in told
        assert told.count("\n") == 1
        assert heavy == [], arguments


_ONE_AFTER_ANOTHER = """
import contextlib, io, json, sys
from flows.cli import main

for arguments in json.load(sys.stdin):
    sys.argv, status, told = ["counterfoil", *arguments], 0, io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as end:
            status = end.code
    heavy = {"torch", "prefect", "spacy", "transformers", "diffusers"} & set(sys.modules)
    print(json.dumps([status, told.getvalue(), sorted(heavy)]))
"""


def test_prefects_server_that_does_not_answer(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    done = counterfoil("build", write_config(tmp_path), "--source", source, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("counterfoil: Prefect's server at http://127.0.0.1:9/api cannot be reached; start it")
    assert done.stderr.count("\n") == 1


def test_a_defect_of_ours_is_one_line_and_status_1(tmp_path: Path) -> None:
    builds = tmp_path / "dataset" / "builds"
    builds.mkdir(parents=True)
    (builds / "20260101T000000000-x.json").write_text(json.dumps({"no": "build"}))
    code = (
        "import storage.dataset\n"
        "storage.dataset.Dataset.build = lambda self: {}['gone']\n"
        "from flows.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "status", str(tmp_path / "dataset")],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "counterfoil: KeyError: 'gone'; `counterfoil --debug ...` shows where\n"


def test_the_version_is_told() -> None:
    assert counterfoil("--version").stdout.strip() == version("counterfoil")


def test_prune_and_build_again_is_equal(run: Run, source: Path, tmp_path: Path) -> None:
    first = run(source, with_models=False)
    second = run(source, with_models=False, seed=1)
    young = counterfoil("prune", tmp_path / "dataset").stdout.splitlines()
    assert young[0] == "removed 0 builds, 0 shards and 0 leftovers: 0.0 MB"
    assert young[1].endswith("younger than 24 hours; --older-than says how old they must be")
    listed = counterfoil("prune", tmp_path / "dataset", "--older-than", "0", "--dry-run").stdout.splitlines()
    assert f"builds/{first.build_id}.json" in listed
    assert listed[-1].startswith("would remove 1 builds, ")
    removed = counterfoil("prune", tmp_path / "dataset", "--older-than", "0").stdout
    assert removed.removeprefix("removed ") == listed[-1].removeprefix("would remove ") + "\n"
    assert not (tmp_path / "dataset" / "text_negatives" / f"{first.shards['text_negatives'][0]}.parquet").exists()
    third = run(source, with_models=False)
    assert third.shards["text_negatives"] == first.shards["text_negatives"]
    assert second.build_id < third.build_id


@pytest.mark.parametrize("value", ["-5", "0"])
def test_nonsense_options_are_refused(tmp_path: Path, value: str) -> None:
    assert counterfoil("prune", tmp_path, "--keep", value).returncode == 2
