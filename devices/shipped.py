"""Models that come with the project: named `package:NAME` in a config, folders of `models/` on disk."""

from importlib.resources import files

from schemas.errors import InputError

_PREFIX = "package:"
CLIPS = ("shapes-clip", "shapes-clip-bag")
PIPELINES = ("shapes-inpaint",)


def clip_name(model: str) -> str:
    """Turn `package:NAME` into the name that open_clip knows the folder by; any other name stays.

    Raises InputError for a name that does not ship.
    """
    return f"local-dir:{_folder(model, CLIPS)}" if model.startswith(_PREFIX) else model


def pipeline_name(model: str) -> str:
    """Turn `package:NAME` into the folder of a diffusers pipeline; any other name stays.

    Raises InputError for a name that does not ship.
    """
    return _folder(model, PIPELINES) if model.startswith(_PREFIX) else model


def _folder(model: str, known: tuple[str, ...]) -> str:
    name = model.removeprefix(_PREFIX)
    if name not in known:
        names = ", ".join(_PREFIX + one for one in known)
        raise InputError(f"model {model}: no such model comes with Counterfoil; known: {names}")
    return str(files("models") / name)
