"""Models that come with the project: named `package:NAME` in a config, folders of `models/` on disk."""

from importlib.resources import files

from schemas.errors import InputError

_PREFIX = "package:"
CLIPS = ("shapes-clip", "shapes-clip-plain")


def clip_name(model: str) -> str:
    """Turn `package:NAME` into the name that open_clip knows the folder by; any other name stays.

    Raises InputError for a name that does not ship.
    """
    if not model.startswith(_PREFIX):
        return model
    name = model.removeprefix(_PREFIX)
    if name not in CLIPS:
        known = ", ".join(_PREFIX + clip for clip in CLIPS)
        raise InputError(f"model {model}: no such model comes with Counterfoil; known: {known}")
    return f"local-dir:{files('models') / name}"
