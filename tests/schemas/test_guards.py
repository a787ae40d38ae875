"""Guards of a config: what they add to the rules, and licences in all their spellings, in Python and in SQL."""

import duckdb
import pytest

from schemas.config import BuildConfig, Rule, Select, load_config
from schemas.errors import InputError
from schemas.guards import Guards
from schemas.licenses import not_allowed, spelled, spelled_in_sql

SPELLINGS = [
    ("CC BY-SA 4.0", "ccbysa40"),
    ("cc-by-sa-4.0", "ccbysa40"),
    ("https://creativecommons.org/licenses/by-sa/4.0/", "ccbysa40"),
    ("http://www.creativecommons.org/licenses/by-sa/4.0/deed.en", "ccbysa40"),
    ("creativecommons.org/licenses/by-sa/4.0/legalcode", "ccbysa40"),
    ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0"),
    ("CC0 1.0", "cc0"),
    ("cc0", "cc0"),
    ("MIT", "mit"),
    ("it's /licensed; DROP TABLE", "itslicenseddroptable"),
]


@pytest.mark.parametrize(("name", "plain"), SPELLINGS)
def test_spellings_of_a_licence_are_one_in_python_and_in_sql(name: str, plain: str) -> None:
    assert spelled(name) == plain
    assert duckdb.execute(f"SELECT {spelled_in_sql('$1')}", [name]).fetchall() == [(plain,)]


@pytest.mark.parametrize(
    ("license", "dropped"),
    [
        ("CC BY 4.0", False),
        ("cc-by-nc-4.0", True),
        (None, True),
        ("", True),
        ("creativecommons.org/licenses/by/4.0", False),
    ],
)
def test_a_row_without_a_licence_is_not_allowed_unless_that_is_said(license: str | None, dropped: bool) -> None:
    for allowed, expected in ((("cc-by-4.0",), dropped), (("CC-BY-4.0", "not stated"), dropped and bool(license))):
        condition = not_allowed("$1::VARCHAR", allowed)
        assert duckdb.execute(f"SELECT {condition}", [license]).fetchall() == [(expected,)]


def test_guards_add_their_rules_and_a_rule_of_ones_own_wins() -> None:
    guards = Guards(leakage=["benchmarks/winoground"], licenses=["cc0-1.0"])  # type: ignore[arg-type]
    own = Select(rules={"in_benchmark": Rule(drop_when="leaked_how = 'picture'"), "other": Rule(drop_when="false")})
    rules = load_config(BuildConfig(guards=guards, select=own)).select.rules
    assert set(rules) == {"in_benchmark", "unlicensed", "other"}
    assert rules["in_benchmark"].drop_when == "leaked_how = 'picture'"
    assert "'cc0'" in rules["unlicensed"].drop_when
    assert not load_config(BuildConfig()).select.rules


def test_a_folder_may_stand_for_a_benchmark() -> None:
    assert Guards(leakage="here").leakage == Guards(leakage=[{"path": "here"}]).leakage  # type: ignore[arg-type]
    for wrong in ([], ["--"]):
        with pytest.raises(InputError, match=r"guards\.licenses: .*name the licences"):
            load_config(BuildConfig(), [f"guards.licenses={wrong}"])


def test_one_target_may_be_written_without_a_list() -> None:
    one = load_config(BuildConfig(), ["target={model: a}"])
    assert one == load_config(BuildConfig(), ["target=[{model: a}]"])
    several = load_config(BuildConfig(), ["judge={model: j}", "target=[{model: a}, {model: b}]"])
    assert {role: clip.model for role, clip in several.encoders.items()} == {
        "judge": "j",
        "target": "a",
        "target 2": "b",
    }
    with pytest.raises(InputError, match="listed twice"):
        load_config(BuildConfig(), ["target=[{model: a}, {model: a}]"])
