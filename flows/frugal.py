"""What a worker does without: spaCy imports torch, and pyarrow pandas, wherever these are installed, to see whether
somebody hands them one of its things. Nobody does."""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

_OF_TORCH = ("torch", "transformer")  # a pipeline that says none of these has no layer of torch's
_process = {"own": False}


def begin() -> None:
    """Say that this process works for one build and ends with it, and that no model of torch's is to run in it, and
    no table of pandas'."""
    _process["own"] = True
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder, Loader):
    """Finds pandas, which then cannot be imported.

    A None among the modules, as for torch, would not do for as long as the process lives: scikit-learn takes what
    stands there for pandas.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        return ModuleSpec(name, self) if name == "pandas" else None

    def create_module(self, spec: ModuleSpec) -> None:
        raise ModuleNotFoundError(f"No module named {spec.name!r}: this process does without", name=spec.name)


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
