"""The recipe of a build: every number that a person may want to change, with its meaning.

A config is YAML, checked whole before any work starts; an unknown or misspelt key is an error that
names it. `--set text.tries=8` overrides one key.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from schemas.errors import InputError
from schemas.operations import OPERATIONS

SourceFormat = Literal["auto", "table", "coco", "folder", "webdataset", "huggingface"]


class Recipe(BaseModel):
    """A section of a config: no unknown keys, no changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Source(Recipe):
    """Where the pairs come from."""

    path: str | None = None
    """File, folder, glob, or scenes to draw (`shapes:2000?seed=1`); `--source` sets it."""
    format: SourceFormat = "auto"
    """How to read it; `auto` tells by what is there."""
    name: str | None = None
    """What to call this source in the tables; the file's own name when left out."""
    images: str | None = None
    """Folder that image paths start from; when left out, the folder of the table, or `images/` beside it."""
    image_column: str = "image"
    caption_column: str = "caption"
    url_column: str = "url"
    """Columns that a table need not have: url, license, split, scene."""
    license_column: str = "license"
    split_column: str = "split"
    scene_column: str = "scene"
    split: str | None = None
    """Split of every row that names none."""
    license: str | None = None
    """Licence of every row that names none."""


class Ingest(Recipe):
    """How the source becomes images and pairs."""

    shard_pairs: Annotated[int, Field(gt=0)] = 1000
    """Pairs a shard: the unit of resume, of parallel work, and the bound on memory."""
    max_pixels: Annotated[int, Field(gt=0)] = 64_000_000
    """Pictures with more pixels than this are rejected before they are decoded."""
    near_duplicate_distance: Annotated[int, Field(ge=0, le=15)] = 4
    """Most bits, of 64, that two perceptual hashes may differ by to be marked as near duplicates."""


class Describe(Recipe):
    """How captions are parsed and the corpus is described."""

    parser: str = "en_core_web_sm"
    """spaCy pipeline: an installed package's name or a folder."""
    refresh_after: Annotated[float, Field(ge=0)] = 0.1
    """Take a new lexicon once this share of the pairs is new since it was taken; 0 takes one every build."""


class Text(Recipe):
    """Which wrong captions to make, and how hard to try."""

    operations: tuple[str, ...] = OPERATIONS
    """Operations to apply to every caption."""
    tries: Annotated[int, Field(gt=0)] = 6
    """Candidates to draw for one operation on one caption before giving up."""
    per_operation: Annotated[int, Field(gt=0)] = 1
    """Usable negatives wanted of one operation on one caption."""

    @field_validator("operations")
    @classmethod
    def _known(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(operations) - set(OPERATIONS))
        if unknown:
            raise ValueError(f"unknown operation {', '.join(unknown)}; known are {', '.join(OPERATIONS)}")
        return operations


class Images(Recipe):
    """How a wrong caption becomes a picture of which it is true."""

    method: Literal["render"] = "render"
    """render: draw the scene again with that one change (sources of scenes only)."""


class Compute(Recipe):
    """Where models run; `devices` turns `auto` into what the machine has."""

    device: str = "auto"
    """auto (CUDA, else MPS, else CPU), or any torch device."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    workers: Annotated[int, Field(ge=0)] = 0
    """Threads that decode pictures; 0 takes the number of cores."""


class Clip(Recipe):
    """A dual encoder that open_clip can load."""

    model: str
    """Model name, `hf-hub:owner/name`, `local-dir:/folder`, or one that ships: `package:shapes-clip`."""
    pretrained: str | None = None
    """open_clip's weights tag, for a model given by name."""
    batch_size: Annotated[int, Field(gt=0)] = 64


class Plausibility(Recipe):
    """A causal language model that never sees the image."""

    model: str
    """Hub id or folder; `package:gemma3-270m` is the one that the `offline` extra installs."""
    gguf_file: str | None = None
    """GGUF file inside the model's repository or folder."""
    batch_tokens: Annotated[int, Field(gt=0)] = 2048
    """Tokens a batch, padding included."""


class Rule(Recipe):
    """A reason to drop a negative, as SQL over one row of the `candidates` view."""

    drop_when: str
    """SQL condition; a null (a score that was not taken) drops nothing."""
    hint: str = ""
    """What a person can do about it."""


class Select(Recipe):
    """What is kept. Rules are named; each dropped negative lists the names of all that it broke."""

    rules: dict[str, Rule] = {}
    calibrated: str | None = None
    """YAML file with more rules, as `counterfoil calibrate` writes it; a path relative to the config file.

    `load_config` adds its rules to `rules`, where a rule of the same name wins. What a build selects follows
    from the rules alone: a file that was moved makes no work anew.
    """


class CalibratedRules(Recipe):
    """What the file that `select.calibrated` names holds."""

    rules: dict[str, Rule]


class BuildConfig(Recipe):
    """One kind of build."""

    seed: int = 0
    source: Source = Source()
    ingest: Ingest = Ingest()
    describe: Describe = Describe()
    text: Text = Text()
    images: Images | None = None
    """Make pictures of the wrong captions too; none leaves half a minimal pair, two captions of one picture."""
    judge: Clip | None = None
    """Alignment model that says whether a pair is valid; none leaves those scores null."""
    target: Clip | None = None
    """Alignment model that somebody wants to train: says whether a pair is hard."""
    plausibility: Plausibility | None = None
    select: Select = Select()
    compute: Compute = Compute()


def load_config(path: str | Path, settings: Sequence[str] = (), source: str | None = None) -> BuildConfig:
    """Read a YAML config, apply `key=value` settings (dotted keys, YAML values) and set the source's path.

    The rules of the file that `select.calibrated` names are among the rules of what is returned.

    Raises InputError with one line that names the file, the key and what is wrong with it.
    """
    data = _read(Path(path), f"config {path}", "give the path of a YAML file with sections (source:, text:, ...)")
    for setting in settings:
        _set(data, setting)
    if source is not None:
        data["source"] = {**(data.get("source") or {}), "path": source}
    config = _validated(BuildConfig, data, f"config {path}")
    if config.select.calibrated is None:
        return config
    rules = {**_calibrated(Path(path), config.select.calibrated), **config.select.rules}
    return config.model_copy(update={"select": config.select.model_copy(update={"rules": rules})})


def _calibrated(config: Path, name: str) -> dict[str, Rule]:
    file = config.parent / name  # an absolute name stays what it is
    where = f"config {config}: select.calibrated: {file}"
    advice = "give a file that `counterfoil calibrate` wrote, by its path from the config's folder"
    return _validated(CalibratedRules, _read(file, where, advice), where, f"; {advice}").rules


def _read(path: Path, where: str, advice: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise InputError(f"{where}: {error.strerror or error}; {advice}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected sections, found {type(data).__name__}; {advice}")
    return data


Section = TypeVar("Section", bound=Recipe)


def _validated(kind: type[Section], data: dict[str, Any], where: str, advice: str = "") -> Section:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{where}: {key}: {first['msg']}{more}{advice}") from error


def _set(data: dict[str, Any], setting: str) -> None:
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
