"""What every config has in common: YAML, checked whole, one line for what is wrong with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import InputError


class Recipe(BaseModel):
    """A section of a config: no unknown keys, no changes after it was read."""

    # Values stay out of error texts: somebody may have written a password where its place belongs.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


Section = TypeVar("Section", bound=Recipe)


def load_recipe(kind: type[Section], file: str | Path, settings: Sequence[str] = ()) -> Section:
    """Read a YAML config and apply `key=value` settings (dotted keys, YAML values).

    Raises InputError with one line that names the file, the key and what is wrong with it.
    """
    where = f"config {file}"
    data = read_yaml(Path(file), where, "give the path of a YAML file with sections")
    for setting in settings:
        override(data, setting)
    return validated(kind, data, where)


def read_yaml(path: Path, where: str, advice: str) -> dict[str, Any]:
    """Read a file of sections; raises InputError that begins with `where` and ends with `advice`."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise InputError(f"{where}: {error.strerror or error}; {advice}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected sections, found {type(data).__name__}; {advice}")
    return data


def validated(kind: type[Section], data: dict[str, Any], where: str, advice: str = "") -> Section:
    """Check a config; raises InputError that names its first fault and counts the others."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{where}: {key}: {first['msg']}{more}{advice}") from error


def override(data: dict[str, Any], setting: str) -> None:
    """Put a `key=value` into a config that is not checked yet; raises InputError for what is none."""
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise InputError(f"--set {setting}: write key=value, for example text.tries=8")
    *sections, name = key.split(".")
    for section in sections:
        inner = data.setdefault(section, {})
        if inner is None:
            inner = data[section] = {}
        if not isinstance(inner, dict):
            raise InputError(f"--set {setting}: {section} is not a section")
        data = inner
    try:
        data[name] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"--set {setting}: the value is not valid YAML") from error
