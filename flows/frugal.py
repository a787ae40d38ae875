"""What a worker does without: spaCy imports torch wherever that is installed, and most pipelines never use it."""

import sys
from importlib.util import find_spec
from pathlib import Path

_OF_TORCH = ("torch", "transformer")  # a pipeline that says none of these has no layer of torch's
_process = {"own": False}


def begin() -> None:
    """Say that this process works for one build and ends with it, and that no model of torch's is to run in it."""
    _process["own"] = True


def import_spacy(parser: str) -> None:
    """Import spaCy, in a worker as if torch was not there where that pipeline can do without: it makes the same parses
    with half a gigabyte less, and is there seconds sooner."""
    spare = _process["own"] and not {"thinc", "torch"} & set(sys.modules) and _does_without(parser)
    if spare:
        sys.modules["torch"] = None  # type: ignore[assignment]  # what an import takes for "not installed"
    try:
        import spacy  # noqa: F401
    finally:
        if spare:
            del sys.modules["torch"]


def _does_without(parser: str) -> bool:
    """Tell by what is written of a pipeline that torch has no part in it; nothing is known of one without that."""
    found = find_spec(parser) if parser.isidentifier() else None
    folder = Path(found.origin).parent if found is not None and found.origin is not None else Path(parser)
    written = [path.read_text(encoding="utf-8", errors="replace").lower()
               for name in ("meta.json", "config.cfg") for path in folder.rglob(name)]  # fmt: skip
    return bool(written) and not any(word in text for text in written for word in _OF_TORCH)
