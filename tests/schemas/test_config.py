"""A config is checked whole, and an error names the key."""

from pathlib import Path

import pytest

from schemas.config import load_config
from schemas.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def write(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_configs_that_ship_are_valid(path: Path) -> None:
    config = load_config(path, ["text.tries=8"], "pairs.csv")
    assert config.text.tries == 8
    assert config.source.path == "pairs.csv"
    assert all(rule.hint for rule in config.select.rules.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("txt: {}", "txt: Extra inputs are not permitted"),
        ("text: {tries: 0}", "text.tries: Input should be greater than 0"),
        ("text: {operations: [swap_colour]}", "unknown operation swap_colour; known are replace_object"),
        ("judge: {}", "judge.model: Field required"),
        ("[1, 2]", "expected sections"),
        ("a: [", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=said) as caught:
        load_config(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "said"),
    [("text.tries", "write key=value"), ("seed.x=1", "seed is not a section"), ("text.tries=[", "not valid YAML")],
)
def test_bad_settings_are_refused(tmp_path: Path, setting: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_config(write(tmp_path, "seed: 1"), [setting])


def test_a_missing_config(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_config(tmp_path / "nowhere.yaml")
