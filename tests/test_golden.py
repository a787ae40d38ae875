"""No stage changes what it gives for the same input without a new version: see tests/golden.py."""

import importlib
import inspect
import json
import pkgutil
from typing import Any

import pytest

import devices
import filters
import generators
from tests.golden import FILE, LEFT_OUT, PARSER, compared, outputs

pytest.importorskip(PARSER, reason="needs the spaCy pipeline of the `offline` extra")


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    return {name: output.entry() for name, output in outputs().items()}


def known() -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return entries


@pytest.mark.parametrize("name", sorted(known()))
def test_a_stage_gives_what_it_gave(found: dict[str, dict[str, Any]], name: str) -> None:
    assert name in found, f"{name} is gone: run `python -m tests.golden`"
    entry = known()[name]
    if entry["libraries"] != found[name]["libraries"]:
        pytest.skip(f"was written with {', '.join(entry['libraries'])}; here are {', '.join(found[name]['libraries'])}")
    told = compared(name, entry, found[name])
    assert told is None, told


def test_every_stage_is_in_the_file_or_left_out_for_a_reason(found: dict[str, dict[str, Any]]) -> None:
    stages = set()
    for package in (devices, filters, generators):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, kind in inspect.getmembers(importlib.import_module(info.name), inspect.isclass):
                if kind.__module__ == info.name and isinstance(vars(kind).get("version"), int):
                    stages.add(name)
    assert stages <= set(found) | LEFT_OUT
    assert set(found) == set(known())
    assert stages >= LEFT_OUT
    assert not LEFT_OUT & set(found)


def test_what_is_said_of_a_change() -> None:
    entry = {"version": 3, "identity": "i", "libraries": ["spacy 3"], "input": None, "output": "o"}
    assert compared("Stage", entry, entry) is None
    assert "Raise its `version`" in str(compared("Stage", entry, {**entry, "output": "p"}))
    raised = compared("Stage", entry, {**entry, "version": 4, "identity": "j", "output": "p"})
    assert "(version 3, now 4): run `python -m tests.golden`" in str(raised)
    assert "by another stage" in str(compared("Stage", entry, {**entry, "input": "n", "output": "p"}))
    assert compared("Stage", entry, {**entry, "libraries": ["spacy 4"], "output": "p"}) is None
    assert "is not in" in str(compared("Stage", None, entry))
