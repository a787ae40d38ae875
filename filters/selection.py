"""Decide what is kept: named SQL rules over the raw scores of every candidate."""

from typing import Any

import pyarrow as pa

from schemas.config import Select
from schemas.errors import InputError
from schemas.measures import check_condition, difficulty_of, locked
from schemas.reasons import HINTS
from schemas.tables import CANDIDATES, PIXELS, VERDICTS


class Selection:
    """Turn candidates into verdicts. A rule drops a row when its condition is true; null drops nothing.

    Picture rules come first. A pair whose picture they drop is judged as one that has none: what a picture adds to its
    scores is null. With `hardest`, of what is left of one operation on one caption the one is kept that most targets
    fail at and, of several such, the one that they fail at by most (ConMe, arXiv 2406.08164): of those that the judge
    matches right where there is one, since what it does not is often true and hard for that. Without targets all are.
    """

    version = 7

    def __init__(self, config: Select) -> None:
        self.rules, self.picture_rules = (
            {name: rule.drop_when for name, rule in sorted(rules.items())}
            for rules in (config.rules, config.picture_rules)
        )
        self.hardest = config.hardest

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, the rules, and whether the hardest is chosen."""
        return ["selection", self.version, self.rules, self.picture_rules, self.hardest]

    def check(self) -> None:
        """Raise InputError for a rule that is no SQL condition over the columns of CANDIDATES."""
        named = [("rules", *rule) for rule in self.rules.items()]
        named += [("picture_rules", *rule) for rule in self.picture_rules.items()]
        for section, name, condition in named:
            where = f"select.{section}.{name}"
            if name in HINTS:
                raise InputError(f"{where}: a name that is taken; take another")
            check_condition(f"{where}.drop_when", condition, candidates=CANDIDATES.empty_table())

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of CANDIDATES into rows of VERDICTS, in the same order."""
        numbered = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
        with locked(candidates=numbered) as connection:
            verdicts = connection.sql(
                f"""
                WITH seen AS (
                    SELECT *, {_broken("image_failed_check", self.picture_rules)} AS picture_reasons FROM candidates
                ), settled AS (
                    SELECT * REPLACE ({_WITHOUT_PICTURE}) FROM seen
                ), ruled AS (
                    SELECT *, {_broken("failed_check", self.rules)} AS reasons FROM settled
                ), chosen AS (
                    SELECT * REPLACE ({_EASIER if self.hardest else "reasons"} AS reasons) FROM ruled
                )
                SELECT
                    text_negative_id, image_negative_id, operation, method, failed_check,
                    len(reasons) = 0 AS accepted, reasons,
                    CASE WHEN image_negative_id IS NOT NULL THEN len(picture_reasons) = 0 END AS picture_accepted,
                    picture_reasons, validity, difficulty, difficulties, NULL AS balanced
                FROM chosen ORDER BY row
                """
            )
            return verdicts.to_arrow_table().cast(VERDICTS)


_DIFFICULTIES = "list_transform(target_margins, lambda margin: -margin)"
# Columns of CANDIDATES that come from the edited picture.
_OF_PICTURE = (
    *(f"{role}_{name}" for role in ("judge", "target")
      for name in ("s10", "s11", "image_similarity", "directional_similarity")),
    "attribution_inside",
    *PIXELS,
)  # fmt: skip
_WITHOUT_PICTURE = ", ".join(
    f"CASE WHEN len(picture_reasons) = 0 THEN {column} ELSE {instead} END AS {column}"
    for column, instead in (
        *((column, "NULL") for column in _OF_PICTURE),
        ("validity", "judge_margin"),
        ("difficulty", difficulty_of(_DIFFICULTIES)),
        ("difficulties", _DIFFICULTIES),
    )
)
# A row that is accepted, and is not the hardest of its kind, has the reason `easier`.
_EASIER = (
    "CASE WHEN len(reasons) = 0 AND difficulty IS NOT NULL AND row_number() OVER ("
    "PARTITION BY pair_id, operation, len(reasons) ORDER BY coalesce(validity <= 0, false), "
    "difficulty DESC NULLS LAST, list_avg(difficulties) DESC, text_negative_id) > 1 THEN ['easier'] ELSE reasons END"
)


def _broken(failed_check: str, rules: dict[str, str]) -> str:
    """Write the list of the names of a check and the rules that a row breaks, as SQL."""
    cases = "".join(f", CASE WHEN ({rule}) THEN '{_escaped(name)}' END" for name, rule in rules.items())
    return f"list_filter([{failed_check}{cases}], lambda reason: reason IS NOT NULL)"


def _escaped(text: str) -> str:
    return text.replace("'", "''")
