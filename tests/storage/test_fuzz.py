"""Whatever is in a source: nothing breaks, no row is lost. `python -m benchmarks.fuzz_sources` tries thousands."""

import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import InputError
from storage.sources.row import Row, check_caption
from tests.reading import read
from tests.storage.strange import DAMAGES, EXACT, FORMS, PICTURES, ROWS, Damage, Pair, taken_in, written

settings.register_profile(
    "sources", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("form", EXACT)
@settings(settings.get_profile("sources"), max_examples=15)
@given(rows=ROWS)
def test_every_row_is_a_pair_or_a_reject(form: str, rows: list[Pair]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = taken_in(written(Path(folder, "source"), form, rows))
        usable = {(name, check_caption(Row(""), caption).caption) for name, caption in rows if name in PICTURES}
        usable = {(name, caption) for name, caption in usable if caption is not None}
        if isinstance(found, InputError):
            assert not usable
        else:
            assert found.rows_in == len(rows)
            assert found.pairs >= len(usable)


@pytest.mark.parametrize("form", FORMS)
@settings(settings.get_profile("sources"), max_examples=15)
@given(rows=ROWS, damages=DAMAGES)
def test_no_damage_breaks_a_reader(form: str, rows: list[Pair], damages: list[Damage]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken_in(written(Path(folder, "source"), form, rows, damages))


@settings(settings.get_profile("sources"), max_examples=150)
@given(data=st.data(), delimiter=st.sampled_from(",;\t|"))
def test_stray_quotation_marks_cost_no_other_row(data: st.DataObject, delimiter: str) -> None:
    """Marks put anywhere into some lines leave all the other lines' rows as they were."""
    lines, struck = [f"image{delimiter}caption"], set()
    for number in range(12):
        name = "BCDFGHJKLMNP"[number] * 3
        caption = f"A dog {name} runs ."
        if data.draw(st.booleans()):
            caption = f'"A dog{delimiter} ""called"" {name} runs ."'
        line = f"a.png{delimiter}{caption}"
        for _ in range(data.draw(st.sampled_from((0, 0, 1, 2)))):
            struck.add(name)
            at = data.draw(st.integers(0, len(line)))
            line = line[:at] + '"' + line[at:]
        lines.append(line)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.png").write_bytes(PICTURES["a.png"])
        Path(folder, "t.csv").write_text("\n".join(lines))
        rows = read(f"{folder}/t.csv")
    said = [re.findall(r"([B-P])\1\1", row.caption or "") for row in rows]
    assert len(rows) == 12
    assert all(len(names) <= 1 for names in said), "no caption is of two lines"
    kept = {names[0] * 3 for names in said if names}
    assert {letter * 3 for letter in "BCDFGHJKLMNP"} - struck <= kept
