"""A config is checked whole, and an error names the key."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.config import BuildConfig, Writer, load_config
from schemas.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def write(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text)
    return path


RECIPES = sorted(
    path
    for path in CONFIGS.glob("*.yaml")
    if not path.stem.endswith("-calibration") and not path.stem.startswith("finetune-")
)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
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


@pytest.mark.parametrize(
    ("setting", "models"),
    [
        ("plausibility=null", []),
        ("plausibility.model=a", ["a"]),
        ("plausibility={model: a}", ["a"]),
        ("plausibility=a", ["a"]),
        ("plausibility=[{model: a, batch_tokens: 8}, b]", ["a", "b"]),
    ],
)
def test_one_language_model_or_several_weigh_plausibility(tmp_path: Path, setting: str, models: list[str]) -> None:
    config = load_config(write(tmp_path, "seed: 1"), [setting])
    assert [one.model for one in config.plausibility] == models
    again = BuildConfig.model_validate(config.model_dump(mode="json"))
    assert again == config


def test_a_language_model_is_listed_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"plausibility: .*a model is listed twice"):
        load_config(write(tmp_path, "seed: 1"), ["plausibility=[a, b, a]"])


def test_a_missing_config(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_config(tmp_path / "nowhere.yaml")


CALIBRATED = """# comments say why
rules:
  doubtful: {drop_when: validity < 0.02, hint: labels say so}
  mine: {drop_when: validity < 0.5}
"""


def test_calibrated_rules_are_read_from_beside_the_config_and_its_own_rules_win(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "calibration.yaml").write_text(CALIBRATED)
    path = write(tmp_path, "select: {calibrated: sub/calibration.yaml, rules: {mine: {drop_when: 'false'}}}")
    select = load_config(path).select
    assert {name: rule.drop_when for name, rule in select.rules.items()} == {
        "doubtful": "validity < 0.02",
        "mine": "false",
    }
    assert select.rules["doubtful"].hint == "labels say so"
    assert select.calibrated == "sub/calibration.yaml"


@pytest.mark.parametrize("text", ["seed: 1", "select:", "select: {rules: {}}", "select: {calibrated: gone.yaml}"])
def test_calibrated_may_be_set_from_the_command_line_and_be_absolute(tmp_path: Path, text: str) -> None:
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(CALIBRATED)
    (tmp_path / "configs").mkdir()
    path = write(tmp_path / "configs", text)
    for value in (elsewhere, "../elsewhere.yaml"):
        assert sorted(load_config(path, [f"select.calibrated={value}"]).select.rules) == ["doubtful", "mine"]
    assert load_config(path, ["select.calibrated=null"]).select.rules == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("", "rules: Field required"),
        ("[1]", "expected sections, found list"),
        ("rules: [", "not valid YAML"),
        ("rules: {a: {hint: none}}", r"rules.a.drop_when: Field required"),
        ("rules: {}\nseed: 2", "seed: Extra inputs are not permitted"),
    ],
)
def test_a_bad_calibrated_file_is_told_of_in_one_line(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "calibration.yaml").write_text(text)
    path = write(tmp_path, "select: {calibrated: calibration.yaml}")
    with pytest.raises(InputError, match=said) as caught:
        load_config(path)
    told = str(caught.value)
    assert told.startswith(f"config {path}: select.calibrated: {tmp_path / 'calibration.yaml'}: ")
    assert "\n" not in told


def test_calibrated_must_be_a_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"select.calibrated: Input should be a valid string"):
        load_config(write(tmp_path, "select: {calibrated: [1]}"))


KEY = "sk-very-secret-0123456789"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"key": KEY}, "say where the key is, env:NAME or prefect:NAME"),
        ({"key": f"env:{KEY}"}, "say where the key is"),
        ({"key": f"vault:{KEY}"}, "say where the key is"),
        ({"key": [KEY]}, "Input should be a valid string"),
        ({"api_key": KEY}, "Extra inputs are not permitted"),
        ({"server": f"https://me:{KEY}@host/v1"}, "with no password"),
        ({"server": f"https://host/v1?key={KEY}"}, "nothing behind a"),
        ({"server": "localhost:8000"}, "write http"),
        ({"server": "http://host:many/v1"}, "write http"),
        ({"server": "http:///v1"}, "write http"),
        ({"server": None, "key": "env:K"}, "a key needs a server"),
        ({"temperature": -1}, "greater than or equal to 0"),
        ({"top_p": 0}, "greater than 0"),
    ],
)
def test_a_writer_s_error_never_has_its_key(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        Writer.model_validate({"model": "tiny", "server": "http://host/v1", **settings})
    assert KEY not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("key", ["env:OPENAI_API_KEY", "env:_k1", "prefect:my-key-2", None])
@pytest.mark.parametrize("server", ["http://localhost:8000/v1", "https://[::1]:8000/v1/", "https://host"])
def test_a_writer_s_server_and_the_place_of_its_key(key: str | None, server: str) -> None:
    assert Writer(model="tiny", server=server, key=key).key == key


def test_a_value_in_the_wrong_place_is_not_told_by_the_cause_either(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_config(write(tmp_path, f"judge: {{model: a, key: {KEY}}}"))
    assert KEY not in f"{caught.value} {caught.value.__cause__}"
