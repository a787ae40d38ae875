"""`counterfoil` as people run it, each time in a process of its own that finds what it needs imported already.

A process that has imported that, and has done nothing else, is forked for each command: what takes seconds otherwise.
What a command imports, and what it does not, is tested elsewhere, with processes that begin with nothing.
"""

import os
import subprocess
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
_LARGE = ["spacy", "torch", "sklearn.linear_model", "scipy.sparse", "duckdb", "pyarrow.parquet", "pydantic", "typer"]
# Nothing that imports Prefect: it reads the environment then, and takes over how warnings are shown.
_OURS = ["flows.report", "flows.sql", "flows.samples"]
_forked = get_context("forkserver")
_forked.set_forkserver_preload(["tests", *_LARGE, *_OURS])


class Running:
    """A command that has been given, in the folder of this checkout."""

    def __init__(self, *arguments: str | Path) -> None:
        """Give it."""
        self._command = ["counterfoil", *map(str, arguments)]
        self._folder = tempfile.TemporaryDirectory()
        self._said, self._told = (Path(self._folder.name, name) for name in ("stdout", "stderr"))
        how = (self._command, dict(os.environ), str(self._said), str(self._told))
        self.process = _forked.Process(target=_run, args=how)
        self.process.start()

    def ended(self) -> subprocess.CompletedProcess[str]:
        """Wait until it has ended; returns what it said, and its status."""
        self.process.join()
        status = self.process.exitcode or 0
        self.process.close()
        with self._folder:
            said, told = (path.read_text("utf-8") if path.exists() else "" for path in (self._said, self._told))
        return subprocess.CompletedProcess(self._command, status, said, told)


def counterfoil(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command; returns what it said, and its status."""
    return Running(*arguments).ended()


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
