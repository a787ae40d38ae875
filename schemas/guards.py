"""What a config keeps out of a dataset: benchmarks' pictures and captions, and licences that are not allowed."""

from typing import Any

from pydantic import field_validator

from schemas.licenses import not_allowed, spelled
from schemas.recipe import Recipe


class Held(Recipe):
    """A benchmark that models are to be measured on, so that nothing of it may be trained on."""

    path: str
    """Its folder, in the layout that `counterfoil evaluate` reads (docs/evaluate.md)."""
    benchmark: str | None = None
    """Its name; when left out, all benchmarks that the folder holds."""


class Guards(Recipe):
    """What must not come in. What is found is marked, and dropped by a rule of the guard's name."""

    leakage: tuple[Held, ...] = ()
    """Benchmarks whose pictures and captions the corpus must not share; one may be written by its folder alone. Adds
    the rule `in_benchmark`, unless `select.rules` has one of its own."""
    licenses: tuple[str, ...] | None = None
    """Licences that are allowed, in any spelling; `not stated` allows rows that state none. Adds the rule
    `unlicensed`. None allows all."""

    @field_validator("leakage", mode="before")
    @classmethod
    def _listed(cls, held: Any) -> Any:
        several = [] if held is None else held if isinstance(held, list | tuple) else [held]
        return [{"path": one} if isinstance(one, str) else one for one in several]

    @field_validator("licenses")
    @classmethod
    def _named(cls, licenses: tuple[str, ...] | None) -> tuple[str, ...] | None:
        nameless = [name for name in licenses or () if not spelled(name)]
        if licenses == () or nameless:
            raise ValueError("name the licences that are allowed, such as cc-by-4.0; `not stated` for rows without one")
        return licenses

    def rules(self) -> dict[str, dict[str, str]]:
        """Return the rules that drop what the guards find, as `select.rules` has them."""
        found = {}
        if self.leakage:
            found["in_benchmark"] = {
                "drop_when": "leaked_from IS NOT NULL",
                "hint": "its picture or caption is in a benchmark of guards.leakage: see leaked_from and leaked_how",
            }
        if self.licenses is not None:
            found["unlicensed"] = {
                "drop_when": not_allowed("license", self.licenses),
                "hint": "its licence is none of guards.licenses: FROM licenses() lists those that there are",
            }
        return found
