"""`counterfoil` as people run it, each time in a process of its own that finds the large libraries imported already.

A process that has imported them, and has done nothing else, is forked for each command: what takes seconds otherwise.
"""

import os
import subprocess
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
_LARGE = ["spacy", "torch", "sklearn.linear_model", "scipy.sparse", "duckdb", "pyarrow.parquet", "pydantic", "typer"]
_forked = get_context("forkserver")
_forked.set_forkserver_preload(["tests", *_LARGE])


def counterfoil(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder of this checkout; returns what it said, and its status."""
    command = ["counterfoil", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        said, told = Path(folder, "stdout"), Path(folder, "stderr")
        process = _forked.Process(target=_run, args=(command, dict(os.environ), str(said), str(told)))
        process.start()
        process.join()
        status = process.exitcode
        process.close()
        return subprocess.CompletedProcess(command, status or 0, said.read_text("utf-8"), told.read_text("utf-8"))


def _run(command: list[str], environment: dict[str, str], said: str, told: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(REPOSITORY)
    for number, path in ((1, said), (2, told)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    sys.argv = command
    from flows.cli import main

    main()
