"""One dataset for all formats, exported once in each."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from flows.export import export
from tests.exports.made import Made, make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made") / "dataset")


@pytest.fixture(scope="session")
def exported(made: Made) -> Callable[[str], Path]:
    """Ask for the dataset in a format."""

    @cache
    def folder(form: str) -> Path:
        place = made.folder.parent / form
        export(str(made.folder), form, str(place))
        return place

    return folder
